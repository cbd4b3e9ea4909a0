"""``TABLE(snowflake.spcs.get_job_history())``: the latest jobs, the dropped ones too."""

from __future__ import annotations

import datetime
import json
import time
from typing import TYPE_CHECKING

from sqlglot import exp

from airflow_provider_mediabatch.local.errors import invalid_argument, syntax_error
from airflow_provider_mediabatch.local.lexer import Cursor
from airflow_provider_mediabatch.local.session.access import sees
from airflow_provider_mediabatch.local.sql import queries
from airflow_provider_mediabatch.local.sql.system_functions import system_function
from airflow_provider_mediabatch.local.sql.table_sources import relation, table_source, value
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn, utc_time, utc_time_or_null
from airflow_provider_mediabatch.local.statements.services import CONTAINER, service_logs, visible_job

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.stores.jobs.job import Job

_RANGE = ("CREATED_TIME_START", "CREATED_TIME_END")
_DEFAULT_RANGE = 30 * 86400.0
_MAX_ROWS = 10_000
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
    """The newest jobs of a time range that the role sees; STATUS is DELETED after DROP SERVICE.

    The arguments are by name. RESULT_LIMIT is applied before any WHERE. Source: Snowflake's documentation of
    GET_JOB_HISTORY.
    """
    given = {argument.this.name.upper(): argument.expression for argument in node.expressions if _is_named(argument)}
    if len(given) < len(node.expressions) or not given.keys() <= {*_RANGE, "RESULT_LIMIT"}:
        raise syntax_error(f"GET_JOB_HISTORY takes {', '.join(_RANGE)} and RESULT_LIMIT, by name")
    limit = value(given["RESULT_LIMIT"]) if "RESULT_LIMIT" in given else 100
    if not isinstance(limit, int) or not 1 <= limit <= _MAX_ROWS:
        raise invalid_argument(f"RESULT_LIMIT must be between 1 and {_MAX_ROWS}, not {limit}")
    now = time.time()
    defaults = (now - _DEFAULT_RANGE, now)
    first, last = (
        _seconds(ctx, given[name]) if name in given else default for name, default in zip(_RANGE, defaults, strict=True)
    )
    jobs = ctx.stores.jobs.all(
        lambda job: (
            first <= job.created <= last and (job.owner == ctx.session.role or sees(ctx, "SERVICE", job.full_name))
        ),
        dropped=True,
    )
    return relation(ctx, Result.of(_COLUMNS, [_row(job) for job in jobs[:limit]]))


def _is_named(argument: exp.Expression) -> bool:
    return isinstance(argument, exp.Kwarg | exp.PropertyEQ)


def _seconds(ctx: Context, argument: exp.Expression) -> float:
    """A constant TIMESTAMP_LTZ expression as seconds since the epoch."""
    text = queries.translate(ctx, f"SELECT ({argument.sql('snowflake')})::TIMESTAMP_LTZ")
    # All rows are fetched: an unfinished result would block the connection for the statement that asks.
    ((micros,),) = ctx.session.duckdb.execute(f"SELECT epoch_us(given) FROM ({text}) AS t(given)").fetchall()
    if micros is None:
        raise invalid_argument(f"{argument.sql('snowflake')} is not a time")
    return float(micros) / 1e6


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
