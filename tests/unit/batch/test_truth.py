"""The findings about expected labels, each with its limit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_mediabatch.batch.truth import truth_checks
from airflow_provider_mediabatch.core.truth import Truth

TRUTH = Truth("LABEL", "LABELS", files=10, labelled=8, right=6)


def test_a_limit_without_a_label_is_not_kept() -> None:
    none = replace(TRUTH, labelled=0, right=0)
    assert [check.passed for check in truth_checks(none)] == [True], "nothing was asked for"
    for limit in ("min_accuracy", "max_word_error_rate"):
        (labels, check) = truth_checks(replace(none, **{limit: 0.0}))
        assert (labels.passed, check.passed) == (True, False)
        assert check.detail == "none of the 10 files has a label in LABELS"


@pytest.mark.parametrize(("limit", "passed"), [(0.75, True), (0.76, False)])
def test_the_limit_itself_is_allowed(limit: float, passed: bool) -> None:
    labels, check = truth_checks(replace(TRUTH, min_accuracy=limit))
    assert check.passed is passed
    assert labels.detail == "8 of 10 files have a label in LABELS"
    assert f"75.0%: 6 of 8 predictions of LABEL are right (min_accuracy={limit:g})" == check.detail
