"""Results as files."""

from __future__ import annotations

import csv
import io

import pytest
from pyarrow import parquet

from airflow_provider_mediabatch.review.downloads import as_csv, as_parquet

ROWS = [
    {"FILE": "@A.B.C/x (1).jpg", "LABEL": text, "SCORE": -0.5}
    for text in ('=1+1, "x"', "@SUM(1)", "ü\nz", "@A.B.C/x", "\n=1", "＝1", None)
]
FILES = ("FILE",)


def test_csv_is_read_back_and_runs_no_formula() -> None:
    text = b"".join(as_csv(ROWS, FILES)).decode()
    found = list(csv.DictReader(io.StringIO(text)))
    assert [row["LABEL"] for row in found] == [
        '\'=1+1, "x"',
        "'@SUM(1)",
        "ü\nz",
        "'@A.B.C/x",
        "'\n=1",
        "'＝1",
        "",
    ], "a model's text is no path, whatever it looks like"
    assert found[0]["FILE"] == "@A.B.C/x (1).jpg"
    assert found[0]["SCORE"] == "-0.5"
    assert len(list(csv.DictReader(io.StringIO(b"".join(as_csv(ROWS * 300, FILES)).decode())))) == 2100


@pytest.mark.parametrize("name", ["x*cmd|' /C calc'!A0", "x+WEBSERVICE(B2)", 'x&HYPERLINK("y")', "x+Sheet2!A1"])
def test_a_files_name_is_no_formula(name: str) -> None:
    (row,) = csv.DictReader(io.StringIO(b"".join(as_csv([{"FILE": f"@A.B.C/{name}"}], FILES)).decode()))
    assert row["FILE"] == f"'@A.B.C/{name}"


def test_nothing_is_an_empty_file() -> None:
    assert b"".join(as_csv([], FILES)).strip() == b""
    assert as_parquet([])


def test_parquet_is_read_back() -> None:
    assert parquet.read_table(io.BytesIO(as_parquet(ROWS))).to_pylist() == ROWS
