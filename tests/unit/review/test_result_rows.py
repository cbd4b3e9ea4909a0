"""Rows of a result: only the columns that the listing names are files."""

from __future__ import annotations

from dataclasses import replace

from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.review.result_query import ResultColumn
from airflow_provider_mediabatch.review.result_rows import result_row
from airflow_provider_mediabatch.review.reviewed_batch import ReviewedBatch, TaskKey

ROW = {"IMAGE": "@DB.SC.PHOTOS/a.jpg", "TEXT": "@DB.SC.HR/passport.jpg"}
COLUMNS = [ResultColumn(name, "TEXT") for name in ROW]
REPORT = SampleReport(True, "DB.SC.MB_J_0", "@DB.SC.OUT/MB_J_0/", "@DB.SC.W/s/", "p", "m", (), (ROW,), 1)
MANIFEST = Manifest("@DB.SC.W/m/", {"IMAGE": "VARCHAR"}, ("IMAGE",), 1, 1, 1, "d")
BATCH = ReviewedBatch(TaskKey("d", "r", "t"), REPORT, "c", None, (MANIFEST,))


def signed(path: str, content_ids: str) -> str:
    return "signed:" + path


def test_a_models_text_that_is_a_stage_path_stays_text() -> None:
    row = result_row(BATCH, COLUMNS, ROW, signed)
    assert [(file.column, file.url) for file in row.files] == [("IMAGE", "signed:@DB.SC.PHOTOS/a.jpg")]
    assert [(value.column, value.text) for value in row.values] == [("TEXT", "@DB.SC.HR/passport.jpg")]


def test_without_a_listing_there_are_no_files() -> None:
    row = result_row(replace(BATCH, manifests=()), COLUMNS, ROW, signed)
    assert row.files == ()
    assert {value.text for value in row.values} == set(ROW.values())


def test_a_preview_from_the_xcom_opens_no_file() -> None:
    assert [file.url for file in result_row(BATCH, COLUMNS, ROW, None).files] == [None]
