"""Statements about jobs that are there: DESCRIBE, SHOW, CALL job!…, logs, DROP. None of them needs a warehouse."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.core.sql import qualified
from airflow_provider_mediabatch.local.errors import SnowflakeError, not_supported, syntax_error
from airflow_provider_mediabatch.local.lexer import Cursor
from airflow_provider_mediabatch.local.runner.spec import DONE, FAILED, PENDING, RUNNING, TERMINAL
from airflow_provider_mediabatch.local.session.access import require_privilege, sees
from airflow_provider_mediabatch.local.statement_result import Pending, Result, ResultColumn, utc_time, utc_time_or_null
from airflow_provider_mediabatch.local.statements.handlers import statement
from airflow_provider_mediabatch.local.statements.show_clauses import (
    EVERYWHERE,
    Place,
    is_within,
    schema_scope,
    show_clauses,
)
from airflow_provider_mediabatch.local.stores.jobs.job import Job

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context

CONTAINER = "main"

_text, _number, _time = ResultColumn.text, ResultColumn.number, ResultColumn.timestamp_ltz
_SERVICE: list[tuple[ResultColumn, Callable[[Job], Any]]] = [
    (_text("name"), lambda job: job.name),
    (_text("status"), lambda job: job.status),
    (_text("database_name"), lambda job: job.database),
    (_text("schema_name"), lambda job: job.schema),
    (_text("owner"), lambda job: job.owner),
    (_text("compute_pool"), lambda job: job.compute_pool),
    (_text("dns_name"), lambda job: f"{job.name.lower().replace('_', '-')}.{job.id[:8]}.svc.spcs.internal"),
    (_number("current_instances"), lambda job: job.replicas if job.status == RUNNING else 0),
    (_number("target_instances"), lambda job: job.replicas),
    (_number("min_ready_instances"), lambda job: job.replicas),
    (_number("min_instances"), lambda job: job.replicas),
    (_number("max_instances"), lambda job: job.replicas),
    (_text("auto_resume"), lambda job: "true"),
    (_time("created_on"), lambda job: utc_time(job.created)),
    (_time("updated_on"), lambda job: utc_time(job.finished or job.started or job.created)),
    (_text("comment"), lambda job: None),
    (_text("owner_role_type"), lambda job: "ROLE"),
    (_text("query_warehouse"), lambda job: None),
    (_text("is_job"), lambda job: "true"),
    (_text("is_async_job"), lambda job: "true" if job.asynchronous else "false"),
]
_SPEC = (_text("spec"), lambda job: specification(job))


def image_of(job: Job) -> str:
    """The name of the image that a job's containers run."""
    return f"/local/models/{job.model}/{job.version}".lower()


def specification(job: Job) -> str:
    """The service's specification as snowflake-ml reads it: containers and volumes."""
    return f"spec:\n  containers:\n  - name: {CONTAINER}\n    image: {image_of(job)}\n    env: {{}}\n  volumes: []\n"


def _rows(fields: Sequence[tuple[ResultColumn, Callable[[Job], Any]]], jobs: Sequence[Job]) -> Result:
    return Result.of([column for column, _ in fields], [[value(job) for _, value in fields] for job in jobs])


def _visible(ctx: Context, job: Job) -> bool:
    """Whether the role sees the job at all; to others it does not exist."""
    return sees(ctx, "SERVICE", job.full_name)


def visible_job(ctx: Context, name: tuple[str, ...], privilege: str = "MONITOR") -> Job:
    """The job of a name as written, if the role has the privilege.

    :raises SnowflakeError: 002003 or 003001.
    """
    job: Job = ctx.stores.jobs.get(*ctx.qualify(name))
    require_privilege(ctx, privilege, "SERVICE", job.full_name)
    return job


@statement("DESCRIBE SERVICE", "DESC SERVICE", locked=False)
def describe_service(ctx: Context, cursor: Cursor) -> Result:
    """``DESCRIBE SERVICE name``; 002003 for a name that is not there, on which snowflake-ml asks the job history."""
    cursor.next()
    cursor.expect("SERVICE")
    name = cursor.name()
    cursor.expect_end()
    fields = [*_SERVICE[:6], _SPEC, *_SERVICE[6:]]
    return _rows(fields, [visible_job(ctx, name)])


@statement("SHOW SERVICES", "SHOW JOB SERVICES", locked=False)
def show_services(ctx: Context, cursor: Cursor) -> Result:
    """``SHOW [JOB] SERVICES [EXCLUDE JOBS] [LIKE '…'] [IN {… | COMPUTE POOL p}] [STARTS WITH '…'] [LIMIT n]``."""
    cursor.expect("SHOW")
    cursor.accept("JOB")
    cursor.expect("SERVICES")
    without_jobs = cursor.accept("EXCLUDE", "JOBS")
    in_schema = schema_scope(ctx, cursor)

    def in_pool_or_schema() -> tuple[str | None, Place]:
        if cursor.accept("IN", "COMPUTE", "POOL"):
            return cursor.identifier(), EVERYWHERE
        return None, in_schema()

    clauses = show_clauses(cursor, in_pool_or_schema, limits=True)
    pool, place = clauses.scope

    def wanted(job: Job) -> bool:
        return not without_jobs and pool in (None, job.compute_pool) and is_within(place, job.database, job.schema)

    # The names are chosen before the jobs' states are read: a poll of many jobs reads those that it asks for only.
    jobs = ctx.stores.jobs.all(lambda job: wanted(job) and bool(clauses.select([job.name], str)))
    return _rows(_SERVICE, clauses.select([job for job in jobs if _visible(ctx, job)], lambda job: job.name))


@statement("SHOW SERVICE INSTANCES", locked=False)
def show_service_instances(ctx: Context, cursor: Cursor) -> Result:
    """``SHOW SERVICE INSTANCES IN SERVICE name``: one row for each replica."""
    cursor.expect("SHOW", "SERVICE", "INSTANCES", "IN", "SERVICE")
    job = visible_job(ctx, cursor.name())
    cursor.expect_end()
    columns = [_text(name) for name in ("database_name", "schema_name", "service_name", "instance_id", "status")]
    columns += [_text("spec_digest"), _time("creation_time"), _time("start_time"), _text("ip_address")]
    rows = [
        (
            job.database,
            job.schema,
            job.name,
            str(n),
            job.status,
            job.id,
            utc_time(job.created),
            utc_time_or_null(job.started),
            None,
        )
        for n in range(job.replicas)
    ]
    return Result.of(columns, rows)


@statement("SHOW SERVICE CONTAINERS", locked=False)
def show_service_containers(ctx: Context, cursor: Cursor) -> Result:
    """``SHOW SERVICE CONTAINERS IN SERVICE name``: the one container of each replica. A job's is never restarted."""
    cursor.expect("SHOW", "SERVICE", "CONTAINERS", "IN", "SERVICE")
    job = visible_job(ctx, cursor.name())
    cursor.expect_end()
    columns = [_text(name) for name in ("database_name", "schema_name", "service_name", "service_status")]
    columns += [_text(name) for name in ("instance_id", "instance_status", "container_name", "status", "message")]
    columns += [_text("image_name"), _text("image_digest"), _number("restart_count"), _time("start_time")]
    columns += [_number("last_exit_code"), _time("last_restart_time")]
    codes = ctx.stores.jobs.exit_codes(job)
    rows = []
    for number in range(job.replicas):
        status, code, message = _container_end(job, number, codes)
        rows.append(
            (
                job.database,
                job.schema,
                job.name,
                job.status,
                str(number),
                "SUCCEEDED" if status == DONE else status,
                CONTAINER,
                status,
                message,
                image_of(job),
                None,
                0,
                utc_time_or_null(job.started),
                code,
                None,
            )
        )
    return Result.of(columns, rows)


def _container_end(job: Job, number: int, codes: Mapping[int, int]) -> tuple[str | None, int | None, str | None]:
    """Status, exit code and message of an instance's container.

    :param codes: exit codes of the instances that failed, the first one first. The others were ended with it.
    """
    if job.status == RUNNING:
        return "READY", None, job.message
    if job.status == FAILED and codes:
        if number not in codes:
            return DONE, 0, None
        first = next(iter(codes))
        return FAILED, codes[number], job.message if number == first else f"ended, because instance {first} failed"
    if job.status in (PENDING, DONE):
        return job.status, None if job.status == PENDING else 0, job.message
    return FAILED, None, job.message


@statement("DROP SERVICE")
def drop_service(ctx: Context, cursor: Cursor) -> Result:
    """``DROP SERVICE [IF EXISTS] name [FORCE]``: ends the job if it runs; its logs go, its output stays."""
    cursor.expect("DROP", "SERVICE")
    if_exists = cursor.accept("IF", "EXISTS")
    name = cursor.name()
    cursor.accept("FORCE")
    cursor.expect_end()
    try:
        job = visible_job(ctx, name, "OWNERSHIP")
        ctx.stores.jobs.drop(job)
    except SnowflakeError as error:
        if if_exists and error.code == 2003:
            return Result.status("Drop statement executed successfully (object already dropped).")
        raise
    return Result.status(f"{job.name} successfully dropped.")


@statement("CALL", locked=False)
def call(ctx: Context, cursor: Cursor) -> Result | Pending:
    """``CALL job!spcs_wait_for('DONE', seconds)`` and ``CALL job!spcs_cancel_job()``."""
    cursor.expect("CALL")
    name = cursor.name()
    if not cursor.accept("!"):
        raise not_supported(f"stored procedures (CALL {qualified(*name)})")
    method = cursor.identifier()
    cursor.expect("(")
    if method == "SPCS_CANCEL_JOB":
        cursor.expect(")")
        cursor.expect_end()
        job = visible_job(ctx, name, "OPERATE")
        if not job.terminal:
            ctx.stores.jobs.cancel(job)
        return Result.status(f"Job {job.full_name} successfully cancelled.", method)
    if method == "SPCS_WAIT_FOR":
        return _wait_for(ctx, cursor, name)
    raise not_supported(f"{method} of a job service")


def _wait_for(ctx: Context, cursor: Cursor, name: tuple[str, ...]) -> Pending:
    wanted = cursor.string().upper()
    cursor.expect(",")
    token = cursor.next()
    if token.kind != "number":
        raise syntax_error(f"SPCS_WAIT_FOR takes a number of seconds, not {token.value}")
    seconds = float(token.value)
    cursor.expect(")")
    cursor.expect_end()
    job = visible_job(ctx, name)
    deadline = time.monotonic() + seconds

    def poll() -> Result | None:
        status = ctx.stores.jobs.now(job).status
        if status == wanted or status in TERMINAL:
            return Result.status(f"Job {job.full_name} is {status}", "SPCS_WAIT_FOR")
        if time.monotonic() >= deadline:
            raise SnowflakeError(
                395021,
                "57014",
                f"Timed out after {seconds:g} seconds waiting for {job.full_name} to be {wanted}: {status}",
            )
        return None

    return Pending(poll)


def service_logs(ctx: Context, name: str = "", instance: str = "0", container: str = CONTAINER, lines: str = "") -> str:
    """The last ``lines`` lines (all without) of an instance's log.

    :raises SnowflakeError: "Container Status: PENDING" before the container started: clients know these words.
    """
    job = visible_job(ctx, Cursor(name).name())
    if not instance.isdigit() or int(instance) >= job.replicas or container != CONTAINER:
        raise SnowflakeError(
            395022, "22023", f"Service {job.full_name} has no container {container!r} in instance {instance}"
        )
    if job.status == PENDING:
        raise SnowflakeError(
            395023, "55000", f"Cannot get logs of {job.full_name} instance {instance}. Container Status: PENDING"
        )
    text: str = ctx.stores.jobs.logs(job, int(instance))
    return "".join(text.splitlines(keepends=True)[-int(lines) :]) if lines and int(lines) > 0 else text
