"""Agreement has no meaning without a file, and the values travel whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_mediabatch.core.comparison import Comparison
from airflow_provider_mediabatch.core.sample_report import SampleReport

CHANGES = (
    {"path": "@A.B.C/1", "before": "cat", "after": "dog", "score_before": 0.5, "score_after": None},
    {"path": "@A.B.C/2", "before": None, "after": None, "score_before": None, "score_after": None},
)
FOUND = Comparison("V1", "RESULTS", "LABEL", files=9, compared=8, same=6, changes=CHANGES)


def test_agreement_and_changes() -> None:
    assert FOUND.agreement == 0.75
    assert replace(FOUND, compared=0, same=0).agreement is None
    assert FOUND.changed == CHANGES[:1]
    assert FOUND.change_of("@A.B.C/2") is CHANGES[1]
    assert FOUND.change_of("@A.B.C/3") is None


def test_a_report_travels_with_its_comparison() -> None:
    report = SampleReport(True, "J", "L", "M", "p", "m", (), (), 3, comparison=FOUND)
    assert SampleReport.from_xcom(report.to_xcom()) == report
    changed = report.to_xcom()
    changed["comparison"]["hue"] = 1
    with pytest.raises(ValueError, match="SampleReport has a field of another type"):
        SampleReport.from_xcom(changed)
