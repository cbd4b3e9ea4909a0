"""A sample and a batch that failed have a page with their files, the error and the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import scene

if TYPE_CHECKING:
    from conftest import Review

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(600)]

SAMPLE, FULL = "sampled.sample_batch", "whole.full_batch"


@pytest.fixture(scope="module")
def failed(recordings: Review) -> Review:
    """A finished run in which the model raised for a sample and for a batch."""
    recordings.airflow.add_dag(scene.DAGS.with_name("failing.py"), "ui_failing")
    recordings.start("ui_failing")
    for task in (SAMPLE, FULL):
        assert recordings.wait_for("ui_failing", task) == "failed", recordings.states("ui_failing")
    return recordings


@pytest.mark.parametrize(("task", "files"), [(SAMPLE, 2), (FULL, 3)])
def test_the_page_of_a_failed_job(failed: Review, task: str, files: int) -> None:
    status, headers, body = failed.get(failed.path("ui_failing", task, "-1"))
    html = body.decode()
    assert status == 200
    assert "because the model raised an exception" in html
    assert "ValueError: cannot read this picture" in html
    assert "incurs no more cost" in html
    assert "The job is FAILED." in html
    assert "Traceback" in html, "the administrator may read logs"
    assert html.count("<audio") == files
    assert "tone 0.wav" in html
    assert "Refresh" not in headers
    assert failed.get(failed.path("ui_failing", task, "-1"), user="stranger")[0] == 403


def test_the_log_of_a_failed_job(failed: Review) -> None:
    status, _, body = failed.get(failed.path("ui_failing", FULL, "-1", "log"))
    assert (status, b"cannot read this picture" in body) == (200, True)


def test_the_page_of_the_run_lists_what_failed(failed: Review) -> None:
    html = failed.get(failed.path("ui_failing"))[2].decode()
    assert html.count("ValueError: cannot read this picture") == 2
    assert html.index(SAMPLE) < html.index("sampled.full_batch")
