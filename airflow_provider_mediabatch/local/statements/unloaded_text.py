"""Rows as CSV and JSON files of COPY INTO @stage.

Source: Snowflake's reference, page "COPY INTO <location>", sections "TYPE = CSV" and "TYPE = JSON"; its user guide,
page "Data unloading considerations".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from airflow_provider_mediabatch.core.sql import quoted
from airflow_provider_mediabatch.local.errors import SnowflakeError, not_supported
from airflow_provider_mediabatch.local.statement_result import ResultColumn
from airflow_provider_mediabatch.local.statements import text_options

_EXTENSIONS = {"GZIP": ".gz", "BZ2": ".bz2", "BROTLI": ".br", "ZSTD": ".zst", "NONE": ""}
_NESTED = ("variant", "object", "array")
_TEXTS = {
    "date": "MB_DATE_FORMATTED",
    "time": "MB_TIME_FORMATTED",
    "timestamp_ntz": "MB_NTZ_FORMATTED",
    "timestamp_ltz": "MB_LTZ_FORMATTED",
    "timestamp_tz": "MB_TZ_FORMATTED",
    "real": "MB_DOUBLE_TEXT",
    "binary": "HEX",
}


@dataclass(frozen=True)
class Unloaded:
    """One file that was written.

    :param size: its bytes.
    :param raw: its bytes before they were compressed.
    :param partition: the value of PARTITION BY, or None.
    """

    path: Path
    size: int
    raw: int
    rows: int
    partition: str | None


@dataclass(frozen=True)
class TextOutput:
    """How CSV or JSON is written: the options of its file format.

    :param null: what stands for NULL.
    :param empty: whether an empty string that is not enclosed is an empty field; otherwise it is an error.
    """

    kind: str
    compression: str
    extension: str
    record: str
    field: str
    enclosed: str | None
    escape: str | None
    null: str
    empty: bool

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> TextOutput:
        """The output that a FILE_FORMAT clause means.

        :raises SnowflakeError: by name for options that are not carried out.
        """
        found = text_options.check(given)
        kind = str(given["TYPE"])
        for name in ("DATE_FORMAT", "TIME_FORMAT", "TIMESTAMP_FORMAT"):
            if str(found[name]).upper() != "AUTO":
                raise not_supported(f"{name} of unloaded {kind} files: use TO_CHAR")
        if found.get("ESCAPE") is not None:
            raise not_supported("ESCAPE of unloaded CSV files")
        compression = "GZIP" if found["COMPRESSION"] == "AUTO" else found["COMPRESSION"]
        named = found["FILE_EXTENSION"]
        nulls = found["NULL_IF"] if isinstance(found["NULL_IF"], list) else [found["NULL_IF"]]
        return cls(
            kind=kind,
            compression=compression,
            extension=f".{str(named).lstrip('.')}" if named else f".{kind.lower()}{_EXTENSIONS[compression]}",
            record=found.get("RECORD_DELIMITER") or "\n",
            field=found.get("FIELD_DELIMITER") or "",
            enclosed=found.get("FIELD_OPTIONALLY_ENCLOSED_BY"),
            escape=found.get("ESCAPE_UNENCLOSED_FIELD"),
            null=str(nulls[0]) if nulls else "",
            empty=not found.get("EMPTY_FIELD_AS_NULL", True),
        )

    def projections(self, columns: Sequence[ResultColumn], names: Sequence[str]) -> list[str]:
        """DuckDB SQL for the text of each column.

        :param names: of DuckDB's columns.
        :raises SnowflakeError: for JSON, unless there is one column, and it is nested.
        """
        if self.kind == "JSON" and (len(columns) != 1 or columns[0].type not in _NESTED):
            raise SnowflakeError(
                1039,
                "22000",
                "SQL compilation error:\nJSON file format can produce one and only one column of type variant, object, "
                "or array. Use CSV file format if you want to load more than one column.",
            )
        made = []
        for column, name in zip(columns, names, strict=True):
            function = _TEXTS.get(column.type)
            made.append(f"{function}({quoted(name)})" if function else f"CAST({quoted(name)} AS VARCHAR)")
        return made

    def head(self, columns: Sequence[ResultColumn]) -> str:
        """The line of column names."""
        return self.field.join(self._field(column.name, True) for column in columns) + self.record

    def lines(self, columns: Sequence[ResultColumn], rows: pa.RecordBatch) -> Iterator[str]:
        """One line for each row of texts."""
        if self.kind == "JSON":
            yield from (f"{text if text is not None else 'null'}{self.record}" for text in rows.column(0).to_pylist())
            return
        strings = [column.type in ("text", *_NESTED) for column in columns]
        for row in zip(*(rows.column(i).to_pylist() for i in range(len(columns))), strict=True):
            yield self.field.join(map(self._field, row, strings)) + self.record

    def _field(self, value: str | None, is_string: bool) -> str:
        if value is None:
            return self.null
        if self.enclosed is not None and is_string:
            return f"{self.enclosed}{value.replace(self.enclosed, self.enclosed * 2)}{self.enclosed}"
        if not value and not self.empty:
            raise SnowflakeError(
                100093,
                "22000",
                "Cannot unload empty string without file format option field_optionally_enclosed_by being specified.",
            )
        if self.escape is not None:
            for special in (self.escape, self.field, self.record):
                if special:
                    value = value.replace(special, self.escape + special)
        return value


class TextWriter:
    """Writes lines into files, one after the other for each partition.

    :param folder: takes the files.
    :param head: the first line of each file.
    :param limit: bytes before compression after which the next file begins; None for one file.
    """

    def __init__(self, output: TextOutput, folder: Path, head: str, limit: int | None) -> None:
        self._output, self._folder, self._head, self._limit = output, folder, head, limit
        self._open: dict[str | None, tuple[Path, Any, list[int]]] = {}
        self.written: list[Unloaded] = []
        self._count = 0

    def write(self, partition: str | None, line: str) -> None:
        """Add a line."""
        if partition not in self._open:
            path = self._folder / f"{self._count:06d}"
            self._count += 1
            method = self._output.compression.lower()
            stream = pa.output_stream(str(path), compression=None if method == "none" else method)
            self._open[partition] = (path, stream, [0, 0])
            stream.write(self._head.encode())
        _, stream, counts = self._open[partition]
        data = line.encode()
        stream.write(data)
        counts[0] += len(data)
        counts[1] += 1
        if self._limit is not None and counts[0] >= self._limit:
            self._close(partition)

    def close(self) -> list[Unloaded]:
        """Close what is open; the files, in the order in which they were begun."""
        for partition in list(self._open):
            self._close(partition)
        return sorted(self.written, key=lambda file: file.path.name)

    def _close(self, partition: str | None) -> None:
        path, stream, (raw, rows) = self._open.pop(partition)
        stream.close()
        raw += len(self._head.encode())
        self.written.append(Unloaded(path, path.stat().st_size, raw, rows, partition))
