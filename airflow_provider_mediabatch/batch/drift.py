"""Compares the output of a run with that of the runs before it, on the server, before it is loaded into a table.

The profiles of loaded runs are in a table beside the results table. A run's own is replaced in the transaction that
replaces its rows, so loading twice leaves one, and what was not loaded leaves none.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.batch import drift_sql
from airflow_provider_mediabatch.batch.drift_columns import Contents, read_profiles, row_expressions, watched_columns
from airflow_provider_mediabatch.batch.drift_sql import ProfiledRun
from airflow_provider_mediabatch.batch.results_table import explain_lock
from airflow_provider_mediabatch.client.connection import (
    execute,
    execute_locking,
    rows,
    rows_and_query_id,
    table_columns,
)
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.drift import MIN_BASELINE_ROWS, compare_profiles
from airflow_provider_mediabatch.core.drift_report import DRIFT_SUFFIX, NUMBER, ColumnDrift, DriftReport
from airflow_provider_mediabatch.exceptions import InvalidInputError, OutputDriftError
from airflow_provider_mediabatch.hooks.session_parameters import LOCK_TIMEOUT

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DriftChecks:
    """What a task was given to compare its output with earlier ones.

    :param max_drift: the limit of each column's index.
    :param fails: whether a column above it fails the task, or is only warned of.
    :param columns: the columns to compare; None: the model's outputs.
    """

    max_drift: float
    fails: bool = True
    columns: tuple[str, ...] | None = None

    def measure(
        self,
        connection: SnowflakeConnection,
        staged: StagedParquet,
        table: str,
        contents: Contents,
        *,
        dag_id: str,
        task_id: str,
        run_id: str,
    ) -> MeasuredRun:
        """Compare the staged output of all jobs with the last runs, in three statements. Nothing is written.

        :param table: the results table as SQL.
        :param contents: the output, which is whole.
        :raises InvalidInputError: naming ``drift_columns=``, or for a table of profiles that is none.
        """
        result = contents[0][0]
        if others := sorted({item.model for item, _ in contents} - {result.model}):
            raise InvalidInputError(
                f"max_drift= compares the predictions of one model, and these results are of {result.model} and "
                f"{', '.join(others)}: load each model's results in a task of its own"
            )
        run = ProfiledRun(result.model, result.model_version, result.function, dag_id, task_id, run_id)
        profiles = profiles_table(table)
        exists = _check_table(connection, profiles)
        watched = watched_columns(contents, self.columns)
        if not watched:
            return MeasuredRun(connection, self, run, self.nothing_compared(table), exists)
        sources = [
            (staged.source(item.location), *row_expressions(item, columns, watched)) for item, columns in contents
        ]
        found, query_id = rows_and_query_id(connection, drift_sql.profile_sql(watched, sources))
        before = rows(connection, drift_sql.baseline_sql(profiles, run)) if exists else []
        now, earlier = (read_profiles(watched, measured) for measured in (found, before))
        compared = tuple(compare_profiles(*pair) for pair in zip(now, earlier, strict=True))
        report = DriftReport(profiles, self.max_drift, compared)
        jobs = tuple(item.job for item, _ in contents)
        return MeasuredRun(connection, self, run, report, exists, query_id, table, jobs)

    def nothing_compared(self, table: str) -> DriftReport:
        """The report of a run without rows or without columns to compare.

        :param table: the results table as SQL.
        """
        return DriftReport(profiles_table(table), self.max_drift)


@dataclass(frozen=True)
class MeasuredRun:
    """A run's output, compared and not yet loaded.

    :param connection: an open connection.
    :param checks: what the task was given.
    :param run: whose output it is.
    :param report: what was found.
    :param exists: whether the table of profiles is there.
    :param query_id: of the statement whose rows are the run's profile; "" where there is nothing to compare.
    :param results: the results table as SQL.
    :param jobs: whose output it is.
    """

    connection: SnowflakeConnection
    checks: DriftChecks
    run: ProfiledRun
    report: DriftReport
    exists: bool
    query_id: str = ""
    results: str = ""
    jobs: tuple[str, ...] = ()

    def require(self) -> None:
        """Stop a run that has drifted, or warn of it.

        :raises OutputDriftError: naming each column above the limit, and what moved.
        """
        for column in self.report.columns:
            log.info("Drift of %s: %s", column.column, verdict(column, self.report.max_drift))
        if not self.report.drifted:
            return
        lines = "\n".join(f"- {describe(column, self.report.max_drift)}" for column in self.report.drifted)
        what = f"The distribution of this run's output differs from that of the last {runs_text(self.report)}"
        if not self.checks.fails:
            log.warning("%s:\n%s\nIt is loaded, because on_drift='warn'", what, lines)
            return
        raise OutputDriftError(
            f"{what}. Nothing was loaded:\n{lines}",
            running="The batch's jobs have ended and incur no more cost.",
            retry="The task is not retried. A cleared task compares the same output again. If that is right, load it "
            "with on_drift='warn' or a higher max_drift. Without the rows of "
            f"{self.report.table} the baseline begins again.",
        )

    def prepare(self) -> None:
        """Create the table of profiles where it is missing. A transaction cannot: a CREATE would commit it."""
        if self.query_id and not self.exists:
            execute(self.connection, drift_sql.create_sql(self.report.table))

    def store(self) -> None:
        """Replace the run's profile, inside the transaction that replaces its rows."""
        if not self.query_id:
            return
        table = self.report.table
        with explain_lock(table):
            delete = drift_sql.delete_sql(table, self.run, self.results, self.jobs)
            execute_locking(self.connection, delete, seconds=LOCK_TIMEOUT)
            execute(self.connection, drift_sql.insert_sql(table, self.run, self.query_id))


def profiles_table(table: str) -> str:
    """The table of profiles of a results table, both as SQL."""
    *place, name = sql.split(table)
    return sql.qualified(*place, name + DRIFT_SUFFIX)


def verdict(column: ColumnDrift, limit: float) -> str:
    """What a comparison comes to, in a few words."""
    if not column.rows:
        return "no rows to compare"
    if column.index is None or column.chance is None:
        return f"no baseline yet ({column.rows_before:,} of {MIN_BASELINE_ROWS} rows)"
    if column.has_drifted(limit):
        return f"index {column.index:.3g}, above max_drift={limit:g}"
    if column.index > limit:
        return f"index {column.index:.3g}, which is chance with so few rows (up to {column.chance:.3g})"
    return f"index {column.index:.3g}"


def describe(column: ColumnDrift, limit: float) -> str:
    """A column that has drifted: its index, and what moved."""
    if column.kind == NUMBER:
        moved = [
            f"{share:.0%} of the values are up to {_number(now)}, before up to {_number(before)}"
            for share, now, before in column.quantiles
        ]
    else:
        moved = [f"{item.text!r} {item.share:.1%}, before {item.before:.1%}" for item in column.moved]
    if column.kind == NUMBER and column.nulls != column.nulls_before:
        moved.append(f"NULL {column.nulls:.1%}, before {column.nulls_before:.1%}")
    return f"{column.column}: {verdict(column, limit)}; {'; '.join(moved)}"


def runs_text(report: DriftReport) -> str:
    """How many runs the baseline has."""
    return f"{report.runs_before} runs" if report.runs_before != 1 else "run"


def _number(value: float | None) -> str:
    return "NULL" if value is None else f"{value:.4g}"


def _check_table(connection: SnowflakeConnection, table: str) -> bool:
    """Whether the table of profiles is there.

    :raises InvalidInputError: when a table of its name is another one.
    """
    found = table_columns(connection, table)
    if found is None:
        return False
    if missing := [name for name in drift_sql.COLUMNS if name not in found]:
        raise InvalidInputError(
            f"{table} lacks {', '.join(missing)}: it is no table of profiles, which max_drift= keeps under this name. "
            "Rename it, or load into another table"
        )
    return True
