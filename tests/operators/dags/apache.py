"""Apache's own hook, operators and decorator, with nothing set but the connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pendulum
from airflow.providers.common.sql.operators.sql import SQLColumnCheckOperator, SQLExecuteQueryOperator
from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook
from airflow.providers.snowflake.operators.snowflake import SnowflakeCheckOperator, SnowflakeValueCheckOperator
from airflow.providers.snowflake.operators.snowpark import SnowparkOperator
from airflow.sdk import DAG, task

if TYPE_CHECKING:
    from snowflake.snowpark import Session

CONN = {"conn_id": "snowflake_default"}
TABLE = "MEDIA.PUBLIC.APACHE_FRUIT"


def counted(session: Session) -> int:
    """What SnowparkOperator calls."""
    return session.table(TABLE).count()


with DAG(dag_id="apache", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")):
    make = SQLExecuteQueryOperator(
        task_id="make",
        sql=[f"CREATE OR REPLACE TABLE {TABLE} (N INT, NAME VARCHAR)", f"INSERT INTO {TABLE} VALUES (1, %(name)s)"],
        parameters={"name": "fig"},
        **CONN,
    )
    check = SnowflakeCheckOperator(
        task_id="check", sql=f"SELECT COUNT(*) FROM {TABLE}", snowflake_conn_id=CONN["conn_id"]
    )
    value = SnowflakeValueCheckOperator(
        task_id="value", sql=f"SELECT NAME FROM {TABLE}", pass_value="fig", snowflake_conn_id=CONN["conn_id"]
    )
    columns = SQLColumnCheckOperator(
        task_id="columns", table=TABLE, column_mapping={"N": {"null_check": {"equal_to": 0}}}, **CONN
    )
    operator = SnowparkOperator(task_id="operator", python_callable=counted)

    @task.snowpark
    def decorated(session: Session) -> str:
        return str(session.sql(f"SELECT NAME FROM {TABLE}").collect()[0][0])

    @task
    def hook() -> Any:
        from sqlalchemy import text

        found = SnowflakeHook()
        with found.get_sqlalchemy_engine().connect() as connection:
            return [*found.get_first("SELECT 1, CURRENT_ROLE()"), connection.execute(text("SELECT 2")).scalar()]

    make >> [check, value, columns, operator, decorated(), hook()]
