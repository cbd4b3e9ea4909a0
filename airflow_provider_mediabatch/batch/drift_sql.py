"""The statements of profiles: of a run's output, and of the runs before it. Pure: no connection.

A profile has one row for each of these measures of a column:

==========  ======================================================================================
``rows``    rows that were looked at: all but the failed ones, of the error column all
``null``    those without a value
``label``   rows of one of the most frequent labels, ``LABEL``
``bucket``  rows of one of up to 200 buckets of equally many numbers, from ``LOW`` to ``HIGH``
==========  ======================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.drift_report import ERROR, FAILED, MAX_RUNS, NUMBER, WENT_WELL
from airflow_provider_mediabatch.files.relation import result_scan_sql

COLUMNS: Mapping[str, str] = {
    "MODEL_NAME": "VARCHAR",
    "MODEL_VERSION": "VARCHAR",
    "FUNCTION_NAME": "VARCHAR",
    "DAG_ID": "VARCHAR",
    "TASK_ID": "VARCHAR",
    "RUN_ID": "VARCHAR",
    "COLUMN_NAME": "VARCHAR",
    "MEASURE": "VARCHAR",
    "LABEL": "VARCHAR",
    "LOW": "FLOAT",
    "HIGH": "FLOAT",
    "ROW_COUNT": "NUMBER(38, 0)",
    "LOADED_AT": "TIMESTAMP_NTZ",
}
"""The columns of the table of profiles."""
ROWS, NULLS, LABELS, BUCKETS = "rows", "null", "label", "bucket"
"""The measures."""
MAX_LABELS, MAX_BUCKETS = 200, 200
MAX_TEXT = 200
_MEASURED = ("COLUMN_NAME", "MEASURE", "LABEL", "LOW", "HIGH", "ROW_COUNT")


@dataclass(frozen=True)
class WatchedColumn:
    """A column that is compared.

    :param name: its name in the results table.
    :param kind: :data:`~.drift_report.LABEL`, :data:`~.drift_report.NUMBER` or :data:`~.drift_report.ERROR`.
    """

    name: str
    kind: str


@dataclass(frozen=True)
class ProfiledRun:
    """What a profile is of.

    :param model: the model, as the results table has it.
    :param model_version: its version.
    :param function: its function.
    :param dag_id: the DAG of the task that loads.
    :param task_id: that task, of a mapped one with its index.
    :param run_id: its run.
    """

    model: str
    model_version: str
    function: str
    dag_id: str
    task_id: str
    run_id: str

    @property
    def subject_sql(self) -> str:
        """The condition that a profile T is of this function of this model, in any version."""
        return f"T.MODEL_NAME = {sql.literal(self.model)} AND T.FUNCTION_NAME = {sql.literal(self.function)}"

    @property
    def run_sql(self) -> str:
        """The condition that a profile T is of this DAG run."""
        return f"T.DAG_ID = {sql.literal(self.dag_id)} AND T.RUN_ID = {sql.literal(self.run_id)}"


def profile_sql(columns: Sequence[WatchedColumn], sources: Sequence[tuple[str, str, Sequence[str]]]) -> str:
    """The profile of staged output that is to be loaded, in one statement.

    :param columns: what is compared.
    :param sources: of each job: a FROM item, the condition that a row has failed, and of each column an expression,
        which is a number for a number and else a text.
    """
    names = [f"C{number}" for number in range(len(columns))]
    rows = " UNION ALL ".join(
        f"SELECT {failed} AS FAILED, "
        + ", ".join(f"{expression} AS {name}" for expression, name in zip(expressions, names, strict=True))
        + f" FROM {source}"
        for source, failed, expressions in sources
    )
    numbers, texts = [], []
    for column, name in zip(columns, names, strict=True):
        called = f"SELECT {sql.literal(column.name)} AS COLUMN_NAME"
        if column.kind == NUMBER:
            numbers.append(f"{called}, {sql.without_nan(name)} AS V FROM MB_ROWS WHERE NOT FAILED")
        elif column.kind == ERROR:
            said = f"IFF(FAILED, {sql.literal(FAILED)}, {sql.literal(WENT_WELL)})"
            texts.append(f"{called}, {said} AS V FROM MB_ROWS")
        else:
            texts.append(f"{called}, LEFT({name}, {MAX_TEXT}) AS V FROM MB_ROWS WHERE NOT FAILED")
    parts = [("MB_NUMBERS", numbers, _buckets_sql()), ("MB_TEXTS", texts, _labels_sql())]
    filled = [(name, selects, measured) for name, selects, measured in parts if selects]
    tables = "".join(f", {name} AS ({' UNION ALL '.join(selects)})" for name, selects, _ in filled)
    measures = " UNION ALL ".join(f"{_counts_sql(name)} UNION ALL {measured}" for name, _, measured in filled)
    return f"WITH MB_ROWS AS ({rows}){tables} {measures}"


def _counts_sql(table: str) -> str:
    empty = "NULL::VARCHAR AS LABEL, NULL::FLOAT AS LOW, NULL::FLOAT AS HIGH"
    return (
        f"SELECT COLUMN_NAME, '{ROWS}' AS MEASURE, {empty}, COUNT(*) AS ROW_COUNT FROM {table} GROUP BY COLUMN_NAME "
        f"UNION ALL SELECT COLUMN_NAME, '{NULLS}' AS MEASURE, {empty}, COUNT_IF(V IS NULL) AS ROW_COUNT FROM {table} "
        "GROUP BY COLUMN_NAME"
    )


def _labels_sql() -> str:
    return (
        f"SELECT COLUMN_NAME, '{LABELS}' AS MEASURE, V AS LABEL, NULL::FLOAT AS LOW, NULL::FLOAT AS HIGH, ROW_COUNT "
        "FROM (SELECT COLUMN_NAME, V, COUNT(*) AS ROW_COUNT FROM MB_TEXTS WHERE V IS NOT NULL GROUP BY COLUMN_NAME, V) "
        f"QUALIFY ROW_NUMBER() OVER (PARTITION BY COLUMN_NAME ORDER BY ROW_COUNT DESC, V) <= {MAX_LABELS}"
    )


def _buckets_sql() -> str:
    return (
        f"SELECT COLUMN_NAME, '{BUCKETS}' AS MEASURE, NULL::VARCHAR AS LABEL, MIN(V) AS LOW, MAX(V) AS HIGH, "
        f"COUNT(*) AS ROW_COUNT FROM (SELECT COLUMN_NAME, V, NTILE({MAX_BUCKETS}) OVER (PARTITION BY COLUMN_NAME "
        "ORDER BY V) AS BUCKET FROM MB_NUMBERS WHERE V IS NOT NULL) GROUP BY COLUMN_NAME, BUCKET"
    )


def baseline_sql(table: str, run: ProfiledRun) -> str:
    """The profiles of the last runs together, without the run's own; ``RUNS`` is how many they are.

    :param table: the table of profiles as SQL.
    :param run: what they are the baseline of.
    """
    ordered = "PARTITION BY COLUMN_NAME ORDER BY HIGH, LOW ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
    return (
        f"WITH MB_PROFILES AS (SELECT {', '.join(_MEASURED)}, DENSE_RANK() OVER (ORDER BY LATEST DESC, DAG_ID, RUN_ID) "
        "AS RUN FROM (SELECT T.*, MAX(T.LOADED_AT) OVER (PARTITION BY T.DAG_ID, T.RUN_ID) AS LATEST "
        f"FROM {table} T WHERE {run.subject_sql} AND NOT ({run.run_sql})) QUALIFY RUN <= {MAX_RUNS}) "
        "SELECT COLUMN_NAME, MEASURE, LABEL, NULL::FLOAT AS LOW, NULL::FLOAT AS HIGH, ROW_COUNT, RUNS FROM ("
        "SELECT COLUMN_NAME, MEASURE, LABEL, SUM(ROW_COUNT) AS ROW_COUNT, COUNT(DISTINCT RUN) AS RUNS "
        f"FROM MB_PROFILES WHERE MEASURE <> '{BUCKETS}' GROUP BY COLUMN_NAME, MEASURE, LABEL) QUALIFY "
        f"ROW_NUMBER() OVER (PARTITION BY COLUMN_NAME, MEASURE ORDER BY ROW_COUNT DESC, LABEL) <= {MAX_LABELS} "
        f"UNION ALL SELECT COLUMN_NAME, '{BUCKETS}' AS MEASURE, NULL::VARCHAR AS LABEL, MIN(LOW) AS LOW, "
        "MAX(HIGH) AS HIGH, SUM(ROW_COUNT) AS ROW_COUNT, COUNT(DISTINCT RUN) AS RUNS FROM ("
        f"SELECT COLUMN_NAME, LOW, HIGH, ROW_COUNT, RUN, CEIL({MAX_BUCKETS} * SUM(ROW_COUNT) OVER ({ordered}) "
        "/ SUM(ROW_COUNT) OVER (PARTITION BY COLUMN_NAME)) AS BUCKET "
        f"FROM MB_PROFILES WHERE MEASURE = '{BUCKETS}') GROUP BY COLUMN_NAME, BUCKET"
    )


def create_sql(table: str) -> str:
    """The table of profiles."""
    return f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})"


def delete_sql(table: str, run: ProfiledRun, results: str, jobs: Sequence[str]) -> str:
    """Forget the profile of a run that is loaded once more.

    A cleared run may load a late file alone. The profile that it has of its other jobs' rows stays then.

    :param results: the results table as SQL, into which the run was loaded.
    :param jobs: whose output was loaded.
    """
    others = (
        f"SELECT COUNT(*) FROM {results} R WHERE R.MB_DAG_ID = {sql.literal(run.dag_id)} AND R.MB_RUN_ID = "
        f"{sql.literal(run.run_id)} AND R.MB_MODEL = {sql.literal(run.model)} AND R.MB_MODEL_VERSION = "
        f"{sql.literal(run.model_version)} AND R.MB_FUNCTION = {sql.literal(run.function)} "
        f"AND R.MB_JOB NOT IN {sql.literal(list(jobs))}"
    )
    return f"DELETE FROM {table} T WHERE {_own(run)} AND ({others}) = 0"


def _own(run: ProfiledRun) -> str:
    return f"{run.subject_sql} AND {run.run_sql} AND T.TASK_ID = {sql.literal(run.task_id)}"


def insert_sql(table: str, run: ProfiledRun, query_id: str) -> str:
    """Keep the profile of a run that has none. Its rows do not leave the server.

    :param query_id: of the statement of :func:`profile_sql`.
    """
    facts = {
        "MODEL_NAME": sql.literal(run.model),
        "MODEL_VERSION": sql.literal(run.model_version),
        "FUNCTION_NAME": sql.literal(run.function),
        "DAG_ID": sql.literal(run.dag_id),
        "TASK_ID": sql.literal(run.task_id),
        "RUN_ID": sql.literal(run.run_id),
        "LOADED_AT": "SYSDATE()",
    }
    values = {name: name for name in _MEASURED} | facts
    return (
        f"INSERT INTO {table} ({', '.join(values)}) SELECT {', '.join(values.values())} "
        f"FROM {result_scan_sql(query_id)} WHERE (SELECT COUNT(*) FROM {table} T WHERE {_own(run)}) = 0"
    )
