"""The values that the review page is made of: a task instance and the sample or batch that it returned."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.chat import has_answers
from airflow_provider_mediabatch.core.drift_report import DriftReport
from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.core.task_notes import SubmittedJob, TaskFailure
from airflow_provider_mediabatch.review.serialized_tasks import TaskKind

ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
"""States of a task instance in which nothing more happens to it by itself."""


@dataclass(frozen=True)
class TaskKey:
    """Identifies a task instance. The page always shows its last try."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1


@dataclass(frozen=True)
class Answer:
    """A form, and the answer to it where there is one.

    :param key: the approval's task instance.
    :param asked_at: when the form was opened.
    :param approved: the answer, or None while the form waits for one.
    :param by: who answered, or "" where the time was over and the default was taken.
    :param at: when.
    :param note: what the person wrote.
    """

    key: TaskKey
    asked_at: datetime
    approved: bool | None = None
    by: str = ""
    at: datetime | None = None
    note: str = ""


@dataclass(frozen=True)
class TaskInstanceInfo:
    """A task instance as Airflow records it.

    :param key: identifies it.
    :param state: its state, or None before it was scheduled.
    :param conn_id: the connection that it used, or None where Airflow does not know it (any more).
    :param kind: what it does, or None for a task that is none of ours.
    :param submitted: the job that it submitted, if that is named after the task instance.
    :param failure: why its last try failed, as the task said.
    :param files: the files that its job runs, where it is proven that this DAG run wrote them.
    :param sample: for an approval, the sample that it asks about.
    :param answers: of an approval or a sample, the forms that ask about it.
    :param refused: whether it returned a result that does not belong to it.
    :param unread: why the result that it returned cannot be read, or "".
    :param started: when its last try began.
    :param ended: when it ended.
    """

    key: TaskKey
    state: str | None
    conn_id: str | None = None
    kind: TaskKind | None = None
    submitted: SubmittedJob | None = None
    failure: TaskFailure | None = None
    files: Manifest | None = None
    sample: TaskKey | None = None
    answers: tuple[Answer, ...] = ()
    refused: bool = False
    unread: str = ""
    started: datetime | None = None
    ended: datetime | None = None

    @property
    def job(self) -> str | None:
        """The qualified name of the job that it submitted."""
        return self.submitted.job if self.submitted else None

    @property
    def is_failed(self) -> bool:
        """Whether its last try failed."""
        return self.state in ("failed", "up_for_retry", "upstream_failed")

    @property
    def is_open(self) -> bool:
        """Whether something will still happen to it by itself."""
        return self.state not in ENDED


@dataclass(frozen=True)
class LoadedDrift:
    """What a task that loads results found when it compared the output with that of the runs before.

    :param key: the task instance.
    :param is_failed: whether it loaded nothing.
    :param report: what it found.
    """

    key: TaskKey
    is_failed: bool
    report: DriftReport


@dataclass(frozen=True)
class ReviewedBatch:
    """A sample or a full batch, as its task reported it.

    :param key: the task instance that returned it.
    :param result: the SampleReport of a sample, the BatchResult of a full batch.
    :param conn_id: the Airflow connection that the task used, or None where Airflow does not know it any more.
    :param plan: the plan that was run, where the DAG run still has it.
    :param manifests: the manifests of its files, where the DAG run still has them.
    :param source: the folder that holds the manifest of its job, where it is proven that this DAG run wrote it.
    :param drift: of a full batch: what the tasks that load its run's output have compared.
    :param unread: why the manifest in the result cannot be read, or "".
    """

    key: TaskKey
    result: SampleReport | BatchResult
    conn_id: str | None
    plan: InferencePlan | None
    manifests: tuple[Manifest, ...]
    source: str | None = None
    drift: tuple[LoadedDrift, ...] = ()
    unread: str = ""

    @property
    def is_sample(self) -> bool:
        """Whether only a few files were run to test the model."""
        return isinstance(self.result, SampleReport)

    @property
    def file_columns(self) -> tuple[str, ...]:
        """The columns that hold full stage paths. An output of the model is none, whatever the listing's XCom says."""
        outputs = {name.upper() for name in (*self.outputs, *(self.plan.outputs if self.plan else ()))}
        return tuple(name for name in self._listed_columns if name.upper() not in outputs)

    @property
    def _listed_columns(self) -> tuple[str, ...]:
        if self.manifests:
            return self.manifests[0].file_columns
        return tuple(self.plan.column_handling) if self.plan else ()

    def files_problem(self, columns: Collection[str]) -> str:
        """What is wrong with the listing that says which columns are files, or "".

        :param columns: the output's.
        """
        if self.unread:
            known = (
                "The plan says which columns are files" if self.file_columns else "No column is known to be of files"
            )
            return f"The manifest of this result cannot be read: {self.unread.rstrip('.')}. {known}."
        missing = next((name for name in self.file_columns if name not in columns), None)
        if missing is None:
            return ""
        there = ", ".join(columns)
        return f"The listing names the column {missing!r} as one of files. The output has {there}, and not this one."

    @property
    def outputs(self) -> Mapping[str, str]:
        """The outputs of the model's signature, name to type."""
        if isinstance(self.result, BatchResult) and self.result.outputs:
            return self.result.outputs
        return self.plan.outputs if self.plan else {}

    @property
    def is_chat(self) -> bool:
        """Whether a chat model answered, by the outputs of its signature."""
        return has_answers(self.outputs)

    def is_output(self, column: str) -> bool:
        """Whether the model wrote this column.

        The signature decides where it is known. Without one, a column that the manifest lacks is an output.
        """
        if column.startswith("MB_") or column in self.file_columns:
            return False
        if self.outputs:
            return column.upper() in {name.upper() for name in self.outputs}
        return not self.manifests or column not in self.manifests[0].columns
