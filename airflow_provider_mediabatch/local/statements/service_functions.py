"""``TABLE(snowflake.spcs.get_job_history())``: every job there was, the dropped ones too."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.local.errors import not_supported
from airflow_provider_mediabatch.local.lexer import Cursor
from airflow_provider_mediabatch.local.sql.system_functions import system_function
from airflow_provider_mediabatch.local.sql.table_sources import relation, table_source
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn, utc_time, utc_time_or_null
from airflow_provider_mediabatch.local.statements.services import CONTAINER, service_logs, visible_job

if TYPE_CHECKING:
    from sqlglot import exp

    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.stores.jobs.job import Job

_TEXTS = ("DATABASE_NAME", "SCHEMA_NAME", "NAME", "STATUS", "MESSAGE", "OWNER", "COMPUTE_POOL_NAME")
_TIMES = ("CREATED_TIME", "COMPLETED_TIME", "DELETED_TIME")
_COLUMNS = [
    *map(ResultColumn.text, _TEXTS),
    ResultColumn("PARAMETERS", "variant"),
    *map(ResultColumn.timestamp_ltz, _TIMES),
]


def _row(job: Job) -> list[object]:
    parameters = json.dumps({"REPLICAS": job.replicas, "ASYNC": bool(job.asynchronous)})
    status = job.status if job.deleted is None else "DELETED"
    texts = [job.database, job.schema, job.name, status, job.message or "", job.owner, job.compute_pool]
    return [*texts, parameters, utc_time(job.created), utc_time_or_null(job.finished), utc_time_or_null(job.deleted)]


@table_source("SNOWFLAKE.SPCS.GET_JOB_HISTORY")
def get_job_history(ctx: Context, node: exp.Expression) -> str:
    """One row for each job that the role sees; STATUS is DELETED after DROP SERVICE."""
    if node.expressions:
        raise not_supported("arguments of GET_JOB_HISTORY: filter its rows with WHERE")
    role, visible = ctx.session.role, ctx.stores.privileges.is_visible
    jobs = ctx.stores.jobs.all(lambda job: job.owner == role or visible(role, "SERVICE", job.full_name), dropped=True)
    return relation(ctx, Result.of(_COLUMNS, [_row(job) for job in jobs]))


def _service(ctx: Context, node: exp.Expression) -> Job:
    return visible_job(ctx, Cursor(node.this.sql("snowflake")).name())


@table_source("!SPCS_GET_LOGS")
def get_logs(ctx: Context, node: exp.Expression) -> str:
    """``TABLE(job!SPCS_GET_LOGS())``: one row for each line."""
    job = _service(ctx, node)
    columns = [
        ResultColumn.timestamp_ltz("TIMESTAMP"),
        ResultColumn.number("INSTANCE_ID"),
        *map(ResultColumn.text, ("CONTAINER_NAME", "LOG")),
    ]
    rows = [
        (utc_time_or_null(job.started), instance, CONTAINER, line)
        for instance in range(job.replicas)
        for line in ctx.stores.jobs.logs(job, instance).splitlines()
    ]
    return relation(ctx, Result.of(columns, rows))


@table_source("!SPCS_GET_METRICS")
def get_metrics(ctx: Context, node: exp.Expression) -> str:
    """``TABLE(job!SPCS_GET_METRICS())``: what a running job uses now; no rows when it is over."""
    job = _service(ctx, node)
    now = datetime.datetime.now(datetime.UTC)
    columns = [ResultColumn.timestamp_ltz("TIMESTAMP"), *map(ResultColumn.text, ("METRIC_NAME", "METRIC_TYPE"))]
    columns += [ResultColumn("VALUE", "real"), *map(ResultColumn.text, ("UNIT", "INSTANCE_ID", "CONTAINER_NAME"))]
    rows = []
    for number, (seconds, memory) in enumerate(ctx.stores.jobs.usage(job)):
        place = (str(number // job.workers), CONTAINER)
        rows.append((now, "container.cpu.usage.total", "counter", seconds, "s", *place))
        rows.append((now, "container.memory.usage", "gauge", float(memory), "By", *place))
    return relation(ctx, Result.of(columns, rows))


@system_function("SYSTEM$GET_SERVICE_LOGS")
def get_service_logs(ctx: Context, arguments: list[object]) -> object:
    """``SYSTEM$GET_SERVICE_LOGS(name, instance, container [, lines])``: the text."""
    return service_logs(ctx, *map(str, arguments))
