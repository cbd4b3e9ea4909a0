"""Waiting for all jobs of one round of an isolation, without a worker slot."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_mediabatch.batch.job_polling import JobPoller, PollDecision
from airflow_provider_mediabatch.triggers.batch_job import BatchJobTrigger
from airflow_provider_mediabatch.triggers.deferral import wait_until_scheduler_knows
from airflow_provider_mediabatch.triggers.shared_connection import SharedConnection
from airflow_provider_mediabatch.triggers.taken_over import is_taken_over


class IsolationRoundTrigger(BaseTrigger):
    """Wait until every job of a round has ended: each as :class:`BatchJobTrigger` does, over the one connection and
    job statuses that they share. Yields one event, ``{"events": {job: …}, "state": …}``.

    :param snowflake_conn_id: Airflow connection.
    :param round_number: from 1, for the log.
    :param jobs: of each job ``job``, ``query_id``, ``phase`` and ``started``, as BatchJobTrigger takes them.
    :param deadline: when the waiting ends at the latest, epoch seconds; None: never.
    :param poll_interval: seconds between polls; None: growing from 0.3 to 30.
    :param cancel_on_timeout: cancel the jobs when the deadline passes.
    :param in_dag_test: as for :class:`.BatchJobTrigger`.
    :param state: comes back in the event.
    """

    def __init__(
        self,
        *,
        snowflake_conn_id: str,
        round_number: int,
        jobs: Sequence[Mapping[str, Any]],
        deadline: float | None = None,
        poll_interval: float | None = None,
        cancel_on_timeout: bool = True,
        in_dag_test: bool = False,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.snowflake_conn_id = snowflake_conn_id
        self.round_number = round_number
        self.jobs = [dict(item) for item in jobs]
        self.deadline = deadline
        self.poll_interval = poll_interval
        self.cancel_on_timeout = cancel_on_timeout
        self.in_dag_test = in_dag_test
        self.state = dict(state or {})

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, all of them plain."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "snowflake_conn_id": self.snowflake_conn_id,
                "round_number": self.round_number,
                "jobs": self.jobs,
                "deadline": self.deadline,
                "poll_interval": self.poll_interval,
                "cancel_on_timeout": self.cancel_on_timeout,
                "in_dag_test": self.in_dag_test,
                "state": self.state,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait for all, then yield the one event."""
        self.log.info("Isolation, round %d: waiting for %d jobs", self.round_number, len(self.jobs))
        began = time.monotonic()
        events = await asyncio.gather(*(self._ended(trigger) for trigger in self._triggers()))
        await wait_until_scheduler_knows(self, began)
        yield TriggerEvent({"events": dict(events), "state": self.state})  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Cancel all jobs: a user marked the task failed or succeeded, or cleared it."""
        if self.in_dag_test:
            return
        if await is_taken_over(self):
            self.log.info("Round %d is left alone: its task still waits, in another triggerer", self.round_number)
            return
        results = await asyncio.gather(*(item.cancel() for item in self._triggers()), return_exceptions=True)
        for error in results:
            if isinstance(error, BaseException):
                self.log.error("A job of round %d could not be cancelled: %s", self.round_number, error)

    def _triggers(self) -> list[_RoundJobTrigger]:
        return [
            _RoundJobTrigger(
                snowflake_conn_id=self.snowflake_conn_id,
                deadline=self.deadline,
                poll_interval=self.poll_interval,
                cancel_on_timeout=self.cancel_on_timeout,
                **item,
            )
            for item in self.jobs
        ]

    async def _ended(self, trigger: _RoundJobTrigger) -> tuple[str, dict[str, Any]]:
        event: dict[str, Any] = {}
        async for found in trigger.run():
            event = {key: value for key, value in found.payload.items() if key != "state"}
        self.log.info(
            "Isolation, round %d: job %s has ended: %s",
            self.round_number,
            trigger.job,
            event["status"] or event["outcome"],
        )
        return trigger.job, event


class _RoundJobTrigger(BatchJobTrigger):
    """One job of the round. Its log is read only if it fails, once it has ended."""

    async def _progress(self, shared: SharedConnection, poller: JobPoller, decision: PollDecision) -> None:
        """Nothing: a round's jobs end soon, and a line for each would be statements for each."""
