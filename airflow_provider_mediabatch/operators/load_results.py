"""LoadResultsOperator: the results of all shards into one table, and the run's one asset event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import Asset, AssetAlias, BaseOperator
from airflow.sdk.definitions.asset import AssetRef
from airflow.sdk.exceptions import AirflowRuntimeError

from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.core.xcom_keys import FAILED_RESULT_KEY
from airflow_provider_mediabatch.exceptions import InvalidInputError, OutputDriftError
from airflow_provider_mediabatch.links.location import LocationLink, push_location
from airflow_provider_mediabatch.operators.lineage import LineageMixin

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_mediabatch.batch.drift import MeasuredRun

SCHEMA_CHANGES = ("evolve", "refuse")


class LoadResultsOperator(LineageMixin, BaseOperator):
    """Load verified results into a table: the manifest's and the model's columns, and where each row came from.

    Un-mapped, after all shards: it checks that each result is whole and none is missing, then replaces their rows in
    one transaction, so that loading twice, or loading a reprocessed file, leaves one row for each file, content, model
    version and function. Rows of a job that has reprocessed a file since stay when an older result is loaded again.
    Output that the ledger has of earlier tries of the same run, or of ended runs of the DAG whose finished jobs a
    listing has adopted, is loaded with it, unless the table has it already. Its ``outlets`` get the run's one asset
    event, with counts and location in ``extra``.

    With ``max_drift`` the output is compared with that of the last 30 runs before anything is loaded. The table
    ``<table>_DRIFT`` keeps what they are compared by.

    Returns ``{"table", "rows", "files", "jobs", "locations", "model", "model_version", "quarantined"}``, and with
    ``max_drift`` also ``"drift"``, a :class:`~.core.drift_report.DriftReport`.

    :param results: a BatchResult, or the mapped FullBatchOperator task's ``.output``.
    :param table: created if it is not there; unqualified parts come from the connection.
    :param nested: nested outputs as ``variant`` columns, or ``flatten``: one column for each key of an object, named
        ``OUTPUT_KEY``. Or column name to either; a text column that is named holds JSON. ``{"choices": "chat"}`` makes
        ``CHOICES_CONTENT`` of a chat model's first answer, with ``CHOICES_FINISH_REASON``; ``chat_json`` also makes a
        column of each key of answers that are JSON, as ``response_format`` asks for. Of another answer they are NULL.
    :param schema_change: columns that the table lacks are added (``evolve``) or an error (``refuse``).
    :param max_drift: the highest population stability index of a column, from 0; 0.2 is a usual limit. None: nothing is
        compared, and no statement is sent for it.
    :param on_drift: a column above it is an error, and nothing is loaded (``fail``), or a warning (``warn``).
    :param drift_columns: the columns to compare; None: the model's outputs that are labels, numbers or ``MB_ERROR``.
    :param snowflake_conn_id: a connection of type ``snowflake``.
    """

    template_fields: Sequence[str] = (
        "results",
        "table",
        "nested",
        "max_drift",
        "on_drift",
        "drift_columns",
        "snowflake_conn_id",
    )
    operator_extra_links = (LocationLink(),)
    ui_color = "#e6e0f5"

    def __init__(
        self,
        *,
        results: Any,
        table: str,
        nested: str | Mapping[str, str] = "variant",
        schema_change: Literal["evolve", "refuse"] = "evolve",
        max_drift: float | str | None = None,
        on_drift: Literal["fail", "warn"] | str = "fail",
        drift_columns: Sequence[str] | None = None,
        snowflake_conn_id: str = "snowflake_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.results = results
        self.table = table
        self.nested = nested
        self.schema_change = schema_change
        self.max_drift = max_drift
        self.on_drift = on_drift
        self.drift_columns = drift_columns
        self.snowflake_conn_id = snowflake_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Check the results, load them, and describe the run.

        :return: counts and locations, as the class describes them.
        :raises InvalidInputError: shards that are missing, a table that does not fit.
        :raises IncompleteOutputError: a result that is not whole; nothing is loaded then.
        :raises OutputDriftError: a column above ``max_drift``; nothing is loaded then.
        """
        from airflow_provider_mediabatch.batch import result_columns, results_table
        from airflow_provider_mediabatch.batch.earlier_results import earlier_results
        from airflow_provider_mediabatch.client.connection import connected
        from airflow_provider_mediabatch.client.staged_parquet import StagedParquet
        from airflow_provider_mediabatch.ledger.claimed_rows import ClaimedRows
        from airflow_provider_mediabatch.operators.measure_arguments import drift_checks_of

        if self.schema_change not in SCHEMA_CHANGES:
            raise InvalidInputError(f"schema_change={self.schema_change!r} is not one of {', '.join(SCHEMA_CHANGES)}")
        checks = drift_checks_of(self.max_drift, self.on_drift, self.drift_columns)
        events = self._asset_events(context)
        found = self._results()
        ti = context["ti"]
        drift: MeasuredRun | None = None
        with connected(self.snowflake_conn_id) as connection:
            table = results_table.table_name(connection, self.table)
            push_location(context, connection, table)
            # The earlier first: a file that was run again has its later row.
            found = [*earlier_results(connection, table, found, ti.dag_id), *found]
            full = [(result, manifest) for result, manifest in found if result.rows]
            rows = 0
            if full:
                # The jobs' schema is where this role may create a file format; the table's schema need not be.
                staged = StagedParquet(connection, sql.qualified(*sql.split(full[0][0].job)[:2]))
                found_columns, others = [], []
                for result, manifest in full:
                    results_table.check_complete(connection, staged, result)
                    found_columns.append(result_columns.result_columns(staged, result, manifest, nested=self.nested))
                    claimed = ClaimedRows.of(connection, manifest)
                    others.append(claimed.done_by_others_sql(result.job) if claimed is not None else None)
                common = result_columns.with_common_types(found_columns)
                every = {name: column for columns in common for name, column in columns.items()}
                output = [(result, columns) for (result, _), columns in zip(full, common, strict=True)]
                if checks is not None:
                    # A mapped task's instances each have a profile.
                    task = ti.task_id if ti.map_index in (None, -1) else f"{ti.task_id}[{ti.map_index}]"
                    drift = checks.measure(
                        connection, staged, table, output, dag_id=ti.dag_id, task_id=task, run_id=ti.run_id
                    )
                    self._require(drift, context)
                with results_table.explain_lock(table):
                    kinds = results_table.prepare_table(connection, table, every, schema_change=self.schema_change)
                    rows = results_table.load_rows(
                        connection,
                        staged,
                        table,
                        [(*item, done) for item, done in zip(output, others, strict=True)],
                        kinds=kinds,
                        dag_id=ti.dag_id,
                        run_id=ti.run_id,
                        also=drift.store if drift is not None else None,
                    )
        summary: dict[str, Any] = {
            "table": table,
            "rows": rows,
            "files": sum(result.files for result, _ in found),
            "jobs": [result.job for result, _ in full],
            "locations": [result.location for result, _ in full],
            "model": found[0][0].model,
            "model_version": found[0][0].model_version,
            "quarantined": sum(result.quarantined_count for result, _ in found),
        }
        self.log.info("%d rows of %d jobs in %s", rows, len(full), table)
        for event in events:
            event.extra = {key: summary[key] for key in _EVENT}
        if checks is not None:
            report = drift.report if drift is not None else checks.nothing_compared(table)
            summary["drift"] = report.to_xcom()
            for event in events:
                event.extra["drift"] = report.headline()
        return self.set_lineage_result(summary)

    def _require(self, drift: MeasuredRun, context: Context) -> None:
        """Nothing is loaded of a run that has drifted. The review page shows what it was compared with."""
        try:
            drift.require()
        except OutputDriftError:
            context["ti"].xcom_push(key=FAILED_RESULT_KEY, value=drift.report.to_xcom())
            raise
        drift.prepare()

    def _asset_events(self, context: Context) -> list[Any]:
        """The events of the outlets. A reference to an asset is looked up here, before anything is loaded."""
        events = []
        for outlet in self.outlets:
            # Outlets may also be entities of lineage, which have no events.
            if not isinstance(outlet, Asset | AssetAlias | AssetRef):
                continue
            try:
                events.append(context["outlet_events"][outlet])
            except AirflowRuntimeError as error:
                raise InvalidInputError(
                    f"outlets: Airflow knows no asset of {outlet!r} ({error}). Give the Asset itself, or name one that "
                    "a DAG declares"
                ) from error
        return events

    def _results(self) -> list[tuple[BatchResult, Manifest]]:
        """All results with their manifests; every shard must be there, once."""
        given = self.results
        if isinstance(given, Mapping | BatchResult) or given is None:
            given = [given]
        try:
            results = [BatchResult.from_xcom(item) for item in given]
            found = [(result, Manifest.from_xcom(result.manifest)) for result in results]
        except (TypeError, ValueError) as error:
            raise InvalidInputError(f"results: {error}") from None
        if not found:
            raise InvalidInputError("results is empty: pass the output of FullBatchOperator")
        shards = max(manifest.shards for _, manifest in found)
        numbers = [manifest.shard for _, manifest in found if manifest.shards > 1]
        missing = sorted(set(range(shards)) - set(numbers)) if shards > 1 else []
        if missing:
            raise InvalidInputError(
                f"the results of shards {', '.join(map(str, missing[:20]))} of {shards} are missing: "
                "nothing was loaded. Give the output of the whole mapped task, and clear the shards that failed"
            )
        jobs = [result.job for result, _ in found if result.job]
        if len(set(jobs)) < len(jobs):
            raise InvalidInputError("results: the same job is given twice")
        return found


_EVENT = ("table", "rows", "files", "jobs", "model", "model_version", "quarantined")
