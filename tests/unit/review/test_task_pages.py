"""Pages of tasks and runs: what failed and what was quarantined comes first, and every text is escaped."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from unit.review import pages

from airflow_provider_mediabatch.core.comparison import Comparison
from airflow_provider_mediabatch.core.sample_report import Check
from airflow_provider_mediabatch.core.truth import ClassScore, Truth
from airflow_provider_mediabatch.review.attempt import Attempt
from airflow_provider_mediabatch.review.page_request import PageRequest
from airflow_provider_mediabatch.review.result_page import ResultPage
from airflow_provider_mediabatch.review.routes.batch_page import render_attempt, render_batch
from airflow_provider_mediabatch.review.routes.run_page import render_run
from airflow_provider_mediabatch.review.site import ReviewSite
from airflow_provider_mediabatch.review.task_texts import failure_text, state_text


@pytest.fixture(scope="module")
def site() -> ReviewSite:
    return ReviewSite("secret")


def text(page: object) -> str:
    body = bytes(page.body).decode()  # type: ignore[attr-defined]
    assert pages.HOSTILE not in body
    assert "<script" not in body
    return body


def in_order(body: str, *parts: str) -> bool:
    places = [body.index(part) for part in parts]
    return places == sorted(places)


def test_a_failed_task_shows_its_error_its_files_and_the_end_of_the_log(site: ReviewSite) -> None:
    files = tuple((pages.file(name),) for name in ("alpha.png", "not_an_image.jpg"))
    attempt = Attempt("The job is FAILED.", files, f"Traceback {pages.HOSTILE}")
    info = pages.info(state="failed", failure=pages.FAILURE)
    page = render_attempt(site, info, attempt, refresh=True)
    body = text(page)
    assert in_order(
        body,
        "The job ended as FAILED, because the model raised an exception.",
        "PIL.UnidentifiedImageError",
        "What to do",
        "isolate_failures=True",
        "The end of the job's log",
        "Files that were tried",
        "not_an_image.jpg",
        pages.JOB,
    )
    assert body.count("size=thumb") == 2
    assert '/night/run%201/full_batch/-1/log"' in body
    assert "Refresh" not in page.headers


def test_a_running_task_loads_again_until_the_reader_stops_it(site: ReviewSite) -> None:
    info = pages.info(state="deferred")
    page = render_attempt(site, info, Attempt("The job is RUNNING."), refresh=True)
    assert page.headers["Refresh"] == "10"
    assert "?refresh=false" in text(page)
    assert "Refresh" not in render_attempt(site, info, Attempt(), refresh=False).headers


def test_quarantined_files_stand_at_the_top_and_the_batch_is_not_simply_complete(site: ReviewSite) -> None:
    result = replace(pages.RESULT, quarantined=({"path": "@A.B.C/x.jpg", "error": "e"},), more_quarantined=29)
    quarantined = pages.quarantined("broken.jpg", pages.HOSTILE)
    page = render_batch(
        site, pages.info(), pages.batch(result), PageRequest(), ResultPage(total=216, matching=216), quarantined
    )
    body = text(page)
    assert "30 files quarantined" in body
    assert "complete</span>" not in body
    assert in_order(body, "broken.jpg is truncated", 'id="results"')
    assert body.count("size=thumb") == 2


def test_the_page_of_a_run_lists_what_failed_first_and_what_runs(site: ReviewSite) -> None:
    found = [
        (pages.info(pages.SAMPLE), pages.batch(pages.REPORT, pages.SAMPLE)),
        (pages.info(pages.APPROVAL, "awaiting_input", answers=(pages.answer(),)), None),
        (pages.info(state="failed", failure=pages.FAILURE), None),
    ]
    page = render_run(site, "night", "run 1", found, refresh=True)
    body = text(page)
    assert in_order(body, "full_batch</a>", "sample_batch</a>", "approve_sample</a>")
    assert body.count("PIL.UnidentifiedImageError") == 1
    assert "/tasks/approve_sample/required_actions" in body
    assert page.headers["Refresh"] == "10"
    done = [(pages.info(), pages.batch())]
    assert "Refresh" not in render_run(site, "night", "run 1", done, refresh=True).headers


def test_the_page_of_a_dag_without_batches_says_what_would_make_some(site: ReviewSite) -> None:
    """Airflow shows the tab on the runs of every DAG."""
    body = text(render_run(site, pages.HOSTILE, "run 1", [], refresh=True))
    (notice,) = re.findall(r'<p class="notice"[^>]*>(.+?)</p>', body)
    assert notice.count(".") == 1
    for word in ("no samples and no batches", "media_batch_group", "SampleBatchOperator", "FullBatchOperator"):
        assert word in notice


def test_who_approved_when_and_why(site: ReviewSite) -> None:
    info = pages.info(pages.SAMPLE, answers=(pages.answer(True, note=pages.HOSTILE),))
    body = text(render_batch(site, info, pages.batch(pages.REPORT, pages.SAMPLE), PageRequest(), ResultPage(), ()))
    assert "approved</span> by <bdi>ann</bdi>, 2026-11-27 02:31 UTC." in body
    assert "&lt;script&gt;" in body


@pytest.mark.parametrize(
    ("state", "quarantined", "passed", "words"),
    [
        ("success", 0, True, "passed"),
        ("success", 2, True, "2 files quarantined"),
        ("failed", 0, False, "failed its checks"),
        ("failed", 1, True, "failed, 1 file quarantined"),
        ("deferred", 0, True, "running"),
    ],
)
def test_the_state_of_a_sample_in_words(state: str, quarantined: int, passed: bool, words: str) -> None:
    report = replace(pages.REPORT, passed=passed, more_quarantined=quarantined, checks=(Check("row count", passed),))
    assert state_text(pages.info(pages.SAMPLE, state), pages.batch(report, pages.SAMPLE)).text == words


def test_a_failure_that_says_nothing_is_still_a_sentence() -> None:
    found = failure_text(pages.info(state="failed"))
    assert found is not None
    assert found.sentence == "The task failed and did not say why."
    assert failure_text(pages.info()) is None


def test_expected_labels_have_a_section_with_what_is_wrong(site: ReviewSite) -> None:
    examples = tuple(
        {"path": f"@A.B.C/{name}", "expected": expected, "predicted": "cat"}
        for name, expected in (("a&b.jpg", pages.HOSTILE), ("marked.jpg", None), ("right.jpg", "cat"))
    )
    truth = Truth("LABEL", "LABELS", 9, 3, 1, 0.25, (ClassScore("cat", 1, 3, 1),), 21, examples)
    page = render_batch(
        site,
        pages.info(),
        pages.batch(replace(pages.RESULT, truth=truth)),
        PageRequest(),
        ResultPage(total=216, matching=216),
        (),
    )
    body = text(page)
    assert in_order(body, "Expected labels", "33.3%", "20 more classes", "a&amp;b.jpg", "another one", 'id="results"')
    assert '/full_batch/-1?q=a%26b.jpg"' in body
    assert "right.jpg" not in body
    heard = replace(truth, words=100, word_errors=7, max_word_error_rate=0.1)
    spoken = pages.batch(replace(pages.RESULT, truth=heard))
    body = text(render_batch(site, pages.info(), spoken, PageRequest(), ResultPage(total=9, matching=9), ()))
    assert "7.0% (at most 10.0% asked for)" in body
    assert "Precision" not in body


def test_a_sample_shows_what_changed_since_another_version(site: ReviewSite) -> None:
    change = {
        "path": "@A.B.C/a&b.jpg",
        "before": None,
        "after": pages.HOSTILE,
        "score_before": 1.0,
        "score_after": None,
    }
    cells = ({"before": None, "after": pages.HOSTILE, "files": 2},)
    found = Comparison("V2", "RESULTS", "LABEL", 3, 3, 1, changes=(change,), confusion=cells, pairs=2)
    sample = pages.batch(replace(pages.REPORT, comparison=found), pages.SAMPLE)
    page = render_batch(site, pages.info(pages.SAMPLE), sample, PageRequest(), ResultPage(total=3, matching=3), ())
    body = text(page)
    assert in_order(
        body, "Compared with version V2", "33.3%", "a&amp;b.jpg", "NULL (1)", "1 more pairs", 'id="results"'
    )
    assert '/sample_batch/-1?q=a%26b.jpg"' in body
