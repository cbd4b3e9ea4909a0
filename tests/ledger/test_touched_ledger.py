"""A ledger that somebody touched, and locks: the error says what is wrong and what it costs."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_mediabatch.client.connection import execute, rows
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.exceptions import LedgerError
from airflow_provider_mediabatch.ledger.claimed_rows import ClaimedRows
from airflow_provider_mediabatch.local import faults

OUTPUT = "@DB.SC.OUT/MB_JOB_0/"
RESULT = BatchResult("DB.SC.MB_JOB_0", OUTPUT, 3, 3, 1.0, "p", "DB.SC.MODEL", "V1", "predict")


def drop(place: Any) -> None:
    execute(place.connection, f"DROP TABLE {place.table}")


def truncate(place: Any) -> None:
    execute(place.connection, f"TRUNCATE TABLE {place.table}")


def double(place: Any) -> None:
    execute(place.connection, f"INSERT INTO {place.table} SELECT * FROM {place.table}")


@pytest.mark.parametrize(
    ("touch", "words"),
    [
        (drop, ["does not exist, or this role may not see it", "UNDROP TABLE"]),
        (truncate, ["is empty", "Time Travel"]),
        (double, ["6 rows", "more than one row for a file"]),
    ],
)
def test_submission_and_record_of_a_touched_ledger_say_what_is_wrong_and_what_it_costs(
    place: Any, touch: Callable[[Any], None], words: list[str]
) -> None:
    manifest = place.manifest(place.claim("one"))
    touch(place)
    with pytest.raises(LedgerError) as before:
        place.rows_of(manifest).check_owned(RESULT.job, location=OUTPUT)
    with pytest.raises(LedgerError) as after:
        place.rows_of(manifest).record_done(None, RESULT)
    for word in words:
        assert word in str(before.value)
        assert word in str(after.value)
    assert "This try submitted no job" in str(before.value)
    assert f"Job {RESULT.job} is DONE, its output in {OUTPUT} is whole, and it incurs no more cost" in str(after.value)
    assert "adopts" in str(after.value)


def test_a_claim_on_doubled_rows_names_the_statement_that_finds_them(place: Any) -> None:
    place.claim("one")
    double(place)
    with pytest.raises(LedgerError, match="more than one row for a file") as caught:
        place.claim("one")
    statement = str(caught.value).partition("finds them: ")[2].partition(". Delete")[0]
    assert len(rows(place.connection, statement)) == 3


@pytest.mark.parametrize("statement", ["DELETE FROM {}_LOCK", "INSERT INTO {0}_LOCK SELECT * FROM {0}_LOCK"])
def test_there_is_no_claim_without_the_one_lock_row(place: Any, statement: str) -> None:
    place.ledger.ensure()
    execute(place.connection, statement.format(place.table))
    with pytest.raises(LedgerError, match=f"{place.table}_LOCK must have one row") as caught:
        place.claim("one")
    assert "Nothing was started" in str(caught.value)
    assert place.states() == {}
    execute(place.connection, f"DROP TABLE {place.table}_LOCK")
    assert len(place.names(place.claim("one"))) == 3, "as the message says: the next claim makes it anew"


def test_a_ledger_that_this_role_may_not_write_to_names_the_grants(place: Any, engine: Any) -> None:
    manifest = place.manifest(place.claim("one"))
    role = f"READER_{uuid.uuid4().hex[:8]}".upper()
    for text in (
        f"CREATE ROLE {role}",
        f"GRANT ROLE {role} TO USER AIRFLOW",
        f"GRANT USAGE ON DATABASE MEDIA TO ROLE {role}",
        f"GRANT USAGE ON SCHEMA MEDIA.PUBLIC TO ROLE {role}",
        f"GRANT USAGE ON WAREHOUSE {place.connection.warehouse} TO ROLE {role}",
        f"GRANT SELECT ON TABLE {place.table} TO ROLE {role}",
    ):
        execute(place.connection, text)
    with engine.connect(role=role) as reader, pytest.raises(LedgerError) as caught:
        ClaimedRows(reader, manifest).check_owned(RESULT.job, location=OUTPUT)
    assert f"GRANT SELECT, INSERT, UPDATE ON TABLE {place.table} TO ROLE" in str(caught.value)


@pytest.mark.parametrize("match", ["^UPDATE .*_LOCK", "^MERGE INTO", "SET STATE = 'done'"])
def test_too_many_waiters_for_a_lock_are_waited_out(place: Any, engine: Any, match: str) -> None:
    """000625 at once, as Snowflake answers when 20 statements wait for a table's lock already."""
    place.ledger.ensure()
    rule = {"match": match, "times": 2, "action": "error", "code": 625, "sqlstate": "57014", "message": "20 waiters"}
    faults.install(engine.state_dir, json.dumps({"rules": [rule]}))
    try:
        manifest = place.manifest(place.claim("one"))
        assert place.rows_of(manifest).record_done(None, RESULT) == 3
    finally:
        faults.install(engine.state_dir, None)
    assert set(place.states().values()) == {"done"}


def test_a_lock_that_stays_taken_is_named_with_what_holds_it(
    place: Any, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = place.manifest(place.claim("one"))
    monkeypatch.setattr("airflow_provider_mediabatch.ledger.ledger_session.LOCK_TIMEOUT", 1)
    execute(place.connection, "ALTER SESSION SET LOCK_TIMEOUT = 1")
    with engine.connect() as other:
        execute(other, "BEGIN")
        execute(other, f"UPDATE {place.table} SET ERROR = 'x'")
        with pytest.raises(LedgerError) as caught:
            place.rows_of(manifest).record_done(None, RESULT)
        execute(other, "ROLLBACK")
    assert f"waited 1 s for a lock on {place.table}" in str(caught.value)
    assert "is DONE" in str(caught.value)
    assert place.rows_of(manifest).record_done(None, RESULT) == 3


def test_a_transaction_has_queries_and_data_statements_only(place: Any, engine: Any) -> None:
    """Snowflake's page "Transactions": others may end it, and two runs would then claim the same files."""
    place.claim("one")
    session = rows(place.connection, "SELECT CURRENT_SESSION() AS ID")[0]["ID"]
    with sqlite3.connect(engine.state_dir / "catalog.sqlite") as catalog:
        select = "SELECT sql FROM queries WHERE session_id = ? ORDER BY rowid"
        sent = [sql.split()[0].upper() for (sql,) in catalog.execute(select, (int(session),))]
    (begin,) = (index for index, verb in enumerate(sent) if verb == "BEGIN")
    inside = sent[begin + 1 : sent.index("COMMIT", begin)]
    assert "MERGE" in inside
    assert set(inside) <= {"SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE"}
