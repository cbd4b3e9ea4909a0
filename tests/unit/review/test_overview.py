"""The facts at the top of a review page."""

from __future__ import annotations

from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.review.overview import overview
from airflow_provider_mediabatch.review.reviewed_batch import ReviewedBatch, TaskKey


def test_all_quarantined_files_are_counted_however_few_are_listed() -> None:
    result = BatchResult(
        job="DB.SC.MB_J_0",
        location="@DB.SC.OUT/MB_J_0_I8/",
        rows=8000,
        files=9000,
        seconds=9.0,
        plan="p",
        model="DB.SC.M",
        model_version="V1",
        function="predict",
        quarantined=({"path": "@DB.SC.S/<b>.jpg", "error": "broken"},) * 100,
        more_quarantined=900,
    )
    batch = ReviewedBatch(TaskKey("d", "r", "t"), result, "c", None, ())
    shown = dict(overview(batch))
    assert (shown["Files"], shown["Result rows"], shown["Quarantined files"]) == ("9,000", "8,000", "1,000")
