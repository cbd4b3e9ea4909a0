"""When collected files are worth a run."""

from __future__ import annotations

import pytest

from airflow_provider_mediabatch.files.start_rule import StartRule


@pytest.mark.parametrize(
    ("rule", "count", "newest", "oldest", "left"),
    [
        (StartRule(), 0, None, None, None),
        (StartRule(), 1, 0, 0, 0),
        (StartRule(min_files=3), 2, 5, 10**6, None),
        (StartRule(min_files=3), 3, 0, 0, 0),
        (StartRule(min_files=3, max_delay=60), 2, 5, 20, 40),
        (StartRule(min_files=3, max_delay=60), 2, 5, 60, 0),
        (StartRule(min_files=3, max_delay=60), 1, 10**6, 10**6, 0),
        (StartRule(settle=30), 1, 10, 10, 20),
        (StartRule(settle=30, min_files=2, max_delay=60), 2, 10, 55, 5),
        (StartRule(settle=30, min_files=2, max_delay=60), 2, 20, 22, 10),
        (StartRule(settle=30, min_files=2, max_delay=60), 2, 1, 61, 0),
    ],
    ids=[
        "nothing is nothing to run", "one file is enough", "too few wait for ever", "enough", "too few wait at most",
        "the oldest has waited", "an old file alone, as of a run that failed", "an upload settles",
        "the oldest waits for no upload", "settled before the oldest has waited", "an upload that never settles",
    ],
)  # fmt: skip
def test_how_long_files_wait(
    rule: StartRule, count: int, newest: float | None, oldest: float | None, left: float | None
) -> None:
    assert rule.seconds_left(count, newest=newest, oldest=oldest) == left


def test_what_cannot_work() -> None:
    with pytest.raises(ValueError, match="min_files=0 is not a positive number"):
        StartRule(min_files=0)
    with pytest.raises(ValueError, match="max_delay=-5 is not a positive number of seconds"):
        StartRule(max_delay=-5)
