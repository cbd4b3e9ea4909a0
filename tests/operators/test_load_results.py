"""LoadResults on staged output: whole or not at all, never twice, nested as told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from airflow.sdk import Asset
from operators.loading import Output

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.exceptions import IncompleteOutputError, InvalidInputError, TableLockedError
from airflow_provider_mediabatch.local import faults
from airflow_provider_mediabatch.operators.load_results import LoadResultsOperator

TWO = """
    SELECT COLUMN1 AS IMG, COLUMN2 AS MB_CONTENT_ID, COLUMN3::FLOAT AS SCORE
    FROM VALUES ('@a', 'x', 1), ('@b', 'y', 2)"""


def test_rows_say_whence_they_came(output: Output) -> None:
    asset = Asset("predictions")
    summary = output.load(output.write(TWO), outlets=[asset])
    assert output.rows(
        "IMG, SCORE, MB_PATH, MB_CONTENT_ID, MB_MODEL, MB_MODEL_VERSION, MB_FUNCTION, MB_JOB, MB_RUN_ID"
    )[0] == {
        "IMG": "@a",
        "SCORE": 1.0,
        "MB_PATH": "@a",
        "MB_CONTENT_ID": "x",
        "MB_MODEL": "DB.SC.M",
        "MB_MODEL_VERSION": "V1",
        "MB_FUNCTION": "predict",
        "MB_JOB": "MEDIA.PUBLIC.MB_J",
        "MB_RUN_ID": "run",
    }
    assert (summary["rows"], summary["files"], summary["jobs"]) == (2, 2, ["MEDIA.PUBLIC.MB_J"])
    assert output.events[asset].extra["rows"] == 2


def test_a_lock_that_is_not_given_is_said_with_what_costs(
    output: Output, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the wait. Until then a statement that is refused at once, as by 20 waiters, is sent again."""
    result = output.write(TWO)
    rule = {"match": "^DELETE FROM .*LOAD_", "action": "error", "code": 625, "sqlstate": "57014",
            "message": "Statement was aborted because it waited longer than LOCK_TIMEOUT"}  # fmt: skip
    faults.install(engine.state_dir, json.dumps({"rules": [rule | {"times": 2}]}))
    try:
        assert output.load(result)["rows"] == 2
        faults.install(engine.state_dir, json.dumps({"rules": [rule]}))
        monkeypatch.setattr("airflow_provider_mediabatch.batch.results_table.LOCK_TIMEOUT", 1)
        with pytest.raises(TableLockedError) as caught:
            output.load(result)
    finally:
        faults.install(engine.state_dir, None)
    text = str(caught.value)
    assert f"no lock on {output.table}: another session held it for more than 1 s" in text
    assert "The batch's jobs have ended and incur no more cost. A retry loads the same output again" in text
    assert output.load(result)["rows"] == 2


def test_loading_twice_and_loading_a_later_job_of_the_same_files_does_not_double(output: Output) -> None:
    first = output.write(TWO)
    output.load(first)
    output.load(first)
    assert len(output.rows()) == 2
    output.load(output.write(TWO.replace("2)", "9)"), job="MB_LATER"))
    assert [(row["SCORE"], row["MB_JOB"]) for row in output.rows()] == [
        (1.0, "MEDIA.PUBLIC.MB_LATER"),
        (9.0, "MEDIA.PUBLIC.MB_LATER"),
    ]


def test_partial_output_is_never_loaded(output: Output) -> None:
    good, bad = output.write(TWO), output.write(TWO, job="MB_BAD", success=False)
    with pytest.raises(IncompleteOutputError, match="no _SUCCESS"):
        output.load(good, bad)
    short = replace(output.write(TWO, job="MB_SHORT"), rows=3)
    with pytest.raises(IncompleteOutputError, match="2 of 3 rows"):
        output.load(good, short)
    assert not rows(output.connection, f"SHOW TABLES LIKE '{output.name}_T' IN SCHEMA MEDIA.PUBLIC")


def test_a_missing_shard_is_named(output: Output) -> None:
    part = output.write(TWO, shard=1, shards=3)
    with pytest.raises(InvalidInputError, match="shards 0, 2 of 3 are missing"):
        output.load(part)


def test_nothing_to_load(output: Output) -> None:
    empty = BatchResult("", "", 0, 0, 0.0, "p", "DB.SC.M", "V1", "predict", manifest=output.write(TWO).manifest)
    assert output.load(empty)["rows"] == 0


NESTED = """
    SELECT '@a' AS IMG, '{"text": "hello", "score": 0.5, "words": ["a"]}' AS "outputs"
    UNION ALL SELECT '@b', '{"text": "bye", "score": 1}'"""


def test_nested_outputs_as_variant(output: Output) -> None:
    output.load(output.write(NESTED), nested={"outputs": "variant"})
    found = output.rows('"outputs":text::VARCHAR AS T')
    assert [row["T"] for row in found] == ["hello", "bye"]


def test_nested_outputs_flattened(output: Output) -> None:
    output.load(output.write(NESTED), nested={"OUTPUTS": "flatten"})
    found = output.rows("OUTPUTS_TEXT, OUTPUTS_SCORE, OUTPUTS_WORDS")
    assert [(row["OUTPUTS_TEXT"], row["OUTPUTS_SCORE"]) for row in found] == [("hello", 0.5), ("bye", 1.0)]
    assert json.loads(found[0]["OUTPUTS_WORDS"]) == ["a"]
    with pytest.raises(InvalidInputError, match="nested= names NOPE"):
        output.load(output.write(NESTED, job="MB_K"), nested={"NOPE": "flatten"})


def test_a_changed_schema(output: Output) -> None:
    output.load(output.write(TWO))
    wider = output.write("SELECT '@c' AS IMG, 3::FLOAT AS SCORE, 'cat' AS LABEL", job="MB_WIDE")
    with pytest.raises(InvalidInputError, match=r'ADD COLUMN "LABEL"'):
        output.load(wider, schema_change="refuse")
    output.load(wider)
    assert [row["LABEL"] for row in output.rows()] == [None, None, "cat"]
    with pytest.raises(InvalidInputError, match="SCORE is FLOAT in the table and"):
        output.load(output.write("SELECT '@d' AS IMG, 'high' AS SCORE", job="MB_TEXT"))
    assert len(output.rows()) == 3


def test_output_without_the_path_is_refused_with_the_reason(output: Output) -> None:
    with pytest.raises(InvalidInputError, match="A partitioned method must return the path"):
        output.load(output.write("SELECT 1 AS TOTAL"))


@pytest.mark.parametrize(
    ("results", "words"), [(None, "no XCom"), ([], "results is empty"), ([{"kind": "Manifest"}], "expected a")]
)
def test_what_is_not_a_result(output: Output, results: Callable[..., Any], words: str) -> None:
    operator = LoadResultsOperator(task_id="load", results=results, table="T", snowflake_conn_id="load_test")
    with pytest.raises(InvalidInputError, match=words):
        operator.execute({})  # type: ignore[typeddict-item]


SPELLINGS = """
    SELECT '@a' AS IMG, 'human' AS OUT_LABEL, '{"Label":"cat","label":"dog","LABEL":"cow","n":1}' AS OUT"""


def test_flattened_names_that_collide_are_refused_by_name(output: Output) -> None:
    with pytest.raises(InvalidInputError, match="OUT_LABEL") as caught:
        output.load(output.write(SPELLINGS), nested={"OUT": "flatten"})
    for key in ("Label", "label", "LABEL"):
        assert repr(key) in str(caught.value)
    only_the_input = SPELLINGS.replace('"Label":"cat",', "").replace('"LABEL":"cow",', "")
    with pytest.raises(InvalidInputError, match="OUT_LABEL"):
        output.load(output.write(only_the_input, job="MB_K"), nested={"OUT": "flatten"})
    output.load(output.write(only_the_input, job="MB_L"), nested={"OUT": "variant"})
    assert output.rows("OUT_LABEL")[0]["OUT_LABEL"] == "human"


def test_an_outlet_that_is_no_asset_gets_no_event_and_fails_nothing(output: Output) -> None:
    from airflow.providers.common.compat.lineage.entities import Table

    asset = Asset("predictions_too")
    summary = output.load(output.write(TWO), outlets=[asset, Table(database="d", cluster="c", name="t")])
    assert summary["rows"] == 2
    assert output.events[asset].extra["rows"] == 2


def test_later_numbers_may_have_more_digits(output: Output) -> None:
    output.load(output.write("SELECT '@a' AS IMG, 7::NUMBER(4,0) AS TOKENS"))
    output.load(output.write("SELECT '@b' AS IMG, 123456789::NUMBER(18,0) AS TOKENS", job="MB_MORE"))
    assert [int(row["TOKENS"]) for row in output.rows()] == [7, 123456789]


def test_a_table_with_narrow_numbers_is_widened(output: Output) -> None:
    output.load(output.write("SELECT '@a' AS IMG, 7::NUMBER(4,0) AS TOKENS"))
    rows(
        output.connection,
        f"CREATE TABLE {output.table}_N AS SELECT * EXCLUDE TOKENS, TOKENS::NUMBER(4,0) AS TOKENS FROM {output.table}",
    )
    output.table += "_N"
    assert len(output.rows()) == 1
    output.load(output.write("SELECT '@b' AS IMG, 123456789::NUMBER(18,0) AS TOKENS", job="MB_MORE"))
    assert [int(row["TOKENS"]) for row in output.rows()] == [7, 123456789]


def test_moments_bytes_and_missing_items_as_a_container_writes_them(output: Output, tmp_path: Path) -> None:
    """With the defaults of a Parquet file format, Snowflake reads the moment as a number and the bytes as text."""
    seen = datetime(2026, 11, 2, 12, 30, 0, 250_000)
    written = pa.table(
        {
            "IMG": ["@a"],
            "MB_LAST_MODIFIED": pa.array([seen], pa.timestamp("ns")),
            "MB_SIZE": pa.array([Decimal(4711)], pa.decimal128(4, 0)),
            "MASK": pa.array([b"\xff\xfe"], pa.binary()),
            "SEEN_AT": pa.array([seen], pa.timestamp("ns")),
            "BOXES": [[1, None, 3]],
        }
    )
    pq.write_table(written, tmp_path / "part_0_0.parquet")
    kinds = {"IMG": "VARCHAR", "MB_LAST_MODIFIED": "TIMESTAMP_NTZ(9)", "MB_SIZE": "NUMBER(38,0)"}
    result = output.write("SELECT 1 AS N WHERE FALSE", columns=kinds)
    rows(output.connection, f"PUT 'file://{tmp_path}/part_0_0.parquet' {result.location} AUTO_COMPRESS = FALSE")
    output.load(replace(result, rows=1))
    (row,) = output.rows("MB_LAST_MODIFIED, SEEN_AT, MB_SIZE, MASK, BOXES")
    assert (row["MB_LAST_MODIFIED"], row["SEEN_AT"], row["MB_SIZE"]) == (seen, seen, 4711)
    assert (bytes(row["MASK"]), json.loads(row["BOXES"])) == (b"\xff\xfe", [1, None, 3])
