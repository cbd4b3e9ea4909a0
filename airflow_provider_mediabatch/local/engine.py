"""One engine: everything that one state directory holds, opened by one process.

The rooms know the engine, and through it one another; each creates its own tables in its constructor.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.local.catalog import Catalog
from airflow_provider_mediabatch.local.faults import Faults
from airflow_provider_mediabatch.local.jobs.store import JobStore
from airflow_provider_mediabatch.local.models.store import ModelStore
from airflow_provider_mediabatch.local.privileges import Privileges
from airflow_provider_mediabatch.local.queries import Queries
from airflow_provider_mediabatch.local.session import Sessions
from airflow_provider_mediabatch.local.sql.locks import Locks
from airflow_provider_mediabatch.local.sql.storage import Storage
from airflow_provider_mediabatch.local.stages.store import StageStore

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session import Session

log = logging.getLogger(__name__)


class Engine:
    """The engine's rooms, opened in the order in which they build on one another.

    :param state_dir: the directory that holds all state; created, for its owner only, when it is not there.
    :ivar instance: names this run of the engine.
    """

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.instance = secrets.token_hex(8)
        self.catalog = Catalog(state_dir / "catalog.sqlite")
        self.faults = Faults(state_dir)
        self.sessions = Sessions(self)
        self.queries = Queries(self)
        self.privileges = Privileges(self)
        self.storage = Storage(state_dir)
        self.locks = Locks()
        self.stages = StageStore(self)
        self.models = ModelStore(self)
        self.jobs = JobStore(self)

    def session_closed(self, session: Session) -> None:
        """Give up what was a session's own: its locks and temporary stages; tables go with its DuckDB connection."""
        self.locks.session_closed(session)
        self.stages.session_closed(session)

    def recover(self) -> None:
        """Take up what a killed engine left: jobs go on, statements that ran have failed."""
        self.queries.recover(self.jobs.recover())

    def close(self) -> None:
        """End statements and jobs, and close the files. After a kill instead of this, jobs run on and are taken up."""
        ends: list[Callable[[], None]] = [self.queries.close, self._cancel_jobs, self.jobs.shutdown, self.storage.close]
        for end in ends:
            try:
                end()
            except Exception:
                log.exception("closing: %s failed", end)

    def _cancel_jobs(self) -> None:
        """Whoever stops the engine does not expect processes of it to work on."""
        for job in self.jobs.all(lambda job: not job.terminal):
            self.jobs.cancel(job)
