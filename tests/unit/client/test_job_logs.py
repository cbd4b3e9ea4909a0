"""A job's log as a task's error shows it."""

from __future__ import annotations

from airflow_provider_mediabatch.batch.job_log import model_exception
from airflow_provider_mediabatch.client.jobs import LINE_CHARACTERS, LOG_CHARACTERS, shorten_log

WHOLE = "SYSTEM$GET_SERVICE_LOGS('DB.SC.J', '0', 'main')"
TRACEBACK = 'Traceback (most recent call last):\n  File "m.py", line 1, in predict\n'


def test_a_short_log_stays_as_it_is() -> None:
    assert shorten_log("one\ntwo", WHOLE) == "one\ntwo"


def test_long_lines_do_not_push_out_the_exception() -> None:
    log = f"{'x' * 144_571}\n{TRACEBACK}ValueError: cannot read {'y' * 144_000} at the end"
    short = shorten_log(log, WHOLE)
    assert len(short) < 4 * LINE_CHARACTERS
    assert short.startswith(f"[shortened; the whole log: SELECT {WHOLE}]")
    assert short.endswith("at the end")
    assert "144,571 characters" in short
    assert str(model_exception(short)).startswith("ValueError: cannot read")


def test_of_many_lines_the_end_is_shown() -> None:
    short = shorten_log("\n".join(f"line {number} {'z' * 500}" for number in range(100)), WHOLE)
    assert len(short) < LOG_CHARACTERS + 200
    assert "line 99" in short
    assert "line 1 " not in short
