"""Results as files that a reader takes away."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from airflow_provider_mediabatch.core.stage_path import StagePath

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""How a value begins that a spreadsheet may run. Source: OWASP's page "CSV Injection", its full-width forms too."""
_CALL = re.compile(r'[|!"]|\((?!\d+\))')
"""What a formula needs to call something: a program, another sheet, a text, a function. A copy's number is none."""


def as_csv(rows: Sequence[Mapping[str, Any]], file_columns: Collection[str]) -> Iterator[bytes]:
    """Rows as CSV in UTF-8, in pieces.

    A text that a spreadsheet would run as a formula gets an apostrophe before it. A file's path, which begins with an
    @, gets one only where it could call something. A model's text that looks like a path is a text.

    :param rows: with the same columns.
    :param file_columns: those that hold full stage paths.
    """
    names = list(rows[0]) if rows else []
    for start in range(0, len(rows) or 1, 500):
        text = io.StringIO()
        writer = csv.writer(text)
        if not start:
            writer.writerow([_cell(name) for name in names])
        writer.writerows(
            [_cell(row[name], is_file=name in file_columns) for name in names] for row in rows[start : start + 500]
        )
        yield text.getvalue().encode()


def as_parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as one Parquet file.

    :param rows: with the same columns.
    :raises ImportError: pyarrow is not installed.
    """
    import pyarrow
    from pyarrow import parquet

    target = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist([dict(row) for row in rows]), target)
    return target.getvalue()


def _cell(value: Any, *, is_file: bool = False) -> Any:
    if not isinstance(value, str) or not value.startswith(_FORMULA):
        return value
    return value if is_file and _is_stage_path(value) and not _CALL.search(value) else f"'{value}"


def _is_stage_path(value: str) -> bool:
    try:
        return bool(StagePath.parse(value).path)
    except ValueError:
        return False
