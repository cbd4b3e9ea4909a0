"""Results as files."""

from __future__ import annotations

import csv
import io

from pyarrow import parquet

from airflow_provider_mediabatch.review.downloads import as_csv, as_parquet

ROWS = [{"FILE": "@A.B.C/x.jpg", "LABEL": text, "SCORE": -0.5} for text in ('=1+1, "x"', "@SUM(1)", "ü\nz", None)]


def test_csv_is_read_back_and_runs_no_formula() -> None:
    text = b"".join(as_csv(ROWS)).decode()
    found = list(csv.DictReader(io.StringIO(text)))
    assert [row["LABEL"] for row in found] == ['\'=1+1, "x"', "'@SUM(1)", "ü\nz", ""]
    assert found[0]["FILE"] == "@A.B.C/x.jpg"
    assert found[0]["SCORE"] == "-0.5"
    assert len(list(csv.DictReader(io.StringIO(b"".join(as_csv(ROWS * 300)).decode())))) == 1200


def test_nothing_is_an_empty_file() -> None:
    assert b"".join(as_csv([])).strip() == b""
    assert as_parquet([])


def test_parquet_is_read_back() -> None:
    assert parquet.read_table(io.BytesIO(as_parquet(ROWS))).to_pylist() == ROWS
