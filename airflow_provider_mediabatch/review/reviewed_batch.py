"""The values that the review page is made of: a task instance and the sample or batch that it returned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.core.sample_report import SampleReport


@dataclass(frozen=True)
class TaskKey:
    """Identifies a task instance. The page always shows its last try."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1


@dataclass(frozen=True)
class ReviewedBatch:
    """A sample or a full batch, as its task reported it.

    :param key: the task instance that returned it.
    :param result: the SampleReport of a sample, the BatchResult of a full batch.
    :param conn_id: the Airflow connection that the task used, or None where Airflow does not know it any more.
    :param plan: the plan that was run, where the DAG run still has it.
    :param manifests: the manifests of its files, where the DAG run still has them.
    """

    key: TaskKey
    result: SampleReport | BatchResult
    conn_id: str | None
    plan: InferencePlan | None
    manifests: tuple[Manifest, ...]

    @property
    def is_sample(self) -> bool:
        """Whether only a few files were run to test the model."""
        return isinstance(self.result, SampleReport)

    @property
    def file_columns(self) -> tuple[str, ...]:
        """The columns that hold full stage paths."""
        if self.manifests:
            return self.manifests[0].file_columns
        return tuple(self.plan.column_handling) if self.plan else ()

    @property
    def outputs(self) -> Mapping[str, str]:
        """The outputs of the model's signature, name to type."""
        if isinstance(self.result, BatchResult) and self.result.outputs:
            return self.result.outputs
        return self.plan.outputs if self.plan else {}

    def is_output(self, column: str) -> bool:
        """Whether the model wrote this column.

        The signature decides where it is known. Without one, a column that the manifest lacks is an output.
        """
        if column.startswith("MB_") or column in self.file_columns:
            return False
        if self.outputs:
            return column.upper() in {name.upper() for name in self.outputs}
        return not self.manifests or column not in self.manifests[0].columns
