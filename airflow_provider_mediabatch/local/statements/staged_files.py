"""Files as relations: ``FROM @stage/path (…)``, ``DIRECTORY(@stage)`` and ``INFER_SCHEMA(…)``.

Each gives DuckDB a query over the files themselves, so a million rows are filtered and joined as a set.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from airflow_provider_mediabatch.core.sql import quoted
from airflow_provider_mediabatch.local.errors import SnowflakeError, invalid_argument, not_supported
from airflow_provider_mediabatch.local.session.access import require_file_access
from airflow_provider_mediabatch.local.session.stage_reference import resolve_stage
from airflow_provider_mediabatch.local.sql import transactions
from airflow_provider_mediabatch.local.sql.staged_values import TIME_FORMATS
from airflow_provider_mediabatch.local.sql.table_sources import arguments, relation, stage_reference, table_source
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn
from airflow_provider_mediabatch.local.statements.file_format_clause import read_format
from airflow_provider_mediabatch.local.statements.parquet_options import Reading, is_time, times
from airflow_provider_mediabatch.local.statements.staged_text import format_of, inferred, rows_of, text_query
from airflow_provider_mediabatch.local.stores.stages import directory
from airflow_provider_mediabatch.local.stores.stages import files as stage_files
from airflow_provider_mediabatch.local.stores.tables.text import text_literal

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.stores.stages.stage import Stage

FILENAME, ROW_NUMBER = "METADATA$FILENAME", "METADATA$FILE_ROW_NUMBER"
_FILE_COLUMNS = ("METADATA$FILE_CONTENT_KEY", "METADATA$FILE_LAST_MODIFIED", "METADATA$START_SCAN_TIME")
_CHOSEN = "@mb:"


@contextmanager
def chosen_files(ctx: Context, stage: Stage, paths: Sequence[str], options: dict[str, Any]) -> Iterator[str]:
    """A stage reference that means exactly these files while the context lasts: COPY loads only what is new."""
    key = f"{_CHOSEN}{secrets.token_hex(8)}"
    ctx.session.temporary[key] = (stage, list(paths), options)
    try:
        yield key
    finally:
        del ctx.session.temporary[key]


@table_source("STAGE")
def staged_files(ctx: Context, node: exp.Expression) -> str:
    """``FROM @stage[/path] (FILE_FORMAT => …, PATTERN => …)``: the files' and METADATA$ columns."""
    reference, given = stage_reference(node)
    if reference.startswith(_CHOSEN):
        stage, paths, options = ctx.session.temporary[reference]
    else:
        stage, path = resolve_stage(ctx, reference)
        require_file_access(ctx, stage)
        options = read_format(ctx, given.get("FILE_FORMAT"), stage, "reading staged")
        pattern = given.get("PATTERN")
        paths = below(stage, path, str(pattern) if pattern is not None else None)
    if options["TYPE"] == "PARQUET":
        return _with_metadata(ctx, node, stage, paths, parquet_query(ctx, stage, paths, options))
    node.meta[TIME_FORMATS] = format_of(options).times
    query = text_query(ctx, stage, paths, options, (FILENAME, ROW_NUMBER))
    return _with_metadata(ctx, node, stage, paths, query)


def _with_metadata(ctx: Context, node: exp.Expression, stage: Stage, paths: Sequence[str], query: str) -> str:
    """The query with the columns that say more of a row's file, where the statement names one of them."""
    if not any(column.name.upper() in _FILE_COLUMNS for column in node.root().find_all(exp.Column)):
        return query
    files = [stage_files.StagedFile(path, *_size_and_time(stage, path)) for path in paths]
    ctx.stores.stages.digests.fill(stage, files)
    name = f"mb_files_{secrets.token_hex(8)}"
    table = pa.table(
        {
            "path": pa.array([file.path for file in files], pa.string()),
            _FILE_COLUMNS[0]: pa.array([file.md5 for file in files], pa.string()),
            _FILE_COLUMNS[1]: pa.array([file.mtime_ns // 1000 for file in files], pa.timestamp("us")),
        }
    )
    transactions.of(ctx.session).register(name, table)
    more = f'mb_files.* EXCLUDE (path), NOW() AS "{_FILE_COLUMNS[2]}"'
    return f'SELECT mb_rows.*, {more} FROM ({query}) AS mb_rows JOIN {name} AS mb_files ON path = "{FILENAME}"'


def _size_and_time(stage: Stage, path: str) -> tuple[int, int]:
    status = stage.path(path).stat()
    return status.st_size, status.st_mtime_ns


def below(stage: Stage, path: str, pattern: str | None) -> list[str]:
    """The files that a query or COPY reads: not empty, below a path, the rest of their name matching the pattern.

    As Snowflake does for loading, the pattern is applied to what follows the location's path. Names that begin with an
    underscore (``_SUCCESS``) are markers, not data.
    """
    regex = stage_files.pattern(pattern)
    found = [file.path for file in stage_files.walk(stage, path) if file.size]
    if regex is None:
        return [name for name in found if not name.rpartition("/")[2].startswith("_")]
    return [name for name in found if regex.fullmatch(name[len(path) :].lstrip("/")) or regex.fullmatch(name)]


def parquet_query(ctx: Context, stage: Stage, paths: Sequence[str], options: dict[str, Any]) -> str:
    """DuckDB SQL over Parquet files, as the file format's options say: nested columns are JSON, missing ones NULL."""
    reading = Reading.of(options)
    if not paths:
        return f'SELECT NULL::VARCHAR AS "{FILENAME}", NULL::BIGINT AS "{ROW_NUMBER}" WHERE FALSE'
    files = [str(stage.path(path)) for path in paths]
    source = (
        f"read_parquet([{', '.join(map(text_literal, files))}], union_by_name = true, hive_partitioning = false, "
        f"filename = 'mb file name', file_row_number = true)"
    )
    relation = ctx.session.duckdb.sql(f"SELECT * FROM {source}")
    kinds = dict(zip(relation.columns, relation.types, strict=True))
    moments = times(ctx.session.duckdb, files) if any(is_time(str(kind)) for kind in kinds.values()) else {}
    projections = []
    for name, kind in kinds.items():
        column = quoted(name)
        if name == "mb file name":
            column, name = f"substr({column}, {len(str(stage.root)) + 2})", FILENAME
        elif name == "file_row_number":
            # A column named like DuckDB's own row number gets another name from it.
            column, name = f"{column} + 1", ROW_NUMBER
        else:
            column = reading.value(column, kind, moments.get(name))
        projections.append(f"{column} AS {quoted(name)}")
    return f"SELECT {', '.join(projections)} FROM {source}"


@table_source("DIRECTORY")
def directory_table(ctx: Context, node: exp.Expression) -> str:
    """``DIRECTORY(@stage)``: what the last REFRESH registered."""
    reference, _ = stage_reference(node)
    stage, path = resolve_stage(ctx, reference)
    if path:
        raise invalid_argument(f"DIRECTORY takes a stage without a path, not '{reference}'")
    require_file_access(ctx, stage)
    file = directory.file(ctx.stores.stages, stage)
    columns = directory.columns_sql(ctx.stores.links.stage_url(stage))
    return f"SELECT {columns} FROM read_parquet({text_literal(str(file))})"


_SCHEMA_COLUMNS = [
    ResultColumn.text("COLUMN_NAME"),
    ResultColumn.text("TYPE"),
    ResultColumn.boolean("NULLABLE"),
    ResultColumn.text("EXPRESSION"),
    ResultColumn.text("FILENAMES"),
    ResultColumn.number("ORDER_ID"),
]


@table_source("INFER_SCHEMA")
def infer_schema(ctx: Context, node: exp.Expression) -> str:
    """``INFER_SCHEMA(LOCATION => '@…', FILE_FORMAT => '…' [, FILES => (…)] [, IGNORE_CASE => …])`` of Parquet."""
    _, given = arguments(node)
    if "LOCATION" not in given or "FILE_FORMAT" not in given:
        raise invalid_argument("INFER_SCHEMA needs LOCATION and FILE_FORMAT")
    for name in given.keys() - {"LOCATION", "FILE_FORMAT", "FILES", "IGNORE_CASE"}:
        raise not_supported(f"{name} in INFER_SCHEMA")
    stage, path = resolve_stage(ctx, str(given["LOCATION"]))
    require_file_access(ctx, stage)
    options = read_format(ctx, given["FILE_FORMAT"], stage, "inferring the schema of")
    files = given.get("FILES")
    if isinstance(files, str):
        files = [files]
    paths = listed(stage, path, files) if isinstance(files, list) else below(stage, path, None)
    if options["TYPE"] != "PARQUET":
        return relation(ctx, _text_schema(stage, paths, options, bool(given.get("IGNORE_CASE"))))
    columns: dict[str, tuple[list[pa.Field], list[str], int]] = {}
    for name in paths:
        for position, field in enumerate(_schema(stage, name)):
            key = field.name.upper() if given.get("IGNORE_CASE") else field.name
            fields, filenames, _ = columns.setdefault(key, ([], [], position))
            fields.append(field)
            filenames.append(name)
    reading = Reading.of(options)
    some_time = any(pa.types.is_temporal(field.type) for fields, *_ in columns.values() for field in fields)
    moments = times(ctx.session.duckdb, [str(stage.path(name)) for name in paths]) if some_time else {}
    rows = []
    for name, (fields, filenames, position) in columns.items():
        moment = moments.get(fields[0].name)
        kind = reading.inferred(moment) if moment else _snowflake_type(fields[0].type, reading)
        nullable = any(field.nullable for field in fields) or len(filenames) < len(paths)
        rows.append((name, kind, nullable, f"$1:{name}::{kind}", ", ".join(filenames), position))
    return relation(ctx, Result.of(_SCHEMA_COLUMNS, rows))


def _text_schema(stage: Stage, paths: Sequence[str], options: dict[str, Any], ignore_case: bool) -> Result:
    """INFER_SCHEMA of CSV and JSON: a column whose types differ from file to file is TEXT, or VARIANT in JSON."""
    found: dict[str, tuple[list[str], list[str], int]] = {}
    for path, rows in rows_of(stage, paths, options).items():
        for position, (name, kind) in enumerate(inferred(rows, options)):
            kinds, files, _ = found.setdefault(name.upper() if ignore_case else name, ([], [], position))
            kinds.append(kind)
            files.append(path)
    rows_found = []
    for name, (kinds, files, position) in found.items():
        kind = kinds[0] if len(set(kinds)) == 1 else "VARIANT" if options["TYPE"] == "JSON" else "TEXT"
        value = f"$1:{name}" if options["TYPE"] == "JSON" else f"${position + 1}"
        rows_found.append((name, kind, True, f"{value}::{kind}", ", ".join(files), position))
    return Result.of(_SCHEMA_COLUMNS, rows_found)


def listed(stage: Stage, path: str, files: Sequence[Any]) -> list[str]:
    """Files named relative to the location, or as LIST names them, which is how Snowpark passes them on.

    :raises SnowflakeError: naming the first that is not there.
    """
    base = path if not path or path.endswith("/") else path + "/"
    found = []
    for file in map(str, files):
        candidates = (base + file, file.removeprefix(stage.url_prefix))
        name = next((candidate for candidate in candidates if stage.path(candidate).is_file()), None)
        if name is None:
            raise SnowflakeError(91016, "22000", f"Remote file '{stage.url_prefix}{base}{file}' was not found.")
        found.append(name)
    return found


def _schema(stage: Stage, path: str) -> pa.Schema:
    try:
        return pq.read_schema(os.fspath(stage.path(path)))
    except (pa.ArrowInvalid, OSError) as error:
        raise SnowflakeError(
            100142, "22000", f"Error parsing the parquet file: {stage.url_prefix}{path}: {error}"
        ) from None


def _snowflake_type(kind: pa.DataType, reading: Reading) -> str:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_decimal(kind):
        return f"NUMBER({kind.precision}, {kind.scale})"
    checks = (
        (pa.types.is_boolean, "BOOLEAN"),
        (pa.types.is_integer, "NUMBER(38, 0)"),
        (pa.types.is_duration, "NUMBER(38, 0)"),  # only Arrow, beside Parquet's own schema, has it for a duration
        (pa.types.is_floating, "REAL"),
        (pa.types.is_date, "DATE"),
        (pa.types.is_nested, "VARIANT"),
    )
    for check, name in checks:
        if check(kind):
            return name
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return "TEXT" if reading.text and not reading.logical else "BINARY"
    return "TEXT"
