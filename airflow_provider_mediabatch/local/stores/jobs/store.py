"""Inference jobs: names and history in the catalogue, the work in detached processes.

A job exists from the moment its row is in the catalogue: the unique index is the lock that two submissions of one name
meet. Its row and its owner's grant come first, its process second, and a process starts a job only once (see
:mod:`.runner.job`), so an engine killed between the two starts the job after its restart and never twice. How a job
stands is read from its status file until it is over, then kept in its row.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.core.sql import qualified
from airflow_provider_mediabatch.local.defaults import ROLE
from airflow_provider_mediabatch.local.errors import SnowflakeError, already_exists, does_not_exist
from airflow_provider_mediabatch.local.runner.spec import (
    CANCELLED,
    DONE,
    INTERNAL_ERROR,
    PENDING,
    VERSION_FOLDER,
    RunSpec,
    Status,
    log_file,
)
from airflow_provider_mediabatch.local.statement_result import Pending, Result
from airflow_provider_mediabatch.local.stores.jobs.compute_pools import ComputePools
from airflow_provider_mediabatch.local.stores.jobs.image_builds import ImageBuilds
from airflow_provider_mediabatch.local.stores.jobs.job import Job
from airflow_provider_mediabatch.local.stores.jobs.job_launcher import Launcher, kill, leader, observe, usage

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.catalog import Catalog
    from airflow_provider_mediabatch.local.faults import Faults
    from airflow_provider_mediabatch.local.stores.privileges import Privileges

log = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, database TEXT NOT NULL, schema TEXT NOT NULL, name TEXT NOT NULL, owner TEXT NOT NULL,
    compute_pool TEXT NOT NULL, query_id TEXT NOT NULL, asynchronous INTEGER NOT NULL, replicas INTEGER NOT NULL,
    workers INTEGER NOT NULL, model TEXT NOT NULL, version TEXT NOT NULL, function TEXT NOT NULL, output TEXT NOT NULL,
    specification TEXT NOT NULL, created REAL NOT NULL, launched REAL, deleted REAL,
    fault TEXT, status TEXT, message TEXT, started REAL, finished REAL
);
CREATE UNIQUE INDEX IF NOT EXISTS jobs_name ON jobs (database, schema, name) WHERE deleted IS NULL;
CREATE INDEX IF NOT EXISTS jobs_open ON jobs (created) WHERE deleted IS NULL AND status IS NULL;
CREATE INDEX IF NOT EXISTS jobs_query ON jobs (query_id);
"""


class JobStore:
    """All jobs of an engine.

    :param catalog: where the jobs are kept.
    :param state_dir: where their directories are kept.
    :param faults: the plan that decides which jobs fail on purpose.
    :param privileges: the grants of jobs and pools, which come and go with them.
    :ivar launcher: starts processes.
    """

    def __init__(self, catalog: Catalog, state_dir: Path, faults: Faults, privileges: Privileges) -> None:
        self.catalog = catalog
        self.faults = faults
        self.privileges = privileges
        self.folder = state_dir / "jobs"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.catalog.connect().executescript(_SCHEMA)
        self.pools = ComputePools(catalog, owner=ROLE)
        self.images = ImageBuilds(catalog)
        self.launcher = Launcher(state_dir)
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._closing = False
        self._supervisor = threading.Thread(target=self._supervise, name="jobs", daemon=True)

    # --- life of the engine

    def recover(self) -> dict[str, Pending]:
        """Take the jobs up again after a start of the engine.

        :returns: for jobs whose statement had not answered when the engine ended: query id → what it waits for.
        """
        rows = self.catalog.connect().execute("SELECT id, deleted FROM jobs").fetchall()
        kept = {row["id"] for row in rows if row["deleted"] is None}
        for directory in self.folder.iterdir():  # of submissions that never became a job, and of dropped jobs
            if directory.name not in kept:
                shutil.rmtree(directory, ignore_errors=True)
        self._supervisor.start()
        return {job.query_id: self.answer(job) for job in self._select("deleted IS NULL")}

    def shutdown(self) -> None:
        """End what belongs to this process. Jobs are processes of their own and go on."""
        self._closing = True
        self._wake.set()
        if self._supervisor.is_alive():
            self._supervisor.join(3)
        self.launcher.close()

    # --- jobs

    def new_directory(self) -> Path:
        """A directory for a job to come; its name is the job's id. Belongs to no job until :meth:`create`."""
        directory = self.folder / uuid.uuid4().hex
        directory.mkdir()
        return directory

    def check_free(self, database: str, schema: str, name: str) -> None:
        """:raises SnowflakeError: 002002 when a job of that name is there."""
        if self._find(database, schema, name) is not None:
            raise already_exists("Object", qualified(database, schema, name))

    def create(self, job: Job, spec: RunSpec) -> Job:
        """Make the job with its owner's grant, and start it, or queue it while its pool is full.

        :param job: its row; its directory is there already (:meth:`new_directory`).
        :returns: its row as it is kept.
        :raises SnowflakeError: 002002 when another submission of the name was faster, 002003 when the pool was dropped
            meanwhile. After an error there is no job.
        """
        fault = self.faults.for_job(job.name)
        job = replace(job, fault=fault)
        replace(spec, fault=None if fault == PENDING else fault).save(self.folder / job.id)
        values = {
            key: value for key, value in vars(job).items() if key not in ("status", "message", "started", "finished")
        }
        with self.catalog.transaction() as connection:
            self.pools.resume_for_job(job.compute_pool)
            try:
                connection.execute(
                    f"INSERT INTO jobs ({', '.join(values)}) VALUES ({', '.join(':' + key for key in values)})", values
                )
            except sqlite3.IntegrityError:
                raise already_exists("Object", job.full_name) from None
            self.privileges.created(job.owner, "SERVICE", (job.database, job.schema, job.name))
        try:
            self._dispatch()
        except Exception:  # for example a full disk: the job is there, and the supervisor tries again
            log.exception("job %s could not be started yet", job.full_name)
        return job

    def get(self, database: str, schema: str, name: str) -> Job:
        """The job of that name, with its present status.

        :raises SnowflakeError: 002003 when there is none, or when it was dropped.
        """
        job = self._find(database, schema, name)
        if job is None:
            raise does_not_exist("Service", qualified(database, schema, name))
        return job

    def all(self, matches: Callable[[Job], bool] = lambda job: True, *, dropped: bool = False) -> list[Job]:
        """The jobs that match, newest first, with their present status; ``dropped`` ones too if wanted."""
        jobs = self._select("1" if dropped else "deleted IS NULL", matches=matches)
        return sorted(jobs, key=lambda job: job.created, reverse=True)

    def now(self, job: Job) -> Job:
        """The job with its present status, whichever job has its name.

        :raises SnowflakeError: 002003 when it was dropped.
        """
        found = self._select("deleted IS NULL AND id = ?", (job.id,))
        if not found:
            raise does_not_exist("Service", job.full_name)
        return found[0]

    def cancel(self, job: Job) -> None:
        """End the job's processes; it is CANCELLED unless it was over before.

        :raises SnowflakeError: 002003 when it was dropped meanwhile.
        """
        with self._lock:
            self._end(job, CANCELLED, "cancelled by the user")
        self._wake.set()

    def cancel_all(self) -> None:
        """Cancel every job that is not over: whoever stops the engine does not expect processes of it to work on."""
        for job in self.all(lambda job: not job.terminal):
            try:
                self.cancel(job)
            except Exception:
                log.exception("job %s could not be cancelled", job.full_name)

    def drop(self, job: Job) -> None:
        """End the job and forget its logs; its name is free again and the history shows it as DELETED.

        :raises SnowflakeError: 002003 when it was dropped meanwhile.
        """
        with self._lock:
            self._end(job, CANCELLED, "the job was dropped")
            with self.catalog.transaction() as connection:
                connection.execute("UPDATE jobs SET deleted = ? WHERE id = ?", (time.time(), job.id))
                self.privileges.dropped("SERVICE", (job.database, job.schema, job.name))
        shutil.rmtree(self.folder / job.id, ignore_errors=True)
        self._wake.set()

    def drop_pool(self, name: str) -> None:
        """Drop a compute pool.

        :raises SnowflakeError: 395024 while it has jobs that are not over; 002003 when there is no such pool.
        """
        self.all(lambda job: job.compute_pool == name)  # an end that nobody has seen yet goes into its row
        with self.catalog.transaction() as connection:
            unfinished = "SELECT 1 FROM jobs WHERE compute_pool = ? AND deleted IS NULL AND status IS NULL"
            if connection.execute(unfinished, (name,)).fetchone() is not None:
                raise SnowflakeError(395024, "55000", f"Cannot drop compute pool {name}: it has running jobs")
            self.pools.drop(name)
            self.privileges.dropped("COMPUTE POOL", (name,))

    def logs(self, job: Job, instance: int) -> str:
        """The log of one instance so far; empty when it has written nothing."""
        with contextlib.suppress(FileNotFoundError):
            return log_file(self.folder / job.id, instance).read_text("utf-8", "replace")
        return ""

    def exit_codes(self, job: Job) -> dict[int, int]:
        """Exit codes of the instances that ended before their rows were done, the first one first."""
        found = Status.load(self.folder / job.id).exit_codes
        return {int(instance): code for instance, code in found.items()}

    def answer(self, job: Job) -> Pending:
        """What the job's own statement waits for: nothing, or the job's end with ``ASYNC = FALSE``."""

        def poll() -> Result | None:
            if job.asynchronous:
                return Result.status(f"Batch inference job {job.full_name} submitted successfully")
            now = self.now(job)
            if not now.terminal:
                return None
            if now.status != DONE:
                raise SnowflakeError(
                    395020,
                    "22023",
                    f"Batch inference job {job.full_name} ended with status {now.status}: {now.message}",
                )
            return Result.status(f"Batch inference job {job.full_name} completed successfully")

        return Pending(poll)

    def usage(self, job: Job) -> list[tuple[float, int]]:
        """Processor seconds and bytes of memory of each running worker."""
        return [] if job.terminal else usage(Status.load(self.folder / job.id))

    # --- inside

    def _find(self, database: str, schema: str, name: str) -> Job | None:
        found = self._select("deleted IS NULL AND database = ? AND schema = ? AND name = ?", (database, schema, name))
        return found[0] if found else None

    def _select(
        self, where: str, values: tuple[Any, ...] = (), matches: Callable[[Job], bool] = lambda job: True
    ) -> list[Job]:
        rows = self.catalog.connect().execute(f"SELECT * FROM jobs WHERE {where}", values).fetchall()
        return [self._refresh(job) for row in rows if matches(job := Job(**dict(row)))]

    def _refresh(self, job: Job) -> Job:
        """The job with its present status; an end that is seen for the first time goes into its row."""
        if job.status is not None or job.deleted is not None:
            return job
        directory = self.folder / job.id
        status = Status.load(directory)
        if status.pid and not status.terminal and leader(status) is None:
            with self._lock:  # whoever is ending it at this moment says how it ended
                status = observe(directory)
        if status.terminal:
            self._settle(job, status)
        return replace(
            job, status=status.status, message=status.message, started=status.started, finished=status.finished
        )

    def _settle(self, job: Job, status: Status) -> None:
        for needed_to_run in ("scratch", VERSION_FOLDER):
            shutil.rmtree(self.folder / job.id / needed_to_run, ignore_errors=True)
        self.catalog.connect().execute(
            "UPDATE jobs SET status = ?, message = ?, started = ?, finished = ? WHERE id = ? AND status IS NULL",
            (status.status, status.message, status.started, status.finished, job.id),
        )

    def _end(self, job: Job, status: str, message: str) -> None:
        job = self.now(job)  # another may have dropped it since it was read; the caller holds the lock
        directory = self.folder / job.id
        directory.mkdir(exist_ok=True)  # whoever removed it, the job must be able to end
        # Taking the start marker keeps a process that is about to start it from doing so.
        Status().take_start(directory)
        found = observe(directory)
        if not found.terminal:
            kill(found)
            found = Status.load(directory)
            if not found.terminal:
                found.finish(directory, status, message)
        self._settle(job, found)

    def _dispatch(self) -> None:
        """Start waiting jobs, oldest first, as far as their pools have nodes for them."""
        with self._lock:
            live = [job for job in self._select("deleted IS NULL AND status IS NULL") if not job.terminal]
            live.sort(key=lambda job: job.created)
            used: dict[str, int] = {}
            for job in live:
                if job.launched is not None:
                    used[job.compute_pool] = used.get(job.compute_pool, 0) + job.replicas
            nodes = {pool.name: 0 if pool.suspended else pool.max_nodes for pool in self.pools.all()}
            for job in live:
                if job.launched is not None or job.fault == PENDING:
                    continue
                limit, taken = nodes.get(job.compute_pool, 0), used.get(job.compute_pool, 0)
                # A job of more instances than the pool has nodes gets all of them.
                if limit == 0 or taken + min(job.replicas, limit) > limit:
                    continue
                used[job.compute_pool] = taken + job.replicas
                self._launch(job)
        self._wake.set()

    def _launch(self, job: Job) -> None:
        self.catalog.connect().execute("UPDATE jobs SET launched = ? WHERE id = ?", (time.time(), job.id))
        self.launcher.start(self.folder / job.id)

    def _supervise(self) -> None:
        """Keep the fork server alive and the queue moving."""
        while not self._closing:
            self._wake.clear()
            busy = False
            try:
                renewed = self.launcher.ensure()
                waiting = self._select("deleted IS NULL AND status IS NULL")
                busy = any(not job.terminal for job in waiting)
                for job in waiting:
                    if job.launched is None or job.terminal:
                        continue
                    if (self.folder / job.id / "started").exists():
                        self.launcher.worked()
                    elif self.launcher.broken:
                        self._give_up(job)
                    elif renewed:
                        self.launcher.start(self.folder / job.id)
                if any(job.launched is None for job in waiting):
                    self._dispatch()
                    self._wake.clear()
            except Exception:
                log.exception("looking after jobs failed; trying again")
            self._wake.wait(0.2 if busy else 1.0)

    def _give_up(self, job: Job) -> None:
        with self._lock, contextlib.suppress(SnowflakeError):  # it was dropped meanwhile
            self._end(job, INTERNAL_ERROR, f"the job's process could not be started: {self.launcher.tail()}")
