"""Every page in a browser: axe finds nothing, in both modes; narrow screens and the keyboard are enough.

The pages are rendered from values, so neither the engine nor Airflow is started.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import browser
import pytest
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from unit.review import pages

from airflow_provider_mediabatch.core.comparison import Comparison
from airflow_provider_mediabatch.core.sample_report import Check
from airflow_provider_mediabatch.core.truth import ClassScore, Truth
from airflow_provider_mediabatch.review.attempt import Attempt
from airflow_provider_mediabatch.review.distributions import Distribution
from airflow_provider_mediabatch.review.feedback import LabelAccuracy
from airflow_provider_mediabatch.review.label_shares import compare
from airflow_provider_mediabatch.review.page_request import PageRequest
from airflow_provider_mediabatch.review.result_page import ResultPage
from airflow_provider_mediabatch.review.result_query import Histogram, ResultColumn
from airflow_provider_mediabatch.review.result_rows import ResultRow, ResultValue
from airflow_provider_mediabatch.review.routes.batch_page import render_attempt, render_batch
from airflow_provider_mediabatch.review.routes.history_page import render_dags, render_history
from airflow_provider_mediabatch.review.routes.row_page import marked, render_row
from airflow_provider_mediabatch.review.routes.run_page import render_run
from airflow_provider_mediabatch.review.run_line import RunLine
from airflow_provider_mediabatch.review.site import HERE, ReviewSite

pytestmark = [pytest.mark.timeout(300), pytest.mark.skipif(bool(browser.MISSING), reason=browser.MISSING)]

LONG_NAME = "a_long_name_without_a_space_" * 6 + ".jpg"


def all_pages(site: ReviewSite) -> dict[str, Any]:
    """Name to page."""
    failed = pages.info(state="failed", failure=pages.FAILURE)
    sample_info = pages.info(pages.SAMPLE, answers=(pages.answer(True, note="looks right"), pages.answer()))
    values = (
        ResultValue("LABEL", "tripod"),
        ResultValue("SCORE", "0.94", share=0.94),
        ResultValue("TEXT", "word " * 400, cut=True),
        ResultValue("ID", "x" * 300, output=False),
    )
    files = [
        pages.file("camera.png"),
        pages.file(LONG_NAME, state="this file was changed after the prediction"),
        pages.file("tone.wav", kind="audio"),
        pages.file("clip.mp4", kind="video"),
        pages.file("film.avi", kind="file"),
        pages.file("gone.png", url=None),
    ]
    rows = tuple(ResultRow((item,), values) for item in files)
    plots = (
        Distribution("LABEL", (("tripod", 200), (pages.HOSTILE, 12), ("long label " * 5, 3), ("", 1))),
        Distribution("SCORE", histogram=Histogram(0.0, 1.0, 0.7, (0, 3, *range(22)))),
    )
    columns = tuple(ResultColumn(*item) for item in (("LABEL", "TEXT"), ("SCORE", "FLOAT")))
    request = PageRequest(
        page=2, search="a", label_column="LABEL", label=LONG_NAME, range_column="SCORE", low=0.1, sort="SCORE"
    )
    script = "CREATE FILE FORMAT;\nSELECT " + "x, " * 90
    results = ResultPage(rows, plots, 218, 150, columns, 2, script, (LabelAccuracy(LONG_NAME, 4, 3),))
    quarantined = pages.quarantined("broken.jpg", LONG_NAME)
    result = replace(pages.RESULT, more_quarantined=30)
    checks = (Check("NULL values", False, "SUMMARY: 6 of 10 rows are NULL"), Check("x" * 200, True))
    report = replace(pages.REPORT, passed=False, checks=checks)
    one = replace(results, rows=rows[:1], page=17)
    prediction = marked(one, pages.JOB)
    mark = {"PREDICTED": "x", "IS_RIGHT": False, "MARKED_BY": "a", "MARKED_AT": pages.AT, "CORRECT_LABEL": "y"}
    texts = ("חתול", "👩\u200d💻 🐈", "\u202egnp.exe", "a\nb\r\n\tc", "\"quoted\" 'text'", "", "x" * 2000, "\ud83d")
    odd = tuple(ResultRow((pages.file(f"{text[:9]}.png"),), (ResultValue("LABEL", text),)) for text in texts)
    odd_plots = (Distribution("LABEL", tuple((text[:200], 1) for text in texts)),)
    unplayable = replace(results, rows=rows[4:5], page=150)
    running = pages.info(state="deferred")
    run = [
        (sample_info, pages.batch(report, pages.SAMPLE)),
        (pages.info(pages.APPROVAL, "awaiting_input", answers=(pages.answer(),)), None),
        (failed, None),
        (pages.info(), pages.batch(result)),
        (running, None),
    ]
    line = RunLine("r", "running", pages.AT, 218, 216, 2, waiting=(pages.APPROVAL,), node_seconds=90, seconds=95)
    drifted = replace(line, drifted=("LABEL", "SCORE"))
    labels = (*texts[:4], LONG_NAME)
    truth = Truth(
        "LABEL", "LABELS", 9, 8, 3, 0.25, tuple(ClassScore(text, 1, 1, 0) for text in labels), 21,
        tuple({"path": f"@A.B.C/{text}", "expected": text, "predicted": "cat"} for text in labels),
    )  # fmt: skip
    comparison = Comparison(
        "V2", "RESULTS", "LABEL", 9, 8, 3, "SCORE", 0.1, 0.2, 0.3,
        tuple({"path": f"@A.B.C/{text}", "before": text, "after": None, "score_before": 0.1, "score_after": 0.2}
              for text in labels),
        tuple({"before": text, "after": None, "files": 1} for text in labels), 21,
    )  # fmt: skip
    measured = replace(pages.REPORT, truth=truth, comparison=comparison)
    shares = compare([{"tripod": 10, "coffee": 90}, {"tripod": 60}])[0]
    chat = tuple(
        ResultRow(
            (pages.file(name),),
            (
                ResultValue("choices", answer, title="Answer"),
                ResultValue("MESSAGES", "system: Be brief.\nWhat is this?", output=False, title="Prompt"),
                ResultValue("model", "picture-chat"),
            ),
        )
        for name, answer in (("camera.png", pages.HOSTILE), ("coffee.png", "@MEDIA.PUBLIC.HR/passport.jpg"))
    )
    tried = Attempt("The job is FAILED.", tuple((item,) for item in files), "Traceback\n" + "x" * 500)
    return {
        "batch": render_batch(
            site,
            pages.info(),
            replace(pages.batch(result), drift=(pages.LOADED,)),
            request,
            results,
            quarantined,
        ),
        "sample": render_batch(
            site, sample_info, pages.batch(report, pages.SAMPLE), PageRequest(), ResultPage(problem="Gone."), ()
        ),
        "passed": render_batch(
            site, sample_info, pages.batch(pages.REPORT, pages.SAMPLE), PageRequest(), replace(results, page=1), ()
        ),
        "chat": render_batch(site, pages.info(), pages.batch(), PageRequest(), ResultPage(chat, (), 2, 2), ()),
        "failed": render_attempt(site, failed, tried, refresh=True),
        "running": render_attempt(site, running, replace(tried, status="The job is RUNNING.", log=""), refresh=True),
        "run": render_run(site, "night", "run 1", run, [pages.LOADED], refresh=True),
        "empty_run": render_run(site, "night", "run 1", [], refresh=True),
        "history": render_history(site, "night", [drifted, replace(line, run_id="r 2")], [shares, shares]),
        "dags": render_dags(site, [("night", pages.AT), ("day", pages.AT)]),
        "row": render_row(site, pages.batch(), request, one, prediction=prediction, token="t", mark=mark),
        "measured": render_batch(
            site, sample_info, pages.batch(measured, pages.SAMPLE), PageRequest(), replace(results, page=1), ()
        ),
        "no_row": render_row(site, pages.batch(), request, ResultPage()),
        "unread_row": render_row(site, pages.batch(), request, ResultPage(problem="Gone.")),
        "nothing": render_batch(site, pages.info(), pages.batch(), PageRequest(), ResultPage(columns=columns), ()),
        "odd_texts": render_batch(
            site, pages.info(), pages.batch(), PageRequest(), ResultPage(odd, odd_plots, 9, 9, columns), ()
        ),
        "unplayable_row": render_row(site, pages.batch(), request, unplayable),
        "notice": site.notice("Batch review", "Airflow has no such task instance.", back="/x"),
        "log": site.render(
            "log.html", title="Job log", job=pages.JOB, logs=[("Last lines", "x")], problem="", back="/"
        ),
    }


@pytest.fixture(scope="module")
def served() -> Iterator[dict[str, str]]:
    """Name to address of each page, on a server that has a picture for every file."""
    made = all_pages(ReviewSite("secret"))
    picture = io.BytesIO()
    Image.new("RGB", (320, 240), (90, 140, 200)).save(picture, "PNG")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = made.get(self.path.strip("/"))
            if page is not None:
                headers = {name: value for name, value in page.headers.items() if name not in ("refresh", "Refresh")}
                self.answer(bytes(page.body), **headers)
            elif self.path.endswith("review.css"):
                self.answer((HERE / "static" / "review.css").read_bytes(), **{"Content-Type": "text/css"})
            else:
                self.answer(picture.getvalue(), **{"Content-Type": "image/png"})

        def answer(self, body: bytes, **headers: str) -> None:
            self.send_response(200)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # the usual 5 are fewer than the connections that Chromium opens at once

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield {name: f"http://127.0.0.1:{server.server_port}/{name}" for name in made}
    server.shutdown()


@pytest.fixture(scope="module")
def shown() -> Iterator[Any]:
    with browser.open_browser() as opened:
        yield opened


def look(shown: Any, url: str, *, width: int = 1400, mode: str = "light") -> None:
    shown.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    shown.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": mode}]})
    browser.load(shown, url)


def violations(shown: Any, *, rules: list[str] | None = None) -> list[str]:
    """What axe finds, by all its rules or by some."""
    axe = pytest.importorskip("axe_selenium_python", reason="axe-selenium-python needs Python 3.12").Axe(shown)
    axe.inject()
    options = {"runOnly": {"type": "rule", "values": rules}} if rules else {}
    found = axe.run(options=options)["violations"]
    return [f"{item['id']}: {[node['html'][:160] for node in item['nodes'][:3]]}" for item in found]


@pytest.mark.slow
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(served: dict[str, str], shown: Any) -> None:
    found: dict[str, Any] = {}
    for name, url in served.items():
        for mode in ("light", "dark"):
            look(shown, url, mode=mode)
            # Only colours differ in the dark.
            if wrong := violations(shown, rules=["color-contrast"] if mode == "dark" else None):
                found[f"{name} {mode}"] = wrong
        look(shown, url, width=390)
        wide = shown.execute_script(
            "return document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('body *')]"
            ".filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll'))"
            ".map(e => e.tagName + '.' + e.className).slice(0, 8)"
        )
        if wide:
            found[f"{name} is too wide"] = wide
        found |= {f"{name} console": errors for errors in [browser.errors(shown)] if errors}
    assert found == {}


def test_no_word_of_a_table_or_a_badge_breaks(served: dict[str, str], shown: Any) -> None:
    for name in ("run", "history", "batch", "sample"):
        look(shown, served[name])
        broken = shown.execute_script(
            "return [...document.querySelectorAll('th, td.num, .verdict')].filter(e => {"
            "const r = document.createRange(); r.selectNodeContents(e);"
            "return new Set([...r.getClientRects()].map(x => Math.round(x.top))).size > 1 })"
            ".map(e => e.textContent)"
        )
        assert broken == [], name
        columns = shown.execute_script(
            "return [...document.querySelectorAll('tbody tr:first-child td')].map(e => e.clientWidth)"
        )
        assert min(columns, default=100) >= 40, (name, columns)


@pytest.mark.slow
def test_the_keyboard_alone_reaches_everything(served: dict[str, str], shown: Any) -> None:
    for name in ("batch", "failed", "row", "run"):
        look(shown, served[name])
        wanted = shown.execute_script(
            "return [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary, pre')]"
            ".filter(e => e.checkVisibility()).length"
        )
        reached = set()
        body = shown.find_element(By.TAG_NAME, "body")
        body.send_keys(Keys.TAB)
        assert shown.switch_to.active_element.text.startswith("Skip to"), name
        for _ in range(wanted + 60):
            active = shown.switch_to.active_element
            if active.tag_name == "body" and reached:
                break
            if active.tag_name.lower() in ("a", "button", "input", "select", "summary", "pre"):
                reached.add(active.id)
                outline = active.value_of_css_property("outline-style"), active.value_of_css_property("outline-width")
                assert outline[0] != "none", (name, active.get_attribute("outerHTML")[:200])
            active.send_keys(Keys.TAB)
        assert len(reached) == wanted, name


@pytest.mark.parametrize("name", ["run", "batch"])
def test_drift_is_a_table_and_a_hostile_label_is_its_text(served: dict[str, str], shown: Any, name: str) -> None:
    look(shown, served[name])
    table = shown.find_element(By.CSS_SELECTOR, "section[aria-labelledby=drift] table")
    lines = [[cell.text for cell in row.find_elements(By.TAG_NAME, "td")] for row in
             table.find_elements(By.CSS_SELECTOR, "tbody tr")]  # fmt: skip
    assert lines[0] == ["LABEL", "drifted", "1.84", "210 / 2,100", "0% (1%)", f"{pages.HOSTILE} 90% (0%), tripod 10% "
                        "(80%), (empty) 0% (20%)"]  # fmt: skip
    assert [line[1] for line in lines] == ["drifted", "as before", "too few rows", "no baseline yet"]
    assert lines[3][0] == pages.HOSTILE * 4
    assert not table.find_elements(By.TAG_NAME, "script")
    assert browser.errors(shown) == []


def test_the_pictures_come_before_the_names_of_jobs_and_plots_before_the_cards(
    served: dict[str, str], shown: Any
) -> None:
    look(shown, served["batch"])
    assert "MB_FULL_BATCH" not in shown.find_element(By.TAG_NAME, "main").text, "it is in a fold"
    quarantined, plot, card = (
        shown.find_element(By.CSS_SELECTOR, selector).location["y"]
        for selector in ("#quarantined", ".plots", "#results")
    )
    assert quarantined < plot < card
    long_text = shown.find_element(By.CSS_SELECTOR, ".gallery dl details summary")
    assert long_text.size["height"] < 160


def test_picture_prompt_and_answer_of_a_chat_model(served: dict[str, str], shown: Any) -> None:
    look(shown, served["chat"])
    cards = shown.find_elements(By.CSS_SELECTOR, ".gallery > li")
    found = [
        (
            [image.get_attribute("alt") for image in card.find_elements(By.TAG_NAME, "img")],
            [item.text for item in card.find_elements(By.TAG_NAME, "dt")],
            [item.text for item in card.find_elements(By.TAG_NAME, "dd")],
        )
        for card in cards
    ]
    titles, rest = ["Answer", "Prompt", "model"], ["system: Be brief.\nWhat is this?", "picture-chat"]
    assert found == [
        (["camera.png"], titles, [pages.HOSTILE, *rest]),
        (["coffee.png"], titles, ["@MEDIA.PUBLIC.HR/passport.jpg", *rest]),
    ]
    assert [link.text for card in cards for link in card.find_elements(By.CSS_SELECTOR, "dl a")] == []
    pictures = shown.execute_script("return [...document.images].map(e => e.complete && e.naturalWidth > 0)")
    assert pictures == [True, True]
