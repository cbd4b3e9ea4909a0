"""The options of COPY INTO a table, and those of them that are refused."""

from __future__ import annotations

import re
from typing import Any

from airflow_provider_mediabatch.local.errors import not_supported
from airflow_provider_mediabatch.local.statements import options

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
