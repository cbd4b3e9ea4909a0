"""No text of a model, of a file's name or of an XCom breaks a page, hides a part of it or makes it long."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from unit.review import pages

from airflow_provider_mediabatch.core.comparison import Comparison
from airflow_provider_mediabatch.core.sample_report import Check
from airflow_provider_mediabatch.core.truth import ClassScore, Truth
from airflow_provider_mediabatch.notifications.runs_mail import render
from airflow_provider_mediabatch.review.attempt import Attempt
from airflow_provider_mediabatch.review.distributions import Distribution
from airflow_provider_mediabatch.review.feedback import LabelAccuracy
from airflow_provider_mediabatch.review.label_shares import compare
from airflow_provider_mediabatch.review.page_request import PageRequest
from airflow_provider_mediabatch.review.result_page import ResultPage
from airflow_provider_mediabatch.review.result_query import ResultColumn
from airflow_provider_mediabatch.review.result_rows import ResultRow, ResultValue
from airflow_provider_mediabatch.review.routes.batch_page import render_attempt, render_batch
from airflow_provider_mediabatch.review.routes.history_page import render_history
from airflow_provider_mediabatch.review.routes.row_page import marked, render_row
from airflow_provider_mediabatch.review.routes.run_page import render_run
from airflow_provider_mediabatch.review.run_line import RunLine
from airflow_provider_mediabatch.review.site import ReviewSite
from airflow_provider_mediabatch.review.visible_text import MAX_TEXT, exact, visible

SITE = ReviewSite("secret")
HALF, OVERRIDE, ISOLATE = "\ud83d", "\u202e", "\u2067"
ODD = {
    "half of an emoji": f"a{HALF}b",
    "right-to-left override": f"gnp{OVERRIDE}.exe",
    "isolate without an end": f"{ISOLATE}cat",
    "Hebrew": "חתול",
    "emoji": "👩\u200d💻 🐈",
    "quotes and newlines": "\"'`\r\n\t</td>&amp;",
    "empty": "",
}


def measured(text: str, number: int = 1) -> dict[str, bytes]:
    """Every page, with a text of somebody else wherever there may be one."""
    truth = Truth(
        text, text, number, number, 0, 0.5, (ClassScore(text, 1, 1, 0),) * number, number,
        ({"path": f"@A.B.C/{text}", "expected": text, "predicted": text + "!"},) * number,
    )  # fmt: skip
    change = {"path": f"@A.B.C/{text}", "before": text, "after": None, "score_before": 0.1, "score_after": None}
    comparison = Comparison(
        text, text, text, number, number, 0, text, 0.1, 0.2, 0.3, (change,) * number,
        ({"before": text, "after": None, "files": 1},) * number, number,
    )  # fmt: skip
    report = replace(
        pages.REPORT, truth=truth, comparison=comparison, checks=(Check(text, True, text),) * number, run_files=number
    )
    columns = (ResultColumn(text or "C", "TEXT"),)
    values = (ResultValue("LABEL", text), ResultValue(text, text, title=text))
    row = ResultRow((pages.file(f"x{text}.png", state=text),), values)
    plots = (Distribution("LABEL", ((text, 1),)),)
    results = ResultPage((row,), plots, 1, 1, columns, 1, text, (LabelAccuracy(text, 4, 3),))
    request = PageRequest(search=text, label_column="LABEL", label=text)
    bins = replace(pages.DRIFT.columns[0], column=text, labels=tuple(replace(item, text=text) for item in _BINS))
    loaded = replace(pages.LOADED, report=replace(pages.DRIFT, columns=(bins,) * number))
    info = pages.info(pages.SAMPLE, answers=(pages.answer(True, note=text, by=text or "ann"),))
    mark = {"PREDICTED": text, "IS_RIGHT": False, "MARKED_BY": text, "MARKED_AT": pages.AT, "CORRECT_LABEL": text}
    line = RunLine("run 1", "success", pages.AT, drifted=(text,) * number)
    shares = compare([{text: 3}])
    failed = pages.info(state="failed", failure=replace(pages.FAILURE, what=text, cause=text))
    sample = pages.batch(report, pages.SAMPLE)
    batch = replace(pages.batch(), drift=(loaded,))
    made = {
        "sample": render_batch(SITE, info, sample, request, results, pages.quarantined(f"{text}.jpg")),
        "batch": render_batch(SITE, pages.info(), batch, request, results, ()),
        "row": render_row(SITE, batch, request, results, prediction=marked(results, "J"), token="t", mark=mark),
        "run": render_run(SITE, "night", "run 1", [(failed, None), (info, sample)], [loaded], refresh=False),
        "history": render_history(SITE, "night", [line], shares),
        "attempt": render_attempt(SITE, failed, Attempt(text, ((pages.file(text),),), text, text), refresh=True),
    }
    found = {name: bytes(page.body) for name, page in made.items()}
    return found | {"mail": render("night", [line], shares, "").encode()}


_BINS = pages.DRIFT.columns[0].labels


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_any_text_is_shown_and_none_changes_the_order_of_the_others(text: str) -> None:
    for name, body in measured(text).items():
        shown = body.decode()
        # A field that is sent back keeps every character. An attribute has no text beside it.
        printed = re.sub(r'value="[^"]*"', "", shown)
        assert not {OVERRIDE, ISOLATE} & set(printed), name
        assert shown.count("<bdi>") == shown.count("</bdi>")
        if text == ODD["Hebrew"] and name in ("row", "run", "batch", "history", "mail"):
            assert f"<bdi>{text}</bdi>" in shown, name


def test_no_value_looks_unlike_the_text_of_it() -> None:
    values = (ResultValue("LABEL", "NULL", null=True), ResultValue("OTHER", "NULL"))
    results = ResultPage((ResultRow((), values),), (), 1, 1, (ResultColumn("LABEL", "TEXT"),), 1)
    shown = bytes(render_batch(SITE, pages.info(), pages.batch(), PageRequest(), results, ()).body).decode()
    assert [shown.count("<dd><i>NULL</i></dd>"), shown.count("<dd>NULL</dd>")] == [1, 1]


def test_ten_thousand_labels_are_a_short_page() -> None:
    for name, body in measured("label " * 500, 10_000).items():
        assert len(body) < 600_000, (name, len(body))
    sample = measured("cat", 10_000)["sample"].decode()
    assert "9,950 more classes." in sample
    assert "9,950 more pairs." in sample
    assert sample.count("<tr>") < 500


def test_a_thousand_forms_and_loads_of_an_expanded_task_group() -> None:
    keys = tuple(replace(pages.APPROVAL, map_index=index) for index in range(1000))
    line = RunLine("run 1", "running", pages.AT, waiting=keys)
    for body in (
        bytes(render_history(SITE, "night", [line], compare([{}])).body).decode(),
        render("night", [line], compare([{}]), "https://airflow.example.com"),
    ):
        assert body.count("/required_actions") == 10
        assert "and 990 more" in body
    loads = [replace(pages.LOADED, key=replace(pages.LOADED.key, map_index=index)) for index in range(1000)]
    body = bytes(render_run(SITE, "night", "run 1", [], loads, refresh=False).body).decode()
    assert body.count("<caption>") == 50
    assert "950 more tasks" in body


def test_a_text_is_cut_and_markup_is_not() -> None:
    assert len(visible("x" * (MAX_TEXT + 1))) == MAX_TEXT
    assert visible("x" * MAX_TEXT) == "x" * MAX_TEXT
    markup = exact(f"<{OVERRIDE}>")
    assert visible(markup) is markup
    assert str(markup) == f"&lt;{OVERRIDE}&gt;"
    assert visible(None) is None


@pytest.mark.parametrize("results", [ResultPage(problem="Gone."), ResultPage()])
def test_a_row_that_is_not_there_is_not_the_first_of_none(results: ResultPage) -> None:
    body = bytes(render_row(SITE, pages.batch(), PageRequest(page=7), results).body).decode()
    assert "of 0" not in body
    assert "Gone." in body or "No row matches." in body
