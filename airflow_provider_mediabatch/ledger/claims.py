"""Who claims files in the ledger, for which model version, and what a claim holds: the values of :mod:`.ledger`."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.core import sql, xcom
from airflow_provider_mediabatch.exceptions import InvalidInputError

if TYPE_CHECKING:
    from airflow.sdk import Context
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.manifest import Manifest
    from airflow_provider_mediabatch.core.snowflake_objects import ModelInfo
    from airflow_provider_mediabatch.files.relation import Relation

ACTIVE_RUN_STATES = ["queued", "running"]
REJECTED = "rejected"
UNANSWERED = "no answer in time"
"""Why an approval releases a claim."""
ADOPTED = "ADOPTED_"
"""What the id of a claim of adopted files has after the task instance's prefix."""


@dataclass(frozen=True)
class LedgerSubject:
    """What files are recorded for: one function of one model version.

    :param model: ``DB.SCHEMA.MODEL``, resolved.
    :param model_version: the version's own name, never an alias.
    :param model_version_created_on: when the version was logged (:attr:`.ModelInfo.created_on`): a version that is
        dropped and logged again under its name is another one.
    :param function: the model's function.
    """

    model: str
    model_version: str
    model_version_created_on: str
    function: str

    @classmethod
    def of(cls, manifest: Manifest) -> LedgerSubject | None:
        """What a manifest's files were listed for; None when it was no model version."""
        facts = {item.name: getattr(manifest, item.name) for item in fields(cls)}
        return None if None in facts.values() else cls(**facts)

    def to_row(self) -> dict[str, str]:
        """The ledger's columns that hold it, with their values as SQL."""
        return {
            "MODEL_NAME": sql.literal(self.model),
            "MODEL_VERSION": sql.literal(self.model_version),
            "MODEL_VERSION_CREATED_ON": f"{sql.literal(self.model_version_created_on)}::TIMESTAMP_NTZ",
            "FUNCTION_NAME": sql.literal(self.function),
        }

    def to_manifest(self) -> dict[str, str]:
        """The manifest's fields that hold it."""
        return asdict(self)


def resolve_subject(
    connection: SnowflakeConnection, model_name: str, version_name: str | None, function_name: str | None
) -> tuple[ModelInfo, LedgerSubject]:
    """The model version that files are for, with alias, default version and only function resolved.

    :param model_name: as a user writes it.
    :param version_name: a version or alias; None: the model's default version.
    :param function_name: None: the version's only function.
    :raises InvalidInputError: when one of them does not exist or this role may not see it.
    """
    from airflow_provider_mediabatch.client.model_registry import resolve_version
    from airflow_provider_mediabatch.core.snowflake_objects import Problem

    model = resolve_version(connection, model_name, version_name)
    function = model.function(function_name)
    if isinstance(function, Problem):
        raise InvalidInputError(f"{function.what}: {function.fix}")
    return model, LedgerSubject(model.model, model.version, model.created_on, function.target_method)


@dataclass(frozen=True)
class ClaimOwner:
    """The run that claims.

    :param run_over: whether a run, given its DAG's id and its own, is neither queued nor running (or is not known).
    """

    dag_id: str
    task_id: str
    run_id: str
    map_index: int
    run_over: Callable[[str, str], bool]

    @classmethod
    def of(cls, context: Context) -> ClaimOwner:
        """The run of a task's context. Asks Airflow, through the task's own API, about other runs."""
        ti = context["ti"]

        def run_over(dag_id: str, run_id: str) -> bool:
            return ti.get_dr_count(dag_id=dag_id, run_ids=[run_id], states=ACTIVE_RUN_STATES) == 0

        return cls(ti.dag_id, ti.task_id, ti.run_id, -1 if ti.map_index is None else ti.map_index, run_over)

    @property
    def prefix(self) -> str:
        """What all claims of this task instance begin with, in every try."""
        return f"MB_{xcom.digest(self.dag_id, self.task_id, self.run_id, self.map_index)[:32].upper()}_"

    @staticmethod
    def prefix_of(claim_id: str) -> str:
        """The :attr:`prefix` of the task instance that made a claim."""
        return claim_id[: claim_id.rindex("_") + 1].removesuffix(ADOPTED)

    def new_claim_id(self, kind: str = "") -> str:
        """An id of its own for one claim.

        :param kind: :data:`ADOPTED` for files that no manifest of this run has.
        """
        return self.prefix + kind + uuid.uuid4().hex[:12].upper()


@dataclass(frozen=True)
class Claim:
    """What a claim holds.

    :param ledger: the table as SQL.
    :param relation: the held rows, as the listing has them.
    :param rows: how many the ledger has of them.
    :param skipped: listed rows that were left out, by reason.
    :param generation: 0, or how often these files were reprocessed.
    :param adopted: files that jobs of ended runs have done and that this run's LoadResults loads.
    :param waiting: why nothing was claimed although files are open; "" when it was.
    """

    ledger: str
    claim_id: str
    relation: Relation
    rows: int
    skipped: Mapping[str, int]
    generation: int
    adopted: int = 0
    waiting: str = ""


@dataclass(frozen=True)
class RecordedJob:
    """A job that did files, as the ledger has it.

    :param name: its qualified name.
    :param location: its output folder.
    :param files: how many files it did.
    :param is_own: whether the run that asks did or adopted them. Otherwise another run of the DAG has adopted them.
    """

    name: str
    location: str
    files: int
    is_own: bool = True


@dataclass(frozen=True)
class Ownership:
    """A manifest's rows in the ledger, which is what FullBatch asks before it submits.

    :param counts: rows by STATE.
    :param jobs: jobs that did the rows which are done, with their output locations.
    :param costs: what each of them took and cost, by the ledger's columns.
    :param work: what was done with the rows which are done (:attr:`.JobRequest.work_digest`).
    """

    counts: Mapping[str, int]
    jobs: Mapping[str, str] = field(default_factory=dict)
    costs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    work: frozenset[str | None] = frozenset()

    @property
    def open(self) -> int:
        """Rows still to do."""
        return self.counts.get("claimed", 0)

    def finished_by(self, stem: str) -> tuple[str, str] | None:
        """The one job that did all rows, with its output location, if its name begins with ``stem``."""
        if not self.finished or len(self.jobs) != 1:
            return None
        ((job, location),) = self.jobs.items()
        return (job, location) if job.rsplit(".", 1)[-1].startswith(stem) and location else None

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do: a job that did them need not be found by its name any more."""
        return self.open == 0 and self.counts.get("done", 0) > 0
