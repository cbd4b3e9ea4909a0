"""What a sample's output is checked for: columns, NULL values and the user's predicates, on the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.client.staged_parquet import StagedParquet, broken_rows
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.sample_report import Check, clip

if TYPE_CHECKING:
    from airflow_provider_mediabatch.batch.submission import JobRequest


def check_output(
    staged: StagedParquet,
    request: JobRequest,
    job: str,
    location: str,
    found: Mapping[str, str],
    rows: int,
    *,
    predicates: Sequence[str],
    max_null_fraction: float,
) -> list[Check]:
    """All checks of the output of a job that is DONE.

    :param job: qualified job name.
    :param location: the output's folder.
    :param found: the output's columns, name to type; empty when it has no rows.
    :param rows: of the output.
    :param predicates: SQL over the output's columns that must be true for each row.
    :param max_null_fraction: how much of an output column may be NULL.
    """
    outputs = list(request.plan.outputs)
    checks = [
        Check("job is DONE with _SUCCESS", True, job),
        Check("row count", rows > 0, f"{rows} rows out, {request.manifest.row_count} in"),
        _check_columns(outputs, found),
    ]
    if found:
        relation = staged.relation(location, found)
        checks += _check_nulls(staged, relation, [name for name in outputs if name in found], rows, max_null_fraction)
        checks += [_check_predicate(staged, relation, predicate) for predicate in predicates]
    return checks


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
    detail = ", ".join(f"{name}: {count} of {rows} rows are NULL" for name, count in broken.items()) or "none"
    return [Check("NULL values", not broken, detail)]


def _check_predicate(staged: StagedParquet, relation: str, predicate: str) -> Check:
    from snowflake.connector.errors import ProgrammingError

    try:
        rows = staged.rows(broken_rows(predicate, relation))
    except ProgrammingError as error:
        return Check(predicate, False, f"Snowflake cannot evaluate it: {error.msg}")
    if not rows:
        return Check(predicate, True, "true for every row")
    shown = [{key: value for key, value in row.items() if key != "MB_BROKEN"} for row in rows]
    return Check(predicate, False, f"not true for {rows[0]['MB_BROKEN']} rows, for example {list(clip(shown))}")
