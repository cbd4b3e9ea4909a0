"""Writes a worker's rows as Parquet parts into the job's folder on the output stage."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_mediabatch.local.move_file import move_file

_GROUP_ROWS, _GROUP_BYTES = 8192, 32 * 1024 * 1024
# A part is closed, and so becomes visible on the stage, after this many rows or seconds: progress can be seen there.
_PART_ROWS, _PART_SECONDS = 100_000, 30.0


class PartWriter:
    """Parts of one worker: ``part_<worker>_<n>.parquet``, each renamed into place when it is complete.

    :param folder: the job's output folder.
    :param scratch: folder on the same disk for the part being written, so that a listing never shows half of one.
    :param worker: the worker's number in the job.
    """

    def __init__(self, folder: Path, scratch: Path, worker: int) -> None:
        self.folder, self.scratch, self.worker = folder, scratch, worker
        self.rows = 0
        self._tables: list[pa.Table] = []
        self._buffered = self._bytes = 0
        self._writer: pq.ParquetWriter | None = None
        self._part = self._part_rows = 0
        self._opened = 0.0

    def write(self, table: pa.Table) -> None:
        """Add rows."""
        self._tables.append(table)
        self.rows += table.num_rows
        self._buffered += table.num_rows
        self._bytes += table.nbytes
        if not self._opened:
            self._opened = time.monotonic()
        overdue = time.monotonic() - self._opened > _PART_SECONDS
        if overdue or self._buffered >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._flush()
        if self._part_rows and (overdue or self._part_rows >= _PART_ROWS):
            self._close_part()

    def _flush(self) -> None:
        if not self._tables:
            return
        table = pa.concat_tables(self._tables)
        self._tables, self._buffered, self._bytes = [], 0, 0
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._temporary, table.schema, compression="snappy")
        self._writer.write_table(table)
        self._part_rows += table.num_rows

    @property
    def _temporary(self) -> Path:
        return self.scratch / f"part_{self.worker}_{self._part}.parquet"

    def _close_part(self) -> None:
        if self._writer is None:
            return
        self._writer.close()
        move_file(self._temporary, self.folder / self._temporary.name)
        self._writer, self._part_rows, self._opened = None, 0, 0.0
        self._part += 1

    def __enter__(self) -> PartWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A failed job leaves the rows it has, as on Snowflake; only _SUCCESS tells that they are all.
        self._flush()
        self._close_part()
