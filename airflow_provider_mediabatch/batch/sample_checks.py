"""What a sample's output is checked for: columns, NULL values and the user's predicates, on the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.batch.row_errors import has_failed
from airflow_provider_mediabatch.client import errors
from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet, broken_rows, condition
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.sample_report import Check, clip
from airflow_provider_mediabatch.exceptions import InvalidInputError

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.batch.submission import JobRequest
    from airflow_provider_mediabatch.core.inference_plan import InferencePlan
    from airflow_provider_mediabatch.core.manifest import Manifest


@dataclass(frozen=True)
class SampleChecks:
    """What a user wants of each sampled row.

    :param predicates: SQL over the output's columns that must be true for each row.
    :param max_null_fraction: how much of an output column may be NULL.
    """

    predicates: Sequence[str] = ()
    max_null_fraction: float = 0.0

    def find(self, connection: SnowflakeConnection, manifest: Manifest, plan: InferencePlan) -> None:
        """Compile the predicates over no rows, in one statement, before a job starts.

        A column that is not there is refused, and so is what is no SQL. The output's exact types are known when the job
        is done.

        :raises InvalidInputError: naming the predicate, with the columns that there are.
        """
        if not self.predicates:
            return
        names = [*plan.outputs, *(manifest.columns if plan.keeps_rows else ())]
        known = dict.fromkeys(spelling for name in names for spelling in (name, name.upper()))
        items = ", ".join(f"NULL::VARIANT AS {sql.quoted(name)}" for name in known)
        select = f"SELECT COUNT(*) AS N FROM (SELECT {items}) WHERE FALSE"
        if _refusal(connection, " AND ".join([select, *map(condition, self.predicates)])) is None:
            return
        for predicate in self.predicates:
            refusal = _refusal(connection, f"{select} AND {condition(predicate)}")
            if refusal is None:
                continue
            if errors.errno(refusal) == errors.SYNTAX_ERROR:
                raise InvalidInputError(f"checks={predicate!r} is not SQL: {errors.error_text(refusal)}")
            raise InvalidInputError(
                f"checks={predicate!r} names a column that the output will not have: the output's columns are: "
                f"{', '.join(names)}. Write names with lower-case letters in double quotes"
            )

    def run(
        self, staged: StagedParquet, request: JobRequest, job: str, location: str, found: Mapping[str, str], good: int
    ) -> list[Check]:
        """All checks of the output of a job that is DONE. Rows that failed by the model's own word are not checked.

        :param job: qualified job name.
        :param location: the output's folder.
        :param found: the output's columns, name to type; empty when it has no rows.
        :param good: how many of the output's rows have not failed.
        """
        outputs = list(request.plan.outputs)
        checks = [
            Check("job is DONE with _SUCCESS", True, job),
            Check("row count", bool(found), f"{good} rows out, {request.manifest.row_count} in"),
            _check_columns(outputs, found),
        ]
        if found:
            relation = good_relation(staged, request, location, found)
            names = [name for name in outputs if name in found and name != request.error_column]
            checks += _check_nulls(staged, relation, names, good, self.max_null_fraction)
            checks += [_check_predicate(staged, relation, list(found), predicate) for predicate in self.predicates]
        return checks


def _refusal(connection: SnowflakeConnection, statement: str) -> Exception | None:
    """The error of a statement that names a missing column or is no SQL."""
    from snowflake.connector.errors import ProgrammingError

    try:
        rows(connection, statement)
    except ProgrammingError as error:
        return error if errors.errno(error) in (errors.INVALID_IDENTIFIER, errors.SYNTAX_ERROR) else None
    return None


def good_relation(staged: StagedParquet, request: JobRequest, location: str, found: Mapping[str, str]) -> str:
    """A parenthesised SELECT of the output's rows that have not failed.

    :param found: the output's columns, name to type.
    """
    relation = staged.relation(location, found)
    if request.error_column is None:
        return relation
    return f"(SELECT * FROM {relation} WHERE NOT {has_failed(request.error_column)})"


def _check_columns(outputs: Sequence[str], found: Mapping[str, str]) -> Check:
    upper = {name.upper() for name in found}
    missing = [name for name in outputs if name not in found and name.upper() not in upper]
    detail = f"missing: {', '.join(missing)}; there is: {', '.join(found)}" if missing else ", ".join(outputs)
    return Check("output columns of the signature", not missing, detail)


def _check_nulls(
    staged: StagedParquet, relation: str, columns: Sequence[str], rows: int, max_null_fraction: float
) -> list[Check]:
    if not columns:
        return []
    counts = ", ".join(f"COUNT({sql.quoted(name)}) AS N{number}" for number, name in enumerate(columns))
    row = staged.rows(f"SELECT {counts} FROM {relation}")[0]
    nulls = {name: rows - int(row[f"N{number}"]) for number, name in enumerate(columns)}
    broken = {name: count for name, count in nulls.items() if count > max_null_fraction * rows}
    allowed = f" (allowed up to {max_null_fraction:.0%})"
    detail = ", ".join(
        f"{name}: {count} of {rows} rows are NULL{'' if name in broken else allowed}"
        for name, count in nulls.items()
        if count
    )
    detail = detail or f"none in {', '.join(nulls)}"
    return [Check("NULL values", not broken, detail)]


def _check_predicate(staged: StagedParquet, relation: str, columns: Sequence[str], predicate: str) -> Check:
    from snowflake.connector.errors import ProgrammingError

    try:
        rows = staged.rows(broken_rows(predicate, relation))
    except ProgrammingError as error:
        problem = f"Snowflake cannot evaluate it: {' '.join(str(error.msg).split())}"
        written = ", ".join(map(sql.identifier, columns))
        return Check(predicate, False, f"{problem}. The columns of the output are {written}")
    if not rows:
        return Check(predicate, True, "true for every row")
    shown = [{key: value for key, value in row.items() if key != "MB_BROKEN"} for row in rows]
    return Check(predicate, False, f"not true for {rows[0]['MB_BROKEN']} rows, for example {list(clip(shown))}")
