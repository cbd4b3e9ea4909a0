"""A job's leader: forks the workers, waits for them, and is the one who writes the job's end.

The leader and its workers are a session and process group of their own, so that a job outlives the server and can be
ended as a whole. ``_SUCCESS`` is written last, after every worker is done and every part is in place.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import NoReturn

import psutil

from airflow_provider_mediabatch.local.move_file import move_file
from airflow_provider_mediabatch.local.runner.files import InputError
from airflow_provider_mediabatch.local.runner.memory import oom_kills
from airflow_provider_mediabatch.local.runner.spec import (
    DONE,
    FAILED,
    INTERNAL_ERROR,
    RUNNING,
    SUCCESS_FILE,
    RunSpec,
    Status,
    log_file,
)

_SIGNAL_BASE = 128
"""As shells and container runtimes have it: the exit code of a process that a signal ended is this and the signal."""


def lead(job_dir: Path) -> NoReturn:
    """Run the job in ``job_dir`` in this process, just forked for it, and exit.

    A job starts once: the one who creates its ``started`` file runs it, any other leaves at once.
    """
    os.setsid()
    status = Status(pid=os.getpid(), process_started=psutil.Process().create_time())
    if not status.take_start(job_dir):
        os._exit(0)
    try:
        spec = RunSpec.load(job_dir)
        time.sleep(spec.start_seconds)
        status.status, status.started = RUNNING, time.time()
        status.save(job_dir)
        (job_dir / "logs").mkdir(exist_ok=True)
        log_to(log_file(job_dir, 0))
        failure = _run(spec, job_dir, status.exit_codes)
        if failure is None and spec.fault is not None:
            status.finish(job_dir, spec.fault, "the fault plan of the local engine ended the job so")
        elif failure is None:
            (job_dir / SUCCESS_FILE).touch()
            move_file(job_dir / SUCCESS_FILE, Path(spec.output_dir, SUCCESS_FILE))
            status.finish(job_dir, DONE)
        else:
            status.finish(job_dir, FAILED, failure)
    except BaseException as error:
        traceback.print_exc()
        with contextlib.suppress(OSError):
            status.finish(job_dir, INTERNAL_ERROR, str(error))
    end_process(0)


def _run(spec: RunSpec, job_dir: Path, exit_codes: dict[str, int]) -> str | None:
    """Run all workers; the reason of the first failure, or None. When one fails the others are ended.

    :param exit_codes: gets the exit code of each instance that did not do its rows.
    """
    scratch = job_dir / "scratch"
    scratch.mkdir(exist_ok=True)
    if spec.overwrite:  # by the job itself: a submission that finds its name taken must not touch the other's rows
        shutil.rmtree(spec.output_dir, ignore_errors=True)
    Path(spec.output_dir).mkdir(parents=True, exist_ok=True)
    leader, total = os.getpid(), spec.replicas * spec.num_workers
    killed_before = oom_kills()
    workers = {_fork(spec, job_dir, number, total, leader): number for number in range(total)}
    failure = None
    while workers:
        pid, code = os.wait()
        number = workers.pop(pid, None)
        if number is None or (code == 0 and _done_file(job_dir, number).exists()):
            continue
        exit_codes.setdefault(str(number // spec.num_workers), _exit_code(code))
        if failure is None:
            failure = _reason(job_dir, number, code, out_of_memory=oom_kills() > killed_before)
            if not (job_dir / f"error.{number}").exists():  # the worker could write nothing itself
                with log_file(job_dir, number // spec.num_workers).open("a", encoding="utf-8") as log:
                    log.write(f"{failure}\n")
            for other in workers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(other, signal.SIGTERM)
    shutil.rmtree(scratch, ignore_errors=True)
    return failure


def _reason(job_dir: Path, number: int, code: int, *, out_of_memory: bool) -> str:
    """Why a worker has ended.

    :param out_of_memory: whether the kernel has ended a process for its memory since the job began. Snowflake's event
        for it is "Container was OOMKilled due to resource usage" (documentation of platform events).
    """
    if os.WIFSIGNALED(code):
        ended = os.WTERMSIG(code)
        why = ", OOMKilled due to resource usage" if out_of_memory and ended == signal.SIGKILL else ""
        return f"worker {number} was killed by signal {ended} ({signal.Signals(ended).name}){why}"
    try:
        return (job_dir / f"error.{number}").read_text("utf-8")
    except OSError:
        # A model that calls sys.exit or os._exit, with 0 too, has not done its rows.
        return f"worker {number} ended with exit code {os.WEXITSTATUS(code)} before its rows were done"


def _exit_code(code: int) -> int:
    """A wait status as the exit code of a container. A worker that left early with 0 counts as failed."""
    return _SIGNAL_BASE + os.WTERMSIG(code) if os.WIFSIGNALED(code) else os.WEXITSTATUS(code) or 1


def _done_file(job_dir: Path, number: int) -> Path:
    """The mark of a worker that has done all its rows."""
    return job_dir / f"done.{number}"


def _fork(spec: RunSpec, job_dir: Path, number: int, total: int, leader: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        log_to(log_file(job_dir, number // spec.num_workers))
        _share_processors(total)
        reseed()
        from airflow_provider_mediabatch.local.runner.worker import Worker

        Worker(spec, job_dir, number, total, leader).run()
        _done_file(job_dir, number).touch()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
        print(f"the worker's process was ended: {error}", file=sys.stderr)
    except InputError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        (job_dir / f"error.{number}").write_text(str(error), "utf-8")
    except BaseException as error:
        traceback.print_exc()
        text = f"{type(error).__name__}: {error}"
        (job_dir / f"error.{number}").write_text(text[:4000], "utf-8")
    finally:
        end_process(code)
    raise AssertionError


def end_process(code: int) -> NoReturn:
    """End this process, which the fork server or a leader has forked."""
    # Not sys.exit: this is a fork, and a library's exit handler or a reader thread must not hold it back.
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def log_to(path: Path) -> None:
    """Send standard output and error, of C libraries too, to a file that all workers of an instance append to."""
    file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.close(file)
    sys.stdout = open(1, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115


def _share_processors(workers: int) -> None:
    """Workers of one job share the processors, instead of each starting as many threads as there are."""
    threads = max(1, (os.cpu_count() or 1) // workers)
    if workers > 1:
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[name] = str(threads)
    with contextlib.suppress(ImportError):
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        threadpool_limits(threads)  # BLAS is loaded already, with one thread: see fork_server.py


def reseed() -> None:
    """Give this process random numbers of its own. Forked processes must not draw the same random numbers."""
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
