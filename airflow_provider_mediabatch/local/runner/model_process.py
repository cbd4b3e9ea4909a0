"""A process that answers the calls of one method of a model in one SQL statement: rows in, rows out.

The engine awaits it on a Unix socket. Each call is a stream of Arrow: for each row the partition and the method's
arguments. The answer is another one: for each row of the method's result its JSON, or the error in the schema's
metadata. The process ends when the engine closes the socket.
"""

from __future__ import annotations

import json
import os
import socket
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import psutil
import pyarrow as pa

from airflow_provider_mediabatch.core.sql import resolve
from airflow_provider_mediabatch.local.runner.job import end_process, log_to, reseed
from airflow_provider_mediabatch.local.runner.spec import CallSpec, Status

PARTITION, ERROR, LOG = "partition", b"error", "log"
_HERE = str(Path(__file__).parent)


def serve(directory: Path) -> NoReturn:
    """Answer calls in this process, just forked for it, until there are no more, and exit.

    :param directory: holds the :class:`CallSpec`. As with a job, whoever creates its ``started`` file serves.
    """
    os.setsid()
    status = Status(pid=os.getpid(), process_started=psutil.Process().create_time())
    try:
        if status.take_start(directory):
            log_to(directory / LOG)
            reseed()
            spec = CallSpec.load(directory)
            with socket.socket(socket.AF_UNIX) as channel:
                channel.connect(spec.socket)
                _answer(spec, channel.makefile("rb"), channel.makefile("wb"))
    except BaseException:
        traceback.print_exc()
    end_process(0)


def _answer(spec: CallSpec, calls: Any, answers: Any) -> None:
    method: _Method | None = None
    while calls.peek(1):
        rows = pa.ipc.open_stream(calls).read_all()
        try:
            method = method or _Method(spec)
            table = pa.table({"row": method(rows)})
        except BaseException as error:
            table = pa.table({"row": pa.array([], pa.string())}).replace_schema_metadata({ERROR: _told(error)})
        with pa.ipc.new_stream(answers, table.schema) as stream:
            stream.write_table(table)
        answers.flush()


def _told(error: BaseException) -> str:
    """An error with its traceback, from the model's code on."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_HERE):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace)).rstrip()


class _Method:
    """The model's method, called as the function that snowflake-ml generates for it is."""

    def __init__(self, spec: CallSpec) -> None:
        from airflow_provider_mediabatch.local.runner.model import Model

        self.spec = spec
        self.model = Model(spec.model_dir, spec.function)
        self.signature = self.model.signature

    def __call__(self, rows: pa.Table) -> pa.Array:
        partition, arguments = rows.column(PARTITION), self._arguments(rows.drop_columns([PARTITION]))
        if self.spec.partitioned:
            return self._run(arguments)
        places, answers = [], []
        for indices in _partitions(partition):
            places.append(indices)
            answers.append(self._run(arguments.take(indices)))
        if not answers:
            return pa.array([], pa.string())
        return pa.concat_arrays(answers).take(pa.array(np.argsort(np.concatenate(places))))

    def _arguments(self, rows: pa.Table) -> pa.Table:
        if self.spec.wide:
            table = pa.Table.from_pylist([json.loads(text) for text in rows.column(0).to_pylist()])
            return table.rename_columns([resolve(name) for name in table.column_names])
        names = [spec.name for spec in self.signature.params or []]
        return rows.rename_columns([*self.spec.input_names, *names])

    def _run(self, arguments: pa.Table) -> pa.Array:
        from airflow_provider_mediabatch.local.runner.conversion import InputFrames
        from airflow_provider_mediabatch.local.runner.outputs import check_frame, json_rows
        from airflow_provider_mediabatch.local.runner.reader import Batch

        frames = InputFrames(self.signature, self.spec.input_names, arguments.column_names, in_sql=True)
        frame = frames.frame(Batch(arguments, {}))
        predictions = self.model(frame, self._params(arguments))
        check_frame(self.signature, predictions, None if self.spec.partitioned else len(frame))
        return json_rows(predictions)

    def _params(self, arguments: pa.Table) -> dict[str, Any]:
        from snowflake.ml.model.model_signature import ParamSpec

        found = {}
        for spec in self.signature.params or []:
            name = next((name for name in arguments.column_names if name.upper() == spec.name.upper()), None)
            if name is None:
                continue
            values = arguments.column(name).unique()
            if len(values) > 1:
                raise ValueError(
                    f"All values for parameter '{spec.name}' must be equal. Please provide a constant value."
                )
            value = values[0].as_py()
            nested = not isinstance(spec, ParamSpec) or spec.shape is not None
            found[spec.name] = json.loads(value) if nested and isinstance(value, str) else value
        return found


def _partitions(column: pa.ChunkedArray) -> Iterator[np.ndarray[Any, Any]]:
    """The places of each partition's rows, in their order."""
    codes = column.combine_chunks().dictionary_encode(null_encoding="encode").indices.to_numpy()
    for code in np.unique(codes):
        yield np.flatnonzero(codes == code)
