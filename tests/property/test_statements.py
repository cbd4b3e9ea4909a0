"""Every statement that holds text of users stays one statement of the same shape, whatever the text."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hostile import JSON, STAGE_PATHS, TEXT, renamed, skeleton, tokens, tree
from hypothesis import assume, given
from hypothesis import strategies as st

from airflow_provider_mediabatch.batch import comparison_sql, drift_sql, truth_sql
from airflow_provider_mediabatch.batch.comparison_sql import Compared, EarlierTable
from airflow_provider_mediabatch.batch.drift_sql import ProfiledRun, WatchedColumn
from airflow_provider_mediabatch.batch.labels import Labels
from airflow_provider_mediabatch.client.jobs import execute_statement
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.drift_report import ERROR, LABEL, NUMBER
from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.manifest import BOOKKEEPING, CONTENT_ID, SIZE, Manifest
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.files.list_output import StageSource
from airflow_provider_mediabatch.files.manifest_files import copy_sql, sharded, summary_sql
from airflow_provider_mediabatch.files.query_listing import path_census_sql
from airflow_provider_mediabatch.files.relation import Relation
from airflow_provider_mediabatch.files.sampling import sample_select
from airflow_provider_mediabatch.files.stage_listing import listed_rows
from airflow_provider_mediabatch.ledger import claim_statements, conditions, job_statements, state_statements
from airflow_provider_mediabatch.ledger.claims import ClaimOwner, LedgerSubject
from airflow_provider_mediabatch.ledger.take_over import ClaimedJob

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLAIN = "xplainx"
TABLE = "DB.SC.LEDGER"


def relation(text: str) -> Relation:
    columns = {text: "VARCHAR", **BOOKKEEPING}
    return Relation(f"SELECT * FROM T WHERE A = {sql.literal(text)}", columns, (text,))


def subject(text: str) -> LedgerSubject:
    return LedgerSubject(text, text, text, text)


def manifest(text: str) -> Manifest:
    return Manifest("@DB.SC.WORK/m/", {text: "VARCHAR", SIZE: "NUMBER(38,0)"}, (text,), 1, 1, 1, text)


class Owner(ClaimOwner):
    """An owner whose prefix is the text itself and no digest of it."""

    @property
    def prefix(self) -> str:
        return self.dag_id


def owner(text: str) -> Owner:
    return Owner(text, text, text, -1, lambda dag_id, run_id: True)


def candidates(text: str) -> str:
    return claim_statements.candidates_sql(
        relation(text),
        TABLE,
        owner=owner(text),
        subject=subject(text),
        take_over=[(text, text)],
        reprocess=True,
    )


def claim(text: str) -> str:
    return claim_statements.claim_sql(
        candidates(text),
        TABLE,
        claim_id=text,
        owner=owner(text),
        subject=subject(text),
        limit=3,
        reprocess=True,
    )


STATEMENTS: dict[str, Callable[[str], str]] = {
    "files": lambda text: StageSource(text, StagePath("D", "S", "T"), text).files_sql(text, directory=True),
    "directory": lambda text: StageSource(text, StagePath("D", "S", "T", "p"), text).directory_sql(),
    "listing": lambda text: listed_rows([StageSource(text, StagePath("D", "S", "T"))], "F").query,
    "pairs": lambda text: (
        listed_rows(
            [StageSource(name, StagePath("D", "S", "T")) for name in (text, text + "2")], "SELECT * FROM F"
        ).query
    ),
    "sharded": lambda text: sharded(relation(text), max_files=2, max_bytes=9, largest=3).query,
    "summary": lambda text: summary_sql(relation(text)),
    "unqualified": lambda text: path_census_sql(relation(text)),
    "sample": lambda text: sample_select([manifest(text)], ["F"], "edges", 3),
    "spread": lambda text: sample_select([manifest(text)], ["F"], "spread", 3),
    "claim": claim,
    "open files": lambda text: claim_statements.open_files_sql(candidates(text), owner(text)),
    "claimed jobs": lambda text: job_statements.claimed_jobs_sql(
        relation(text), TABLE, subject(text), text, age=timedelta(hours=1), retention_days=30
    ),
    "adopt": lambda text: job_statements.adopt_sql(
        TABLE, ClaimedJob(text, text, text, False, text, text, False, False, text), text, "SELECT 1 AS P"
    ),
    "done jobs": lambda text: job_statements.done_jobs_sql(TABLE, text, subject(text), text, retention_days=30),
    "lock": lambda text: claim_statements.take_lock_sql(TABLE, text),
    "drop earlier": lambda text: claim_statements.release_earlier_claims_sql(TABLE, text, text, subject(text)),
    "held": lambda text: claim_statements.held_rows(relation(text), TABLE, subject(text), text).query,
    "left out": lambda text: claim_statements.count_left_out_sql(relation(text), TABLE, subject(text), text),
    "submit": lambda text: job_statements.note_job_sql(
        TABLE, conditions.claim_condition(text, 1), text, text, text, rows=1, work_digest=text
    ),
    "done": lambda text: job_statements.mark_done_sql(
        TABLE, conditions.claim_condition(text), BatchResult(text, text, 1, 1, 1.0, text, text, text, text)
    ),
    "release": lambda text: state_statements.release_sql(TABLE, conditions.claim_condition(text), text),
    "quarantine": lambda text: state_statements.quarantine_sql(
        TABLE, conditions.claim_condition(text), "SELECT 1", text
    ),
    "profile": lambda text: drift_sql.profile_sql(
        [WatchedColumn(text, kind) for kind in (LABEL, NUMBER, ERROR)], [("S", "FALSE", ("A", "B", "C"))]
    ),
    "baseline": lambda text: drift_sql.baseline_sql("DB.SC.T_DRIFT", ProfiledRun(*[text] * 6)),
    "forget profile": lambda text: drift_sql.delete_sql("DB.SC.T_DRIFT", ProfiledRun(*[text] * 6), "DB.SC.T", [text]),
    "keep profile": lambda text: drift_sql.insert_sql("DB.SC.T_DRIFT", ProfiledRun(*[text] * 6), text),
    "marks": lambda text: truth_sql.totals_sql(
        truth_sql.pairs_sql(
            Labels(text, "T", "K", "L", text, is_marks=True, model=text, function=text), "O", text, has_content_id=True
        )
    ),
    "earlier table": lambda text: comparison_sql.table_results_sql(
        Compared(text, False, None),
        EarlierTable("DB.SC.T", {text: f"T.{sql.quoted(text)}"}),
        {"MB_MODEL_VERSION": sql.literal(text)},
    ),
    "earlier outputs": lambda text: comparison_sql.ledger_results_sql(
        Compared(text, False, None), TABLE, subject(text), [(text, "S")], text
    ),
    "release quarantined": lambda text: state_statements.release_quarantined_sql(TABLE, subject(text), [text, text]),
}


@pytest.mark.parametrize("name", STATEMENTS)
@given(text=TEXT)
def test_hostile_text_changes_contents_only(name: str, text: str) -> None:
    build = STATEMENTS[name]
    plain, hostile = build(PLAIN), build(text)
    assert skeleton(hostile) == skeleton(plain)
    assert [value.replace(PLAIN, text) for _, value in tokens(plain)] == [value for _, value in tokens(hostile)]


@pytest.mark.parametrize("name", STATEMENTS)
@given(text=TEXT)
def test_another_parser_reads_the_same_tree(name: str, text: str) -> None:
    # sqlglot keeps backslash escapes of some literals as they are written, so trees with them are compared in shape.
    build = STATEMENTS[name]
    plain, hostile = tree(build(PLAIN)), tree(build(text))
    if "\\" in text:
        assert [type(node) for node in hostile.walk()] == [type(node) for node in plain.walk()]
    else:
        assert hostile == renamed(plain, {PLAIN: text})


@given(STAGE_PATHS, TEXT)
def test_listing_statement_is_list_of_that_place(path: StagePath, pattern: str) -> None:
    found = tokens(StageSource("F", path, pattern).list_sql())
    assert [found[0], *found[2:]] == [("word", "LIST"), ("word", "PATTERN"), ("op", "="), ("string", pattern)]
    assert StagePath.parse(found[1][1]) == StagePath(path.database, path.schema, path.stage, path.path)


@given(STAGE_PATHS, TEXT)
def test_copy_goes_to_that_place(path: StagePath, text: str) -> None:
    assume(text not in BOOKKEEPING)
    plain = copy_sql(relation(PLAIN), StagePath("D", "S", "T", "m/"))
    hostile = copy_sql(relation(text), path.folder)
    assert skeleton(hostile) == skeleton(plain)
    assert StagePath.parse(tokens(hostile)[2][1]) == path.folder


@given(STAGE_PATHS, STAGE_PATHS, TEXT, TEXT, st.dictionaries(TEXT, JSON, max_size=3), st.integers(1, 9))
def test_job_statement_keeps_every_text_in_its_place(
    location: StagePath, output: StagePath, version: str, function: str, params: dict[str, Any], replicas: int
) -> None:
    import yaml

    plan = InferencePlan(
        model=sql.qualified(location.database, location.schema, version),
        model_version=version,
        function=function,
        inputs={},
        outputs={},
        column_handling={function: {"input_format": "full_stage_path", "convert_to": "raw_bytes"}},
        compute_pool=sql.identifier(function),
        job_schema="DB.SC",
        output_location=output.full,
        params=params,
        partition_column=version,
        replicas=replicas,
    )
    statement = execute_statement(
        plan, manifest_location=location.full, job="DB.SC.MB_J_0", output_location=output.full, save_mode="error"
    )
    found = tokens(statement)
    texts = [value for kind, value in found if kind == "string"]
    words = [value for kind, value in found if kind == "word" and value == value.upper()]
    assert [word for word in words if word in ("EXECUTE", "FROM", "NAME", "ASYNC", "REPLICAS")][-3:] == [
        "NAME", "ASYNC", "REPLICAS",
    ]  # fmt: skip
    assert found[-1] == ("number", str(replicas))
    assert texts[-1] == function
    body = yaml.safe_load(texts[0])
    assert body["output"]["stage_location"] == output.folder.full
    assert body["input"].get("params") == (params or None)
    assert body["input"]["partition_column"] == version
    position = found.index(("word", "FROM"))
    assert StagePath.parse(found[position + 1][1]) == location.folder


@pytest.fixture(scope="module")
def connection(engine: Any) -> Iterator[Any]:
    """One login for all cases."""
    with engine.connect() as opened:
        yield opened


@given(text=TEXT, name=TEXT)
def test_the_engine_answers_with_that_text_under_that_name(connection: Any, text: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sql.literal(text)} AS {sql.quoted(name)}")
        assert cursor.fetchone()[0] == text
        assert cursor.description[0].name == name


def test_bookkeeping_names_need_no_quotes() -> None:
    assert all(sql.identifier(name) == name for name in (*BOOKKEEPING, CONTENT_ID, SIZE))
