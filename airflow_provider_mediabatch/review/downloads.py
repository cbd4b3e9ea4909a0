"""Results as files that a reader takes away."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow_provider_mediabatch.core.stage_path import StagePath

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(rows: Sequence[Mapping[str, Any]]) -> Iterator[bytes]:
    """Rows as CSV in UTF-8, in pieces.

    A text that a spreadsheet would run as a formula gets an apostrophe before it. A full stage path does not.

    :param rows: with the same columns.
    """
    names = list(rows[0]) if rows else []
    for start in range(0, len(rows) or 1, 500):
        text = io.StringIO()
        writer = csv.writer(text)
        if not start:
            writer.writerow([_cell(name) for name in names])
        writer.writerows([_cell(row[name]) for name in names] for row in rows[start : start + 500])
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


def _cell(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith(_FORMULA) or _is_stage_path(value):
        return value
    return f"'{value}"


def _is_stage_path(value: str) -> bool:
    try:
        return bool(StagePath.parse(value).path)
    except ValueError:
        return False
