"""The report of a comparison: what has drifted, and what an XCom may be."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from airflow_provider_mediabatch.core.drift_report import Bin, ColumnDrift, DriftReport, find_report

BINS = (Bin("dog", 0.0, 1.0, 1.4), Bin("fox", 1.0, 0.0, 1.1))
FAR = ColumnDrift("LABEL", "label", 40, 90, 3, 1.5, 0.4, 0.0, 0.1, BINS, labels=(Bin("cat", 1.0, 1.0),))
NEAR = ColumnDrift("SCORE", "number", 40, 90, 3, 0.01, 0.4, quantiles=((0.5, 0.25, None),))
REPORT = DriftReport("DB.SC.T_DRIFT", 0.2, (NEAR, FAR))


def test_a_report_survives_its_xcom() -> None:
    assert DriftReport.from_xcom(json.loads(json.dumps(REPORT.to_xcom()))) == REPORT


def test_what_has_drifted_comes_farthest_first() -> None:
    farther = replace(FAR, column="KIND", index=2.5)
    assert replace(REPORT, columns=(NEAR, FAR, farther)).drifted == (farther, FAR)
    assert replace(REPORT, max_drift=1.5).drifted == ()
    few = replace(FAR, chance=1.6)
    assert replace(REPORT, columns=(few,)).drifted == (), "chance alone gives as much"
    assert [item.text for item in FAR.moved] == ["dog", "fox"]


def test_an_asset_event_has_the_report_in_short() -> None:
    assert REPORT.headline() == {
        "max_drift": 0.2,
        "runs_before": 3,
        "index": {"SCORE": 0.01, "LABEL": 1.5},
        "drifted": ["LABEL"],
    }
    first = replace(REPORT, columns=(replace(FAR, index=None, runs_before=0),))
    assert (first.has_baseline, first.runs_before, first.headline()["index"]) == (False, 0, {"LABEL": None})


@pytest.mark.parametrize("value", [REPORT.to_xcom(), {"rows": 3, "drift": REPORT.to_xcom()}])
def test_a_report_is_found_in_what_the_task_returned_or_failed_with(value: object) -> None:
    assert find_report(value) == REPORT


@pytest.mark.parametrize(
    "value",
    [
        None,
        "text",
        {"rows": 3},
        {"drift": None},
        {"kind": "Manifest", "version": 1},
        REPORT.to_xcom() | {"max_drift": "much"},
        REPORT.to_xcom() | {"columns": 3},
        REPORT.to_xcom() | {"columns": [{"column": "X"}]},
        REPORT.to_xcom() | {"columns": [REPORT.to_xcom()["columns"][0] | {"index": "high"}]},
        REPORT.to_xcom() | {"columns": [REPORT.to_xcom()["columns"][0] | {"unknown": 1}]},
    ],
)
def test_another_value_is_no_report(value: object) -> None:
    assert find_report(value) is None
