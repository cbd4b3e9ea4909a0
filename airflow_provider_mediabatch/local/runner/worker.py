"""One worker process of a job: its share of the rows through the model, into Parquet parts."""

from __future__ import annotations

import contextlib
import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from airflow_provider_mediabatch.local.runner.files import InputError, StageFiles
from airflow_provider_mediabatch.local.runner.reader import DEFAULT_BATCH_ROWS, Batch, FileReader, Input, prefetched
from airflow_provider_mediabatch.local.runner.requirements import missing_requirements
from airflow_provider_mediabatch.local.runner.spec import RunSpec
from airflow_provider_mediabatch.local.runner.writer import PartWriter

_PROGRESS_SECONDS = 5.0


class Worker:
    """Runs rows ``number``/``total`` of a job.

    :param spec: the job.
    :param job_dir: its directory; the part being written is in its ``scratch`` folder.
    :param number: this worker, from 0.
    :param total: replicas × workers of each.
    :param leader: pid of the job's leader; without it this worker ends.
    """

    def __init__(self, spec: RunSpec, job_dir: Path, number: int, total: int, leader: int) -> None:
        self.spec, self.job_dir, self.number, self.total, self.leader = spec, job_dir, number, total, leader
        self.done = 0
        self._began = self._reported = time.monotonic()

    def run(self) -> None:
        """Process this worker's share. An exception is the job's failure; rows done so far stay on the stage."""
        from airflow_provider_mediabatch.local.runner.chat import MESSAGES, is_messages
        from airflow_provider_mediabatch.local.runner.conversion import InputFrames, match_column
        from airflow_provider_mediabatch.local.runner.model import Model

        spec = self.spec
        source = Input(spec.input_dir)
        encodings = {}
        for key, encoding in spec.file_columns.items():
            column = match_column([key, key.upper()], source.columns)
            if column is None:
                raise InputError(f"column_handling names {key!r}, but the input's columns are {source.columns}")
            encodings[column] = encoding
        began = time.monotonic()
        model = Model(spec.model_dir, spec.function, spec.params)
        self._say(f"model loaded in {time.monotonic() - began:.2f} s")
        if self.number == 0:
            for requirement in missing_requirements(Path(spec.model_dir)):
                self._say(f"WARNING: {requirement}. Snowflake installs it when it builds the model's image")
        self._say("Starting inference.")  # the line that Snowflake shows users, as snowflake-ml's tests have it
        frames = InputFrames(model.signature, spec.input_names, source.columns)
        outputs = {feature.name.upper() for feature in model.signature.outputs}
        clash = sorted(column for column in source.columns if column.upper() in outputs)
        if clash and not spec.partitioned:  # a partitioned method's output has no input column but the partition's
            raise InputError(f"input columns {clash} have the names of the model's outputs: rename or drop them")
        needed = {column for _, column in frames.features}
        messages = [column for feature, column in frames.features if is_messages(feature)]
        encodings = dict.fromkeys(messages, MESSAGES) | encodings
        reader = FileReader(StageFiles(spec.stage_roots), {c: e for c, e in encodings.items() if c in needed})
        with PartWriter(Path(spec.output_dir), self.job_dir / "scratch", self.number) as writer:
            if spec.partitioned:
                self._partitions(source, reader, frames, model, writer)
            else:
                self._rows(source, reader, frames, model, writer)
        self._say(f"finished {self.done} rows in {time.monotonic() - self._began:.2f} s")

    def _rows(self, source: Input, reader: FileReader, frames: Any, model: Any, writer: PartWriter) -> None:
        from airflow_provider_mediabatch.local.runner.outputs import check_frame, output_columns

        limit = self.spec.max_batch_rows or DEFAULT_BATCH_ROWS
        last = self._partition_column(source)
        tables, share = self._share(source)
        for batch in prefetched(reader.batches(tables, limit)):
            frame, count = frames.frame(batch), batch.rows.num_rows
            parts: list[dict[str, pa.Array]] = []
            done = 0
            try:
                while done < count:
                    piece = frame if count <= limit else frame.iloc[done : done + limit].reset_index(drop=True)
                    predictions = model(piece)
                    check_frame(model.signature, predictions, len(piece))
                    parts.append(output_columns(model.signature, predictions))
                    done += len(piece)
                    self._progress(len(piece), share)
            finally:  # what the model did before it failed is part of the partial output
                if parts:
                    writer.write(_joined(batch.rows.slice(0, done), parts, last))

    def _share(self, source: Input) -> tuple[Iterator[pa.Table], int | None]:
        """This worker's rows in pieces, and how many they are; a batch never holds rows of two pieces.

        With a partition column a piece is one partition, as snowflake-ml's tests of table functions without
        ``partitioned_api`` expect of Snowflake.
        """
        if self.spec.partition_column is not None:
            return (rows for _, rows in self._own_partitions(source)), None
        start, stop = (source.count * n // self.total for n in (self.number, self.number + 1))
        return source.tables(start, stop), stop - start

    def _partitions(self, source: Input, reader: FileReader, frames: Any, model: Any, writer: PartWriter) -> None:
        from airflow_provider_mediabatch.local.runner.outputs import check_frame, output_columns

        partitions = ((value, reader.whole(rows)) for value, rows in self._own_partitions(source))
        for value, batch in prefetched_partitions(partitions):
            predictions = model(frames.frame(batch))
            check_frame(model.signature, predictions)
            outputs = output_columns(model.signature, predictions)
            count = len(next(iter(outputs.values()))) if outputs else 0
            name = self._partition_column(source)
            if name is not None and name not in outputs:
                outputs[name] = pa.array([value] * count, batch.rows.schema.field(name).type)
            writer.write(pa.table(outputs))
            self._progress(batch.rows.num_rows, None)

    def _partition_column(self, source: Input) -> str | None:
        from airflow_provider_mediabatch.local.runner.conversion import match_column

        wanted = self.spec.partition_column
        if wanted is None:
            return None
        name = match_column([wanted, wanted.upper()], source.columns)
        if name is None:
            raise InputError(f"partition_column {wanted!r} is not among the input columns {source.columns}")
        return name

    def _own_partitions(self, source: Input) -> Iterator[tuple[Any, pa.Table]]:
        """This worker's partitions, those whose value hashes to its number; without a column all rows are one."""
        rows = source.table()
        name = self._partition_column(source)
        if name is None:
            if self.number == 0 and rows.num_rows:
                yield None, rows
            return
        indices: dict[Any, list[int]] = {}
        for index, value in enumerate(rows.column(name).to_pylist()):
            indices.setdefault(value, []).append(index)
        for value, chosen in indices.items():
            if zlib.crc32(repr(value).encode()) % self.total == self.number:
                yield value, rows.take(chosen)

    def _progress(self, rows: int, of: int | None) -> None:
        self.done += rows
        now = time.monotonic()
        if os.getppid() != self.leader:
            raise SystemExit("the job's leader is gone")
        if now - self._reported >= _PROGRESS_SECONDS:
            self._reported = now
            rate = self.done / (now - self._began)
            self._say(f"{self.done}{f' of {of}' if of is not None else ''} rows, {rate:.1f} rows/s")

    def _say(self, text: str) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with contextlib.suppress(OSError):  # not by print: a model may have closed or replaced sys.stdout
            os.write(1, f"{stamp} worker {self.number}: {text}\n".encode())


def _joined(rows: pa.Table, parts: list[dict[str, pa.Array]], last: str | None) -> pa.Table:
    """Input rows with the model's outputs, which came in parts.

    :param last: the partition column, which follows the others, as snowflake-ml's tests have it
        (``…_partitioned_test.py``, ``_compare_with_warehouse``).
    """
    for name in parts[0]:
        rows = rows.append_column(name, pa.chunked_array([part[name] for part in parts]))
    return rows if last is None else rows.select([*(name for name in rows.column_names if name != last), last])


def prefetched_partitions(partitions: Iterator[tuple[Any, Batch]]) -> Iterator[tuple[Any, Batch]]:
    """Partitions with the next one's files being read meanwhile."""
    values: list[Any] = []

    def batches() -> Iterator[Batch]:
        for value, batch in partitions:
            values.append(value)
            yield batch

    for batch in prefetched(batches()):
        yield values.pop(0), batch
