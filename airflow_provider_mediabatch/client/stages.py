"""Stages: a path as a user writes it, and what SHOW STAGES says of a stage."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.job_names import closest
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.hooks.mediabatch import rows

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

_MISSING = (2003, 2043)


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

    :raises InvalidInputError: when the stage does not exist or this role may not see it, with the closest name.
    """
    schema = sql.qualified(path.database, path.schema)
    pattern = path.stage.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")
    with explain_missing(f"schema {schema} of stage {path.root.full}"):
        found = rows(connection, f"SHOW STAGES LIKE {sql.literal(pattern)} IN SCHEMA {schema}")
        for row in found:
            if row["name"] == path.stage:
                return row
        names = [row["name"] for row in found] or [
            row["name"] for row in rows(connection, f"SHOW STAGES IN SCHEMA {schema}")
        ]
    meant = closest(path.stage, names)
    hint = f"; did you mean @{sql.qualified(path.database, path.schema, meant)}?" if meant else ""
    raise InvalidInputError(
        f"stage @{path.stage_name} does not exist, or this role may not see it{hint} "
        f"(otherwise: GRANT READ ON STAGE {path.stage_name} TO ROLE …, for an external stage GRANT USAGE)"
    )


def stage_url(row: Mapping[str, Any]) -> str | None:
    """An external stage's URL ending in a slash, which LIST puts before every name; None for an internal stage.

    :param row: what :func:`describe_stage` returned.
    """
    url = str(row.get("url") or "")
    if url.startswith("["):
        url = next(iter(json.loads(url)), "")
    if not url:
        return None
    return url if url.endswith("/") else url + "/"


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
        if error.errno in _MISSING:
            raise InvalidInputError(f"{what} does not exist, or this role may not see it: {error.msg}") from error
        if "regular expression" in str(error.msg).lower() or "pattern" in str(error.msg).lower():
            raise InvalidInputError(f"Snowflake refuses the pattern: {error.msg}") from error
        raise
