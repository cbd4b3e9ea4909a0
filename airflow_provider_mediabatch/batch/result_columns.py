"""The columns that a load takes from a job's output, and how each is read from a staged row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.client.staged_parquet import StagedParquet, field, find_column
from airflow_provider_mediabatch.core import chat, sql, sql_types
from airflow_provider_mediabatch.core.manifest import CONTENT_ID, Manifest
from airflow_provider_mediabatch.exceptions import InvalidInputError

if TYPE_CHECKING:
    from airflow_provider_mediabatch.core.batch_result import BatchResult

_SCALARS = {"VARCHAR": "VARCHAR", "INTEGER": "FLOAT", "DECIMAL": "FLOAT", "DOUBLE": "FLOAT", "BOOLEAN": "BOOLEAN"}
MODES = ("variant", "flatten", "chat", "chat_json")
MAX_KEYS = 100
"""Answers of a chat model have keys of its own making: more than these are no schema."""
MAX_NAME = 255
"""Characters of a column's name. Source: Snowflake's reference, page "Identifier requirements"."""
PATH = "MB_PATH"
BOOKKEEPING_COLUMNS: Mapping[str, str] = {
    PATH: "VARCHAR",
    CONTENT_ID: "VARCHAR",
    "MB_MODEL": "VARCHAR",
    "MB_MODEL_VERSION": "VARCHAR",
    "MB_FUNCTION": "VARCHAR",
    "MB_JOB": "VARCHAR",
    "MB_DAG_ID": "VARCHAR",
    "MB_RUN_ID": "VARCHAR",
    "MB_LOADED_AT": "TIMESTAMP_NTZ",
}
"""Columns of a results table that say where each row came from, beside the manifest's and the model's."""


@dataclass(frozen=True)
class TableColumn:
    """A column to load.

    :param kind: its SQL type.
    :param expression: over a staged row ``$1``.
    :param key: of a column made of a key of an object, whose type is that of one output's values: the VARIANT before
        its cast.
    """

    kind: str
    expression: str
    key: str = ""

    def as_kind(self, kind: str) -> TableColumn:
        """The same values as another type."""
        value = self.key or f"({self.expression})"
        return self if kind == self.kind else TableColumn(kind, f"{value}::{kind}", self.key)


def result_columns(
    staged: StagedParquet, result: BatchResult, manifest: Manifest, *, nested: str | Mapping[str, str]
) -> dict[str, TableColumn]:
    """The columns to load of a result: the manifest's, the model's, and the path under its own name.

    :param nested: ``variant`` or ``flatten`` for all nested columns, or column name to one of :data:`MODES`. A text
        column named here is read as JSON.
    :raises InvalidInputError: when the output has no path, or ``nested`` names a column that is not there.
    """
    found = staged.columns(result.location, manifest.columns)
    modes = {_match(name, found): mode for name, mode in nested.items()} if isinstance(nested, Mapping) else {}
    default = "variant" if isinstance(nested, Mapping) else nested
    if unknown := [mode for mode in [*modes.values(), default] if mode not in MODES]:
        raise InvalidInputError(f"nested={unknown[0]!r} is not one of {', '.join(map(repr, MODES))}")
    if default.startswith("chat"):
        raise InvalidInputError(f"nested={default!r} is for one column: write nested={{{chat.CHOICES!r}: {default!r}}}")
    key = manifest.key_column if manifest.file_columns else ""
    path = find_column(key, found)
    if path is None:
        raise InvalidInputError(
            f"the output of job {result.job} has no column {key or 'of paths'}, so the file of a row is "
            "not known. A partitioned method must return the path among its outputs to be loaded, and for a ledger"
        )
    columns: dict[str, TableColumn] = {}
    flattened: list[tuple[str, str, dict[str, TableColumn]]] = []
    for name, kind in found.items():
        nested_type = sql_types.is_nested(kind)
        if not nested_type and name not in modes:
            columns[name] = TableColumn(kind, f"{field(name)}::{kind}")
            continue
        value = f"{field(name)}::VARIANT" if nested_type else f"TRY_PARSE_JSON({field(name)}::VARCHAR)"
        mode = modes.get(name, default)
        keys = _flattened(staged, result.location, value) if mode == "flatten" else {}
        if mode.startswith("chat"):
            flattened.append((name, mode, _answers(value)))
        elif keys:
            flattened.append((name, mode, keys))
        else:
            columns[name] = TableColumn("VARIANT", value)
        if mode == "chat_json":
            flattened.append((name, mode, _answer_keys(staged, result, name, value)))
    for name, mode, keys in flattened:
        columns |= _without_collisions(result, name, mode, keys, columns)
    columns[PATH] = TableColumn("VARCHAR", f"{field(path)}::VARCHAR")
    columns.setdefault(CONTENT_ID, TableColumn("VARCHAR", "NULL::VARCHAR"))
    return columns


def _answers(choices: str) -> dict[str, TableColumn]:
    """The text of a chat completion's first answer, and why it ended.

    :param choices: the output as SQL, of type VARIANT.
    """
    return {
        "content": TableColumn("VARCHAR", chat.answer_sql(choices)),
        "finish_reason": TableColumn("VARCHAR", chat.finish_reason_sql(choices)),
    }


def _answer_keys(staged: StagedParquet, result: BatchResult, name: str, choices: str) -> dict[str, TableColumn]:
    """For each key of the answers that are JSON objects, as ``response_format`` asks for: a column.

    A row whose answer is no JSON object has NULL in all of them.

    :raises InvalidInputError: for more keys than a schema has.
    """
    keys = _flattened(staged, result.location, f"TRY_PARSE_JSON({chat.answer_sql(choices)})")
    if len(keys) > MAX_KEYS:
        raise InvalidInputError(
            f"the answers of job {result.job} have {len(keys):,} different keys, which is no schema: use "
            f"nested={{{name!r}: 'chat'}}, and give the model a response_format"
        )
    return keys


def _flattened(staged: StagedParquet, location: str, value: str) -> dict[str, TableColumn]:
    """For each key of an object column, as the model wrote it: a column, typed when all values are of one kind."""
    rows = staged.rows(
        "SELECT F.KEY AS NAME, MIN(TYPEOF(F.VALUE)) AS LEAST, MAX(TYPEOF(F.VALUE)) AS MOST "
        f"FROM (SELECT {value} AS V FROM {staged.source(location)}) R, LATERAL FLATTEN(INPUT => R.V) F "
        "WHERE TYPEOF(R.V) = 'OBJECT' AND TYPEOF(F.VALUE) <> 'NULL_VALUE' GROUP BY 1 ORDER BY 1"
    )
    columns = {}
    for row in rows:
        kinds = {_SCALARS.get(row["LEAST"], "VARIANT"), _SCALARS.get(row["MOST"], "VARIANT")}
        kind = kinds.pop() if len(kinds) == 1 else "VARIANT"
        key = f"GET({value}, {sql.literal(row['NAME'])})"
        columns[str(row["NAME"])] = TableColumn(kind, f"{key}::{kind}", key)
    return columns


def with_common_types(outputs: Sequence[Mapping[str, TableColumn]]) -> list[dict[str, TableColumn]]:
    """The columns of several outputs that are loaded into one table, each column with one type.

    Values decide the type of a key of an object, and the digits of a number: those of one shard may be other ones than
    those of the next. What is text in one and a number in the other is VARIANT, as in one output.
    """
    kinds: dict[str, str] = {}
    for columns in outputs:
        for name, column in columns.items():
            kinds[name] = _common_type(kinds.get(name, column.kind), column)
    return [{name: column.as_kind(kinds[name]) for name, column in columns.items()} for columns in outputs]


def _common_type(kind: str, column: TableColumn) -> str:
    """The type that holds values of another type and a column's.

    :param kind: the other type.
    """
    if kind == column.kind:
        return kind
    (precision, scale), (other_precision, other_scale) = sql_types.digits(kind), sql_types.digits(column.kind)
    if precision and other_precision:
        whole = max(precision - scale, other_precision - other_scale)
        places = max(scale, other_scale)
        return f"NUMBER({min(whole + places, 38)},{places})"
    families = {sql_types.family(kind), sql_types.family(column.kind)}
    if families == {"FLOAT", "NUMBER"}:
        return "FLOAT"  # whole numbers are written as integers, and a column of them may meet one of fractions
    return "VARIANT" if len(families) > 1 else column.kind


def _without_collisions(
    result: BatchResult, name: str, mode: str, keys: Mapping[str, TableColumn], columns: Mapping[str, TableColumn]
) -> dict[str, TableColumn]:
    """A flattened column's own columns, by their names in the table.

    The names are made from data, so two keys, or a key and another column, may come to one name.

    :param mode: as ``nested`` has it.
    :param keys: key of the object, as the model wrote it, to column.
    :param columns: what the table gets besides.
    :raises InvalidInputError: with the names; nothing is overwritten.
    """
    named: dict[str, list[str]] = {}
    for key in keys:
        named.setdefault(f"{name}_{key}".upper(), []).append(key)
    instead = "chat" if mode == "chat_json" else "variant"
    if long := [column for column in named if len(column) > MAX_NAME]:
        raise InvalidInputError(
            f"nested={mode!r} of column {name} in the output of job {result.job} makes a name of {len(long[0])} "
            f"characters, and a column's name has at most {MAX_NAME}: {long[0][:40]}…. "
            f"Use nested={{{name!r}: {instead!r}}}"
        )
    taken = {other.upper() for other in (*columns, *BOOKKEEPING_COLUMNS)}
    collisions = {column: found for column, found in named.items() if len(found) > 1 or column in taken}
    if collisions:
        listed = "; ".join(
            f"{column} would hold {', '.join(map(repr, found))}"
            + (" and a column of that name" if column in taken else "")
            for column, found in collisions.items()
        )
        raise InvalidInputError(
            f"nested={mode!r} of column {name} in the output of job {result.job} makes names that collide: {listed}. "
            f"Use nested={{{name!r}: {instead!r}}}, or rename the model's keys or the input's column"
        )
    return {column: keys[found[0]] for column, found in named.items()}


def _match(name: str, found: Mapping[str, Any]) -> str:
    """The output column that a user's name means: exactly so named, else in any case."""
    column = find_column(name, found)
    if column is not None:
        return column
    raise InvalidInputError(f"nested= names {name}, which is not among the output's columns: {', '.join(found)}")
