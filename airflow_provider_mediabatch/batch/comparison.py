"""Compares a sample with what another version of the model made of the same files, on the server."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.batch import comparison_sql, results_table
from airflow_provider_mediabatch.batch.comparison_sql import Compared, EarlierTable
from airflow_provider_mediabatch.batch.labels import is_nested, main_output
from airflow_provider_mediabatch.batch.measuring import explain_measuring, find_key
from airflow_provider_mediabatch.batch.result_columns import BOOKKEEPING_COLUMNS
from airflow_provider_mediabatch.batch.sample_checks import good_relation
from airflow_provider_mediabatch.client.connection import qualified_name, table_columns
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet, find_column
from airflow_provider_mediabatch.core import sql, sql_types
from airflow_provider_mediabatch.core.chat import telling_outputs
from airflow_provider_mediabatch.core.comparison import Comparison
from airflow_provider_mediabatch.core.error_column import ERROR_COLUMN
from airflow_provider_mediabatch.core.manifest import CONTENT_ID
from airflow_provider_mediabatch.core.sample_report import Check
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.ledger.claims import LedgerSubject

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.batch.submission import JobRequest
    from airflow_provider_mediabatch.core.inference_plan import InferencePlan
    from airflow_provider_mediabatch.core.manifest import Manifest

PREVIOUS = "previous"
_SCORES = ("DOUBLE", "FLOAT")


@dataclass(frozen=True)
class VersionComparison:
    """What a task was given to compare its sample with.

    :param version: a version's name, or ``previous``.
    :param table: the results table; None: the outputs that the ledger names.
    :param min_agreement: the least share of files with the same result, 0 to 1; None: any.
    """

    version: str
    table: str | None = None
    min_agreement: float | None = None

    def find(
        self, connection: SnowflakeConnection, manifest: Manifest, plan: InferencePlan, error_column: str | None
    ) -> tuple[Compared, EarlierTable | None]:
        """What is compared, and the results table that has it; None without such a table.

        A task asks before its job starts, so that a mistake costs nothing. A table that is not there yet, because no
        run has filled it, has no results of a previous version.

        :raises InvalidInputError: naming ``compare_with=`` or ``results_table=``.
        """
        given = f"compare_with={self.version!r}"
        if self._version() == plan.model_version:
            raise InvalidInputError(f"{given} is the version that this sample runs: name another one")
        if not manifest.file_columns or not plan.keeps_rows:
            raise InvalidInputError(f"{given}: the output has no column of paths, so the file of a row is not known")
        names = [name for name in telling_outputs(plan.outputs) if name != error_column]
        output = main_output(names, plan.outputs)
        if output is None:
            raise InvalidInputError(f"{given}: the model has the outputs {', '.join(names)} and none of them is a text")
        score = next((name for name in names if plan.outputs[name] in _SCORES and name != output), None)
        compared = Compared(output, is_nested(plan.outputs[output]), score)
        if self.table is not None:
            return self._in_table(connection, self.table, compared, error_column or ERROR_COLUMN)
        if manifest.ledger is None or LedgerSubject.of(manifest) is None:
            raise InvalidInputError(
                f"{given} finds earlier results through the ledger, and this listing has none: give results_table="
            )
        return compared, None

    def measure(self, connection: SnowflakeConnection, request: JobRequest, location: str) -> Comparison:
        """Compare a sample's verified output with earlier results, in at most eight statements.

        :param location: the output's folder, which has rows.
        :raises InvalidInputError: naming ``compare_with=``.
        """
        with explain_measuring(f"compare_with={self.version!r}"):
            return self._measure(connection, request, location)

    def _measure(self, connection: SnowflakeConnection, request: JobRequest, location: str) -> Comparison:
        manifest, plan = request.manifest, request.plan
        compared, table = self.find(connection, manifest, plan, request.error_column)
        staged = StagedParquet(connection, plan.job_schema)
        found = staged.columns(location, manifest.columns)
        key = find_key(manifest, found)
        compared = replace(compared, kind=found.get(compared.output, compared.kind))
        outputs = comparison_sql.outputs_sql(
            compared, good_relation(staged, request, location, found), key, has_content_id=CONTENT_ID in found
        )
        version = earlier = ""
        if self.table is not None:
            source = results_table.table_name(connection, self.table)
            if table is not None:
                version, earlier = self._table_results(staged, plan, outputs, compared, table)
        else:
            source = sql.qualified(*qualified_name(connection, str(manifest.ledger), argument="ledger", kind="table"))
            version, earlier = self._ledger_results(staged, manifest, outputs, compared, source)
        report = Comparison(
            version=version,
            source=source,
            output=compared.output,
            files=staged.value(f"{outputs} SELECT COUNT(*) AS N FROM MB_OUTPUTS") if not version else 0,
            score=compared.score or "",
            min_agreement=self.min_agreement,
            must_exist=self.version != PREVIOUS,
        )
        if not version:
            return replace(report, version="" if self.version == PREVIOUS else str(self._version()))
        return _compare(staged, report, comparison_sql.pairs_sql(outputs, earlier))

    def _version(self) -> str | None:
        """The version's name as Snowflake stores it; None for ``previous``."""
        if self.version == PREVIOUS:
            return None
        try:
            return sql.resolve(self.version)
        except ValueError as error:
            raise InvalidInputError(f"compare_with={self.version!r}: {error}") from None

    def _in_table(
        self, connection: SnowflakeConnection, given: str, compared: Compared, error_column: str
    ) -> tuple[Compared, EarlierTable | None]:
        name = results_table.table_name(connection, given)
        columns = table_columns(connection, name)
        if columns is None and self.version == PREVIOUS:
            return compared, None
        if columns is None:
            raise InvalidInputError(
                f"results_table={given!r} does not exist, or this role may not see it: compare_with= reads earlier "
                "results there"
            )
        missing = [column for column in BOOKKEEPING_COLUMNS if column not in columns]
        if missing:
            raise InvalidInputError(
                f"results_table={given!r} lacks {', '.join(missing)}: it is no table that LoadResultsOperator made"
            )
        outputs = [output for output in (compared.output, compared.score) if output is not None]
        found = {output: column for output in outputs if (column := find_column(output, columns)) is not None}
        if compared.output not in found:
            raise InvalidInputError(
                f"results_table={given!r} has no column {compared.output}, which compare_with= compares; it has "
                f"{', '.join(columns)}"
            )
        score = found.get(compared.score or "")
        if score is None or sql_types.family(columns[score]) not in sql_types.NUMBERS:
            compared = replace(compared, score=None)
        names = {output: f"T.{sql.quoted(column)}" for output, column in found.items()}
        error = find_column(error_column, columns)
        failed = "FALSE" if error is None else f"COALESCE(T.{sql.quoted(error)}::VARCHAR <> '', FALSE)"
        return compared, EarlierTable(name, names, failed)

    def _table_results(
        self,
        staged: StagedParquet,
        plan: InferencePlan,
        outputs: str,
        compared: Compared,
        table: EarlierTable,
    ) -> tuple[str, str]:
        """The version that is compared with, or "", and a SELECT of its results."""
        version = self._version()
        subject = {"MB_MODEL": sql.literal(plan.model), "MB_FUNCTION": sql.literal(plan.function)}
        if version is None:
            condition = f"T.MB_MODEL_VERSION <> {sql.literal(plan.model_version)}"
        else:
            condition = f"T.MB_MODEL_VERSION = {sql.literal(version)}"
        found = staged.rows(comparison_sql.table_versions_sql(outputs, table, subject, condition))
        if not found:
            return "", ""
        version = str(found[0]["VERSION"])
        subject["MB_MODEL_VERSION"] = sql.literal(version)
        return version, comparison_sql.table_results_sql(compared, table, subject)

    def _ledger_results(
        self, staged: StagedParquet, manifest: Manifest, outputs: str, compared: Compared, table: str
    ) -> tuple[str, str]:
        """As :meth:`_table_results`. A version that was logged again under its name is another one."""
        subject, version = LedgerSubject.of(manifest), self._version()
        assert subject is not None
        condition = "TRUE" if version is None else f"T.MODEL_VERSION = {sql.literal(version)}"
        found = staged.rows(comparison_sql.ledger_folders_sql(outputs, table, subject, condition))
        if not found:
            return "", ""
        last = found[0]
        earlier = replace(
            subject,
            model_version=str(last["VERSION"]),
            model_version_created_on=last["CREATED"].isoformat(sep=" ", timespec="microseconds"),
        )
        folders = [
            (str(row["LOCATION"]), staged.source(str(row["LOCATION"])))
            for row in found
            if (row["VERSION"], row["CREATED"]) == (last["VERSION"], last["CREATED"])
        ]
        select = comparison_sql.ledger_results_sql(compared, table, earlier, folders, manifest.key_column)
        return earlier.model_version, select


def _compare(staged: StagedParquet, report: Comparison, pairs: str) -> Comparison:
    totals = staged.rows(comparison_sql.totals_sql(pairs))[0]
    confusion = staged.rows(comparison_sql.confusion_sql(pairs))
    changes = staged.rows(comparison_sql.changes_sql(pairs))
    return replace(
        report,
        files=int(totals["FILES"]),
        compared=int(totals["COMPARED"]),
        same=int(totals["UNCHANGED"]),
        score_before=_rounded(totals["S_BEFORE"]),
        score_after=_rounded(totals["S_AFTER"]),
        score_shift=_rounded(totals["SHIFT"]),
        changes=tuple(
            {
                "path": row["FILE"],
                "before": row["V_BEFORE"],
                "after": row["V_AFTER"],
                "score_before": _rounded(row["SCORE_BEFORE"]),
                "score_after": _rounded(row["SCORE_AFTER"]),
            }
            for row in changes
        ),
        confusion=tuple(
            {"before": row["V_BEFORE"], "after": row["V_AFTER"], "files": int(row["FILES"])} for row in confusion
        ),
        pairs=int(confusion[0]["PAIRS"]) if confusion else 0,
    )


def comparison_check(found: Comparison) -> Check:
    """The finding. A limit is not kept by a version that was named and has no results, nor by one whose results are
    known of and cannot be read. Without an earlier version there is nothing to agree with.
    """
    limit = found.min_agreement
    name = f"agreement with {f'version {found.version}' if found.version else 'the previous version'}"
    if found.agreement is None and found.version and not found.must_exist:
        detail = (
            f"{found.source} says that version {found.version} has results of the {found.files:,} files, and none of "
            "them could be read: their outputs were removed, or have another column of paths"
        )
        return Check(name, limit is None, detail)
    if found.agreement is None:
        detail = f"none of the {found.files:,} files has a result of {'it' if found.version else 'another version'} in "
        return Check(name, limit is None or not found.must_exist, f"{detail}{found.source}")
    detail = f"{found.agreement:.1%}: {found.same:,} of {found.compared:,} files have the same {found.output}"
    if limit is None:
        return Check(name, True, detail)
    return Check(name, found.agreement >= limit, f"{detail} (min_agreement={limit:g})")


def _rounded(value: Any) -> float | None:
    """A number for JSON, which has no infinity."""
    return None if value is None or not math.isfinite(float(value)) else round(float(value), 6)
