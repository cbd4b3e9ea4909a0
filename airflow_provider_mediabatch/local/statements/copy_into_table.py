"""COPY INTO a table from staged files: each new file once, by an INSERT over the files as one relation."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_mediabatch.core.sql import qualified, quoted
from airflow_provider_mediabatch.local.errors import SnowflakeError, invalid_argument, not_supported, syntax_error
from airflow_provider_mediabatch.local.lexer import Cursor
from airflow_provider_mediabatch.local.session.access import require_file_access
from airflow_provider_mediabatch.local.session.stage_reference import resolve_stage
from airflow_provider_mediabatch.local.sql import transactions
from airflow_provider_mediabatch.local.sql.dml import columns_of
from airflow_provider_mediabatch.local.sql.errors import translated
from airflow_provider_mediabatch.local.sql.execute import run_sql
from airflow_provider_mediabatch.local.sql.insert import insert_rows
from airflow_provider_mediabatch.local.sql.parse import parse
from airflow_provider_mediabatch.local.statement_result import Result
from airflow_provider_mediabatch.local.statements import options
from airflow_provider_mediabatch.local.statements import staged_files as stage_sources
from airflow_provider_mediabatch.local.statements.copy_options import OPTIONS, on_error_of, truncated, truncates
from airflow_provider_mediabatch.local.statements.copy_report import FileReport, misfits, report, width_error
from airflow_provider_mediabatch.local.statements.file_format_clause import read_format
from airflow_provider_mediabatch.local.statements.staged_text import ROWS, format_of, inferred, rows_of
from airflow_provider_mediabatch.local.statements.text_files import TextRows
from airflow_provider_mediabatch.local.statements.transfer import stage_reference
from airflow_provider_mediabatch.local.stores.stages.files import StagedFile
from airflow_provider_mediabatch.local.stores.tables import load_history

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.stores.stages.stage import Stage
    from airflow_provider_mediabatch.local.stores.tables.table import Table, TableColumn

_DATA_EXCEPTION = "22"  # how the SQLSTATE of a value that does not fit begins
_SEMI_STRUCTURED = ("VARIANT", "OBJECT", "ARRAY")


def load_table(ctx: Context, cursor: Cursor) -> Result:
    """``COPY INTO table [(columns)] FROM {@stage/path | (SELECT $1:… FROM @stage/path)} [options]``.

    Files are Parquet, CSV or JSON. Those that the table has loaded before are left out unless FORCE = TRUE. All of them
    are loaded or none. With ON_ERROR = CONTINUE or SKIP_FILE, files that cannot be read are left out and reported, and
    records of CSV that do not fit the table, or their files. Other rows that cannot be loaded are refused by name.
    """
    name = ctx.qualify(cursor.name())
    columns = _column_list(cursor)
    reference, query = _source(cursor, name)
    given = options.options(cursor, OPTIONS)
    cursor.expect_end()
    on_error, cut = on_error_of(given, query), truncates(given)
    failed_only = options.boolean("RETURN_FAILED_ONLY", given.get("RETURN_FAILED_ONLY", False))
    stage, path = resolve_stage(ctx, reference)
    require_file_access(ctx, stage)
    file_format = read_format(ctx, given.get("FILE_FORMAT"), stage, "loading")
    transaction = transactions.of(ctx.session)
    with transaction.loading(ctx, _table(ctx, name).physical):
        table = _table(ctx, name)  # again, because it may be another one after a wait
        found = _files(ctx, stage, path, given, table)
        if not found:
            return _nothing(ctx, _declared(table, columns), given)
        reports, texts = _examined(stage, found, file_format, on_error)
        paths = [path for path, file in reports.items() if not file.failed]
        if file_format["TYPE"] == "CSV" and query is None and paths:
            _check_records(ctx, stage, file_format | {ROWS: texts}, table, columns, reports, on_error, cut)
            paths = [path for path, file in reports.items() if not file.failed]
        if not paths:
            return report(list(reports.values()), failed_only)
        with stage_sources.chosen_files(ctx, stage, paths, file_format | ({ROWS: texts} if texts else {})) as chosen:
            if query is not None:
                select = query.format(stage=f"'{chosen}'")
            else:
                columns, select = _projection(ctx, table, columns, chosen, stage, paths, given, file_format, texts)
            if cut:
                select = truncated(select, _declared(table, columns))
            if "VALIDATION_MODE" in given:
                return _preview(ctx, table, columns, select, given)
            files = [file for file in found if file.path in paths]
            _insert(ctx, table, columns, select, stage, files, on_error)
        if options.boolean("PURGE", given.get("PURGE", False)):
            transaction.after_commit(lambda: _purge(stage, files))
    return report(list(reports.values()), failed_only)


def _insert(
    ctx: Context, table: Table, columns: list[str], select: str, stage: Stage, files: list[StagedFile], on_error: str
) -> None:
    """The rows and, in the same transaction, the note that the files are loaded."""
    into = f" ({', '.join(quoted(column) for column in columns)})" if columns else ""
    sql = f"INSERT INTO {qualified(table.database, table.schema, table.name)}{into} {select}"
    try:
        with translated(ctx):
            insert_rows(
                replace(ctx, bindings={}),
                parse(sql),
                also=lambda connection: load_history.record(connection, table, stage.id, files),
            )
    except SnowflakeError as error:
        if on_error != "ABORT_STATEMENT" and error.sqlstate.startswith(_DATA_EXCEPTION):
            raise not_supported(f"ON_ERROR = {on_error} with rows that cannot be loaded: {error.message}") from None
        raise


def _purge(stage: Stage, files: list[StagedFile]) -> None:
    """Remove files that are loaded, unless they have been replaced since. Snowflake reports no failure of it either."""
    for file in files:
        path = stage.path(file.path)
        with contextlib.suppress(OSError):
            status = path.stat()
            if (status.st_size, status.st_mtime_ns) == (file.size, file.mtime_ns):
                path.unlink()


def _table(ctx: Context, name: tuple[str, str, str]) -> Table:
    """The table to load. Snowpark's write_pandas looks at how the text ends that says that there is none."""
    table: Table | None = ctx.session.tables.find(*name)
    if table is None:
        raise SnowflakeError(2003, "02000", f"SQL compilation error:\nTable '{qualified(*name)}' does not exist")
    return table


def _nothing(ctx: Context, columns: list[TableColumn], given: dict[str, Any]) -> Result:
    """The answer where no file is to be loaded."""
    if "VALIDATION_MODE" not in given:
        return Result.status("Copy executed with 0 files processed.")
    values = ", ".join(f"NULL::{c.type} AS {quoted(c.name)}" for c in columns)
    return run_sql(replace(ctx, bindings={}), f"SELECT {values} LIMIT 0")


def _preview(ctx: Context, table: Table, columns: list[str], select: str, given: dict[str, Any]) -> Result:
    """VALIDATION_MODE = RETURN_n_ROWS: the first rows as they would be loaded."""
    names = [f"MB{position}" for position in range(len(columns))]
    types = {column.name: column.type for column in table.columns}
    values = ", ".join(f"{n}::{types[c]} AS {quoted(c)}" for n, c in zip(names, columns, strict=True))
    count = str(given["VALIDATION_MODE"]).split("_")[1]
    sql = f"SELECT {values} FROM ({select}) AS MB_ROWS ({', '.join(names)}) LIMIT {count}"
    return run_sql(replace(ctx, bindings={}), sql)


def _examined(
    stage: Stage, files: list[StagedFile], file_format: dict[str, Any], on_error: str
) -> tuple[dict[str, FileReport], dict[str, TextRows]]:
    """What there is to say of each file before it is loaded, and the rows of text files.

    :raises SnowflakeError: for a file that cannot be read, unless ON_ERROR leaves it out.
    """
    reports: dict[str, FileReport] = {}
    texts: dict[str, TextRows] = {}
    for file in files:
        name = stage.url_prefix + file.path
        try:
            if file_format["TYPE"] == "PARQUET":
                reports[file.path] = FileReport(name, _parquet_rows(stage, file))
            else:
                texts |= rows_of(stage, [file.path], file_format)
                reports[file.path] = FileReport(name, len(texts[file.path].rows))
        except SnowflakeError as error:
            if on_error == "ABORT_STATEMENT" or not error.sqlstate.startswith(_DATA_EXCEPTION):
                raise
            reports[file.path] = FileReport(name, errors=1, first=error.message, failed=True)
    return reports, texts


def _check_records(
    ctx: Context,
    stage: Stage,
    file_format: dict[str, Any],
    table: Table,
    names: list[str],
    reports: dict[str, FileReport],
    on_error: str,
    cut: bool,
) -> None:
    """Find the records of CSV that do not fit; with ON_ERROR they, or their files, are left out and reported.

    :raises SnowflakeError: 100080 for a record with more or fewer fields than the table has columns.
    """
    form, texts, columns = format_of(file_format), file_format[ROWS], _declared(table, names)
    if on_error == "ABORT_STATEMENT":
        for path, rows in texts.items() if form.strict_width and not form.header else ():
            if wrong := width_error(rows, len(columns), bool(names)):
                message = f"{wrong[1]}\n  File '{stage.url_prefix}{path}', line {rows.numbers[wrong[0]]}"
                raise SnowflakeError(100080, "22000", message)
        return
    with stage_sources.chosen_files(ctx, stage, list(texts), file_format) as chosen:
        strict, listed = form.strict_width, bool(names)
        bad = misfits(ctx, chosen, texts, table, columns, strict=strict, listed=listed, cut=cut)
    for path, found in bad.items():
        if not found:
            continue
        line = min(found)
        why, column = found[line]
        reports[path] = replace(
            reports[path],
            errors=len(found),
            first=why,
            line=line,
            column=column,
            failed=on_error == "SKIP_FILE" or len(found) == reports[path].rows,
        )
        kept = [(n, row) for n, row in zip(texts[path].numbers, texts[path].rows, strict=True) if n not in found]
        texts[path] = TextRows([row for _, row in kept], [n for n, _ in kept], texts[path].header)


def _source(cursor: Cursor, table: tuple[str, str, str]) -> tuple[str, str | None]:
    """The stage, and the query over it if there is one; without FROM it is the table's own stage."""
    if not cursor.accept("FROM"):
        return f"@{qualified(*table[:2])}.%{quoted(table[2])}", None
    token = cursor.peek()
    if token is not None and token.value == "(":
        return _of_query(cursor.parenthesised())
    return stage_reference(cursor), None


def _column_list(cursor: Cursor) -> list[str]:
    columns: list[str] = []
    if cursor.accept("("):
        while not cursor.accept(")"):
            columns.append(cursor.identifier())
            cursor.accept(",")
    return columns


def _of_query(query: str) -> tuple[str, str]:
    """The stage of ``SELECT … FROM @stage [alias]``, and the query with ``{stage}`` in its place."""
    inner = Cursor(query)
    for position, token in enumerate(inner.tokens):
        previous = inner.tokens[position - 1] if position else None
        is_stage = token.kind == "stage" or (token.kind == "string" and token.value.startswith("@"))
        if is_stage and previous is not None and previous.is_word("FROM"):
            before, after = (
                part.replace("{", "{{").replace("}", "}}") for part in (query[: token.start], query[token.end :])
            )
            return token.value, f"{before}{{stage}}{after}"
    raise syntax_error("COPY INTO a table loads from a stage: FROM @stage or FROM (SELECT … FROM @stage)")


def _files(ctx: Context, stage: Stage, path: str, given: dict[str, Any], table: Table) -> list[StagedFile]:
    names = given.get("FILES")
    if isinstance(names, list):
        chosen = stage_sources.listed(stage, path, names)
    else:
        chosen = stage_sources.below(stage, path, given.get("PATTERN"))
    files = []
    for name in chosen:
        status = stage.path(name).stat()
        files.append(StagedFile(name, status.st_size, status.st_mtime_ns))
    ctx.stores.stages.digests.fill(stage, files)
    if options.boolean("FORCE", given.get("FORCE", False)) or "VALIDATION_MODE" in given:
        return files
    return load_history.unloaded(ctx.session.duckdb, table, stage.id, files)


def _parquet_rows(stage: Stage, file: StagedFile) -> int:
    try:
        return int(pq.read_metadata(os.fspath(stage.path(file.path))).num_rows)
    except (pa.ArrowInvalid, OSError) as error:
        why = f"Error parsing the parquet file: {stage.url_prefix}{file.path}: {error}"
        raise SnowflakeError(100142, "22000", why) from None


def _declared(table: Table, columns: list[str]) -> list[TableColumn]:
    """The table's columns, or those that the statement names, in its order.

    :raises SnowflakeError: 000904 for a name that is none.
    """
    return columns_of(table, columns or None)


def _projection(
    ctx: Context,
    table: Table,
    columns: list[str],
    chosen: str,
    stage: Stage,
    paths: list[str],
    given: dict[str, Any],
    file_format: dict[str, Any],
    texts: dict[str, TextRows],
) -> tuple[list[str], str]:
    """The INSERT's columns and SELECT without a query of the user's.

    They are the fields of CSV, one VARIANT column, or MATCH_BY_COLUMN_NAME.
    """
    match = str(given.get("MATCH_BY_COLUMN_NAME", "NONE")).upper()
    declared = _declared(table, columns)
    kind = file_format["TYPE"]
    if match == "NONE" and kind == "CSV":
        formats = format_of(file_format).times
        values = [
            f"${n}::{c.type}" if c.type.partition("(")[0].partition("_")[0] in formats else f"${n}"
            for n, c in enumerate(declared, 1)
        ]
        return [column.name for column in declared], f"SELECT {', '.join(values)} FROM '{chosen}'"
    if match == "NONE":
        if len(declared) != 1 or declared[0].type.upper() not in _SEMI_STRUCTURED:
            raise invalid_argument(
                f"{kind} file format can produce one and only one column of type variant, object, or array. Load data "
                "into separate columns using the MATCH_BY_COLUMN_NAME copy option or copy with transformation."
            )
        return [declared[0].name], f"SELECT $1 FROM '{chosen}'"
    if match not in ("CASE_SENSITIVE", "CASE_INSENSITIVE"):
        raise invalid_argument(f"invalid value '{match}' for property 'MATCH_BY_COLUMN_NAME'")
    fold = str if match == "CASE_SENSITIVE" else str.upper
    fields: dict[str, str] = {}
    for path in paths:
        if kind == "PARQUET":
            names = pq.read_schema(os.fspath(stage.path(path))).names
            fields |= {fold(name): f"$1:{quoted(name)}" for name in names}
        elif kind == "CSV":
            fields |= {fold(name): f"${position}" for position, name in enumerate(texts[path].header, 1)}
        else:
            names = [name for name, _ in inferred(texts[path], file_format)]
            fields |= {fold(name): f"$1:{quoted(name)}" for name in names}
    pairs = [(column, fields[fold(column.name)]) for column in declared if fold(column.name) in fields]
    if not pairs:
        raise invalid_argument(f"no column of the files matches a column of table {table.full_name} by name ({match})")
    selected = [
        value if column.type.upper() in _SEMI_STRUCTURED else f"{value}::{column.type}" for column, value in pairs
    ]
    return [column.name for column, _ in pairs], f"SELECT {', '.join(selected)} FROM '{chosen}'"
