"""The last line of the doctor's report."""

from __future__ import annotations

from airflow_provider_mediabatch.cli.doctor import verdict
from airflow_provider_mediabatch.validation.doctor.check_result import CheckResult


def test_a_verdict_counts_and_concludes() -> None:
    good, bad, slow, none = (CheckResult("a", status, "") for status in ("pass", "fail", "warn", "skip"))
    assert verdict([good]) == "All checks passed. A batch can run."
    assert verdict([good, slow, none]) == "1 warning, 1 check skipped. A batch can run."
    assert verdict([bad, bad, slow]) == "2 problems, 1 warning. A batch cannot run until the problems are fixed."
