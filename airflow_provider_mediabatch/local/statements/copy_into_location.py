"""COPY INTO @stage: a query's rows as files, written elsewhere and renamed into the stage when whole."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from airflow_provider_mediabatch.core.sql import quoted
from airflow_provider_mediabatch.local.errors import SnowflakeError, invalid_argument, not_supported, syntax_error
from airflow_provider_mediabatch.local.move_file import move_files
from airflow_provider_mediabatch.local.session.access import require_file_access
from airflow_provider_mediabatch.local.session.stage_reference import resolve_stage
from airflow_provider_mediabatch.local.sql import queries, transactions
from airflow_provider_mediabatch.local.sql.errors import translated
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn
from airflow_provider_mediabatch.local.statements import options, parquet_options
from airflow_provider_mediabatch.local.statements.file_format_clause import file_format
from airflow_provider_mediabatch.local.statements.transfer import stage_reference
from airflow_provider_mediabatch.local.statements.unloaded_text import TextOutput, TextWriter, Unloaded

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.lexer import Cursor
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.stores.stages.stage import Stage

_OPTIONS = (
    *("FILE_FORMAT", "OVERWRITE", "SINGLE", "MAX_FILE_SIZE", "INCLUDE_QUERY_ID", "DETAILED_OUTPUT"),
    *("HEADER", "VALIDATION_MODE", "ENCRYPTION", "STORAGE_INTEGRATION", "CREDENTIALS"),
)
_PARTITION = "MB$PARTITION"
_NULL_PARTITION = "_NULL_"
_MAX_FILE_SIZE = 16_777_216
_MAX_INTEGER_DIGITS = 18  # what surely fits 64 bits


@dataclass(frozen=True)
class _Target:
    stage: Stage
    path: str
    partition_by: str | None
    overwrite: bool
    single: bool
    include_query_id: bool
    detailed: bool
    header: bool
    max_file_size: int
    compression: str
    text: TextOutput | None

    @property
    def suffix(self) -> str:
        """What the names of files end with."""
        if self.text is not None:
            return self.text.extension
        return ".parquet" if self.compression == "UNCOMPRESSED" else ".snappy.parquet"


def unload(ctx: Context, cursor: Cursor) -> Result:
    """``COPY INTO @stage[/path] FROM {(query) | table} [PARTITION BY (expr)] [FILE_FORMAT = (…)] [options]``.

    Files are named ``data_0_0_0.snappy.parquet`` and on, with the query's id in the name for INCLUDE_QUERY_ID = TRUE
    and PARTITION BY; a path that does not end with a slash is what names begin with. OVERWRITE = TRUE replaces files of
    the same name only, without it such a file is an error. No rows, no file.
    """
    stage, path = resolve_stage(ctx, stage_reference(cursor))
    require_file_access(ctx, stage, write=True)
    if stage.object_kind != "STAGE":
        raise invalid_argument("rows cannot be unloaded into a model version")
    cursor.expect("FROM")
    before = sum(1 for token in cursor.tokens[: cursor.position] if token.kind == "op" and token.value == "?")
    token = cursor.peek()
    if token is not None and token.value == "(":
        query = cursor.parenthesised()
        bindings = {position - before: value for position, value in ctx.bindings.items() if position > before}
    else:
        start = cursor.position
        cursor.name()
        query = "SELECT * FROM " + cursor.sql[cursor.tokens[start].start : cursor.tokens[cursor.position - 1].end]
        bindings = dict(ctx.bindings)
    target = _target(ctx, cursor, stage, path)
    return _write(replace(ctx, bindings=bindings), query, target)


def _partition_by(cursor: Cursor) -> str | None:
    """The expression of PARTITION BY, which parentheses may be around; None without it."""
    if not cursor.accept("PARTITION", "BY"):
        return None
    start = cursor.position
    depth = 0
    while (token := cursor.peek()) is not None:
        if depth == 0 and token.kind == "word" and token.value.upper() in _OPTIONS and cursor.position > start:
            break
        depth += {"(": 1, ")": -1}.get(token.value, 0) if token.kind == "op" else 0
        cursor.next()
    if cursor.position == start:
        raise syntax_error("PARTITION BY needs an expression")
    return cursor.sql[cursor.tokens[start].start : cursor.tokens[cursor.position - 1].end]


def _target(ctx: Context, cursor: Cursor, stage: Stage, path: str) -> _Target:
    partition_by = _partition_by(cursor)
    given = options.options(cursor, _OPTIONS)
    if partition_by is None and (partition_by := _partition_by(cursor)) is not None:
        given |= options.options(cursor, _OPTIONS)
    cursor.expect_end()
    options.refuse(given, ("VALIDATION_MODE", "ENCRYPTION", "STORAGE_INTEGRATION", "CREDENTIALS"), "COPY INTO @stage")
    wanted = file_format(ctx, given.get("FILE_FORMAT"), stage)
    if wanted["TYPE"] not in ("PARQUET", "CSV", "JSON"):
        raise not_supported(f"unloading to {wanted['TYPE']} files, only PARQUET, CSV and JSON")

    def flag(key: str, default: bool = False) -> bool:
        return options.boolean(key, given.get(key, default))

    partitioned = partition_by is not None
    target = _Target(
        stage=stage,
        path=path,
        partition_by=partition_by,
        overwrite=flag("OVERWRITE"),
        single=flag("SINGLE"),
        include_query_id=flag("INCLUDE_QUERY_ID", partitioned),
        detailed=flag("DETAILED_OUTPUT"),
        header=flag("HEADER"),
        max_file_size=int(given.get("MAX_FILE_SIZE", _MAX_FILE_SIZE)),
        compression=_parquet_compression(wanted) if wanted["TYPE"] == "PARQUET" else "",
        text=None if wanted["TYPE"] == "PARQUET" else TextOutput.of(wanted),
    )
    if target.max_file_size <= 0:
        raise invalid_argument("MAX_FILE_SIZE must be a positive number of bytes")
    if partitioned and (target.overwrite or target.single or not target.include_query_id):
        raise invalid_argument(
            "PARTITION BY cannot be used with OVERWRITE = TRUE, SINGLE = TRUE or INCLUDE_QUERY_ID = FALSE"
        )
    if not partitioned and target.include_query_id and (target.overwrite or target.single):
        raise invalid_argument("INCLUDE_QUERY_ID = TRUE cannot be used with OVERWRITE = TRUE or SINGLE = TRUE")
    return target


def _parquet_compression(wanted: dict[str, Any]) -> str:
    """DuckDB's name of it."""
    parquet_options.check(wanted)
    compression = str(wanted.get("COMPRESSION", "SNAPPY")).upper()
    if compression == "AUTO" or options.boolean("SNAPPY_COMPRESSION", wanted.get("SNAPPY_COMPRESSION", False)):
        compression = "SNAPPY"
    if compression not in ("SNAPPY", "NONE"):
        raise not_supported(f"COMPRESSION = {compression} of unloaded Parquet, only SNAPPY and NONE")
    return "UNCOMPRESSED" if compression == "NONE" else compression


def _write(ctx: Context, query: str, target: _Target) -> Result:
    if target.partition_by is not None:
        query = f"SELECT *, TO_VARCHAR({target.partition_by}) AS {quoted(_PARTITION)} FROM ({query})"
    with _scratch(ctx) as folder, translated(ctx):
        text = queries.translate(ctx, query)
        with transactions.of(ctx.session).consuming(ctx):
            written = (_copy if target.text is None else _copy_text)(ctx, text, target, folder)
            placed = _place(ctx, target, written)
        transactions.of(ctx.session).after_read()
    rows, raw, size = (sum(getattr(file, part) for file in written) for part in ("rows", "raw", "size"))
    if target.detailed:
        columns = [ResultColumn.text("FILE_NAME"), ResultColumn.number("FILE_SIZE"), ResultColumn.number("ROW_COUNT")]
        return Result.of(columns, placed)
    names = ("rows_unloaded", "input_bytes", "output_bytes")
    return Result.of([ResultColumn.number(name) for name in names], [(rows, raw, size)])


@contextmanager
def _scratch(ctx: Context) -> Iterator[Path]:
    folder: Path = ctx.stores.stages.state_dir / "unload" / ctx.query_id
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy(ctx: Context, text: str, target: _Target, folder: Path) -> list[Unloaded]:
    """Let DuckDB write Parquet; the files that have rows."""
    connection = ctx.session.duckdb
    relation = connection.sql(text)
    columns = [column for column in queries.described(relation) if column.name != _PARTITION]
    for column in columns:
        if column.type in ("timestamp_tz", "timestamp_ltz"):
            raise SnowflakeError(
                100171,
                "22000",
                "Error encountered when unloading to PARQUET: TIMESTAMP_TZ and LTZ types are not supported for "
                f"unloading to Parquet. Column '{column.name}': cast it to TIMESTAMP_NTZ.",
            )
    physical = [str(kind) for kind in relation.types]
    settings = f"FORMAT PARQUET, COMPRESSION {target.compression}, RETURN_STATS TRUE"
    if target.partition_by is not None:
        settings += f", PARTITION_BY ({quoted(_PARTITION)})"
    elif not target.single:
        settings += f", FILE_SIZE_BYTES {target.max_file_size}"
    for attempt, narrow in enumerate((True, False)):
        names = [column.name if target.header else f"_COL_{position}" for position, column in enumerate(columns)]
        projections = [
            f"{_stored(column, physical[position], narrow)} AS {quoted(name)}"
            for position, (column, name) in enumerate(zip(columns, names, strict=True))
        ]
        if target.partition_by is not None:
            projections.append(quoted(_PARTITION))
        output = folder / f"part_{attempt}"
        try:
            done = connection.execute(
                f"COPY (SELECT {', '.join(projections)} FROM ({text}) AS mb_unload) TO '{output}' ({settings})"
            )
        except duckdb.ConversionException:
            if narrow:  # an integer of more than 64 bits
                continue
            raise
        names = [item[0] for item in done.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in done.fetchall()]
        rows.sort(
            key=lambda row: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", row["filename"])]
        )
        return [
            Unloaded(
                Path(row["filename"]), row["file_size_bytes"], row["file_size_bytes"], row["count"], _partition(row)
            )
            for row in rows
            if row["count"]
        ]
    raise AssertionError("the wide attempt returns or raises")


def _copy_text(ctx: Context, text: str, target: _Target, folder: Path) -> list[Unloaded]:
    """Write CSV or JSON; the files that have rows."""
    output = target.text
    assert output is not None
    relation = ctx.session.duckdb.sql(text)
    columns = queries.described(relation)
    partitioned = target.partition_by is not None
    names = [f"C{i}" for i in range(len(columns))]
    columns = columns[:-1] if partitioned else columns
    texts = output.projections(columns, names[: len(columns)]) + names[len(columns) :]
    listed = ", ".join(names)
    reader = ctx.session.duckdb.sql(f"SELECT {', '.join(texts)} FROM ({text}) AS mb_unload({listed})")
    head = output.head(columns) if target.header and output.kind == "CSV" else ""
    writer = TextWriter(output, folder, head, None if target.single else target.max_file_size)
    for batch in reader.to_arrow_reader(10_000):
        keys = batch.column(len(columns)).to_pylist() if partitioned else [None] * batch.num_rows
        for key, line in zip(keys, output.lines(columns, batch), strict=True):
            writer.write((_NULL_PARTITION if key is None else key) if partitioned else None, line)
    return writer.close()


def _partition(row: dict[str, Any]) -> str | None:
    keys = row.get("partition_keys")
    if not keys:
        return None
    value = next(iter(keys.values()))
    return _NULL_PARTITION if value is None else str(value)


def _stored(column: ResultColumn, physical: str, narrow: bool) -> str:
    """A column as its Parquet type: whole numbers as 64-bit integers where they fit, as Snowflake narrows them."""
    reference = quoted(column.name)
    if column.type == "fixed" and not column.scale and (physical == "HUGEINT" or physical.startswith("DECIMAL")):
        fits = (column.precision or 38) <= _MAX_INTEGER_DIGITS and physical != "HUGEINT"
        return f"CAST({reference} AS {'BIGINT' if narrow or fits else 'DECIMAL(38, 0)'})"
    if physical in ("JSON", "UUID"):
        return f"CAST({reference} AS VARCHAR)"
    return reference


def _place(ctx: Context, target: _Target, written: list[Unloaded]) -> list[tuple[str, int, int]]:
    """Rename the files into the stage under Snowflake's names."""
    counters: dict[str | None, int] = {}
    moves = []
    for file in written:
        index = counters.get(file.partition, 0)
        counters[file.partition] = index + 1
        if target.single:
            name = target.path if target.path and not target.path.endswith("/") else f"{target.path}data"
        else:
            name = (
                _prefix(target, file.partition)
                + (f"{ctx.query_id}_" if target.include_query_id else "")
                + f"0_0_{index}{target.suffix}"
            )
        moves.append((file, target.stage.path(name), name))
    if not move_files([(file.path, destination) for file, destination, _ in moves], overwrite=target.overwrite):
        raise SnowflakeError(
            1030,
            "22000",
            f"SQL compilation error:\nFiles already existing at the unload destination: @{target.stage.full_name}/"
            f"{target.path}. Use overwrite option to force unloading.",
        )
    return [(name, file.size, file.rows) for file, _, name in moves]


def _prefix(target: _Target, partition: str | None) -> str:
    """What file names begin with: ``path/data_``, ``path_``, or ``path/<partition>/data_``."""
    if partition is not None:
        base = target.path.rstrip("/")
        return f"{base}/{partition}/data_" if base else f"{partition}/data_"
    if not target.path or target.path.endswith("/"):
        return f"{target.path}data_"
    return target.path if target.path.endswith("_") else f"{target.path}_"
