"""Reads a job's output for the review page, one page at a time.

The output is Parquet on a stage. A page is one SELECT with LIMIT, in which Snowflake cuts long values. A distribution
is a GROUP BY that returns a few rows. So a result of a million rows or of 10 MB texts costs the API server and the
reader's browser no more than a short one. Every SELECT needs a warehouse.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet, field
from airflow_provider_mediabatch.core import chat, sql
from airflow_provider_mediabatch.core.manifest import CONTENT_ID
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.review.page_request import PageRequest

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

MAX_CHARACTERS = 2000
MAX_PATHS = 1000
MAX_DOWNLOAD = 10_000
MAX_DOWNLOAD_CHARACTERS = 20_000_000
"""Of all values of a download, of which each counts as 50 more. The API server holds all of them at once."""
BINS = 24
TOP_LABELS = 20
_NUMERIC = re.compile(r"(NUMBER|FLOAT|REAL|DOUBLE|DECIMAL|INT)", re.IGNORECASE)
_TEXT = re.compile(r"(TEXT|VARCHAR|STRING)", re.IGNORECASE)
_BINARY = re.compile(r"(BINARY)", re.IGNORECASE)
_NATIVE = re.compile(r"(NUMBER|FLOAT|REAL|DOUBLE|DECIMAL|INT|BOOLEAN)", re.IGNORECASE)


@dataclass(frozen=True)
class ResultColumn:
    """A column of the output Parquet.

    :param name: as stored.
    :param type: Snowflake's type, from INFER_SCHEMA.
    :param is_answer: whether it is the output ``choices`` of a chat model, read as the text of the first answer. A
        value that has none is read as it is.
    """

    name: str
    type: str
    is_answer: bool = False

    @property
    def is_numeric(self) -> bool:
        """Whether it can have a histogram."""
        return bool(_NUMERIC.match(self.type))

    @property
    def is_text(self) -> bool:
        """Whether it can be searched and counted as a label."""
        return self.is_answer or bool(_TEXT.match(self.type))

    @property
    def is_boolean(self) -> bool:
        """Whether it is true or false."""
        return self.type.upper().startswith("BOOLEAN")


@dataclass(frozen=True)
class Histogram:
    """The histogram of a numeric column.

    :param low: the lowest value.
    :param high: the highest value.
    :param mean: the arithmetic mean.
    :param counts: rows in each of 24 bins of equal width from ``low`` to ``high``.
    """

    low: float
    high: float
    mean: float
    counts: tuple[int, ...]


class ResultQuery:
    """Reads one job's output folder.

    :param connection: open, with a warehouse.
    :param location: the job's own folder, as a full stage path.
    :param job: the job's qualified name; its schema is where the temporary file format is made.
    """

    def __init__(self, connection: SnowflakeConnection, location: str, job: str) -> None:
        self._connection = connection
        self._location = StagePath.parse(location).folder.full
        self._staged = StagedParquet(connection, sql.qualified(*sql.split(job)[:2]))

    def columns(self, *, answers: bool = False) -> list[ResultColumn]:
        """The output's columns. There are none when the folder holds no Parquet.

        :param answers: whether it is a chat model's output.
        """
        return [
            ResultColumn(name, kind, is_answer=answers and name.lower() == chat.CHOICES)
            for name, kind in self._staged.columns(self._location).items()
        ]

    def count(self, columns: Sequence[ResultColumn], request: PageRequest) -> int:
        """The number of rows that match, over all pages."""
        where = self._where(columns, request)
        return int(rows(self._connection, f"SELECT COUNT(*) AS N FROM {self._relation(columns)}{where}")[0]["N"])

    def page(self, columns: Sequence[ResultColumn], request: PageRequest) -> list[dict[str, Any]]:
        """One page of rows.

        Texts and nested values are cut to 2,001 characters, so that the caller sees whether they were longer. Binary
        values are replaced by their length.
        """
        size = max(1, min(100, request.size))
        return self._read(columns, request, f"LIMIT {size} OFFSET {(max(1, request.page) - 1) * size}")

    def all_pages(self, columns: Sequence[ResultColumn], request: PageRequest) -> list[dict[str, Any]]:
        """The rows of all pages, at most 10,000, with values cut as in :meth:`page`."""
        return self._read(columns, request, f"LIMIT {MAX_DOWNLOAD}")

    def characters(self, columns: Sequence[ResultColumn], request: PageRequest) -> int:
        """How many characters :meth:`all_pages` would return, with 50 more for each value. Only the sum is returned."""
        sizes = " + ".join(_size_sql(column) for column in columns)
        found = rows(
            self._connection,
            f"SELECT SUM({sizes}) AS N FROM (SELECT * FROM {self._relation(columns)}{self._where(columns, request)} "
            f"{self._order(columns, request)} LIMIT {MAX_DOWNLOAD})",
        )
        return int(found[0]["N"] or 0)

    def script(self, columns: Sequence[ResultColumn], request: PageRequest) -> str:
        """The statements that give the rows of all pages, whole and without a limit, in a session of one's own."""
        return (
            f"{self._staged.create_format_sql};\n"
            f"SELECT * FROM {self._relation(columns)}{self._where(columns, request)} {self._order(columns, request)};"
        )

    def _read(self, columns: Sequence[ResultColumn], request: PageRequest, limit: str) -> list[dict[str, Any]]:
        return rows(
            self._connection,
            f"SELECT {', '.join(_shown(column) for column in columns)} FROM {self._relation(columns)}"
            f"{self._where(columns, request)} {self._order(columns, request)} {limit}",
        )

    def _order(self, columns: Sequence[ResultColumn], request: PageRequest) -> str:
        order = self._by_name(columns, request.sort) or columns[0]
        direction = " DESC NULLS LAST" if request.descending else " ASC NULLS LAST"
        tie = "" if order == columns[0] else f", {sql.quoted(columns[0].name)}"
        return f"ORDER BY {sql.quoted(order.name)}{direction}{tie}"

    def paths(self, column: str) -> frozenset[str]:
        """The values of a file column, at most 1,000.

        :param column: its name. A result without it has no values.
        """
        found = self._by_name(self.columns(), column)
        if found is None:
            return frozenset()
        name = sql.quoted(found.name)
        statement = f"SELECT DISTINCT {name} AS PATH FROM {self._relation([found])} LIMIT {MAX_PATHS}"
        return frozenset(str(row["PATH"]) for row in rows(self._connection, statement))

    def content_ids(self, column: str, paths: Sequence[str]) -> dict[str, str]:
        """Those of some files that a manifest has, with the content ids that it notes.

        :param column: its file column.
        :param paths: a page of full stage paths.
        """
        columns = [item for item in self.columns() if item.name in (column, CONTENT_ID)]
        if not paths or self._by_name(columns, column) is None:
            return {}
        content = sql.quoted(CONTENT_ID) if len(columns) > 1 else "NULL"
        wanted = ", ".join(sql.literal(path) for path in paths)
        found = rows(
            self._connection,
            f"SELECT {sql.quoted(column)} AS PATH, {content} AS CONTENT FROM {self._relation(columns)} "
            f"WHERE {sql.quoted(column)} IN ({wanted}) LIMIT {MAX_PATHS}",
        )
        return {str(row["PATH"]): str(row["CONTENT"] or "") for row in found}

    def labels(self, column: ResultColumn) -> tuple[list[tuple[str, int]], int]:
        """The 20 most frequent values of a column with their counts, and the number of distinct values."""
        name = sql.quoted(column.name)
        found = rows(
            self._connection,
            f"SELECT LEFT({name}::TEXT, 200) AS LABEL, COUNT(*) AS N FROM {self._relation([column])} "
            f"WHERE {name} IS NOT NULL GROUP BY 1 ORDER BY N DESC, LABEL LIMIT {TOP_LABELS}",
        )
        distinct = rows(self._connection, f"SELECT COUNT(DISTINCT {name}) AS N FROM {self._relation([column])}")
        return [(str(row["LABEL"]), int(row["N"])) for row in found], int(distinct[0]["N"])

    def histogram(self, column: ResultColumn) -> Histogram | None:
        """The histogram of a numeric column, or None where it has no finite value."""
        name = sql.quoted(column.name)
        value = f"{name}::DOUBLE"
        finite = f"{value} BETWEEN -1e300 AND 1e300"
        relation = self._relation([column])
        ends = rows(
            self._connection,
            f"SELECT MIN({value}) AS LOW, MAX({value}) AS HIGH, AVG({value}) AS MEAN FROM {relation} WHERE {finite}",
        )[0]
        if ends["LOW"] is None:
            return None
        low, high = float(ends["LOW"]), float(ends["HIGH"])
        width = (high - low) / BINS
        bin_ = "0" if width == 0 else f"LEAST({BINS - 1}, FLOOR(({value} - ({low!r})) / {width!r}))"
        counts = [0] * BINS
        for row in rows(
            self._connection, f"SELECT {bin_} AS BIN, COUNT(*) AS N FROM {relation} WHERE {finite} GROUP BY 1"
        ):
            counts[max(0, min(BINS - 1, int(row["BIN"])))] += int(row["N"])
        return Histogram(low, high, float(ends["MEAN"]), tuple(counts))

    def _relation(self, columns: Sequence[ResultColumn]) -> str:
        fields = ", ".join(f"{_read_sql(item)} AS {sql.quoted(item.name)}" for item in columns)
        return f"(SELECT {fields} FROM {self._staged.source(self._location)})"

    def _where(self, columns: Sequence[ResultColumn], request: PageRequest) -> str:
        conditions: list[str] = []
        if request.search:
            wanted = sql.literal(request.search.lower())
            texts = [column for column in columns if column.is_text]
            conditions.append(
                "(" + " OR ".join(f"CONTAINS(LOWER({sql.quoted(item.name)}), {wanted})" for item in texts) + ")"
                if texts
                else "FALSE"
            )
        column = self._by_name(columns, request.label_column)
        if column is not None and request.label is not None:
            conditions.append(f"LEFT({sql.quoted(column.name)}::TEXT, 200) = {sql.literal(request.label)}")
        ranged = self._by_name(columns, request.range_column)
        if ranged is not None and ranged.is_numeric:
            value = f"{sql.quoted(ranged.name)}::DOUBLE"
            conditions += [f"{value} >= {request.low!r}"] if request.low is not None else []
            conditions += [f"{value} <= {request.high!r}"] if request.high is not None else []
        return " WHERE " + " AND ".join(conditions) if conditions else ""

    @staticmethod
    def _by_name(columns: Sequence[ResultColumn], name: str | None) -> ResultColumn | None:
        return next((column for column in columns if column.name == name), None)


def _read_sql(column: ResultColumn) -> str:
    """A column of a staged row, as the page has it."""
    plain = f"{field(column.name)}::{_cast(column)}"
    if not column.is_answer:
        return plain
    return f"COALESCE({chat.answer_sql(f'TRY_PARSE_JSON({plain})')}, {plain})"


def _cast(column: ResultColumn) -> str:
    if _NATIVE.match(column.type):
        return column.type
    return "BINARY" if _BINARY.match(column.type) else "TEXT"


def _size_sql(column: ResultColumn) -> str:
    if _NATIVE.match(column.type) or _BINARY.match(column.type):
        return "50"
    return f"50 + COALESCE(LEAST(LENGTH({sql.quoted(column.name)}), {MAX_CHARACTERS + 1}), 0)"


def _shown(column: ResultColumn) -> str:
    name = sql.quoted(column.name)
    if _NATIVE.match(column.type):
        return name
    if _BINARY.match(column.type):
        return f"LENGTH({name}) AS {name}"
    return f"LEFT({name}, {MAX_CHARACTERS + 1}) AS {name}"
