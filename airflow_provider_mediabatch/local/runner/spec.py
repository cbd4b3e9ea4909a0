"""The files that the server and a job's processes share: what to run, and how it stands.

Every write is a temporary file renamed into place, so a reader sees the old or the new content, never half of it,
whoever is killed at whatever moment.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

PENDING, RUNNING, DONE, FAILED = "PENDING", "RUNNING", "DONE", "FAILED"
CANCELLED, INTERNAL_ERROR = "CANCELLED", "INTERNAL_ERROR"
TERMINAL = frozenset({DONE, FAILED, CANCELLED, INTERNAL_ERROR})

SUCCESS_FILE = "_SUCCESS"
VERSION_FOLDER = "version"
"""In a job's directory: the model version's files, which the job has whatever becomes of the version meanwhile."""


@dataclass(frozen=True)
class RunSpec:
    """One job, complete: its processes read nothing else of the engine.

    :param job: fully qualified name, for messages.
    :param input_dir: folder whose Parquet files (at any depth) are the input rows.
    :param output_dir: the job's own folder on the output stage.
    :param overwrite: whether the job begins by removing what is in its folder.
    :param model_dir: the folder of the packaged model (the one with ``model.yaml``).
    :param function: the model's method to call, as it is named in Python.
    :param input_names: SQL names of the method's inputs, in the signature's order (from the model's MANIFEST.yml).
    :param partitioned: whether the method gets a whole partition at a time.
    :param partition_column: the input column that partitions rows; a method that is not partitioned gets batches of
        one partition at a time.
    :param params: values for the method's parameters; the signature's defaults fill the rest.
    :param file_columns: input column name → encoding of its file (``raw_bytes``, ``base64``, ``base64_data_url``).
    :param stage_roots: ``DB.SCHEMA.STAGE`` → folder that full stage paths of that stage are relative to.
    :param replicas: instances; each has a log of its own.
    :param num_workers: processes of each instance.
    :param max_batch_rows: upper bound of rows that the method gets at once.
    :param start_seconds: how long its containers take to start.
    :param fault: the status that a fault plan wants the job to end in although it ran well.
    """

    job: str
    input_dir: str
    output_dir: str
    model_dir: str
    function: str
    input_names: list[str]
    overwrite: bool = False
    partitioned: bool = False
    partition_column: str | None = None
    params: dict[str, Any] = field(default_factory=dict)
    file_columns: dict[str, str] = field(default_factory=dict)
    stage_roots: dict[str, str] = field(default_factory=dict)
    replicas: int = 1
    num_workers: int = 1
    max_batch_rows: int | None = None
    start_seconds: float = 0.0
    fault: str | None = None

    def save(self, job_dir: Path) -> None:
        """Write it into the job's directory."""
        write_json(job_dir / "spec.json", asdict(self))

    @classmethod
    def load(cls, job_dir: Path) -> RunSpec:
        """Read it from the job's directory."""
        return cls(**json.loads((job_dir / "spec.json").read_text("utf-8")))


@dataclass(frozen=True)
class CallSpec:
    """What a process that answers calls of a model's method in SQL must know.

    :param model_dir: the folder of the packaged model (the one with ``model.yaml``).
    :param function: the model's method to call, as it is named in Python.
    :param input_names: SQL names of the method's inputs, in the signature's order; those of its parameters follow.
    :param wide: the inputs and parameters of a row are one OBJECT by their names.
    :param partitioned: the rows of a call are a partition, whose answer has as many rows as the method likes.
    :param socket: path of the Unix socket on which the engine awaits the process.
    """

    model_dir: str
    function: str
    input_names: list[str]
    wide: bool
    partitioned: bool
    socket: str

    FILE = "call.json"

    def save(self, directory: Path) -> None:
        """Write it into the process's directory."""
        write_json(directory / self.FILE, asdict(self))

    @classmethod
    def load(cls, directory: Path) -> CallSpec:
        """Read it from the process's directory."""
        return cls(**json.loads((directory / cls.FILE).read_text("utf-8")))


@dataclass
class Status:
    """How a job stands.

    :param status: one of Snowflake's job statuses.
    :param message: why it failed, for people.
    :param pid: the leader of the job's process group; 0 before there is one.
    :param process_started: the leader's start as the system tells it, so that a reused pid is not taken for the job.
    :param started: seconds since the epoch; None before the job runs.
    :param finished: seconds since the epoch; None while it is not over.
    :param exit_codes: of the instances that ended before their rows were done, by number: the exit code, which above
        128 is a signal's. Keys are text, because JSON has no others.
    """

    status: str = PENDING
    message: str = ""
    pid: int = 0
    process_started: float = 0.0
    started: float | None = None
    finished: float | None = None
    exit_codes: dict[str, int] = field(default_factory=dict)

    @property
    def terminal(self) -> bool:
        """Whether the job is over."""
        return self.status in TERMINAL

    def save(self, job_dir: Path) -> None:
        """Write it into the job's directory, whole or not at all."""
        write_json(job_dir / "status.json", asdict(self))

    def finish(self, job_dir: Path, status: str, message: str = "") -> None:
        """Record the end."""
        self.status, self.message, self.finished = status, message, time.time()
        self.save(job_dir)

    @classmethod
    def load(cls, job_dir: Path) -> Status:
        """The job's status; PENDING while its process has not written one."""
        for name in ("status.json", "started"):
            try:
                return cls(**json.loads((job_dir / name).read_text("utf-8")))
            except FileNotFoundError:
                continue
        return cls()

    def take_start(self, job_dir: Path) -> bool:
        """Claim the job's one start for the process in this status; False when it was claimed before.

        The claim names the process from its first moment, so that whoever wants to end the job finds it.
        """
        claim = job_dir / f".started.{os.getpid()}"
        claim.write_text(json.dumps(asdict(self)), "utf-8")
        try:
            os.link(claim, job_dir / "started")
        except FileExistsError:
            return False
        finally:
            claim.unlink()
        return True


def write_json(path: Path, value: object) -> None:
    """Write ``value`` so that readers see all of it or none."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(value), "utf-8")
    os.replace(temporary, path)


def log_file(job_dir: Path, instance: int) -> Path:
    """The log of one instance: standard output and error of its workers."""
    return job_dir / "logs" / f"{instance}.log"
