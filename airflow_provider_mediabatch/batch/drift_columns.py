"""Which columns of the output that is to be loaded are compared with earlier runs, and the profiles of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.batch import drift_sql
from airflow_provider_mediabatch.batch.drift_sql import WatchedColumn
from airflow_provider_mediabatch.batch.labels import is_nested, result_sql
from airflow_provider_mediabatch.batch.result_columns import BOOKKEEPING_COLUMNS, TableColumn
from airflow_provider_mediabatch.client.staged_parquet import find_column
from airflow_provider_mediabatch.core import sql_types
from airflow_provider_mediabatch.core.chat import telling_outputs
from airflow_provider_mediabatch.core.drift import Profile
from airflow_provider_mediabatch.core.drift_report import ERROR, LABEL, NUMBER
from airflow_provider_mediabatch.core.error_column import ERROR_COLUMN
from airflow_provider_mediabatch.exceptions import InvalidInputError

if TYPE_CHECKING:
    from airflow_provider_mediabatch.core.batch_result import BatchResult

Contents = Sequence[tuple["BatchResult", Mapping[str, TableColumn]]]
"""The results that are to be loaded, each with its columns in the table."""

MAX_COLUMNS = 20
"""How many of the model's outputs are compared when none are named."""
_TEXTS = ("VARCHAR", "BOOLEAN")


def watched_columns(contents: Contents, names: Sequence[str] | None) -> list[WatchedColumn]:
    """The columns to compare: those that are named, else the outputs that are labels or numbers.

    :raises InvalidInputError: for a column that is not there, or whose values are neither.
    """
    every = {name: column.kind for _, columns in contents for name, column in columns.items()}
    nested = {name for result, _ in contents for name, kind in result.outputs.items() if is_nested(kind)}
    kinds = {name: _kind(name, kind, name in nested) for name, kind in every.items()}
    if names is None:
        hidden = {str(name).upper() for result, _ in contents for name in result.manifest.get("columns", ())}
        hidden |= set(BOOKKEEPING_COLUMNS)
        # The time of a chat completion, for example, is another one in each run.
        for result, _ in contents:
            hidden |= {name.upper() for name in set(result.outputs) - set(telling_outputs(result.outputs))}
        found = [WatchedColumn(name, kind) for name, kind in kinds.items() if kind and name.upper() not in hidden]
        return found[:MAX_COLUMNS]
    return [_named_column(given, every, kinds) for given in dict.fromkeys(names)]


def _named_column(given: str, every: Mapping[str, str], kinds: Mapping[str, str | None]) -> WatchedColumn:
    name = find_column(given, every)
    if name is None:
        raise InvalidInputError(
            f"drift_columns= names {given!r}, which is not among the columns to load: {', '.join(every)}"
        )
    kind = kinds[name]
    if kind is None:
        hint = ". nested='flatten' makes columns of its keys" if sql_types.is_nested(every[name]) else ""
        raise InvalidInputError(
            f"drift_columns= names {name!r}, which is {every[name]}: text, numbers and booleans can be compared{hint}"
        )
    return WatchedColumn(name, kind)


def read_profiles(watched: Sequence[WatchedColumn], measured: Iterable[Mapping[str, Any]]) -> list[Profile]:
    """The profile of each column out of the rows that a statement of :mod:`.drift_sql` gave."""
    by_column: dict[str, list[Mapping[str, Any]]] = {}
    for row in measured:
        by_column.setdefault(str(row["COLUMN_NAME"]), []).append(row)
    return [_profile(column, by_column.get(column.name, ())) for column in watched]


def _profile(column: WatchedColumn, measured: Sequence[Mapping[str, Any]]) -> Profile:
    counts = {str(row["MEASURE"]): row for row in measured if row["MEASURE"] in (drift_sql.ROWS, drift_sql.NULLS)}
    rows_of = {name: int(row["ROW_COUNT"]) for name, row in counts.items()}
    buckets = [
        (float(row["LOW"]), float(row["HIGH"]), int(row["ROW_COUNT"]))
        for row in measured
        if row["MEASURE"] == drift_sql.BUCKETS
    ]
    return Profile(
        column.name,
        column.kind,
        rows=rows_of.get(drift_sql.ROWS, 0),
        nulls=rows_of.get(drift_sql.NULLS, 0),
        labels={str(row["LABEL"]): int(row["ROW_COUNT"]) for row in measured if row["MEASURE"] == drift_sql.LABELS},
        buckets=tuple(sorted(buckets, key=lambda item: item[1])),
        runs=int(counts[drift_sql.ROWS].get("RUNS", 1)) if drift_sql.ROWS in counts else 0,
    )


def row_expressions(
    result: BatchResult, columns: Mapping[str, TableColumn], watched: Sequence[WatchedColumn]
) -> tuple[str, list[str]]:
    """The condition that a staged row has failed, and the watched columns' values of it."""
    error = next((column for name, column in columns.items() if name.upper() == ERROR_COLUMN), None)
    has_errors = error is not None and sql_types.family(error.kind) in _TEXTS
    failed = f"COALESCE(({error.expression})::VARCHAR <> '', FALSE)" if error is not None and has_errors else "FALSE"
    values = []
    for column in watched:
        found = columns.get(column.name)
        if found is None:
            values.append(f"NULL::{'FLOAT' if column.kind == NUMBER else 'VARCHAR'}")
        elif column.kind == NUMBER:
            values.append(f"({found.expression})::FLOAT")
        else:
            nested = is_nested(result.outputs.get(column.name, ""))
            values.append(result_sql(f"({found.expression})::VARCHAR", is_nested=nested))
    return failed, values


def _kind(name: str, kind: str, nested: bool) -> str | None:
    """What a column of this type is compared as; None: it is not."""
    if sql_types.family(kind) in _TEXTS:
        return ERROR if name.upper() == ERROR_COLUMN else LABEL
    if sql_types.family(kind) in sql_types.NUMBERS:
        return NUMBER
    return LABEL if nested and sql_types.is_nested(kind) else None
