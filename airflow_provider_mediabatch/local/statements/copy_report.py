"""What COPY INTO a table says of each file, and which records of CSV files do not fit the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.local.sql import queries
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn, Stats
from airflow_provider_mediabatch.local.statements.staged_files import FILENAME, ROW_NUMBER
from airflow_provider_mediabatch.local.statements.text_files import TextRows
from airflow_provider_mediabatch.local.stores.tables.text import text_literal

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.stores.tables.table import Table, TableColumn

_AS_IT_IS = ("VARCHAR", "VARIANT", "OBJECT", "ARRAY", "BINARY")


@dataclass(frozen=True)
class FileReport:
    """One file of a COPY.

    :param name: as LIST shows it.
    :param rows: its records.
    :param errors: those that were not loaded; all of them where the file was left out.
    :param first: the first error.
    :param line: the record that it is in, from 1.
    :param column: the column that it is in.
    :param failed: the file was left out.
    """

    name: str
    rows: int = 0
    errors: int = 0
    first: str | None = None
    line: int | None = None
    column: str | None = None
    failed: bool = False

    @property
    def loaded(self) -> int:
        """The records that are in the table now."""
        return 0 if self.failed else self.rows - self.errors


def report(files: Sequence[FileReport], failed_only: bool = False) -> Result:
    """The reply: one row for each file, or for each with an error (RETURN_FAILED_ONLY)."""
    columns = [ResultColumn.text("file"), ResultColumn.text("status")]
    columns += [ResultColumn.number(name) for name in ("rows_parsed", "rows_loaded", "error_limit", "errors_seen")]
    columns += [ResultColumn.text("first_error"), ResultColumn.number("first_error_line")]
    columns += [ResultColumn.number("first_error_character"), ResultColumn.text("first_error_column_name")]
    rows = []
    for file in (file for file in files if file.errors or not failed_only):
        status = "LOAD_FAILED" if file.failed else "PARTIALLY_LOADED" if file.errors else "LOADED"
        limit = file.rows if file.errors and not file.failed else 1
        counts = (file.rows, file.loaded, limit, file.errors)
        rows.append((file.name, status, *counts, file.first, file.line, None, file.column))
    return replace(Result.of(columns, rows), stats=Stats(sum(file.loaded for file in files)))


def width_error(rows: TextRows, width: int, listed: bool) -> tuple[int, str] | None:
    """The first record that has more or fewer fields than the table has columns: its place, and the error.

    :param listed: the statement names the columns. Then fields may be missing, and their columns are NULL
        (snowpark-python, test_dataframe_copy_into.py, test_copy_csv_copy_into_columns_without_transformation).
    """
    for index, row in enumerate(rows.rows):
        if len(row) > width or (len(row) < width and not listed):
            return index, (
                f"Number of columns in file ({len(row)}) does not match that of the corresponding table ({width}), use "
                "file format option error_on_column_count_mismatch=false to ignore this error"
            )
    return None


def misfits(
    ctx: Context,
    chosen: str,
    found: Mapping[str, TextRows],
    table: Table,
    columns: Sequence[TableColumn],
    *,
    strict: bool,
    listed: bool,
    cut: bool,
) -> dict[str, dict[int, tuple[str, str | None]]]:
    """The records that cannot be loaded, by file and number: why, and for which column.

    :param chosen: the stage reference that means the files.
    :param columns: those of the table that the fields are for.
    :param strict: whether each record must have as many fields as there are columns.
    :param listed: whether the statement names the columns (:func:`width_error`).
    :param cut: whether text that is too long is cut, and so fits.
    """
    bad: dict[str, dict[int, tuple[str, str | None]]] = {path: {} for path in found}
    for path, rows in found.items() if strict else ():
        for number, row in zip(rows.numbers, rows.rows, strict=True):
            if wrong := width_error(TextRows([row]), len(columns), listed):
                bad[path][number] = (wrong[1], None)
    for position, column in enumerate(columns, 1):
        if column.type.startswith("VARCHAR"):
            condition = "FALSE" if cut else f"LENGTH(${position}) > {column.type[8:-1]}"
        elif column.type.startswith(_AS_IT_IS):
            continue
        else:
            condition = f"${position} IS NOT NULL AND TRY_CAST(${position} AS {column.type}) IS NULL"
        if not column.nullable:
            condition += f" OR ${position} IS NULL"
        select = f"SELECT {FILENAME}, {ROW_NUMBER}, ${position} FROM {text_literal(chosen)} WHERE {condition}"
        _, reader = queries.query(ctx, select)
        for path, number, value in zip(*(c.to_pylist() for c in reader.read_all().columns), strict=True):
            reason = f"'{value}' does not fit {column.type}" if value is not None else "NULL in a NOT NULL column"
            bad[path].setdefault(int(number), (reason, f'"{table.name}"["{column.name}":{position}]'))
    return bad
