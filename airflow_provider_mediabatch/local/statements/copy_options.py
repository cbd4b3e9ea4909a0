"""The options of COPY INTO a table, and those of them that are refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.local.errors import invalid_argument, not_supported
from airflow_provider_mediabatch.local.statements import options

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.stores.tables.table import TableColumn

OPTIONS = (
    *(
        "FILES",
        "PATTERN",
        "FILE_FORMAT",
        "ON_ERROR",
        "SIZE_LIMIT",
        "PURGE",
        "RETURN_FAILED_ONLY",
        "MATCH_BY_COLUMN_NAME",
    ),
    *("ENFORCE_LENGTH", "TRUNCATECOLUMNS", "FORCE", "LOAD_UNCERTAIN_FILES", "VALIDATION_MODE", "INCLUDE_METADATA"),
)
"""LOAD_UNCERTAIN_FILES changes nothing: the engine keeps for good what it has loaded, so it is never uncertain."""
_VALIDATED = re.compile(r"RETURN_(\d+)_ROWS", re.IGNORECASE)


def on_error_of(given: dict[str, Any], query: str | None) -> str:
    """ON_ERROR; options and values that are not carried out are refused by name."""
    options.refuse(given, ("SIZE_LIMIT", "INCLUDE_METADATA"), "COPY INTO a table")
    mode = str(given.get("VALIDATION_MODE", "RETURN_1_ROWS"))
    if not _VALIDATED.fullmatch(mode) or ("VALIDATION_MODE" in given and query is not None):
        raise not_supported(f"VALIDATION_MODE = {mode} in COPY INTO")
    on_error = str(given.get("ON_ERROR", "ABORT_STATEMENT")).upper()
    if on_error not in ("ABORT_STATEMENT", "CONTINUE", "SKIP_FILE"):
        raise not_supported(f"ON_ERROR = {given['ON_ERROR']} in COPY INTO")
    return on_error


def truncates(given: dict[str, Any]) -> bool:
    """Whether text that is too long for its column is cut: TRUNCATECOLUMNS, and ENFORCE_LENGTH the other way round.

    :raises SnowflakeError: where the two contradict each other.
    """
    cut = options.boolean("TRUNCATECOLUMNS", given.get("TRUNCATECOLUMNS", False))
    enforced = options.boolean("ENFORCE_LENGTH", given.get("ENFORCE_LENGTH", not cut))
    if cut and enforced and "ENFORCE_LENGTH" in given:
        raise invalid_argument("TRUNCATECOLUMNS = TRUE contradicts ENFORCE_LENGTH = TRUE")
    return not enforced


def truncated(select: str, columns: Sequence[TableColumn]) -> str:
    """A SELECT for these columns with its text cut to their lengths."""
    names = [f"MB{position}" for position in range(len(columns))]
    values = [
        f"LEFT({name}::VARCHAR, {column.type[8:-1]})" if column.type.startswith("VARCHAR") else name
        for name, column in zip(names, columns, strict=True)
    ]
    return f"SELECT {', '.join(values)} FROM ({select}) AS MB_ROWS ({', '.join(names)})"
