"""Results kept for RESULT_SCAN and for clients that fetch by query id, within bounds of memory, disk and time.

Snowflake keeps results for 24 hours. Here the newest stay in memory; large ones, and those of asynchronous statements,
which other processes and later engines read, go to disk as Arrow files.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import OrderedDict
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa

from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn

_MEMORY_BYTES = 128 * 2**20
_MEMORY_RESULTS = 2000
_LARGE_BYTES = 8 * 2**20
_DISK_BYTES = 4 * 2**30
_DISK_SECONDS = 86400.0
_PRUNE_EVERY = 200


class ResultStore:
    """Results by query id.

    :param folder: where those on disk are stored; created when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._memory: OrderedDict[str, Result] = OrderedDict()
        self._bytes = 0
        self._writes = 0
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._prune()

    def put(self, query_id: str, result: Result, *, durable: bool) -> None:
        """Keep a result; ``durable`` ones outlive the process."""
        size = result.table.nbytes
        if durable or size > _LARGE_BYTES:
            self._write(self.folder / f"{query_id}.arrow", result)
        if size > _LARGE_BYTES:
            return
        with self._lock:
            self._memory[query_id] = result
            self._bytes += size
            while self._memory and (self._bytes > _MEMORY_BYTES or len(self._memory) > _MEMORY_RESULTS):
                self._bytes -= self._memory.popitem(last=False)[1].table.nbytes

    def get(self, query_id: str) -> Result | None:
        """The result, or None when it is not kept."""
        with self._lock:
            result = self._memory.get(query_id)
        return result if result is not None else self._read(self.folder / f"{query_id}.arrow")

    def _write(self, path: Path, result: Result) -> None:
        # Column names are made unique: in a SELECT's result two columns may share one.
        names = [f"c{i}" for i in range(len(result.columns))]
        table = result.table.rename_columns(names)
        columns = [asdict(column) for column in result.columns]
        head = {"columns": columns, "type": result.statement_type, "json": result.as_json}
        table = table.replace_schema_metadata({"mediabatch": json.dumps(head)})
        unfinished = path.with_suffix(".new")
        with pa.OSFile(str(unfinished), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        unfinished.rename(path)
        self._writes += 1
        if self._writes % _PRUNE_EVERY == 0:
            self._prune()

    @staticmethod
    def _read(path: Path) -> Result | None:
        try:
            source = pa.memory_map(str(path))
        except FileNotFoundError:
            return None
        table = pa.ipc.open_file(source).read_all()
        head = json.loads(table.schema.metadata[b"mediabatch"])
        columns = [ResultColumn(**column) for column in head["columns"]]
        return Result(columns, table, head["type"], as_json=head.get("json", False))

    def _prune(self) -> None:
        """Remove the oldest files beyond the bounds. A file that a reader has mapped stays readable for that reader."""
        files = []
        for path in self.folder.glob("*.arrow"):
            with contextlib.suppress(FileNotFoundError):  # another thread's pruning was first
                files.append((path, path.stat()))
        files.sort(key=lambda item: item[1].st_mtime, reverse=True)
        total, oldest = 0, time.time() - _DISK_SECONDS
        for path, stat in files:
            total += stat.st_size
            if total > _DISK_BYTES or stat.st_mtime < oldest:
                path.unlink(missing_ok=True)
