"""Streams a job's input: rows of the manifest in batches, their files read ahead while the model computes.

Memory is bounded by the batch, not by the number of files: at most one batch is computed, one waits, one is being read.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_mediabatch.local.runner.chat import MESSAGES, Messages
from airflow_provider_mediabatch.local.runner.files import InputError, StageFiles, read

DEFAULT_BATCH_ROWS = 256
# What is read together ends at this many bytes of files, so that long videos do not add up; one file may be larger.
# Several calls of the model are put together up to fewer: allocating memory again costs more than reading.
_READ_BYTES, _TOGETHER_BYTES = 32 * 2**20, 16 * 2**20
# Files larger than this on average are read by several threads; for small ones handing over costs more than reading.
_READERS, _POOLED_BYTES = 4, 256 * 1024


@dataclass
class Batch:
    """Rows that are read together.

    :param rows: the input columns as they are (they pass through to the output).
    :param files: file column → contents, one for each row (None where the path is null); column of chat messages → the
        messages with contents in them.
    """

    rows: pa.Table
    files: dict[str, list[Any]]


class Input:
    """The rows of a folder of Parquet files.

    :param folder: read at any depth, in the order of the files' paths.
    """

    def __init__(self, folder: str) -> None:
        self.files = [pq.ParquetFile(path) for path in sorted(Path(folder).rglob("*.parquet")) if path.is_file()]
        if not self.files:
            raise InputError("no Parquet files were found at the job's input location")
        self.columns: list[str] = self.files[0].schema_arrow.names
        self.count = sum(file.metadata.num_rows for file in self.files)

    def tables(self, start: int, stop: int) -> Iterator[pa.Table]:
        """The rows from ``start`` to ``stop`` in pieces; only row groups that hold some of them are read."""
        position = 0
        for file in self.files:
            for group in range(file.metadata.num_row_groups):
                size = file.metadata.row_group(group).num_rows
                low, high = max(start, position), min(stop, position + size)
                if low < high:
                    table = file.read_row_group(group).slice(low - position, high - low)
                    if table.column_names != self.columns:
                        table = table.select(self.columns)
                    yield table
                position += size

    def table(self) -> pa.Table:
        """All rows (file columns are still paths)."""
        return pa.concat_tables(self.tables(0, self.count)) if self.count else self.files[0].read()


class FileReader:
    """Turns rows into batches with their files' contents.

    :param stages: finds the files.
    :param encodings: file column → encoding, :data:`.chat.MESSAGES` for a column of chat messages.
    """

    def __init__(self, stages: StageFiles, encodings: dict[str, str]) -> None:
        self.stages = stages
        self.encodings = encodings
        self._pool = ThreadPoolExecutor(_READERS, thread_name_prefix="files")

    def batches(self, tables: Iterator[pa.Table], max_rows: int) -> Iterator[Batch]:
        """Batches of multiples of ``max_rows`` rows, or of fewer rows where their files are large or the rows end."""
        for table in tables:
            offset = 0
            for rows, size, paths in self._split(table, max_rows):
                yield self._load(table.slice(offset, rows), size, paths)
                offset += rows

    def whole(self, table: pa.Table) -> Batch:
        """All of ``table`` as one batch: a partition, which its method needs complete."""
        total, paths = 0, {}
        for name, encoding in self.encodings.items():
            located = [self._locate(text, encoding) for text in table.column(name).to_pylist()]
            paths[name] = [path for path, _ in located]
            total += sum(size for _, size in located)
        return self._load(table, total, paths)

    def _locate(self, text: object, encoding: str) -> tuple[str | Messages | None, int]:
        """What of a row is read later, and how many bytes its files have."""
        if text is None:
            return None, 0
        if encoding == MESSAGES:
            messages = Messages(text, self.stages)
            return messages, messages.size
        return self.stages.locate(text)

    def _split(self, table: pa.Table, max_rows: int) -> Iterator[tuple[int, int, dict[str, list[Any]]]]:
        """``(rows, bytes of files, local paths or messages)`` of consecutive pieces of ``table``."""
        together = max(1, DEFAULT_BATCH_ROWS // max_rows) * max_rows
        texts = {name: table.column(name).to_pylist() for name in self.encodings}
        paths: dict[str, list[Any]] = {name: [] for name in texts}
        rows = size = 0
        for index in range(table.num_rows):
            located = {name: self._locate(column[index], self.encodings[name]) for name, column in texts.items()}
            row_size = sum(bytes_ for _, bytes_ in located.values())
            limit = _READ_BYTES if rows % max_rows else _TOGETHER_BYTES
            if rows and (rows >= together or size + row_size > limit):
                yield rows, size, paths
                paths, rows, size = {name: [] for name in texts}, 0, 0
            for name, (path, _) in located.items():
                paths[name].append(path)
            rows, size = rows + 1, size + row_size
        if rows:
            yield rows, size, paths

    def _load(self, rows: pa.Table, size: int, paths: dict[str, list[Any]]) -> Batch:
        apply: Any = self._pool.map if size > _POOLED_BYTES * rows.num_rows else map
        files = {}
        for name, encoding in self.encodings.items():
            files[name] = list(apply(lambda path, e=encoding: self._read(path, e), paths[name]))
        return Batch(rows, files)

    @staticmethod
    def _read(path: str | Messages | None, encoding: str) -> Any:
        if isinstance(path, Messages):
            return path.read()
        return None if path is None else read(path, encoding)


def prefetched(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The same batches, the next one being prepared in a thread while the caller works on the last."""
    ready: queue.Queue[Any] = queue.Queue(maxsize=1)
    stop = threading.Event()

    def produce() -> None:
        try:
            for batch in batches:
                while not stop.is_set():
                    try:
                        ready.put(batch, timeout=0.2)
                        break
                    except queue.Full:
                        continue
                if stop.is_set():
                    return
            ready.put(None)
        except BaseException as error:
            ready.put(error)

    threading.Thread(target=produce, name="prefetch", daemon=True).start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
