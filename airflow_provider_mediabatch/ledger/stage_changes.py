"""A stream on a stage's directory table, as a watcher reads it: whether it has something, what, and that it is taken.

Reading a stream does not move its offset; a DML statement that reads it does, CREATE TABLE … AS SELECT among them.
SYSTEM$STREAM_HAS_DATA and SHOW need no warehouse, the statements over the stream's rows do. Source: Snowflake's user
guide, pages "Introduction to streams" and "Automated directory table metadata refreshes".
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.client import errors
from airflow_provider_mediabatch.client.connection import execute, rows, rows_or_none, value
from airflow_provider_mediabatch.client.stages import describe_stage, list_time, require_directory_table
from airflow_provider_mediabatch.core import grants, sql
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.files.list_output import StageSource
from airflow_provider_mediabatch.ledger.new_files import StageFile

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.stage_path import StagePath

_UNSEEN_SOURCE = "No privilege or table dropped"
"""What SHOW STREAMS has in place of the source's name; from snowflakedb/terraform-provider-snowflake."""


@dataclass(frozen=True)
class WatchedStage:
    """What a watcher needs to know of a stage.

    :param name_prefix: what LIST puts before the path on the stage.
    :param refreshed: whether Snowflake refreshes the directory table by itself.
    """

    name_prefix: str
    refreshed: bool


def check_stream(connection: SnowflakeConnection, stream: str, stage: StagePath) -> str:
    """Check that a stream can be watched.

    :param stream: its full name as SQL.
    :param stage: the stage whose directory table it must be on.
    :return: what tells this stream from another one of its name: the time when it was created.
    :raises InvalidInputError: with the fix: it is not there, not on this stage, or stale.
    """
    database, schema, name = sql.split(stream)
    create = f"CREATE OR REPLACE STREAM {stream} ON STAGE {stage.stage_name}"
    container = sql.qualified(database, schema)
    found = rows_or_none(connection, f"SHOW STREAMS LIKE {sql.like(name)} IN SCHEMA {container}")
    row = next((each for each in found or [] if each["name"] == name), None)
    if row is None:
        hint = f": {create.replace('OR REPLACE ', '')}"
        raise InvalidInputError(
            errors.not_visible(f"Stream {stream}", hint=hint, grant=grants.grant_for("stream", stream))
        )
    kind = str(row.get("source_type") or "stage").lower()
    if kind != "stage":
        raise InvalidInputError(f"Stream {stream} is on a {kind}, not on the directory table of a stage: {create}")
    if str(row.get("stale")).lower() == "true":
        raise InvalidInputError(f"Stream {stream} is stale and returns nothing any more: {create}")
    source = str(row.get("table_name") or "")
    if source == _UNSEEN_SOURCE:
        grant = grants.grant_for("input_stage", stage.stage_name)
        raise InvalidInputError(
            f"Stream {stream} is on a stage that was dropped, or that this role may not see ({grant}). If it was "
            f"dropped: {create}"
        )
    if not _is(source, stage):
        raise InvalidInputError(f"Stream {stream} is on stage {source}, not on {stage.stage_name}, which is watched")
    return str(row["created_on"])


def watched_stage(connection: SnowflakeConnection, stage: StagePath) -> WatchedStage:
    """What a watcher needs to know of a stage.

    :raises InvalidInputError: when it is not there, may not be seen, or has no directory table.
    """
    row = describe_stage(connection, stage)
    require_directory_table(row, stage, "stream")
    properties = {
        str(each["property"]): str(each["property_value"]).lower()
        for each in rows(connection, f"DESCRIBE STAGE {stage.stage_name}")
        if each["parent_property"] == "DIRECTORY"
    }
    prefix = StageSource("FILE_PATH", stage).described_by(row).name_prefix
    return WatchedStage(prefix, properties.get("AUTO_REFRESH") == "true")


def refresh(connection: SnowflakeConnection, stage: StagePath) -> None:
    """Refresh the stage's directory table: the server reads the whole stage. No warehouse."""
    execute(connection, f"ALTER STAGE {stage.stage_name} REFRESH")


def has_data(connection: SnowflakeConnection, stream: str) -> bool:
    """Whether a stream may have something. It never says no when it has. No warehouse."""
    return str(value(connection, f"SELECT SYSTEM$STREAM_HAS_DATA({sql.literal(stream)})")).lower() == "true"


def changed_files(connection: SnowflakeConnection, stream: str, name_prefix: str) -> Iterator[StageFile]:
    """The files that are new or changed since the stream's offset, and not empty; the offset stays. With a warehouse.

    :param name_prefix: what LIST would put before their paths.
    """
    with connection.cursor() as cursor:
        cursor.execute(_changes_sql(stream))
        yield from _files(cursor, name_prefix)


def take(connection: SnowflakeConnection, stream: str, name_prefix: str) -> list[StageFile]:
    """Move the stream's offset to the present, and return what came up to then as :func:`changed_files` does.

    One statement moves it and keeps the rows in a temporary table, so that none is passed over. It takes no explicit
    transaction, because triggers share the connection. With a warehouse.
    """
    database, schema, _ = sql.split(stream)
    table = sql.qualified(database, schema, f"MB_TAKEN_{secrets.token_hex(6).upper()}")
    execute(connection, f"CREATE TEMPORARY TABLE {table} AS {_changes_sql(stream)}")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        found = list(_files(cursor, name_prefix))
    execute(connection, f"DROP TABLE IF EXISTS {table}")
    return found


def _changes_sql(stream: str) -> str:
    return f"SELECT RELATIVE_PATH, SIZE, LAST_MODIFIED FROM {stream} WHERE METADATA$ACTION = 'INSERT' AND SIZE > 0"


def _files(found: Iterable[Any], name_prefix: str) -> Iterator[StageFile]:
    """Times are whole seconds, as LIST has them, so that a file is the same one whichever way it was found."""
    for path, size, modified in found:
        yield StageFile(f"{name_prefix}{path}", int(size), float(int(list_time(modified))))


def _is(source: str, stage: StagePath) -> bool:
    try:
        return sql.split(source) == (stage.database, stage.schema, stage.stage)
    except ValueError:
        return source == stage.stage_name
