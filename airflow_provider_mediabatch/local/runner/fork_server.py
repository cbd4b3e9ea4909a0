"""A process that has the heavy imports behind it and forks one job after the other.

Importing snowflake-ml and pandas takes seconds; a forked copy of a process that has done it starts at once. Requests
are lines on standard input, each the directory of a job, or of a process that answers calls of a model in SQL. The
process ends when its standard input closes, that is with the server; jobs are sessions of their own and go on.

A fork copies only the calling thread, so there must be no other Python thread here, and libraries that start threads of
their own (torch, onnxruntime) are left to the workers. BLAS is held to one thread for the same reason.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from pathlib import Path

from airflow_provider_mediabatch.local.runner.spec import CallSpec

BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def main() -> None:
    """Import, say ``ready``, then fork a leader for each line read."""
    given = {name: os.environ.get(name) for name in BLAS_THREADS}
    os.environ.update(dict.fromkeys(BLAS_THREADS, "1"))

    import pyarrow.parquet  # noqa: F401
    import snowflake.ml.model._packager.model_handlers.custom
    import snowflake.ml.model._packager.model_packager  # noqa: F401

    from airflow_provider_mediabatch.local.runner import job, model_process, outputs, worker  # noqa: F401

    for name, value in given.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    assert threading.active_count() == 1, threading.enumerate()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # leaders report by their status file; the system may reap them
    gc.collect()
    gc.freeze()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    with open(0, "rb", buffering=0, closefd=False) as requests:
        while line := requests.readline():
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                directory = Path(line.decode().rstrip("\n"))
                model_process.serve(directory) if (directory / CallSpec.FILE).exists() else job.lead(directory)


if __name__ == "__main__":
    main()
