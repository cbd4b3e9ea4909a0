"""COPY INTO a table from staged Parquet: each new file once, by an INSERT over the files as one relation."""

from __future__ import annotations

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
from airflow_provider_mediabatch.local.sql.execute import run_sql
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn, Stats
from airflow_provider_mediabatch.local.statements import options
from airflow_provider_mediabatch.local.statements import staged_files as stage_sources
from airflow_provider_mediabatch.local.statements.file_format_clause import parquet_format
from airflow_provider_mediabatch.local.statements.transfer import stage_reference
from airflow_provider_mediabatch.local.stores.stages.files import StagedFile

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.stores.stages.stage import Stage
    from airflow_provider_mediabatch.local.stores.tables.table import Table

_OPTIONS = (
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
_DATA_EXCEPTION = "22"  # how the SQLSTATE of a value that does not fit begins
_SEMI_STRUCTURED = ("VARIANT", "OBJECT", "ARRAY")


def load_table(ctx: Context, cursor: Cursor) -> Result:
    """``COPY INTO table [(columns)] FROM {@stage/path | (SELECT $1:… FROM @stage/path)} [options]`` of Parquet files.

    Files that the table has loaded before are left out unless FORCE = TRUE. All of them are loaded or none. With
    ON_ERROR = CONTINUE or SKIP_FILE, files that are no Parquet are left out and reported; rows that cannot be loaded
    are refused by name.
    """
    name = ctx.qualify(cursor.name())
    columns = _column_list(cursor)
    cursor.expect("FROM")
    token = cursor.peek()
    if token is not None and token.value == "(":
        query: str | None = cursor.parenthesised()
        reference, query = _of_query(str(query))
    else:
        reference, query = stage_reference(cursor), None
    given = options.options(cursor, _OPTIONS)
    cursor.expect_end()
    options.refuse(given, ("VALIDATION_MODE", "SIZE_LIMIT", "INCLUDE_METADATA"), "COPY INTO a table")
    on_error = str(given.get("ON_ERROR", "ABORT_STATEMENT")).upper()
    if on_error not in ("ABORT_STATEMENT", "CONTINUE", "SKIP_FILE"):
        raise not_supported(f"ON_ERROR = {given['ON_ERROR']} in COPY INTO")
    stage, path = resolve_stage(ctx, reference)
    require_file_access(ctx, stage)
    file_format = parquet_format(ctx, given.get("FILE_FORMAT"), stage, "loading")
    table: Table = ctx.session.tables.get(*name)
    found = _files(ctx, stage, path, given, table)
    if not found:
        return Result.status("Copy executed with 0 files processed.")
    counts = [_rows(stage, file, on_error) for file in found]
    files = [file for file, count in zip(found, counts, strict=True) if isinstance(count, int)]
    if not files:
        return _report(stage, found, counts)
    paths = [file.path for file in files]
    with stage_sources.chosen_files(ctx, stage, paths, file_format) as chosen:
        if query is not None:
            select = query.format(stage=f"'{chosen}'")
        else:
            columns, select = _projection(ctx, table, columns, chosen, stage, paths, given)
        target = qualified(*name)
        into = f" ({', '.join(quoted(column) for column in columns)})" if columns else ""
        try:
            run_sql(replace(ctx, bindings={}), f"INSERT INTO {target}{into} {select}")
        except SnowflakeError as error:
            if on_error != "ABORT_STATEMENT" and error.sqlstate.startswith(_DATA_EXCEPTION):
                raise not_supported(f"ON_ERROR = {on_error} with rows that cannot be loaded: {error.message}") from None
            raise
    ctx.stores.stages.loads.record(table.full_name, table.created_on, stage.id, files)
    if options.boolean("PURGE", given.get("PURGE", False)):
        for file in files:
            stage.path(file.path).unlink(missing_ok=True)
    return _report(stage, found, counts)


def _report(stage: Stage, files: list[StagedFile], counts: list[int | str]) -> Result:
    """One row for each file.

    :param counts: the rows that were loaded, or why the file cannot be read.
    """
    names = ("rows_parsed", "rows_loaded", "error_limit", "errors_seen")
    more = (
        ResultColumn.number("first_error_line"),
        ResultColumn.number("first_error_character"),
        ResultColumn.text("first_error_column_name"),
    )
    loaded = Result.of(
        [
            ResultColumn.text("file"),
            ResultColumn.text("status"),
            *map(ResultColumn.number, names),
            ResultColumn.text("first_error"),
            *more,
        ],
        [
            (
                (stage.url_prefix + file.path, "LOADED", count, count, 1, 0, None, None, None, None)
                if isinstance(count, int)
                else (stage.url_prefix + file.path, "LOAD_FAILED", 0, 0, 1, 1, count, None, None, None)
            )
            for file, count in zip(files, counts, strict=True)
        ],
    )
    return replace(loaded, stats=Stats(sum(count for count in counts if isinstance(count, int))))


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
    if options.boolean("FORCE", given.get("FORCE", False)):
        return files
    unloaded: list[StagedFile] = ctx.stores.stages.loads.unloaded(table.full_name, table.created_on, stage.id, files)
    return unloaded


def _rows(stage: Stage, file: StagedFile, on_error: str) -> int | str:
    """How many rows a file has; with ON_ERROR, why it cannot be read."""
    try:
        return int(pq.read_metadata(os.fspath(stage.path(file.path))).num_rows)
    except (pa.ArrowInvalid, OSError) as error:
        why = f"Error parsing the parquet file: {stage.url_prefix}{file.path}: {error}"
        if on_error != "ABORT_STATEMENT":
            return why
        raise SnowflakeError(100142, "22000", why) from None


def _projection(
    ctx: Context,
    table: Table,
    columns: list[str],
    chosen: str,
    stage: Stage,
    paths: list[str],
    given: dict[str, Any],
) -> tuple[list[str], str]:
    """The INSERT's columns and SELECT without a query of the user's: one VARIANT column, or MATCH_BY_COLUMN_NAME."""
    match = str(given.get("MATCH_BY_COLUMN_NAME", "NONE")).upper()
    declared = [column for column in table.columns if not columns or column.name in columns]
    if match == "NONE":
        if len(declared) != 1 or declared[0].type.upper() not in _SEMI_STRUCTURED:
            raise invalid_argument(
                "PARQUET file format can produce one and only one column of type variant, object, or array. Load data "
                "into separate columns using the MATCH_BY_COLUMN_NAME copy option or copy with transformation."
            )
        return [declared[0].name], f"SELECT $1 FROM '{chosen}'"
    if match not in ("CASE_SENSITIVE", "CASE_INSENSITIVE"):
        raise invalid_argument(f"invalid value '{match}' for property 'MATCH_BY_COLUMN_NAME'")
    fold = str if match == "CASE_SENSITIVE" else str.upper
    fields = {fold(name): name for path in paths for name in pq.read_schema(os.fspath(stage.path(path))).names}
    pairs = [(column, fields[fold(column.name)]) for column in declared if fold(column.name) in fields]
    if not pairs:
        raise invalid_argument(f"no column of the files matches a column of table {table.full_name} by name ({match})")
    selected = []
    for column, field in pairs:
        value = f"$1:{quoted(field)}"
        selected.append(value if column.type.upper() in _SEMI_STRUCTURED else f"{value}::{column.type}")
    return [column.name for column, _ in pairs], f"SELECT {', '.join(selected)} FROM '{chosen}'"
