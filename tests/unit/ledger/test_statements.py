"""Statements of listing and ledger: each is one statement in Snowflake's grammar, whatever the names."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlglot
from sqlglot import exp

from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.files import listing_sql
from airflow_provider_mediabatch.files.listing_sql import Relation, Source
from airflow_provider_mediabatch.ledger import ledger_sql

HOSTILE = "it's \"; DROP TABLE x; --\\"
NAMES = ["IMG", "my col", HOSTILE, "naïve ☃"]


def _listing(name: str, path: str, *, directory: bool = False, columns: int = 1) -> Relation:
    sources = [
        Source(
            f"{name}{index or ''}", StagePath("DB", "SC", name, path), pattern=path, url=None if index else "s3://b/p/"
        )
        for index in range(columns)
    ]
    files = listing_sql.stage_files([source.files("01-ab", directory=directory) for source in sources])
    return listing_sql.listing(sources, files, listing_sql.not_manifests(StagePath("DB", "SC", "WORK", path)))


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
    split = listing_sql.sharded(relation.where([f"{listing_sql.SIZE} > 1"]).first(10), files=5, size=100, largest=7)
    for text in (
        split.query,
        listing_sql.summary(relation),
        listing_sql.summary(split),
        listing_sql.unqualified(relation),
        Source("C", StagePath("DB", "SC", "S", name), name).directory_statement(),
    ):
        _one_statement(text)


@pytest.mark.parametrize("name", NAMES)
def test_ledger_statements(name: str) -> None:
    relation = _listing(name, name)
    table, lock = "DB.SC.L", "DB.SC.L_LOCK"
    subject = ledger_sql.key(name, name, name)
    facts = dict.fromkeys(["CLAIM_ID", "DAG_ID", "RUN_ID", "MODEL_NAME", "MODEL_VERSION", "FUNCTION_NAME"], name)
    mine = ledger_sql.of_claim(name, 3)
    for text in (
        *ledger_sql.create(table, lock),
        ledger_sql.lock_row(lock, name),
        ledger_sql.others_claims(relation, table, subject, name, timedelta(hours=1)),
        ledger_sql.claim(
            relation,
            table,
            values=facts,
            owner=name,
            subject=subject,
            take_over=[(name, "2026-11-21 00:00:00")],
            limit=3,
            reprocess=True,
        ),
        ledger_sql.drop_earlier(table, name, name, subject),
        ledger_sql.held(relation, table, subject, name).query,
        ledger_sql.left_out(relation, table, subject, name),
        ledger_sql.generation(table, name, subject),
        ledger_sql.set_shards(listing_sql.sharded(relation, files=1, size=None, largest=0), table, name),
        ledger_sql.submit(table, mine, name),
        ledger_sql.states(table, mine),
        ledger_sql.done(table, mine, name, name),
        ledger_sql.release(table, mine, name),
        ledger_sql.quarantine(table, mine, {name: name, "@b": "e"}, name),
        ledger_sql.release_quarantined(table, subject, [name]),
    ):
        _one_statement(text)


def test_the_stage_path_of_a_listed_name() -> None:
    internal = Source("C", StagePath("DB", "SC", "Mixed", "a"))
    assert internal.list_statement() == "LIST '@DB.SC.\"Mixed\"/a'"
    assert internal.name_prefix == "mixed/"
    external = Source("C", StagePath("DB", "SC", "EXT"), pattern=r".*\.jpg", url="s3://bucket/pre/fix/")
    assert external.list_statement() == r"LIST @DB.SC.EXT PATTERN = '.*\\.jpg'"
    assert 'SUBSTR("name", 21)' in external.files("q", directory=False)
