"""The notifiers' templates, rendered as Airflow renders them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from jinja2.sandbox import SandboxedEnvironment

from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.drift_report import ColumnDrift, DriftReport
from airflow_provider_mediabatch.core.sample_report import Check, SampleReport
from airflow_provider_mediabatch.notifications.batch_summary import HTML, SUBJECT, TEXT

RESULT = BatchResult(
    job="MEDIA.PUBLIC.MB_1",
    location="@MEDIA.PUBLIC.OUT/MB_1/",
    rows=12,
    files=12,
    seconds=34.5,
    plan="p",
    model="MEDIA.PUBLIC.M",
    model_version="V1",
    function="predict",
    quarantined=({"path": "@a", "error": "broken"},),
)
REPORT = SampleReport(
    passed=False,
    job="MEDIA.PUBLIC.MB_2",
    location="@MEDIA.PUBLIC.OUT/MB_2/",
    manifest="@MEDIA.PUBLIC.WORK/s/",
    plan_digest="p",
    manifest_digest="m",
    checks=(Check("rows", True), Check("LENGTH(TEXT) > 0", False, "<b>{{ 7 * 7 }}</b>")),
    preview=(),
    rows=3,
)


def render(template: str, value: Any, **context: Any) -> str:
    ti = SimpleNamespace(dag_id="photos", task_id="full_batch", run_id="r1", map_index=-1, xcom_pull=lambda **_: value)
    return SandboxedEnvironment().from_string(template).render(ti=ti, **context)


def test_a_batch() -> None:
    assert render(SUBJECT, RESULT.to_xcom()) == "Batch of 12 files is complete: photos.full_batch"
    text = render(TEXT, RESULT.to_xcom())
    assert "Model MEDIA.PUBLIC.M version V1, predict" in text
    assert "Quarantined files: 1" in text
    assert "Cost" not in text


def test_the_cost_stands_beside_what_was_expected() -> None:
    money = {"cost": 1.234, "projected_cost": 2.0, "currency": "EUR", "job_seconds": 60.4, "projected_seconds": 98.0}
    value = replace(RESULT, **money).to_xcom()  # type: ignore[arg-type]
    for template in (TEXT, HTML):
        assert "1.23 (expected 2.00) EUR" in render(template, value)
        assert "60 s (expected 98 s)" in render(template, value)
    assert "Cost not known (expected 2.00) EUR" in render(TEXT, value | {"cost": None})


def test_a_failed_sample_names_the_check_and_renders_no_value() -> None:
    assert render(SUBJECT, REPORT.to_xcom()) == "Sample of 3 rows failed its checks: photos.full_batch"
    assert "Failed check LENGTH(TEXT) > 0: ‹b>{{ 7 * 7 }}‹/b>\n" in render(TEXT, REPORT.to_xcom())
    assert "&lt;b&gt;{{ 7 * 7 }}&lt;/b&gt;" in render(HTML, REPORT.to_xcom())


def test_no_text_of_others_mentions_or_links_in_a_chat() -> None:
    """Slack's own form of a mention and of a link begins with an angle bracket."""
    hostile = "<!channel> <https://evil.example|Results>"
    report = replace(REPORT, checks=(Check("rows", False, hostile),))
    assert "<" not in render(TEXT, report.to_xcom(), exception=ValueError(hostile))


def test_a_load_says_what_its_run_was_compared_with() -> None:
    columns = (
        ColumnDrift("<b>", "label", 210, 2100, 12, 1.844, 0.03),
        ColumnDrift("SCORE", "number", 4, 2100, 12, 0.9, 1.66),
        ColumnDrift("NEW", "label", 4, 0, 0),
    )
    value = {"table": "DB.SC.T", "rows": 12, "files": 12, "model": "M", "model_version": "V1", "quarantined": 2}
    drift = {"drift": DriftReport("DB.SC.T_DRIFT", 0.2, columns).to_xcom()}
    assert render(TEXT, value | drift) == (
        "Batch of 12 files is complete.\nDAG photos, task full_batch, run r1\nResults DB.SC.T (12 rows)\n"
        "Model M version V1\nQuarantined files: 2\n"
        "Drift ‹b> 1.84 (drifted), SCORE 0.90, NEW no baseline yet (limit 0.2)\n"
    )
    assert "<td>&lt;b&gt; 1.84 (drifted), SCORE 0.90, NEW no baseline yet (limit 0.2)</td>" in render(
        HTML, value | drift
    )
    assert "Drift" not in render(TEXT, value)


def test_a_task_that_failed_before_it_had_a_value() -> None:
    text = render(TEXT, None, exception=ValueError("<no model>"))
    assert text.startswith("Batch has not finished.")
    assert "‹no model>" in text
    assert "&lt;no model&gt;" in render(HTML, None, exception=ValueError("<no model>"))
