"""The statements that compare a sample with earlier results of the same files. Pure: no connection.

``MB_OUTPUTS`` is the sample, one row for each file: FILE, CONTENT (what identifies its content, or ''), RESULT and
SCORE. Earlier results have the same columns, and ``MB_PAIRS`` has both: R_AFTER is the sample's result, R_BEFORE the
earlier one, FOUND says whether there is an earlier one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from airflow_provider_mediabatch.batch.labels import result_sql
from airflow_provider_mediabatch.batch.result_columns import PATH
from airflow_provider_mediabatch.core import sql, sql_types
from airflow_provider_mediabatch.core.manifest import CONTENT_ID
from airflow_provider_mediabatch.ledger.claims import LedgerSubject
from airflow_provider_mediabatch.ledger.conditions import IS_DONE, done_fact

MAX_FOLDERS = 30
"""Outputs of earlier jobs that one comparison reads."""
MAX_CHANGES = 20
MAX_PAIRS = 20
MAX_TEXT = 200
_SHOWN = f"LEFT(R_BEFORE, {MAX_TEXT}) AS V_BEFORE, LEFT(R_AFTER, {MAX_TEXT}) AS V_AFTER"


@dataclass(frozen=True)
class Compared:
    """The columns that are compared.

    :param output: the model's output.
    :param is_nested: whether that is an object or a list, in which the label is a member.
    :param score: the numeric output beside it, or None.
    :param kind: the SQL type of the output in the sample.
    """

    output: str
    is_nested: bool
    score: str | None
    kind: str = "VARCHAR"

    def columns_sql(self, names: Mapping[str, str]) -> str:
        """RESULT and SCORE.

        A result is a text, because it is counted and shown. Versions may write numbers as different types, so their
        texts are brought to one form.

        :param names: each output's column, as SQL.
        """
        kind = sql_types.family(self.kind)
        value = f"{names[self.output]}::{kind if kind in sql_types.FORMATTED else 'VARCHAR'}"
        text = sql_types.text_sql(value, kind) if kind in sql_types.FORMATTED else value
        if kind in sql_types.NUMBERS:
            text = sql_types.number_sql(text)
        score = sql.without_nan(f"{names[self.score]}::FLOAT") if self.score is not None else "NULL::FLOAT"
        return f"{result_sql(text, is_nested=self.is_nested)} AS RESULT, {score} AS SCORE"


@dataclass(frozen=True)
class EarlierTable:
    """A results table.

    :param name: as SQL.
    :param columns: each output's column as SQL; the table's alias is T.
    :param failed: the condition that a row has failed, and so has no result.
    """

    name: str
    columns: Mapping[str, str]
    failed: str = "FALSE"


def outputs_sql(compared: Compared, relation: str, key: str, *, has_content_id: bool) -> str:
    """``WITH MB_OUTPUTS AS (…)``.

    :param relation: a FROM item of the sample's typed rows.
    :param key: the column of full stage paths.
    :param has_content_id: whether the rows say what identifies each file's content.
    """
    names = {name: sql.quoted(name) for name in (compared.output, compared.score) if name is not None}
    content = f"COALESCE({sql.quoted(CONTENT_ID)}, '')" if has_content_id else "''"
    return (
        f"WITH MB_OUTPUTS AS (SELECT {sql.quoted(key)}::VARCHAR AS FILE, {content} AS CONTENT, "
        f"{compared.columns_sql(names)} FROM {relation} AS R)"
    )


# Earlier results in the results table.


def table_versions_sql(outputs: str, table: EarlierTable, subject: Mapping[str, str], condition: str) -> str:
    """The version whose results of the sample's files are the latest: VERSION, or no row.

    :param outputs: what :func:`outputs_sql` gave.
    :param table: the results table.
    :param subject: column to value as SQL: the model and its function.
    :param condition: on ``T.MB_MODEL_VERSION``.
    """
    return (
        f"{outputs} SELECT T.MB_MODEL_VERSION AS VERSION FROM {table.name} T JOIN MB_OUTPUTS O ON {_SAME_FILE} "
        f"WHERE {_equal(subject)} AND {condition} AND NOT {table.failed} "
        "GROUP BY 1 ORDER BY MAX(T.MB_LOADED_AT) DESC, 1 LIMIT 1"
    )


def table_results_sql(compared: Compared, table: EarlierTable, subject: Mapping[str, str]) -> str:
    """A SELECT of a version's results in the table; of several jobs that had a file the latest.

    :param table: the results table.
    :param subject: column to value as SQL: the model, its version and its function.
    """
    return (
        f"SELECT T.{PATH} AS FILE, COALESCE(T.{CONTENT_ID}, '') AS CONTENT, "
        f"{compared.columns_sql(table.columns)} FROM {table.name} T "
        f"WHERE {_equal(subject)} AND NOT {table.failed} AND T.{PATH} IN (SELECT FILE FROM MB_OUTPUTS) "
        f"QUALIFY EQUAL_NULL(T.MB_JOB, FIRST_VALUE(T.MB_JOB) OVER (PARTITION BY T.{PATH}, T.{CONTENT_ID} "
        "ORDER BY T.MB_LOADED_AT DESC))"
    )


_SAME_FILE = f"T.{PATH} = O.FILE AND COALESCE(T.{CONTENT_ID}, '') = O.CONTENT"


def _equal(values: Mapping[str, str]) -> str:
    return " AND ".join(f"T.{name} = {value}" for name, value in values.items())


# Earlier results in the output folders that the ledger names.


def ledger_folders_sql(outputs: str, ledger: str, subject: LedgerSubject, condition: str) -> str:
    """The outputs that hold the sample's files of the version that did them last: VERSION, CREATED and LOCATION.

    Two versions that were done at the same moment follow each other.

    :param outputs: what :func:`outputs_sql` gave.
    :param ledger: the ledger as SQL.
    :param subject: model and function, and the version that the sample runs.
    :param condition: on ``T.MODEL_VERSION``.
    """
    row = subject.to_row()
    own = " AND ".join(f"T.{name} = {row[name]}" for name in ("MODEL_VERSION", "MODEL_VERSION_CREATED_ON"))
    location = done_fact("OUTPUT_LOCATION")
    return (
        f"{outputs} SELECT VERSION, CREATED, LOCATION FROM (SELECT T.MODEL_VERSION AS VERSION, "
        f"T.MODEL_VERSION_CREATED_ON AS CREATED, {location} AS LOCATION, "
        f"COUNT(*) AS FILES, MAX(T.DONE_AT) AS LAST_DONE FROM {ledger} T "
        "JOIN MB_OUTPUTS O ON T.FILE_PATH = O.FILE AND T.CONTENT_ID = O.CONTENT "
        f"WHERE {IS_DONE} AND {location} IS NOT NULL AND T.MODEL_NAME = {row['MODEL_NAME']} "
        f"AND T.FUNCTION_NAME = {row['FUNCTION_NAME']} AND NOT ({own}) AND {condition} GROUP BY 1, 2, 3) F "
        "QUALIFY MAX(LAST_DONE) OVER (PARTITION BY VERSION, CREATED) = MAX(LAST_DONE) OVER () "
        f"ORDER BY VERSION, CREATED, FILES DESC, LOCATION LIMIT {MAX_FOLDERS}"
    )


def ledger_results_sql(
    compared: Compared, ledger: str, subject: LedgerSubject, folders: Sequence[tuple[str, str]], key: str
) -> str:
    """A SELECT of a version's results: of each file the one in the output that the ledger names for it.

    :param subject: the model, the earlier version and the function.
    :param folders: of each output its full stage path, and a FROM item over its Parquet.
    :param key: the column of full stage paths in the Parquet.
    """
    names = {compared.output: _staged(compared.output, compared.kind)}
    if compared.score is not None:
        names[compared.score] = f"TRY_CAST({_staged(compared.score)}::VARCHAR AS FLOAT)"
    branches = " UNION ALL ".join(
        f"SELECT {sql.literal(location)} AS LOCATION, {_staged(key)}::VARCHAR AS FILE, "
        f"{compared.columns_sql(names)} FROM {source}"
        for location, source in folders
    )
    return (
        f"SELECT R.FILE, T.CONTENT_ID AS CONTENT, R.RESULT, R.SCORE FROM ({branches}) R "
        f"JOIN {ledger} T ON T.FILE_PATH = R.FILE AND {done_fact('OUTPUT_LOCATION')} = R.LOCATION "
        f"WHERE {IS_DONE} AND {_equal(subject.to_row())}"
    )


def _staged(name: str, kind: str = "VARCHAR") -> str:
    """A column of an earlier version's Parquet, whose name may have another case.

    :param kind: what it is compared as. A moment and bytes are no text before they are cast.
    """
    cast = f"::{family}" if (family := sql_types.family(kind)) in sql_types.FORMATTED else ""
    return f"COALESCE($1:{sql.quoted(name)}{cast}, GET_IGNORE_CASE($1, {sql.literal(name)}){cast})"


# What differs.


def pairs_sql(outputs: str, earlier: str) -> str:
    """``WITH … MB_PAIRS AS (…)``, to be followed by a SELECT.

    A file that several rows are of, as a query may list it, is not compared: which result is which is not known.

    :param outputs: what :func:`outputs_sql` gave.
    :param earlier: a SELECT of the earlier results.
    """
    return (
        f"{outputs}, MB_EARLIER AS (SELECT * FROM ({earlier}) E "
        "QUALIFY COUNT(*) OVER (PARTITION BY FILE, CONTENT) = 1), MB_PAIRS AS (SELECT O.FILE, O.RESULT AS R_AFTER, "
        "E.RESULT AS R_BEFORE, O.SCORE AS SCORE_AFTER, E.SCORE AS SCORE_BEFORE, "
        "E.FILE IS NOT NULL AND COUNT(*) OVER (PARTITION BY O.FILE, O.CONTENT) = 1 AS FOUND, "
        "EQUAL_NULL(O.RESULT, E.RESULT) AS SAME FROM MB_OUTPUTS O LEFT JOIN MB_EARLIER E "
        "ON E.FILE = O.FILE AND E.CONTENT = O.CONTENT)"
    )


def totals_sql(pairs: str) -> str:
    """One row: FILES, COMPARED, UNCHANGED, and the mean scores S_BEFORE and S_AFTER and their mean distance SHIFT.

    :param pairs: what :func:`pairs_sql` gave.
    """
    return (
        f"{pairs} SELECT COUNT(*) AS FILES, COUNT_IF(FOUND) AS COMPARED, COUNT_IF(FOUND AND SAME) AS UNCHANGED, "
        "AVG(IFF(FOUND, SCORE_BEFORE, NULL)) AS S_BEFORE, AVG(IFF(FOUND, SCORE_AFTER, NULL)) AS S_AFTER, "
        "AVG(IFF(FOUND, ABS(SCORE_AFTER - SCORE_BEFORE), NULL)) AS SHIFT FROM MB_PAIRS"
    )


def confusion_sql(pairs: str) -> str:
    """The most frequent pairs, the changed ones first: V_BEFORE, V_AFTER and FILES. PAIRS is how many there are.

    :param pairs: what :func:`pairs_sql` gave.
    """
    return (
        f"{pairs} SELECT {_SHOWN}, COUNT(*) AS FILES, COUNT(*) OVER () AS PAIRS FROM MB_PAIRS WHERE FOUND "
        "GROUP BY R_BEFORE, R_AFTER, SAME "
        f"ORDER BY SAME, FILES DESC, 1, 2 LIMIT {MAX_PAIRS}"
    )


def changes_sql(pairs: str) -> str:
    """Compared files, the changed ones first, then by the distance of their scores: FILE, both values and scores.

    :param pairs: what :func:`pairs_sql` gave.
    """
    return (
        f"{pairs} SELECT FILE, {_SHOWN}, SCORE_BEFORE, SCORE_AFTER FROM MB_PAIRS WHERE FOUND "
        f"ORDER BY SAME, COALESCE(ABS(SCORE_AFTER - SCORE_BEFORE), 0) DESC, FILE LIMIT {MAX_CHANGES}"
    )
