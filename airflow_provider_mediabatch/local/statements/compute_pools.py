"""Statements on compute pools."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.core.sql import qualified
from airflow_provider_mediabatch.local.defaults import ACCOUNT
from airflow_provider_mediabatch.local.errors import SnowflakeError, invalid_argument
from airflow_provider_mediabatch.local.session.access import (
    record_created,
    require_privilege,
    require_visible,
    sees,
)
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn, utc_time
from airflow_provider_mediabatch.local.statements.handlers import statement
from airflow_provider_mediabatch.local.statements.options import boolean, options
from airflow_provider_mediabatch.local.statements.show_clauses import show_clauses
from airflow_provider_mediabatch.local.stores.jobs.compute_pools import ComputePool

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.lexer import Cursor
    from airflow_provider_mediabatch.local.session.context import Context

_text, _number, _time = ResultColumn.text, ResultColumn.number, ResultColumn.timestamp_ltz
_COLUMNS = [
    *(_text("name"), _text("state"), _number("min_nodes"), _number("max_nodes"), _text("instance_family")),
    *(_number("num_services"), _number("num_jobs"), _number("auto_suspend_secs"), _text("auto_resume")),
    *(_number("active_nodes"), _number("idle_nodes"), _number("target_nodes")),
    *(_time("created_on"), _text("owner"), _text("comment"), _text("is_exclusive")),
]
_PROPERTIES = {"MIN_NODES", "MAX_NODES", "INSTANCE_FAMILY", "AUTO_RESUME", "INITIALLY_SUSPENDED", "AUTO_SUSPEND_SECS"}
_PROPERTIES.add("COMMENT")


def _rows(ctx: Context, pools: list[ComputePool]) -> Result:
    live = ctx.stores.jobs.all(lambda job: job.status is None)
    rows = []
    for pool in pools:
        jobs = [job for job in live if job.compute_pool == pool.name and not job.terminal]
        active = min(pool.max_nodes, sum(job.replicas for job in jobs if job.launched is not None))
        nodes = 0 if pool.suspended else max(pool.min_nodes, active)
        resumes = "true" if pool.auto_resume else "false"
        state = "SUSPENDED" if pool.suspended else "ACTIVE" if active else "IDLE"
        rows.append(
            [
                *(pool.name, state, pool.min_nodes, pool.max_nodes, pool.instance_family),
                *(0, len(jobs), pool.auto_suspend_secs, resumes, active, nodes - active, nodes),
                *(utc_time(pool.created), pool.owner, pool.comment, "false"),
            ]
        )
    return Result.of(_COLUMNS, rows)


@statement("SHOW COMPUTE POOLS", locked=False)
def show_compute_pools(ctx: Context, cursor: Cursor) -> Result:
    """``SHOW COMPUTE POOLS [LIKE '…'] [STARTS WITH '…'] [LIMIT n [FROM '…']]``."""
    cursor.expect("SHOW", "COMPUTE", "POOLS")
    clauses = show_clauses(cursor, lambda: None, limits=True)
    pools = [pool for pool in ctx.stores.jobs.pools.all() if sees(ctx, "COMPUTE POOL", (pool.name,))]
    return _rows(ctx, clauses.select(pools, lambda pool: pool.name))


@statement("DESCRIBE COMPUTE POOL", "DESC COMPUTE POOL", locked=False)
def describe_compute_pool(ctx: Context, cursor: Cursor) -> Result:
    """``DESCRIBE COMPUTE POOL name``."""
    cursor.next()
    cursor.expect("COMPUTE", "POOL")
    name = cursor.name()[-1]
    cursor.expect_end()
    pool = ctx.stores.jobs.pools.get(name)
    require_visible(ctx, "COMPUTE POOL", (name,))
    return _rows(ctx, [pool])


@statement("CREATE COMPUTE POOL")
def create_compute_pool(ctx: Context, cursor: Cursor) -> Result:
    """``CREATE COMPUTE POOL [IF NOT EXISTS] name MIN_NODES = n MAX_NODES = n INSTANCE_FAMILY = family …``.

    A suspended pool is resumed by the first job that is submitted to it, or stays so with AUTO_RESUME = FALSE.
    """
    cursor.expect("CREATE", "COMPUTE", "POOL")
    if_not_exists = cursor.accept("IF", "NOT", "EXISTS")
    name = cursor.identifier()
    given = options(cursor, _PROPERTIES)
    cursor.expect_end()
    require_privilege(ctx, "CREATE COMPUTE POOL", "ACCOUNT", ACCOUNT)
    missing = [key for key in ("MIN_NODES", "MAX_NODES", "INSTANCE_FAMILY") if key not in given]
    if missing:
        raise invalid_argument(f"missing property '{missing[0]}'")
    family, low, high = str(given["INSTANCE_FAMILY"]).upper(), given["MIN_NODES"], given["MAX_NODES"]
    _check(given)
    try:
        ctx.stores.jobs.pools.create(
            *(name, family, low, high, ctx.session.role),
            auto_suspend=given.get("AUTO_SUSPEND_SECS", 3600),
            auto_resume=boolean("AUTO_RESUME", given.get("AUTO_RESUME", True)),
            suspended=boolean("INITIALLY_SUSPENDED", given.get("INITIALLY_SUSPENDED", False)),
            comment=str(given.get("COMMENT", "")),
        )
    except SnowflakeError as error:
        if if_not_exists and error.code == 2002:
            return Result.status(f"{name} already exists, statement succeeded.")
        raise
    record_created(ctx, "COMPUTE POOL", name)
    return Result.status(f"Compute pool {name} successfully created.")


def _check(given: dict[str, Any]) -> None:
    """:raises SnowflakeError: for a value that a property does not take."""
    if any(not isinstance(given.get(key, 1), int) for key in ("MIN_NODES", "MAX_NODES", "AUTO_SUSPEND_SECS")):
        raise invalid_argument("MIN_NODES, MAX_NODES and AUTO_SUSPEND_SECS must be whole numbers")
    for name in ("INITIALLY_SUSPENDED", "AUTO_RESUME"):
        boolean(name, given.get(name, True))


@statement("ALTER COMPUTE POOL")
def alter_compute_pool(ctx: Context, cursor: Cursor) -> Result:
    """``ALTER COMPUTE POOL name {SUSPEND | RESUME | STOP ALL | SET MAX_NODES = n …}``.

    A suspended pool starts no job that was submitted before. One that is submitted later resumes it (AUTO_RESUME).
    """
    cursor.expect("ALTER", "COMPUTE", "POOL")
    if_exists = cursor.accept("IF", "EXISTS")
    name = cursor.identifier()
    pools = ctx.stores.jobs.pools
    if if_exists and name not in {pool.name for pool in pools.all()}:
        return Result.status()
    pools.get(name)
    require_privilege(ctx, "MODIFY", "COMPUTE POOL", qualified(name))
    if cursor.accept("SUSPEND"):
        pools.update(name, suspended=1)
    elif cursor.accept("RESUME"):
        pools.update(name, suspended=0)
    elif cursor.accept("STOP", "ALL"):
        for job in ctx.stores.jobs.all(lambda job: job.compute_pool == name):
            with suppress(SnowflakeError):  # another session dropped it meanwhile
                ctx.stores.jobs.drop(job)
    else:
        cursor.expect("SET")
        given = options(cursor, _PROPERTIES - {"INSTANCE_FAMILY", "INITIALLY_SUSPENDED"})
        _check(given)
        if "AUTO_RESUME" in given:
            given["AUTO_RESUME"] = int(boolean("AUTO_RESUME", given["AUTO_RESUME"]))
        pools.update(name, **{key.lower(): value for key, value in given.items()})
    cursor.expect_end()
    return Result.status()


@statement("DROP COMPUTE POOL")
def drop_compute_pool(ctx: Context, cursor: Cursor) -> Result:
    """``DROP COMPUTE POOL [IF EXISTS] name``; refused while it has jobs that are not over."""
    cursor.expect("DROP", "COMPUTE", "POOL")
    if_exists = cursor.accept("IF", "EXISTS")
    name = cursor.identifier()
    cursor.expect_end()
    if if_exists and name not in {pool.name for pool in ctx.stores.jobs.pools.all()}:
        return Result.status("Drop statement executed successfully (object already dropped).")
    ctx.stores.jobs.pools.get(name)
    require_privilege(ctx, "OWNERSHIP", "COMPUTE POOL", qualified(name))
    ctx.stores.jobs.drop_pool(name)
    return Result.status(f"{name} successfully dropped.")
