"""One inference job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.core.sql import qualified
from airflow_provider_mediabatch.local.runner.spec import (
    TERMINAL,
)

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Job:
    """One job as the catalogue and its status file have it.

    :param asynchronous: whether its statement returned at once.
    :param replicas: instances.
    :param workers: processes of each instance.
    :param output: full stage path of its own output folder.
    :param specification: the YAML it was given.
    :param status: one of Snowflake's job statuses.
    :param launched: seconds since the epoch when nodes of its pool became its own, None while it queues.
    :param fault: what a fault plan makes of it.
    """

    id: str
    database: str
    schema: str
    name: str
    owner: str
    compute_pool: str
    query_id: str
    asynchronous: int
    replicas: int
    workers: int
    model: str
    version: str
    function: str
    output: str
    specification: str
    created: float
    launched: float | None = None
    deleted: float | None = None
    fault: str | None = None
    status: str | None = None
    message: str | None = None
    started: float | None = None
    finished: float | None = None

    @property
    def full_name(self) -> str:
        """``DB.SCHEMA.NAME``."""
        return qualified(self.database, self.schema, self.name)

    @property
    def terminal(self) -> bool:
        """Whether it is over."""
        return self.status in TERMINAL
