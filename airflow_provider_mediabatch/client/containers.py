"""How a job's containers ended, by SHOW SERVICE CONTAINERS, and the log of those that failed.

A process that was killed (out of memory, a crashing codec) leaves nothing in its log. What Snowflake knows of it is in
the columns ``status``, ``message``, ``last_exit_code`` and ``restart_count`` of SHOW SERVICE CONTAINERS (Snowflake's
reference of that command; the exit code by its behaviour change BCR-1787). No statement here needs a warehouse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from signal import SIGTERM, Signals
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.client import jobs
from airflow_provider_mediabatch.client.connection import rows_or_none

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

MAX_FAILED = 3
"""The number of failed instances whose end and log a message shows."""
_SIGNAL_BASE = 128
"""The exit code of a process that a signal ended is the signal's number and this."""


@dataclass(frozen=True)
class Container:
    """The container of one instance of a job.

    :param instance: the instance's number, from 0.
    :param status: FAILED for one that exited with another code than 0.
    :param message: what Snowflake adds to the status.
    :param exit_code: of its last exit; None: it has not exited.
    :param restarts: how often Snowflake has restarted it.
    """

    instance: int
    status: str = ""
    message: str = ""
    exit_code: int | None = None
    restarts: int = 0

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Container:
        """One row of SHOW SERVICE CONTAINERS; columns that are missing or NULL say nothing."""
        values = {name.lower(): value for name, value in row.items()}
        return cls(
            instance=_number(values.get("instance_id")) or 0,
            status=str(values.get("status") or "").upper(),
            message=str(values.get("message") or "").strip()[: jobs.LINE_CHARACTERS],
            exit_code=_number(values.get("last_exit_code")),
            restarts=_number(values.get("restart_count")) or 0,
        )

    @property
    def failed(self) -> bool:
        """Whether it ended otherwise than well."""
        return bool(self.exit_code) or self.status == "FAILED"

    @property
    def was_ended(self) -> bool:
        """Whether it was ended from outside (SIGTERM), as instances are when another one fails."""
        return self.exit_code == _SIGNAL_BASE + SIGTERM

    @property
    def end(self) -> str:
        """Its end in words; "" where nothing is known of it."""
        parts = [self.message]
        if self.exit_code:
            parts.append(f"exit code {self.exit_code}{_signal(self.exit_code)}")
        elif self.status == "FAILED" and not self.message:
            parts.append("FAILED")
        if self.restarts:
            parts.append(f"restarted {self.restarts} time{'s' if self.restarts > 1 else ''}")
        return ", ".join(part for part in parts if part)


def _number(value: object) -> int | None:
    with suppress(ValueError):
        return int(str(value))
    return None


def _signal(code: int) -> str:
    with suppress(ValueError):
        return f" ({Signals(code - _SIGNAL_BASE).name})"
    return ""


def failed_first(containers: Iterable[Container]) -> list[Container]:
    """The containers that failed by themselves; those that were ended from outside only where there are no others."""
    failed = [container for container in containers if container.failed]
    return [container for container in failed if not container.was_ended] or failed


def describe_ends(containers: Sequence[Container]) -> str:
    """How the job's containers ended, for messages; "" where Snowflake says nothing.

    :param containers: of all instances.
    """
    failed = failed_first(containers)
    shown = [container for container in failed or containers if container.end][:MAX_FAILED]
    several = len(containers) > 1
    said = [f"instance {container.instance}: {container.end}" if several else container.end for container in shown]
    more = len(failed) - len(shown)
    return "; ".join([*said, f"and {more:,} more instances that failed"] if more > 0 else said)


class JobEnd:
    """The end of a job that has failed. Log and containers are asked for once, when they are needed.

    :param connection: to Snowflake.
    :param job: the job's qualified name.
    :param instances: how many instances it was given.
    """

    def __init__(self, connection: SnowflakeConnection, job: str, instances: int | None) -> None:
        self._connection, self._job, self._instances = connection, job, instances or 1

    @cached_property
    def containers(self) -> list[Container]:
        """One for each instance; empty where the job is gone or Snowflake refuses."""
        from snowflake.connector.errors import DatabaseError

        with suppress(DatabaseError):
            found = rows_or_none(self._connection, f"SHOW SERVICE CONTAINERS IN SERVICE {self._job}") or []
            return sorted(map(Container.of, found), key=lambda container: container.instance)
        return []

    @cached_property
    def log(self) -> str:
        """The end of the job's log: of several instances, of those that failed."""
        if self._instances == 1:
            return jobs.logs(self._connection, self._job)
        failed = [container.instance for container in failed_first(self.containers)][:MAX_FAILED]
        return jobs.logs(self._connection, self._job, self._instances, only=failed or None)

    @property
    def ends(self) -> str:
        """How its containers ended, in words."""
        return describe_ends(self.containers)
