"""Columns of one table whose types follow from values: of keys of objects, and the digits of numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from operators.loading import Output

from airflow_provider_mediabatch.client.connection import execute
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.exceptions import InvalidInputError


def answer(output: Output, job: str, *answers: Any) -> BatchResult:
    """The output of a chat model with these answers."""
    rows = " UNION ALL ".join(
        f"SELECT '@{job}{number}' AS IMG, $${json.dumps([{'message': {'content': json.dumps(item)}}])}$$ AS \"choices\""
        for number, item in enumerate(answers)
    )
    return output.write(rows, job=job)


def shards(*results: BatchResult) -> list[BatchResult]:
    return [
        replace(result, manifest=result.manifest | {"shard": number, "shards": len(results)})
        for number, result in enumerate(results)
    ]


def test_keys_of_another_type_in_each_shard(output: Output) -> None:
    """A column of them is VARIANT, as it is when one output has both."""
    text, number = answer(output, "MB_A", {"score": "high"}), answer(output, "MB_B", {"score": 2, "label": "cat"})
    output.load(*shards(text, number), nested={"choices": "chat_json"})
    found = output.rows("CHOICES_SCORE, TYPEOF(CHOICES_SCORE) AS KIND, CHOICES_LABEL")
    assert [tuple(row.values()) for row in found] == [('"high"', "VARCHAR", None), ("2", "INTEGER", "cat")]


def test_a_table_whose_column_holds_every_type(output: Output) -> None:
    """Later answers are all texts, or all numbers; the column stays."""
    output.load(answer(output, "MB_A", {"score": "high"}, {"score": 1}), nested={"choices": "chat_json"})
    for job, value in (("MB_B", "low"), ("MB_C", 0.5), ("MB_D", True), ("MB_E", ["a"])):
        output.load(answer(output, job, {"score": value}), nested={"choices": "chat_json"})
    found = output.rows("TYPEOF(CHOICES_SCORE) AS KIND")
    assert [row["KIND"] for row in found] == ["VARCHAR", "INTEGER", "VARCHAR", "DECIMAL", "BOOLEAN", "ARRAY"]


def write(output: Output, job: str, number: str) -> BatchResult:
    """The output of a job whose manifest has a column of this number."""
    kind = f"NUMBER({len(number) - 1},{len(number.partition('.')[2])})"
    columns = {"IMG": "VARCHAR", "LIMIT": kind}
    return output.write(f"SELECT '@{job}' AS IMG, {number} AS LIMIT", job=job, columns=columns)


def test_numbers_are_not_rounded(output: Output) -> None:
    """A column of a table cannot be given more decimal places."""
    output.load(*shards(write(output, "MB_A", "0.25"), write(output, "MB_B", "12.5")))
    assert [float(row["LIMIT"]) for row in output.rows('"LIMIT"')] == [0.25, 12.5]
    output.load(write(output, "MB_C", "0.5"))
    with pytest.raises(
        InvalidInputError, match=r"LIMIT is NUMBER\(38,2\) in the table and NUMBER\(38,3\) in the output"
    ):
        output.load(write(output, "MB_D", "0.125"))
    assert [float(row["LIMIT"]) for row in output.rows('"LIMIT"')] == [0.25, 12.5, 0.5]


def test_a_narrow_column_is_widened_whatever_its_scale(output: Output) -> None:
    output.load(write(output, "MB_A", "0.25"))
    execute(output.connection, f"CREATE OR REPLACE TABLE {output.table} AS SELECT * EXCLUDE (\"LIMIT\"), "
            f"\"LIMIT\"::NUMBER(5,3) AS \"LIMIT\" FROM {output.table}")  # fmt: skip
    output.load(write(output, "MB_B", "123.25"))
    assert [float(row["LIMIT"]) for row in output.rows('"LIMIT"')] == [0.25, 123.25]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_whole_numbers_beside_fractions(output: Output, order: tuple[int, int]) -> None:
    """A model's scores in one shard happen to be whole, which are written as integers."""
    written = [
        output.write("SELECT '@A' AS IMG, 0.25::FLOAT AS SCORE", job="MB_A"),
        output.write("SELECT '@B' AS IMG, 1::NUMBER(38, 0) AS SCORE", job="MB_B"),
    ]
    output.load(*shards(*(written[number] for number in order)))
    output.load(output.write("SELECT '@C' AS IMG, 2::NUMBER(38, 0) AS SCORE", job="MB_C"))
    assert [row["SCORE"] for row in output.rows("SCORE")] == [0.25, 1.0, 2.0]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_moments_beside_days(output: Output, order: tuple[int, int]) -> None:
    """No type but VARIANT holds both without a loss."""
    written = [
        output.write("SELECT '@A' AS IMG, '2026-11-30 10:11:12'::TIMESTAMP_NTZ AS TAKEN", job="MB_A"),
        output.write("SELECT '@B' AS IMG, '2026-12-01'::DATE AS TAKEN", job="MB_B"),
    ]
    output.load(*shards(*(written[number] for number in order)))
    found = [row["TAKEN"] for row in output.rows("TAKEN::VARCHAR AS TAKEN")]
    assert [text[:19] for text in found] == ["2026-11-30 10:11:12", "2026-12-01"]
