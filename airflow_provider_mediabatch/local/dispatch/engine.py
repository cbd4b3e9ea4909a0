"""One engine: everything that one state directory holds, opened by one process, and the statements sent to it."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from pathlib import Path

from airflow_provider_mediabatch.local.dispatch.queries import Queries
from airflow_provider_mediabatch.local.faults import Faults
from airflow_provider_mediabatch.local.session.session import Sessions
from airflow_provider_mediabatch.local.stores.stores import Stores

log = logging.getLogger(__name__)


class Engine:
    """The stores, the sessions and the statements.

    :param state_dir: the directory that holds all state; created, for its owner only, when it is not there.
    :param base_url: where the engine answers, ``http://127.0.0.1:<port>``.
    :ivar instance: names this run of the engine.
    """

    def __init__(self, state_dir: Path, base_url: str) -> None:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.instance = secrets.token_hex(8)
        self.faults = Faults(state_dir)
        self.stores = Stores(state_dir, base_url, self.faults)
        self.sessions = Sessions(self.stores)
        self.queries = Queries(self.stores, self.sessions)

    def recover(self) -> None:
        """Take up what a killed engine left: jobs go on, statements that ran have failed."""
        self.queries.recover(self.stores.jobs.recover())

    def close(self) -> None:
        """End statements and jobs, and close the files. After a kill instead of this, jobs run on and are taken up."""
        jobs = self.stores.jobs
        ends: list[Callable[[], None]] = [self.queries.close, jobs.cancel_all, jobs.shutdown, self.stores.storage.close]
        for end in ends:
            try:
                end()
            except Exception:
                log.exception("closing: %s failed", end)
