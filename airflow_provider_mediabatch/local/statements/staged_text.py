"""CSV and JSON files on stages as relations, and the types that INFER_SCHEMA finds in them."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from airflow_provider_mediabatch.local.sql import transactions
from airflow_provider_mediabatch.local.sql.staged_values import FIELD
from airflow_provider_mediabatch.local.statements import text_files
from airflow_provider_mediabatch.local.statements.text_files import TextRows
from airflow_provider_mediabatch.local.statements.text_options import TextFormat

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.stores.stages.stage import Stage

TEXT_TYPES = ("CSV", "JSON")
ROWS = "mb rows"
"""The key, among a format's options, of the rows of files that were read before, by path."""
_PATTERNS = (
    ("BOOLEAN", re.compile(r"(?i)true|false")),
    ("NUMBER", re.compile(r"[+-]?\d{1,38}(\.\d*)?|[+-]?\.\d+")),
    ("REAL", re.compile(r"(?i)[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?")),
    ("DATE", re.compile(r"\d{4}-\d{2}-\d{2}")),
    ("TIME", re.compile(r"\d{2}:\d{2}(:\d{2}(\.\d+)?)?")),
    ("TIMESTAMP_NTZ", re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?")),
)


def format_of(options: Mapping[str, Any]) -> TextFormat:
    """The format without the rows that stand beside its options."""
    return TextFormat.of({name: value for name, value in options.items() if name != ROWS})


def rows_of(stage: Stage, paths: Sequence[str], options: Mapping[str, Any]) -> dict[str, TextRows]:
    """The rows of files by their path, read now unless the options have them.

    :raises SnowflakeError: as :func:`~airflow_provider_mediabatch.local.statements.text_files.read`.
    """
    known = options.get(ROWS)
    if known is not None:
        return {path: known[path] for path in paths}
    form = format_of(options)
    return {path: text_files.read(stage.path(path), path, form) for path in paths}


def text_query(
    ctx: Context, stage: Stage, paths: Sequence[str], options: Mapping[str, Any], names: Sequence[str]
) -> str:
    """DuckDB SQL over the files: fields as ``$1``, ``$2`` and so on, documents of JSON as the VARIANT ``$1``.

    :param names: of the columns for a row's file and number.
    """
    found = rows_of(stage, paths, options)
    width = max([1, *(rows.width for rows in found.values())])
    columns: list[list[Any]] = [[] for _ in range(width)]
    files: list[str] = []
    numbers: list[int] = []
    for path, rows in found.items():
        files += [path] * len(rows.rows)
        numbers += rows.numbers
        for position, column in enumerate(columns):
            column += [row[position] if position < len(row) else None for row in rows.rows]
    table = pa.table(
        {
            names[0]: pa.array(files, pa.string()),
            names[1]: pa.array(numbers, pa.int64()),
            **{f"{FIELD}{position}": pa.array(column, pa.string()) for position, column in enumerate(columns, 1)},
        }
    )
    name = f"mb_text_{secrets.token_hex(8)}"
    transactions.of(ctx.session).register(name, table)
    document = f' REPLACE (mb_sorted(json("{FIELD}1")) AS "{FIELD}1")' if options["TYPE"] == "JSON" else ""
    return f"SELECT *{document} FROM {name}"


def inferred(rows: TextRows, options: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The columns of a file by name and type: of CSV the fields, of JSON the keys of its documents."""
    if options["TYPE"] == "JSON":
        values: dict[str, list[Any]] = {}
        for (document,) in rows.rows:
            found = json.loads(document or "null")
            for key, value in found.items() if isinstance(found, dict) else ():
                values.setdefault(key, []).append(value)
        return [(key, _json_type(values[key])) for key in sorted(values)]
    names = rows.header or [f"c{position}" for position in range(1, rows.width + 1)]
    return [
        (name, _type([row[position] for row in rows.rows if position < len(row)]))
        for position, name in enumerate(names)
    ]


def _type(values: Sequence[str | None]) -> str:
    """The narrowest type that all values have."""
    given = [value.strip() for value in values if value is not None]
    kind = next((name for name, pattern in _PATTERNS if given and all(map(pattern.fullmatch, given))), "TEXT")
    return _number(given) if kind == "NUMBER" else kind


def _number(values: Sequence[str]) -> str:
    parts = [value.lstrip("+-").partition(".") for value in values]
    scale = max(len(fraction) for _, _, fraction in parts)
    return f"NUMBER({min(38, max(len(whole.lstrip('0')) for whole, _, _ in parts) + scale) or 1}, {scale})"


def _json_type(values: Sequence[Any]) -> str:
    given = [value for value in values if value is not None]
    if any(isinstance(value, dict | list) for value in given):
        found = {{"dict": "OBJECT", "list": "ARRAY"}.get(type(value).__name__, "VARIANT") for value in given}
        return found.pop() if len(found) == 1 else "VARIANT"
    texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in given]
    if all(isinstance(value, str) for value in given):
        return _type(texts) if texts and _type(texts) in ("DATE", "TIME", "TIMESTAMP_NTZ") else "TEXT"
    return _type(texts)
