"""Compute pools: how many instances of jobs run at once on this machine."""

from __future__ import annotations

import os
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.core.sql import qualified
from airflow_provider_mediabatch.local.defaults import COMPUTE_POOL
from airflow_provider_mediabatch.local.errors import already_exists, does_not_exist, invalid_argument

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.catalog import Catalog

_SCHEMA = """
CREATE TABLE IF NOT EXISTS compute_pools (
    name TEXT PRIMARY KEY, instance_family TEXT NOT NULL, min_nodes INTEGER NOT NULL, max_nodes INTEGER NOT NULL,
    suspended INTEGER NOT NULL DEFAULT 0, auto_resume INTEGER NOT NULL DEFAULT 1,
    auto_suspend_secs INTEGER NOT NULL DEFAULT 3600, comment TEXT NOT NULL DEFAULT '',
    owner TEXT NOT NULL, created REAL NOT NULL
)
"""


@dataclass(frozen=True)
class ComputePool:
    """A pool; one instance of a job takes one node. Nodes here are not machines, only a limit to what runs at once."""

    name: str
    instance_family: str
    min_nodes: int
    max_nodes: int
    suspended: int
    auto_resume: int
    auto_suspend_secs: int
    comment: str
    owner: str
    created: float

    @property
    def gpu(self) -> bool:
        """Whether its family has GPUs. Such a pool can be made, so that checks can be tested; no job runs there."""
        return self.instance_family.startswith("GPU")


class ComputePools:
    """The account's pools. ``LOCAL_POOL`` is there from the start, and the two pools that Snowflake makes itself."""

    def __init__(self, catalog: Catalog, owner: str) -> None:
        self.catalog = catalog
        connection = catalog.connect()
        connection.execute(_SCHEMA)
        nodes, here = max(4, os.cpu_count() or 1), "the processors of this machine"
        for name, family, comment in (
            (COMPUTE_POOL, "CPU_X64_S", here),
            ("SYSTEM_COMPUTE_POOL_CPU", "CPU_X64_S", here),
            ("SYSTEM_COMPUTE_POOL_GPU", "GPU_NV_S", "no job runs here: this machine's GPUs are not used"),
        ):
            connection.execute(
                "INSERT OR IGNORE INTO compute_pools "
                "(name, instance_family, min_nodes, max_nodes, owner, created, comment) VALUES (?, ?, 1, ?, ?, ?, ?)",
                (name, family, nodes, owner, time.time(), comment),
            )

    def create(
        self,
        name: str,
        family: str,
        min_nodes: int,
        max_nodes: int,
        owner: str,
        *,
        auto_suspend: int,
        auto_resume: bool,
        suspended: bool,
        comment: str,
    ) -> None:
        """Make a pool.

        :param auto_suspend: seconds, shown and without effect on a machine that is always there.
        :param auto_resume: whether a job that is submitted to the suspended pool resumes it.
        :param suspended: whether it begins so.
        :raises SnowflakeError: 002002 when the name is taken.
        """
        if not 1 <= min_nodes <= max_nodes:
            raise invalid_argument(f"invalid node counts: MIN_NODES = {min_nodes}, MAX_NODES = {max_nodes}")
        try:
            self.catalog.connect().execute(
                "INSERT INTO compute_pools "
                "(name, instance_family, min_nodes, max_nodes, owner, created, comment, auto_suspend_secs, "
                "auto_resume, suspended) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(name, family, min_nodes, max_nodes, owner, time.time(), comment, auto_suspend),
                    *(int(auto_resume), int(suspended)),
                ),
            )
        except sqlite3.IntegrityError:
            raise already_exists("Object", qualified(name)) from None

    def get(self, name: str) -> ComputePool:
        """:raises SnowflakeError: 002003 when there is no such pool."""
        row = self.catalog.connect().execute("SELECT * FROM compute_pools WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise does_not_exist("Compute Pool", qualified(name))
        return ComputePool(**dict(row))

    def all(self) -> list[ComputePool]:
        """Every pool, by name."""
        rows = self.catalog.connect().execute("SELECT * FROM compute_pools ORDER BY name")
        return [ComputePool(**dict(row)) for row in rows]

    def update(self, name: str, **values: int | str) -> None:
        """Change columns of a pool."""
        pool = {**self.get(name).__dict__, **values}
        if not 1 <= pool["min_nodes"] <= pool["max_nodes"]:
            raise invalid_argument(
                f"invalid node counts: MIN_NODES = {pool['min_nodes']}, MAX_NODES = {pool['max_nodes']}"
            )
        for column, value in values.items():
            self.catalog.connect().execute(f"UPDATE compute_pools SET {column} = ? WHERE name = ?", (value, name))

    def resume_for_job(self, name: str) -> None:
        """Resume a suspended pool that a job is submitted to, if its AUTO_RESUME says so.

        :raises SnowflakeError: 002003 when there is no such pool.
        """
        self.get(name)
        self.catalog.connect().execute(
            "UPDATE compute_pools SET suspended = 0 WHERE name = ? AND auto_resume = 1", (name,)
        )

    def drop(self, name: str) -> None:
        """Remove a pool. :raises SnowflakeError: 002003 when there is none."""
        self.get(name)
        self.catalog.connect().execute("DELETE FROM compute_pools WHERE name = ?", (name,))
