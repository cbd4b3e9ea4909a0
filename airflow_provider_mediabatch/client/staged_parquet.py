"""Reading what a job wrote, on the server: counts, columns, checks. Only a preview of a few rows reaches the worker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from airflow_provider_mediabatch.client.connection import rows, value
from airflow_provider_mediabatch.core import sql, sql_types
from airflow_provider_mediabatch.core.stage_path import StagePath

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

FORMAT_NAME = "MB_PARQUET"
READ_OPTIONS = (
    "USE_LOGICAL_TYPE = TRUE BINARY_AS_TEXT = FALSE USE_VECTORIZED_SCANNER = TRUE REPLACE_INVALID_CHARACTERS = FALSE"
)
"""Each option of a Parquet file format that changes what a value means, so that no default decides.

With Snowflake's defaults a moment in nanoseconds is read as a number, bytes as UTF-8 text, and a missing item of a list
is left out. Source: Snowflake's reference, page "CREATE FILE FORMAT", section "TYPE = PARQUET".
"""
_PART = '("([^"]|"")*"|[A-Za-z_][A-Za-z0-9_$]*)'
STAGE_PATTERN = f"^@{_PART}[.]{_PART}[.]{_PART}/"
"""The beginning of a full stage path, as Snowflake's regular expressions take it."""
_PLAIN = ("NUMBER", "FLOAT", "VARCHAR", "BOOLEAN", "BINARY", "DATE", "TIME", "TIMESTAMP_NTZ")
PARQUET_PATTERN = r".*[.]parquet"
_made_formats: WeakKeyDictionary[SnowflakeConnection, set[str]] = WeakKeyDictionary()
"""The file formats that were made in each connection's session."""


class StagedParquet:
    """Folders of staged Parquet, read over one connection with one temporary file format.

    :param connection: an open connection; the file format lives as long as its session, for all readers of it.
    :param schema: ``DB.SCHEMA`` as SQL that the format is made in.
    """

    def __init__(self, connection: SnowflakeConnection, schema: str) -> None:
        self._connection = connection
        self._format = f"{schema}.{FORMAT_NAME}"

    @property
    def create_format_sql(self) -> str:
        """The statement that makes the file format."""
        return f"CREATE TEMPORARY FILE FORMAT IF NOT EXISTS {self._format} TYPE = PARQUET {READ_OPTIONS}"

    @property
    def file_format(self) -> str:
        """The file format's qualified name, made when it is first asked for."""
        made = _made_formats.setdefault(self._connection, set())
        if self._format not in made:
            rows(self._connection, self.create_format_sql)
            made.add(self._format)
        return self._format

    def source(self, location: str) -> str:
        """A FROM item over a folder's Parquet files."""
        folder = StagePath.parse(location).folder.reference
        return f"{folder} (FILE_FORMAT => {sql.literal(self.file_format)}, PATTERN => {sql.literal(PARQUET_PATTERN)})"

    def columns(self, location: str, known: Mapping[str, str] | None = None) -> dict[str, str]:
        """Column name to SQL type, from the files themselves.

        :param known: a manifest's columns, which a job passes through: where their types are plain ones, they hold
            instead. A semi-structured column is text in Parquet.
        """
        found = rows(
            self._connection,
            f"SELECT COLUMN_NAME, TYPE FROM TABLE(INFER_SCHEMA(LOCATION => {_location(location)}, "
            f"FILE_FORMAT => {sql.literal(self.file_format)}))",
        )
        inferred = {str(row["COLUMN_NAME"]): str(row["TYPE"]) for row in found}
        passed = {name: kind for name, kind in (known or {}).items() if sql_types.family(kind) in _PLAIN}
        return {name: passed.get(name, kind) for name, kind in inferred.items()}

    def relation(self, location: str, columns: Mapping[str, str]) -> str:
        """A parenthesised SELECT that gives the folder's rows as typed columns."""
        items = ", ".join(f"{typed_field(name, kind)} AS {sql.quoted(name)}" for name, kind in columns.items())
        return f"(SELECT {items} FROM {self.source(location)})"

    def count(self, location: str) -> int:
        """Rows of a folder."""
        return int(self.value(f"SELECT COUNT(*) AS N FROM {self.source(location)}") or 0)

    def missing_values(self, column: str, expected: str, found: str) -> int:
        """How many different values of a column are in one folder and not in the other (NULL counts as a value)."""
        text = f"{field(column)}::VARCHAR"
        return int(
            self.value(
                f"SELECT COUNT(*) AS N FROM (SELECT {text} AS V FROM {self.source(expected)} "
                f"EXCEPT SELECT {text} AS V FROM {self.source(found)})"
            )
            or 0
        )

    def missing_row(self, columns: Sequence[str], expected: str, found: str) -> tuple[int, str | None]:
        """Rows of one folder that the other lacks, compared by the values of some columns.

        Rows with equal values are counted, so a row that is there twice does not stand for another one.

        :param columns: what identifies a row.
        :param expected: the folder whose rows must all be there.
        :param found: the other folder.
        :return: how many different rows are missing, and the first column of one of them.
        """
        keys = ", ".join(f"{field(name)}::VARCHAR AS K{number}" for number, name in enumerate(columns))
        groups = ", ".join(str(number + 1) for number in range(len(columns)))
        wanted, there = (
            f"(SELECT {keys}, COUNT(*) AS N FROM {self.source(location)} GROUP BY {groups})"
            for location in (expected, found)
        )
        same = " AND ".join(f"EQUAL_NULL(W.K{number}, T.K{number})" for number in range(len(columns)))
        row = self.rows(
            f"SELECT COUNT(*) AS MISSING, MIN(W.K0) AS EXAMPLE FROM {wanted} W LEFT JOIN {there} T ON {same} "
            "WHERE COALESCE(T.N, 0) < W.N"
        )[0]
        return int(row["MISSING"]), row["EXAMPLE"]

    def stage_names(self, locations: Sequence[str], file_columns: Sequence[str]) -> list[str]:
        """The stages that the manifests' paths lie on, as SQL names; paths of another form are left out."""
        if not file_columns:
            return []
        selects = [
            f"SELECT DISTINCT REGEXP_SUBSTR({field(column)}::VARCHAR, {sql.literal(STAGE_PATTERN)}) AS P "
            f"FROM {self.source(location)}"
            for location in locations
            for column in file_columns
        ]
        rows = self.rows(f"SELECT DISTINCT P FROM ({' UNION ALL '.join(selects)}) WHERE P IS NOT NULL LIMIT 100")
        return sorted(str(row["P"])[1:-1] for row in rows)

    def unqualified(self, locations: Sequence[str], column: str) -> dict[str, Any]:
        """How many of a column's values are not ``@DATABASE.SCHEMA.STAGE/…``, how many are NULL, and one of them."""
        selects = [f"SELECT {field(column)}::VARCHAR AS P FROM {self.source(location)}" for location in locations]
        row = self.rows(
            "SELECT COUNT(*) AS N, COUNT_IF(P IS NULL) AS NULLS, MIN(P) AS EXAMPLE "
            f"FROM ({' UNION ALL '.join(selects)}) WHERE REGEXP_SUBSTR(P, {sql.literal(STAGE_PATTERN)}) IS NULL"
        )[0]
        return {"count": int(row["N"]), "nulls": int(row["NULLS"]), "example": row["EXAMPLE"]}

    def rows(self, statement: str) -> list[dict[str, Any]]:
        """Rows of a small SELECT, column names as they are."""
        return rows(self._connection, statement)

    def value(self, statement: str) -> Any:
        """The one value of a one-row SELECT."""
        return value(self._connection, statement)

    def copy_rows(self, select: str, target: str) -> int:
        """``COPY INTO`` a fresh folder from a SELECT; returns the rows written."""
        found = rows(
            self._connection,
            f"COPY INTO {StagePath.parse(target).folder.reference} FROM ({select}) "
            "FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE INCLUDE_QUERY_ID = TRUE",
        )
        return int(found[0].get("rows_unloaded") or 0) if found else 0


def find_column(name: str, columns: Iterable[str]) -> str | None:
    """The column that a name means: the one that is exactly so named, else one in another case; None where none is."""
    found = [column for column in columns if column.upper() == name.upper()]
    return name if name in found else next(iter(found), None)


def field(name: str) -> str:
    """One column of a staged Parquet file: ``$1:"NAME"``."""
    return f"$1:{sql.quoted(name)}"


def typed_field(name: str, kind: str) -> str:
    """One column of a staged Parquet file as its SQL type. A semi-structured one is JSON text in Parquet."""
    if sql_types.is_nested(kind):
        return f"PARSE_JSON({field(name)}::VARCHAR)"
    return f"{field(name)}::{kind}"


def condition(predicate: str) -> str:
    """A user's predicate in parentheses, where a comment at its end ends too."""
    return f"({predicate}\n)"


def broken_rows(predicate: str, relation: str) -> str:
    """A SELECT of at most three rows for which the predicate is not true, each with how many there are.

    A predicate is SQL of the user's own, trusted like the DAG file that it stands in.
    """
    return (
        f"SELECT COUNT(*) OVER () AS MB_BROKEN, R.* FROM {relation} AS R "
        f"WHERE NOT COALESCE({condition(predicate)}, FALSE) LIMIT 3"
    )


def _location(location: str) -> str:
    return sql.literal(StagePath.parse(location).folder.full)
