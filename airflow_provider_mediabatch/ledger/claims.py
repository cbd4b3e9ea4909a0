"""Who claims files in the ledger, and what a claim holds: the values of :mod:`.ledger`."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.core import xcom

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_mediabatch.files.listing_sql import Relation

ACTIVE_RUN_STATES = ["queued", "running"]


@dataclass(frozen=True)
class Owner:
    """The run that claims.

    :param run_over: whether a run, given its DAG's id and its own, is neither queued nor running (or is not known).
    """

    dag_id: str
    task_id: str
    run_id: str
    map_index: int
    run_over: Callable[[str, str], bool]

    @classmethod
    def of(cls, context: Context) -> Owner:
        """The run of a task's context. Asks Airflow, through the task's own API, about other runs."""
        ti = context["ti"]

        def run_over(dag_id: str, run_id: str) -> bool:
            return ti.get_dr_count(dag_id=dag_id, run_ids=[run_id], states=ACTIVE_RUN_STATES) == 0

        return cls(ti.dag_id, ti.task_id, ti.run_id, -1 if ti.map_index is None else ti.map_index, run_over)

    @property
    def prefix(self) -> str:
        """What all claims of this task instance begin with, in every try."""
        return f"MB_{xcom.digest(self.dag_id, self.task_id, self.run_id, self.map_index)[:32].upper()}_"

    def new_claim_id(self) -> str:
        """An id of its own for one claim."""
        return self.prefix + uuid.uuid4().hex[:12].upper()


@dataclass(frozen=True)
class Claim:
    """What a claim holds.

    :param ledger: the table as SQL.
    :param relation: the held rows.
    :param skipped: listed rows that were left out, by reason.
    :param generation: 0, or how often these files were reprocessed.
    """

    ledger: str
    claim_id: str
    relation: Relation
    skipped: Mapping[str, int]
    generation: int


@dataclass(frozen=True)
class Ownership:
    """A manifest's rows in the ledger, which is what FullBatch asks before it submits.

    :param counts: rows by STATE.
    :param jobs: jobs that did the rows which are done, with their output locations.
    """

    counts: Mapping[str, int]
    jobs: Mapping[str, str] = field(default_factory=dict)

    @property
    def open(self) -> int:
        """Rows still to do."""
        return self.counts.get("claimed", 0)

    def did(self, stem: str) -> tuple[str, str] | None:
        """The one job that did all rows, with its output location, if its name begins with ``stem``."""
        if not self.finished or len(self.jobs) != 1:
            return None
        ((job, location),) = self.jobs.items()
        return (job, location) if job.rsplit(".", 1)[-1].startswith(stem) and location else None

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do: a job that did them need not be found by its name any more."""
        return self.open == 0 and self.counts.get("done", 0) > 0
