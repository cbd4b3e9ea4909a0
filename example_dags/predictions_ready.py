"""What comes after the predictions: a DAG scheduled on "predictions are there", whoever made them.

Shows the asset event of LoadResultsOperator with its counts and its table, and reading the run's own rows. Run by hand,
it reads rows of the table, the first by path.
"""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.sdk import DAG, Asset, task

TABLE = "MEDIA.PUBLIC.PHOTOGRAPH_PREDICTIONS"
predictions = Asset(name="photograph_predictions", uri="snowflake-table://media/public/photograph_predictions")

with DAG(
    dag_id="predictions_ready",
    schedule=[predictions],
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 2},
    tags=["mediabatch", "events"],
    doc_md=__doc__,
):

    @task
    def read_predictions(**context: Any) -> list[dict[str, Any]]:
        """The rows that the events are about, in the log and as XCom (at most 100)."""
        from snowflake.connector import DictCursor

        from airflow_provider_mediabatch.hooks.mediabatch import MediaBatchHook

        events = context["triggering_asset_events"].get(predictions, [])
        for event in events:
            print(f"{event.extra['rows']} predictions of {event.extra['files']} files in {event.extra['table']}")
        runs = [event.source_run_id for event in events]
        where = f"WHERE MB_RUN_ID IN ({', '.join(['%s'] * len(runs))})" if runs else ""
        query = f"SELECT MB_PATH, LABEL, SCORE FROM {TABLE} {where} ORDER BY MB_PATH LIMIT 100"
        with MediaBatchHook().connect() as connection, connection.cursor(DictCursor) as cursor:
            found = list(cursor.execute(query, runs).fetchall())
        for row in found:
            print(f"{row['MB_PATH']}: {row['LABEL']} ({row['SCORE']:.2f})")
        return found

    read_predictions()
