"""Rows of a future manifest as SQL. Pure: no connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.manifest import BOOKKEEPING


@dataclass(frozen=True)
class Relation:
    """Rows of a future manifest, as SQL.

    :param query: a SELECT whose columns are ``columns``.
    :param columns: name to SQL type, in order.
    :param file_columns: those that hold full stage paths; the first identifies the row.
    :param has_files: whether size and content id are known (a listing), or not (a user's query).
    """

    query: str
    columns: Mapping[str, str]
    file_columns: tuple[str, ...]
    has_files: bool = True

    @property
    def key(self) -> str:
        """The identifying column as SQL."""
        return sql.quoted(self.file_columns[0]) if self.file_columns else sql.quoted(next(iter(self.columns)))

    def where(self, conditions: Sequence[str]) -> Relation:
        """Only rows that meet all conditions."""
        if not conditions:
            return self
        return replace(self, query=f"SELECT * FROM ({self.query}) WHERE {' AND '.join(conditions)}")

    def first(self, count: int | None) -> Relation:
        """At most this many rows, the first by path, so that a repeated run takes the same; None: all."""
        if count is None:
            return self
        return replace(
            self, query=f"SELECT * FROM ({self.query}) QUALIFY ROW_NUMBER() OVER (ORDER BY {self.key}) <= {int(count)}"
        )


def result_scan_sql(query_id: str) -> str:
    """The rows of a finished query as a table, on the server."""
    return f"TABLE(RESULT_SCAN({sql.literal(query_id)}))"


def extra_of(relation: Relation) -> list[str]:
    """The columns of a listing's rows that are neither paths nor bookkeeping."""
    return [name for name in relation.columns if name not in BOOKKEEPING and name not in relation.file_columns]
