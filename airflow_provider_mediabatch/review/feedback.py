"""What people say of predictions: right, wrong, or the correct label.

The marks are kept in a table of the user's, ``MEDIABATCH_FEEDBACK`` in the schema of the job. It is part of the
provider's interface, so its columns are documented. A row is only ever added; of several marks of one prediction the
latest counts. So no lock is taken, and repeating a statement does no harm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.client import errors
from airflow_provider_mediabatch.client.connection import execute, rows
from airflow_provider_mediabatch.core import sql

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

TABLE = "MEDIABATCH_FEEDBACK"
MAX_ROWS = 10_000
MAX_LABELS = 50
MAX_LABEL = 200
"""Characters of a label in the table of accuracies. A value of 2,000 characters can be marked too."""

COLUMNS: Mapping[str, str] = {
    "FILE_PATH": "VARCHAR",
    "CONTENT_ID": "VARCHAR",
    "MODEL_NAME": "VARCHAR",
    "MODEL_VERSION": "VARCHAR",
    "FUNCTION_NAME": "VARCHAR",
    "OUTPUT_COLUMN": "VARCHAR",
    "PREDICTED": "VARCHAR",
    "IS_RIGHT": "BOOLEAN",
    "CORRECT_LABEL": "VARCHAR",
    "MARKED_BY": "VARCHAR",
    "MARKED_AT": "TIMESTAMP_NTZ",
    "DAG_ID": "VARCHAR",
    "RUN_ID": "VARCHAR",
    "JOB_NAME": "VARCHAR",
}
"""The table's columns. ``CORRECT_LABEL`` is NULL where nobody gave one. ``MARKED_AT`` is UTC."""


@dataclass(frozen=True)
class Mark:
    """A person's word on a prediction.

    :param path: the file, as a full stage path.
    :param content_id: the listing's, or "".
    :param model: the model's qualified name.
    :param model_version: its version.
    :param function: its function.
    :param column: the output.
    :param predicted: its value.
    :param is_right: whether the value is right.
    :param correct: the right value, or "" where nobody gave one.
    :param by: who says so.
    :param dag_id: the DAG.
    :param run_id: its run.
    :param job: the job's qualified name.
    """

    path: str
    content_id: str
    model: str
    model_version: str
    function: str
    column: str
    predicted: str
    is_right: bool
    correct: str
    by: str
    dag_id: str
    run_id: str
    job: str


@dataclass(frozen=True)
class LabelAccuracy:
    """How often a predicted label was marked as right.

    :param label: the predicted label.
    :param marked: predictions that have a mark.
    :param right: those that are right.
    """

    label: str
    marked: int
    right: int

    @property
    def share(self) -> float:
        """Of the marked ones, 0 to 1."""
        return self.right / self.marked if self.marked else 0.0


def table_of(job: str) -> str:
    """The table for a job's results, as SQL.

    :param job: the job's qualified name.
    """
    return sql.qualified(*sql.split(job)[:2], TABLE)


def add_mark(connection: SnowflakeConnection, mark: Mark) -> None:
    """Record a mark, and make the table where it is missing.

    :param connection: of the task's own Airflow connection.
    :param mark: what a person said.
    """
    from snowflake.connector.errors import ProgrammingError

    try:
        execute(connection, add_sql(mark))
    except ProgrammingError as error:
        if not errors.is_missing(error):
            raise
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        execute(connection, f"CREATE TABLE IF NOT EXISTS {table_of(mark.job)} ({columns})")
        execute(connection, add_sql(mark))


def add_sql(mark: Mark) -> str:
    """The statement that records a mark."""
    texts = (mark.path, mark.content_id, mark.model, mark.model_version, mark.function, mark.column, mark.predicted)
    values = [
        *(sql.literal(text) for text in texts),
        "TRUE" if mark.is_right else "FALSE",
        sql.literal(mark.correct) if mark.correct else "NULL",
        sql.literal(mark.by),
        "SYSDATE()",
        *(sql.literal(text) for text in (mark.dag_id, mark.run_id, mark.job)),
    ]
    return f"INSERT INTO {table_of(mark.job)} ({', '.join(COLUMNS)}) SELECT {', '.join(values)}"


def accuracy(connection: SnowflakeConnection, job: str) -> tuple[LabelAccuracy, ...]:
    """The marked labels of a job, the most frequent 50; none where the table is missing or may not be read.

    :param connection: of the task's own Airflow connection.
    :param job: the job's qualified name.
    """
    found = _rows(
        connection,
        f"SELECT LEFT(PREDICTED, {MAX_LABEL}) AS LABEL, COUNT(*) AS MARKED, COUNT_IF(IS_RIGHT) AS CORRECT "
        f"FROM ({latest_sql(job)}) GROUP BY 1 ORDER BY MARKED DESC, LABEL LIMIT {MAX_LABELS}",
    )
    return tuple(LabelAccuracy(str(row["LABEL"]), int(row["MARKED"]), int(row["CORRECT"])) for row in found)


def latest_mark(connection: SnowflakeConnection, job: str, path: str, column: str) -> Mapping[str, Any] | None:
    """The latest mark of a prediction, column name to value, or None.

    :param connection: of the task's own Airflow connection.
    :param job: the job's qualified name.
    :param path: the file.
    :param column: the output.
    """
    condition = f"FILE_PATH = {sql.literal(path)} AND OUTPUT_COLUMN = {sql.literal(column)}"
    found = _rows(connection, f"SELECT {_SHOWN} FROM ({latest_sql(job)}) WHERE {condition} LIMIT 1")
    return found[0] if found else None


def marks(connection: SnowflakeConnection, job: str) -> list[dict[str, Any]]:
    """The latest mark of each prediction of a job, at most 10,000."""
    return list(_rows(connection, f"SELECT {_SHOWN} FROM ({latest_sql(job)}) LIMIT {MAX_ROWS}"))


def _shown_sql(name: str, kind: str) -> str:
    """A column as it is read. The table is the user's, so other hands may have made it or written to it."""
    if kind != "VARCHAR":
        return f"{name}::{kind} AS {name}"
    return f"LEFT({name}::VARCHAR, {_CHARACTERS.get(name, MAX_LABEL)}) AS {name}"


_CHARACTERS = {"FILE_PATH": 1200, "PREDICTED": 2000, "CORRECT_LABEL": 2000, "JOB_NAME": 600}
_SHOWN = ", ".join(_shown_sql(name, kind) for name, kind in COLUMNS.items())


def latest_sql(job: str) -> str:
    """A SELECT of the latest mark of each prediction of a job."""
    return (
        f"SELECT * FROM {table_of(job)} WHERE JOB_NAME = {sql.literal(job)} QUALIFY ROW_NUMBER() OVER "
        "(PARTITION BY FILE_PATH, OUTPUT_COLUMN ORDER BY MARKED_AT DESC) = 1"
    )


def label_studio_tasks(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Marks as tasks with a prediction and an annotation, in the JSON format that Label Studio imports.

    The labelling configuration has one ``Choices`` named ``label`` for one object named ``file``. A prediction that was
    marked as wrong without a correct label has no annotation, so that somebody is asked.

    :param found: what :func:`marks` returned.
    """
    tasks = []
    for row in found:
        correct = row["PREDICTED"] if row["IS_RIGHT"] else row["CORRECT_LABEL"]
        task: dict[str, Any] = {
            "data": {"file": row["FILE_PATH"]},
            "meta": {name.lower(): row[name] for name in ("MARKED_BY", "DAG_ID", "RUN_ID", "JOB_NAME")},
            "predictions": [{"model_version": str(row["MODEL_VERSION"]), "result": [_choice(row["PREDICTED"])]}],
        }
        if correct:
            task["annotations"] = [{"result": [_choice(correct)]}]
        tasks.append(task)
    return tasks


def _choice(label: Any) -> dict[str, Any]:
    return {"from_name": "label", "to_name": "file", "type": "choices", "value": {"choices": [str(label)]}}


def _rows(connection: SnowflakeConnection, statement: str) -> list[dict[str, Any]]:
    from snowflake.connector.errors import ProgrammingError

    try:
        return rows(connection, statement)
    except ProgrammingError as error:
        # A missing table, and one that this role may not see: nobody has marked anything here.
        if errors.is_missing(error):
            return []
        raise
