"""Statements of listing and ledger: each is one statement in Snowflake's grammar, whatever the names."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlglot
from sqlglot import exp

from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.manifest import SIZE
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.files.list_output import StageSource
from airflow_provider_mediabatch.files.manifest_files import sharded, summary_sql
from airflow_provider_mediabatch.files.query_listing import path_census_sql
from airflow_provider_mediabatch.files.relation import Relation
from airflow_provider_mediabatch.files.stage_listing import listed_rows, union_sql
from airflow_provider_mediabatch.ledger import claim_statements, conditions, job_statements, state_statements, tables
from airflow_provider_mediabatch.ledger.claims import ClaimOwner, LedgerSubject
from airflow_provider_mediabatch.ledger.take_over import ClaimedJob

HOSTILE = "it's \"; DROP TABLE x; --\\"
NAMES = ["IMG", "my col", HOSTILE, "naïve ☃"]


def _listing(name: str, path: str, *, directory: bool = False, columns: int = 1) -> Relation:
    sources = [
        StageSource(
            f"{name}{index or ''}", StagePath("DB", "SC", name, path), pattern=path, url=None if index else "s3://b/p/"
        )
        for index in range(columns)
    ]
    files = union_sql([source.files_sql("01-ab", directory=directory) for source in sources])
    return listed_rows(sources, files)


def _one_statement(text: str) -> exp.Expression:
    (parsed,) = sqlglot.parse(text, dialect="snowflake")
    assert parsed is not None
    assert not list(parsed.find_all(exp.Drop))
    return parsed


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("directory", [False, True])
def test_listing_statements(name: str, columns: int, directory: bool) -> None:
    relation = _listing(name, name, directory=directory, columns=columns)
    _one_statement(relation.query)
    split = sharded(relation.where([f"{SIZE} > 1"]).first(10), max_files=5, max_bytes=100, largest=7)
    for text in (
        split.query,
        summary_sql(relation),
        summary_sql(split),
        path_census_sql(relation),
        StageSource("C", StagePath("DB", "SC", "S", name), name).directory_sql(),
    ):
        _one_statement(text)


@pytest.mark.parametrize("name", NAMES)
def test_ledger_statements(name: str) -> None:
    relation = _listing(name, name)
    table, lock = "DB.SC.L", "DB.SC.L_LOCK"
    subject = LedgerSubject(name, name, name, name)
    owner = ClaimOwner(name, name, name, -1, lambda dag_id, run_id: True)
    mine = conditions.claim_condition(name, 3)
    job = ClaimedJob(name, name, name, False, name, name, False, False, name)
    candidates = claim_statements.candidates_sql(
        relation, table, owner=owner, subject=subject, take_over=[(name, "2026-11-21 00:00:00")], reprocess=True
    )
    for text in (
        *tables.create_tables_sql(table, lock),
        claim_statements.take_lock_sql(lock, name),
        job_statements.claimed_jobs_sql(relation, table, subject, name, age=timedelta(hours=1), retention_days=30),
        job_statements.adopt_sql(table, job, name, "SELECT 1 AS P"),
        job_statements.count_adopted_sql(table, owner, subject),
        job_statements.done_jobs_sql(table, name, subject, "dag", retention_days=30),
        claim_statements.open_files_sql(candidates, owner),
        claim_statements.claim_sql(
            candidates, table, claim_id=name, owner=owner, subject=subject, limit=3, reprocess=True
        ),
        claim_statements.release_earlier_claims_sql(table, name, name, subject),
        claim_statements.give_back_ended_sql(relation, table, subject, [(name, "2026-11-21 00:00:00")]),
        claim_statements.held_rows(relation, table, subject, name).query,
        claim_statements.count_left_out_sql(relation, table, subject, name),
        claim_statements.generation_sql(table, name, subject),
        claim_statements.set_shards_sql(sharded(relation, max_files=1, max_bytes=None, largest=0), table, name),
        job_statements.note_job_sql(table, mine, name, name, rows=1),
        job_statements.noted_jobs_sql(table, mine, retention_days=30),
        state_statements.any_done_sql(table, subject),
        state_statements.count_rejected_sql(table, mine),
        state_statements.count_states_sql(table, mine),
        job_statements.mark_done_sql(table, mine, BatchResult(name, name, 1, 1, 1.0, name, name, name, name)),
        state_statements.release_sql(table, mine, name),
        state_statements.release_sql(table, mine, name, [name]),
        job_statements.done_by_others_sql(table, subject, name),
        state_statements.quarantine_sql(table, mine, "SELECT 1", name),
        state_statements.release_quarantined_sql(table, subject, [name]),
    ):
        _one_statement(text)


def test_the_stage_path_of_a_listed_name() -> None:
    internal = StageSource("C", StagePath("DB", "SC", "Mixed", "a"))
    assert internal.list_sql() == "LIST '@DB.SC.\"Mixed\"/a'"
    assert internal.name_prefix == "mixed/"
    external = StageSource("C", StagePath("DB", "SC", "EXT"), pattern=r".*\.jpg", url="s3://bucket/pre/fix/")
    assert external.list_sql() == r"LIST @DB.SC.EXT PATTERN = '.*\\.jpg'"
    # Without LTRIM: pre/fix//a.jpg is another object than pre/fix/a.jpg.
    assert """'@DB.SC.EXT/' || SUBSTR("name", 21) AS FILE_PATH""" in external.files_sql("q", directory=False)
