"""OpenLineage: stage → model → output and table, on start, complete and failure of each operator.

Nothing here runs, and nothing of OpenLineage is imported, unless Apache's OpenLineage provider is installed and asks.
Names follow OpenLineage's Snowflake naming: namespace ``snowflake://<account>``, name ``DATABASE.SCHEMA.OBJECT``; a
place on a stage has its path after the stage's name.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.manifest import Manifest, manifests_from_xcom
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.core.stage_path import StagePath

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.facet_v2 import OutputDatasetFacet

log = logging.getLogger(__name__)

T = TypeVar("T")


class LineageMixin:
    """Gives an operator the three methods that Apache's OpenLineage provider looks for.

    The operator says what it worked on in its template fields (``stage_path``, ``manifest``, ``plan``, ``results``,
    ``table``), and what came of it by returning ``self.set_lineage_result(value)``.
    """

    snowflake_conn_id: str
    _lineage_result: Any = None

    def set_lineage_result(self, value: T) -> T:
        """Note the value that the task is about to return, and give it back."""
        self._lineage_result = value
        return value

    def get_openlineage_facets_on_start(self) -> OperatorLineage[Any, Any]:
        """What is known before anything has run: the inputs."""
        return self._lineage()

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Inputs and outputs with their counts, schema and the job's name."""
        return self._lineage()

    def get_openlineage_facets_on_failure(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """The inputs; OpenLineage's own listener adds the error."""
        return self._lineage()

    def _lineage(self) -> OperatorLineage[Any, Any]:
        from airflow.providers.openlineage.extractors import OperatorLineage
        from openlineage.client.facet_v2 import external_query_run, tags_run

        found = _Datasets(_namespace(self.snowflake_conn_id))
        for name in ("stage_path", "manifest", "plan", "results"):
            found.input(getattr(self, name, None))
        found.output(self._lineage_result)
        table = getattr(self, "table", None)
        if isinstance(table, str) and table and self._lineage_result is not None:
            found.table(table, self._lineage_result)
        facets: dict[str, Any] = {}
        if found.cost:
            tags = [tags_run.TagsRunFacetFields(key, value, "INTEGRATION") for key, value in found.cost.items()]
            facets["tags"] = tags_run.TagsRunFacet(tags)
        if found.job:
            facets["externalQuery"] = external_query_run.ExternalQueryRunFacet(found.job, found.namespace)
        return OperatorLineage(inputs=found.inputs, outputs=found.outputs, run_facets=facets)


class _Datasets:
    """Collects a task's datasets, each once."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.job: str | None = None
        self.cost: dict[str, str] = {}
        self._inputs: dict[str, InputDataset] = {}
        self._outputs: dict[str, OutputDataset] = {}

    @property
    def inputs(self) -> list[InputDataset]:
        return list(self._inputs.values())

    @property
    def outputs(self) -> list[OutputDataset]:
        return list(self._outputs.values())

    def input(self, value: Any) -> None:
        """A rendered template field: a stage path, or a value of ours in its XCom form; anything else is left out."""
        if isinstance(value, str):
            self._add_input(_path(value), {}, {})
            return
        for item in _values(value):
            if isinstance(item, Manifest):
                self._add_input(_path(item.location), _schema(item.columns), _counts(item))
            elif isinstance(item, InferencePlan):
                self._add_input(item.model, _version(item.model_version), {})
            elif isinstance(item, BatchResult):
                self._add_input(_path(item.location), _schema(item.outputs), {})

    def output(self, value: Any) -> None:
        """What the task returned."""
        for item in _values(value):
            if isinstance(item, Manifest):
                self._add_output(_path(item.location), _schema(item.columns), item.row_count, item.total_bytes)
            elif isinstance(item, BatchResult | SampleReport):
                schema = _schema(item.outputs) if isinstance(item, BatchResult) else {}
                self._add_output(_path(item.location), schema, item.rows, None)
                self.job = item.job or None
                if isinstance(item, BatchResult):
                    self.cost = _cost(item)

    def table(self, name: str, value: Any) -> None:
        """The results table."""
        rows = value.get("rows") if isinstance(value, Mapping) else None
        loaded = value.get("table") if isinstance(value, Mapping) else None
        self._add_output(str(loaded or name), {}, rows if isinstance(rows, int) else None, None)

    def _add_input(self, name: str | None, facets: dict[str, Any], counts: dict[str, Any]) -> None:
        from openlineage.client.event_v2 import InputDataset

        if name:
            self._inputs[name] = InputDataset(namespace=self.namespace, name=name, facets=facets, inputFacets=counts)

    def _add_output(self, name: str | None, facets: dict[str, Any], rows: int | None, size: int | None) -> None:
        from openlineage.client.event_v2 import OutputDataset
        from openlineage.client.facet_v2 import output_statistics_output_dataset as statistics

        if name:
            counted: dict[str, OutputDatasetFacet] = {
                "outputStatistics": statistics.OutputStatisticsOutputDatasetFacet(rowCount=rows, size=size),
            }
            self._outputs[name] = OutputDataset(
                namespace=self.namespace, name=name, facets=facets, outputFacets=counted
            )


def _values(value: Any) -> Iterator[Any]:
    """The values of ours in a template field: one, or a list of them."""
    for item in value if isinstance(value, Sequence) and not isinstance(value, str) else [value]:
        for read in (
            lambda given: manifests_from_xcom(given)[0],
            InferencePlan.from_xcom,
            BatchResult.from_xcom,
            SampleReport.from_xcom,
        ):
            try:
                yield read(item)
                break
            except ValueError:
                continue


def _cost(result: BatchResult) -> dict[str, str]:
    """What the job took and cost beside what was expected, as far as it is known."""
    facts = {name: getattr(result, name) for name in ("job_seconds", "projected_seconds", "cost", "projected_cost")}
    money = {"currency": result.currency} if result.cost is not None or result.projected_cost is not None else {}
    return {f"mediabatch_{name}": str(value) for name, value in {**facts, **money}.items() if value is not None}


def _schema(columns: Mapping[str, str]) -> dict[str, Any]:
    from openlineage.client.facet_v2 import schema_dataset

    fields = [schema_dataset.SchemaDatasetFacetFields(name=name, type=kind) for name, kind in columns.items()]
    return {"schema": schema_dataset.SchemaDatasetFacet(fields=fields)} if fields else {}


def _version(version: str) -> dict[str, Any]:
    from openlineage.client.facet_v2 import dataset_type_dataset, dataset_version_dataset

    return {
        "version": dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=version),
        "datasetType": dataset_type_dataset.DatasetTypeDatasetFacet(datasetType="MODEL"),
    }


def _counts(manifest: Manifest) -> dict[str, Any]:
    from openlineage.client.facet_v2 import input_statistics_input_dataset as statistics

    counted = statistics.InputStatisticsInputDatasetFacet(
        rowCount=manifest.row_count, size=manifest.total_bytes, fileCount=manifest.file_count
    )
    return {"inputStatistics": counted}


def _path(text: str) -> str | None:
    try:
        return StagePath.parse(text).full.removeprefix("@").rstrip("/")
    except ValueError:
        return None


def _namespace(conn_id: str) -> str:
    """``snowflake://<account>`` of the task's connection, as Apache's Snowflake provider names it."""
    from airflow.providers.snowflake.utils.openlineage import fix_account_name
    from airflow.sdk import BaseHook

    try:
        account = str(BaseHook.get_connection(conn_id).extra_dejson.get("account") or "")
        return f"snowflake://{fix_account_name(account)}" if account else f"snowflake://{conn_id}"
    except Exception:  # lineage must never fail a task
        log.debug("The account of connection %s is not known", conn_id, exc_info=True)
        return f"snowflake://{conn_id}"
