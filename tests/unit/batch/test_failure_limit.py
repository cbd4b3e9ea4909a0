"""How many quarantined files a result may have, and what the error says about the others."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from airflow_provider_mediabatch.batch.failure_limit import apply_failure_limit
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.exceptions import TooManyQuarantinedError

FILES = tuple({"path": f"@S/{number}", "error": f"ValueError: {number}\nmore"} for number in range(12))
WHOLE = BatchResult("DB.SC.J", "@OUT/J/", 90, 90, 1.0, "p", "M", "V1", "predict")
LOG = logging.getLogger(__name__)


def test_a_whole_result_passes_even_if_none_may_fail() -> None:
    assert apply_failure_limit(WHOLE, max_failed_fraction=0.0, max_jobs=8, log=LOG) is WHOLE


def test_a_share_at_the_limit_passes_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    result = replace(WHOLE, quarantined=FILES[:10])
    assert apply_failure_limit(result, max_failed_fraction=0.1, max_jobs=8, log=LOG) is result
    assert "10 of 100 rows" in caplog.text
    assert "@S/9: ValueError: 9" in caplog.text


def test_a_share_above_the_limit_fails_and_says_what_is_kept() -> None:
    result = replace(WHOLE, quarantined=FILES, more_quarantined=100)
    with pytest.raises(TooManyQuarantinedError) as caught:
        apply_failure_limit(result, max_failed_fraction=0.1, max_jobs=8, log=LOG)
    text = str(caught.value)
    assert "112 of 202 rows, more than max_failed_fraction=0.1 allows" in text
    assert "- and 102 more" in text
    assert "The other 90 rows are whole in @OUT/J/" in text
    assert "incur no more cost. A retry finds the same jobs and starts none" in text
