"""One engine: everything that one state directory holds, opened by one process.

The rooms know the engine, and through it one another; each creates its own tables in its constructor, so a state
directory of an older engine opens with a newer one.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import secrets
from pathlib import Path
from typing import Any

from airflow_provider_mediabatch.local.catalog import Catalog
from airflow_provider_mediabatch.local.faults import Faults
from airflow_provider_mediabatch.local.queries import Queries
from airflow_provider_mediabatch.local.session import Sessions

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
        self.privileges: Any = self._room("privileges", "Privileges")
        self.storage: Any = self._room("sql.storage", "Storage")
        self.locks: Any = self._room("sql.locks", "Locks")
        self.stages: Any = self._room("stages", "StageStore")
        self.models: Any = self._room("models", "ModelStore")
        self.jobs: Any = self._room("jobs", "JobStore")

    @property
    def rooms(self) -> list[Any]:
        """Rooms that may keep things of a session: those with ``session_closed(session)`` are told when one ends."""
        return [r for r in (self.locks, self.storage, self.stages, self.models, self.jobs) if r is not None]

    def recover(self) -> None:
        """Take up what a killed engine left: jobs go on, statements that ran have failed."""
        take_up = getattr(self.jobs, "recover", None)
        self.queries.recover(take_up() if take_up else {})

    def close(self) -> None:
        """End statements and jobs, and close the files."""
        for room in (self.queries, self.jobs, self.storage):
            end = getattr(room, "shutdown", None) or getattr(room, "close", None)
            if end is None:
                continue
            try:
                end()
            except Exception:
                log.exception("closing %s failed", type(room).__name__)

    def _room(self, module: str, name: str) -> Any:
        try:
            store = getattr(importlib.import_module(f"{__package__}.{module}"), name)
            given = {"engine": self, "catalog": self.catalog, "state_dir": self.state_dir}
            return store(*(given[parameter] for parameter in inspect.signature(store).parameters if parameter in given))
        except ModuleNotFoundError as missing:
            if not (missing.name or "").startswith(str(__package__)):
                raise
            return None
