"""JSON as Snowflake sends it is what json.dumps makes with two spaces."""

from __future__ import annotations

import json

import pyarrow as pa

from airflow_provider_mediabatch.local.protocol.json_lines import indented

VALUES = [
    {"a": [1, {"b": None, "c": 'x, "y": [z]\\'}], "d": {}, "e": [], "é": "日本"},
    [[1, 2], [], [3.5]],
    [0.25] * 3,
    ["a,b", ":"],
    {"": ""},
    "text, [not] {json}",
    7,
    True,
    None,
]


def test_lines_are_those_of_two_spaces() -> None:
    compact = [json.dumps(value, separators=(",", ":"), ensure_ascii=False) for value in VALUES]
    expected = [json.dumps(value, indent=2, ensure_ascii=False) for value in VALUES]
    assert indented(pa.chunked_array([[*compact, None]])).to_pylist() == [*expected, None]
