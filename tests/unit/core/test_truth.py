"""Shares that have no meaning are None, and the values travel whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.core.truth import ClassScore, Truth

TRUTH = Truth("LABEL", "LABELS", files=10, labelled=8, right=6)


def test_shares() -> None:
    assert (TRUTH.accuracy, TRUTH.unlabelled, TRUTH.word_error_rate, TRUTH.is_text) == (0.75, 2, None, False)
    assert replace(TRUTH, labelled=0, right=0).accuracy is None
    assert replace(TRUTH, words=4, word_errors=6).word_error_rate == 1.5
    assert replace(TRUTH, words=0, word_errors=0).word_error_rate is None
    score = ClassScore("cat", expected=4, predicted=2, right=1)
    assert (score.precision, score.recall) == (0.5, 0.25)
    assert (ClassScore("cat", 0, 1, 0).recall, ClassScore("cat", 1, 0, 0).precision) == (None, None)


def test_a_report_travels_with_its_truth() -> None:
    truth = replace(
        TRUTH,
        classes=(ClassScore("cat", 4, 2, 1),),
        examples=({"path": "@A.B.C/x.jpg", "expected": None, "predicted": "cat"},),
    )
    report = SampleReport(True, "J", "L", "M", "p", "m", (), (), 3, truth=truth)
    assert SampleReport.from_xcom(report.to_xcom()) == report
    assert truth.example_of("@A.B.C/x.jpg") is truth.examples[0]
    changed = report.to_xcom()
    changed["truth"]["hue"] = 1
    with pytest.raises(ValueError, match="SampleReport has a field of another type"):
        SampleReport.from_xcom(changed)
