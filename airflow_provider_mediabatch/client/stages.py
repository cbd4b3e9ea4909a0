"""Stages: what they are, and which files a folder holds. SHOW and LIST alone, which need no warehouse."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.client import errors
from airflow_provider_mediabatch.client.connection import rows, rows_or_none
from airflow_provider_mediabatch.core import grants, sql
from airflow_provider_mediabatch.core.job_names import closest
from airflow_provider_mediabatch.core.snowflake_objects import StageInfo
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.exceptions import InvalidInputError

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection


@dataclass(frozen=True)
class OutputFolder:
    """What an output folder holds.

    :param files: Parquet files in and below it.
    :param success: whether ``_SUCCESS`` is in it. One further below does not count.
    """

    files: int
    success: bool


def output_folder(connection: SnowflakeConnection, location: str) -> OutputFolder:
    """Look into a folder that a job or a COPY writes to.

    :param location: full stage path.
    """
    folder = StagePath.parse(location).folder
    names = [str(row["name"]) for row in rows(connection, f"LIST {folder.reference}")]
    marker = f"/{folder.path}_SUCCESS"
    return OutputFolder(
        files=sum(1 for name in names if name.endswith(".parquet")),
        success=any(name.endswith(marker) for name in names),
    )


def resolve_stage_path(connection: SnowflakeConnection, text: str, argument: str) -> StagePath:
    """A stage path as a user writes it, with missing parts taken from the connection's current database and schema.

    :param text: what the user wrote.
    :param argument: the argument that holds it, for the message.
    :raises InvalidInputError: naming the argument and the fix.
    """
    try:
        return StagePath.parse(text, database=connection.database, schema=connection.schema)
    except ValueError as error:
        raise InvalidInputError(f"{argument}: {error}") from None


def describe_stage(connection: SnowflakeConnection, path: StagePath) -> dict[str, Any]:
    """The stage's row of SHOW STAGES (``name``, ``url``, ``type``, ``directory_enabled`` …). Needs no warehouse.

    :raises InvalidInputError: when it is not there or this role may not see it, with what was most likely meant.
    """
    schema = sql.qualified(path.database, path.schema)
    found = rows_or_none(connection, f"SHOW STAGES LIKE {sql.like(path.stage)} IN SCHEMA {schema}")
    if found is None:
        what = f"Schema {schema} of stage @{path.stage_name}"
        raise InvalidInputError(errors.not_visible(what, grant=grants.grant_for("schema", schema)))
    for row in found:
        if row["name"] == path.stage:
            return row
    # LIKE matches letters of either case. Without any match the whole list tells what was most likely meant.
    names = [row["name"] for row in found or rows(connection, f"SHOW STAGES IN SCHEMA {schema}")]
    meant = closest(path.stage, names)
    hint = f"; did you mean @{sql.qualified(path.database, path.schema, meant)}?" if meant else ""
    grant = f"{grants.grant_for('input_stage', path.stage_name)}, for an external stage GRANT USAGE"
    raise InvalidInputError(errors.not_visible(f"Stage @{path.stage_name}", hint=hint, grant=grant))


def require_directory_table(row: Mapping[str, Any], path: StagePath, source: str) -> None:
    """Check that a stage has a directory table.

    :param row: its row of SHOW STAGES.
    :param source: what the user gave as ``source``, for the message.
    :raises InvalidInputError: when it has none, with the fix.
    """
    if str(row.get("directory_enabled", "")).upper() not in ("Y", "TRUE"):
        name = path.stage_name
        raise InvalidInputError(
            f"source={source!r} needs the directory table of @{name}: "
            f"ALTER STAGE {name} SET DIRECTORY = (ENABLE = TRUE); ALTER STAGE {name} REFRESH; or use source='list'"
        )


def stage_url(row: Mapping[str, Any]) -> str | None:
    """An external stage's URL ending in a slash, which LIST puts before every name; None for an internal stage."""
    url = str(row.get("url") or "")
    if url.startswith("["):
        url = next(iter(json.loads(url)), "")
    if not url:
        return None
    return url if url.endswith("/") else url + "/"


def stages(connection: SnowflakeConnection, database: str, schema: str) -> list[StageInfo] | None:
    """All stages of a schema that this role sees, or None when the schema itself is not there or may not be seen."""
    found = rows_or_none(connection, f"SHOW STAGES IN SCHEMA {sql.qualified(database, schema)}")
    if found is None:
        return None
    return [stage_info(row, database, schema) for row in found]


def stage_info(row: Mapping[str, Any], database: str, schema: str) -> StageInfo:
    """A stage by its row of SHOW STAGES."""
    return StageInfo(
        database=str(row.get("database_name") or database),
        schema=str(row.get("schema_name") or schema),
        name=str(row["name"]),
        type=str(row.get("type") or "INTERNAL").upper(),
        url=str(row.get("url") or ""),
        client_side_key=str(row.get("has_encryption_key") or "N").upper() == "Y",
    )


def list_time(last_modified: object) -> float:
    """LIST's ``last_modified`` as seconds since the epoch: ``Fri, 1 Mar 2024 10:00:00 GMT``, or a timestamp."""
    moment = last_modified if isinstance(last_modified, datetime) else parsedate_to_datetime(str(last_modified))
    return moment.timestamp()


@contextmanager
def explain_missing(what: str) -> Iterator[None]:
    """Turn "does not exist or not authorized", and a refused pattern, into an error that names the object.

    :param what: what the statements in the block read.
    :raises InvalidInputError: for those two; other errors pass.
    """
    from snowflake.connector.errors import DatabaseError

    try:
        yield
    except DatabaseError as error:
        if errors.is_missing(error):
            raise InvalidInputError(f"{errors.not_visible(what)}: {error.msg}") from error
        if "regular expression" in str(error.msg).lower() or "pattern" in str(error.msg).lower():
            raise InvalidInputError(f"Snowflake refuses the pattern: {error.msg}") from error
        raise
