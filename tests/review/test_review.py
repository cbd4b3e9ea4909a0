"""The review page and the approval form, in a real browser on a really running Airflow."""

from __future__ import annotations

import base64
import json
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import browser
import pytest
import scene
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from written import holding

from airflow_provider_mediabatch.demo import media

if TYPE_CHECKING:
    from conftest import Review

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(600)]

SAMPLE, FULL = "media_batch.sample_batch", "media_batch.full_batch"


def wait(page: Any, condition: Any, seconds: float = 60) -> Any:
    return WebDriverWait(page, seconds).until(condition)


def open_form(page: Any, review: Review, dag_id: str) -> None:
    browser.errors(page)
    run = quote(review.runs[dag_id], safe="")
    page.get(f"{review.airflow.url}/dags/{dag_id}/runs/{run}/tasks/media_batch.approve_sample/required_actions")
    wait(page, lambda found: found.find_elements(By.XPATH, "//button[normalize-space()='Approve']"))
    wait(page, lambda found: found.execute_script("return [...document.images].every(i => i.complete)"))


def open_page(page: Any, review: Review, dag_id: str, *parts: str, query: str = "") -> None:
    browser.errors(page)
    browser.load(page, review.airflow.url + review.path(dag_id, *parts) + query)


def media_urls(html: bytes) -> list[str]:
    found = re.findall(r'src="([^"]+/media[?][^"]+)"', html.decode())
    return [url.replace("&amp;", "&") for url in found]


def test_the_form_shows_pictures_predictions_and_the_full_run(page: Any, review: Review) -> None:
    open_form(page, review, "ui_photographs")
    pictures = [item for item in page.find_elements(By.TAG_NAME, "img") if "/preview/" in item.get_attribute("src")]
    assert len(pictures) == 3
    assert [item.get_property("naturalWidth") for item in pictures] == [160, 160, 160]
    assert {item.get_attribute("alt") for item in pictures} < {path.name for path in media.photographs()}
    text = page.find_element(By.TAG_NAME, "body").text
    # Verdict and price are above the pictures, and the buttons are not far below them.
    verdict = page.find_element(By.XPATH, "//strong[contains(., 'The sample passed its checks.')]").location["y"]
    button = page.find_element(By.XPATH, "//button[normalize-space()='Approve']").location["y"]
    assert verdict < pictures[0].location["y"] < verdict + 400
    assert max(item.location["y"] for item in pictures) - pictures[0].location["y"] < 100, "side by side"
    assert button < verdict + 1500
    assert "6 files with EFFICIENTNET_LITE0" in text
    for shown in ("The sample passed its checks.", "camera.png", "tripod", "Expected cost", "SCORE BETWEEN 0 AND 1"):
        assert shown in text
    assert browser.errors(page) == []


def test_the_form_shows_hostile_names_and_outputs_as_text(page: Any, review: Review) -> None:
    open_form(page, review, "ui_odd")
    text = page.find_element(By.TAG_NAME, "body").text
    assert "<img src=x onerror=alert(1)>.png" in text
    assert "<script>document.title='owned'</script>│ `x` [l](javascript:alert(1)) {{ 7 * 7" in text
    assert "owned" not in page.title
    assert not page.find_elements(By.CSS_SELECTOR, "a[href^=javascript]")
    assert all(
        scene_url in item.get_attribute("src")
        for item in page.find_elements(By.TAG_NAME, "img")
        for scene_url in [review.airflow.url]
    )
    assert browser.errors(page) == []


def test_the_page_of_a_sample(page: Any, review: Review) -> None:
    open_page(page, review, "ui_photographs", SAMPLE, "-1")
    assert page.find_element(By.CSS_SELECTOR, "h1 .verdict").text == "passed"
    assert len(page.find_elements(By.CSS_SELECTOR, ".gallery img")) == 3
    wait(page, lambda found: found.execute_script("return [...document.images].every(i => i.complete)"))
    assert browser.broken_images(page) == []
    assert "tripod" in page.find_element(By.CSS_SELECTOR, ".gallery").text
    assert len(page.find_elements(By.CSS_SELECTOR, "svg.plot")) >= 1
    assert browser.errors(page) == []


def test_the_page_of_an_approval_is_that_of_its_sample(page: Any, review: Review) -> None:
    open_page(page, review, "ui_photographs", "media_batch.approve_sample", "-1")
    assert page.current_url.endswith(review.path("ui_photographs", SAMPLE, "-1"))
    assert page.find_element(By.CSS_SELECTOR, ".answer .verdict").text == "waits for an answer"
    assert page.find_element(By.CSS_SELECTOR, ".answer a").get_attribute("href").endswith("/required_actions")


def test_search_sort_and_filter(page: Any, review: Review) -> None:
    open_page(page, review, "ui_recordings", FULL, "-1", query="?q=tone+1")
    assert "1 of 3 rows match." in page.find_element(By.TAG_NAME, "main").text
    open_page(page, review, "ui_recordings", FULL, "-1", query="?sort=SECONDS:desc")
    names = [item.text for item in page.find_elements(By.CSS_SELECTOR, ".gallery .name")]
    assert names == ["tone 2.wav", "tone 1.wav", "tone 0.wav"]
    page.find_element(By.XPATH, "//figure//a[contains(., 'loud')]").click()
    assert "2 of 3 rows match." in page.find_element(By.TAG_NAME, "main").text
    page.find_elements(By.CSS_SELECTOR, "svg.plot:first-of-type a")[-1].click()
    assert len(page.find_elements(By.CSS_SELECTOR, ".chips li")) == 2
    assert "1 of 3 rows match." in page.find_element(By.TAG_NAME, "main").text


def test_a_row_has_its_own_page_and_rows_can_be_taken_away(page: Any, review: Review) -> None:
    open_page(page, review, "ui_recordings", FULL, "-1", query="?sort=SECONDS:desc")
    page.find_element(By.LINK_TEXT, "Row 1").click()
    assert page.find_element(By.TAG_NAME, "h1").text.startswith("Row 1 of 3")
    assert "tone 2.wav" in page.find_element(By.CSS_SELECTOR, "figcaption").text
    page.find_element(By.LINK_TEXT, "Next").click()
    assert "tone 1.wav" in page.find_element(By.CSS_SELECTOR, "figcaption").text
    page.find_element(By.LINK_TEXT, "Back to all rows").click()
    assert page.find_element(By.CSS_SELECTOR, ".gallery .name").text == "tone 2.wav"
    assert browser.errors(page) == []
    path = review.path("ui_recordings", FULL, "-1", "download", "csv")
    _, headers, data = review.get(path + "?range_column=SECONDS&low=2")
    assert headers["content-disposition"].startswith("attachment")
    assert [line.partition(b",")[0].rpartition(b"/")[2] for line in data.splitlines()[1:]] == [
        b"tone 1.wav",
        b"tone 2.wav",
    ]
    assert review.get(path, user="stranger")[0] == 403
    assert review.get(path.replace("csv", "parquet"))[2][:4] == b"PAR1"
    script = page.find_element(By.CSS_SELECTOR, "details pre").get_attribute("textContent")
    with review.engine.connect() as connection:
        for statement in script.split(";\n"):
            rows = connection.cursor().execute(statement.rstrip(";")).fetchall()
    assert len(rows) == 3
    assert "Page 1" not in page.page_source
    open_page(page, review, "ui_recordings", FULL, "-1", query="?page=99")
    assert len(page.find_elements(By.CSS_SELECTOR, ".gallery li")) == 3


def test_recordings_play_and_can_be_sought(page: Any, review: Review) -> None:
    open_page(page, review, "ui_recordings", FULL, "-1")
    seconds = page.execute_async_script(
        "const done = arguments[0], a = document.querySelectorAll('audio')[2];"
        "a.addEventListener('loadedmetadata', () => done(a.duration));"
        "a.addEventListener('error', () => done(-1)); a.preload = 'auto'; a.load();"
    )
    assert seconds == pytest.approx(3, abs=0.1)
    assert browser.errors(page) == []
    _, _, html = review.get(review.path("ui_recordings", FULL, "-1"))
    status, headers, part = review.get(media_urls(html)[0], Range="bytes=0-3")
    assert (status, part) == (206, b"RIFF")
    assert headers["content-type"] == "audio/wav"


def test_odd_outputs_are_text_and_odd_files_say_why(page: Any, review: Review) -> None:
    open_page(page, review, "ui_odd", SAMPLE, "-1")
    gallery = page.find_element(By.CSS_SELECTOR, ".gallery").text
    assert "<script>document.title='owned'</script>| `x` [l](javascript:alert(1)) {{ 7 * 7 }}" in gallery
    assert scene.ODD_NAMES[0] in gallery
    assert "NESTED · boxes" in gallery  # a field of a struct is a row of its own
    assert "cut here" in gallery
    assert page.title == f"Sample: {SAMPLE}"
    assert len(page.page_source) < 100_000
    assert browser.errors(page) == []
    _, _, html = review.get(review.path("ui_odd", SAMPLE, "-1"))
    by_kind = {headers["content-type"] for _, headers, _ in map(review.get, media_urls(html))}
    assert by_kind <= {"image/jpeg", "image/svg+xml"}
    # The "picture" that is a script is never shown inline, and once it was fetched no picture is promised.
    _, _, html = review.get(review.path("ui_odd", SAMPLE, "-1"))
    assert b"A browser does not show this kind of file." in html
    (url,) = re.findall(r'href="([^"]+/media[?][^"]+)">Download broken.jpg', html.decode())
    _, headers, data = review.get(url.replace("&amp;", "&"))
    assert b"<script" in data
    assert headers["content-disposition"].startswith("attachment")
    assert "sandbox" in headers["content-security-policy"]


def test_joined_values_stand_beside_picture_and_prediction(page: Any, review: Review) -> None:
    def cards() -> dict[str, dict[str, str]]:
        """File name to its values, as a reader sees them."""
        return {
            card.find_element(By.CSS_SELECTOR, ".name").text: {
                item.find_element(By.TAG_NAME, "dt").text: (
                    item.find_elements(By.TAG_NAME, "summary") or item.find_elements(By.TAG_NAME, "dd")
                )[0].text
                for item in card.find_elements(By.CSS_SELECTOR, "dl > div")
            }
            for card in page.find_elements(By.CSS_SELECTOR, ".gallery > li")
        }

    open_page(page, review, "ui_odd", SAMPLE, "-1")
    hostile, long, empty, unmatched = scene.ODD_NAMES
    found = cards()
    assert set(found) == set(scene.ODD_NAMES), "a file that the table does not name is there"
    asked = {name: values["QUESTION"] for name, values in found.items()}
    assert asked == {
        hostile: scene.QUESTION,
        long: scene.LONG_QUESTION[:120] + "…",
        empty: "",
        unmatched: "NULL",
    }
    for values in found.values():
        assert values["LABEL"].startswith("<script>document.title='owned'</script>")
        assert list(values)[-1] == "QUESTION", "what the model wrote comes first"
    wait(page, lambda shown: shown.execute_script("return [...document.images].every(i => i.complete)"))
    shown = page.find_elements(By.CSS_SELECTOR, ".gallery img")
    assert {hostile, long, unmatched} <= {image.get_attribute("alt") for image in shown}
    assert browser.broken_images(page) == []
    assert not page.find_elements(By.CSS_SELECTOR, "dl img, dl script, dl a")
    wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.execute_script(wide) == 0, "the long value has no space"
    assert page.title == f"Sample: {SAMPLE}"
    open_page(page, review, "ui_odd", SAMPLE, "-1", query="?q=" + quote('"What" isn\'t | `it`'))
    assert set(cards()) == {hostile}
    page.find_element(By.LINK_TEXT, "Row 1").click()
    assert scene.QUESTION in page.find_element(By.CSS_SELECTOR, "dl.values").text
    assert browser.errors(page) == []


def test_the_form_has_joined_values_beside_the_pictures(page: Any, review: Review) -> None:
    open_form(page, review, "ui_odd")
    (line,) = page.find_elements(By.XPATH, "//tr[td[1][normalize-space()='QUESTION']]")
    cells = [cell.text for cell in line.find_elements(By.TAG_NAME, "td")]
    heads = [cell.text for cell in line.find_elements(By.XPATH, "./ancestor::table//th")]
    asked = dict(zip(heads[1:], cells[1:], strict=True))
    assert {name: asked[name] for name in scene.ODD_NAMES if "|" not in name} == {
        scene.ODD_NAMES[0]: scene.QUESTION[:79].replace("|", "│") + "…",
        scene.ODD_NAMES[2]: "",
        scene.ODD_NAMES[3]: "NULL",
    }
    assert scene.LONG_QUESTION[:79] + "…" in cells
    assert not line.find_elements(By.CSS_SELECTOR, "img, script, a")
    assert browser.errors(page) == []


def test_narrow_screen_keyboard_and_no_scripts(page: Any, review: Review) -> None:
    _, headers, html = review.get(review.path("ui_photographs", SAMPLE, "-1"))
    assert "default-src 'none'" in headers["content-security-policy"]
    assert b"<script" not in html
    size = page.get_window_size()
    try:
        page.set_window_size(500, 900)
        open_page(page, review, "ui_photographs", SAMPLE, "-1")
        assert page.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
        page.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
        assert page.switch_to.active_element.text == "Skip to the results"
    finally:
        page.set_window_size(size["width"], size["height"])


def test_the_page_in_airflow_follows_its_dark_mode(page: Any, review: Review) -> None:
    page.get(review.airflow.url)
    page.execute_script("localStorage.setItem('theme', 'dark')")
    run = quote(review.runs["ui_photographs"], safe="")
    page.get(f"{review.airflow.url}/dags/ui_photographs/runs/{run}/plugin/batch-reviews")
    frame = wait(page, lambda found: found.find_element(By.CSS_SELECTOR, "iframe[title='Batch reviews']"))
    page.switch_to.frame(frame)
    try:
        wait(page, lambda found: found.find_elements(By.CSS_SELECTOR, "tbody tr"))
        assert page.execute_script("return matchMedia('(prefers-color-scheme: dark)').matches")
    finally:
        page.switch_to.default_content()
        page.execute_script("localStorage.setItem('theme', 'light')")


def test_a_reader_marks_a_row_with_a_form_of_the_readers_own(page: Any, review: Review) -> None:
    open_page(page, review, "ui_recordings", FULL, "-1", "row", "1")
    page.find_element(By.NAME, "correct").send_keys("a whistle")
    token = page.find_element(By.NAME, "token").get_attribute("value")
    page.find_element(By.XPATH, "//button[text()='Wrong']").click()
    assert "was marked wrong by admin" in page.find_element(By.CSS_SELECTOR, ".answer").text
    assert "Correct: a whistle" in page.find_element(By.CSS_SELECTOR, ".answer").text
    open_page(page, review, "ui_recordings", FULL, "-1")
    assert "0%" in page.find_element(By.CSS_SELECTOR, "[aria-labelledby=accuracy]").text
    _, _, exported = review.get(review.path("ui_recordings", FULL, "-1", "feedback.json"))
    assert [task["annotations"][0]["result"][0]["value"] for task in json.loads(exported)] == [
        {"choices": ["a whistle"]}
    ]
    path = review.path("ui_recordings", FULL, "-1", "row", "1", "mark")
    for user, sent, status in (("admin", "forged", 403), ("stranger", token, 403), (None, token, 401)):
        assert review.post(path, {"token": sent, "verdict": "right"}, user)[0] == status
    assert browser.errors(page) == []


def test_the_runs_of_a_dag_are_one_line_each(page: Any, review: Review) -> None:
    open_page(page, review, "ui_recordings")
    wait(page, lambda shown: shown.find_element(By.LINK_TEXT, "ui_recordings")).click()
    (line,) = page.find_elements(By.CSS_SELECTOR, "tbody tr")
    cells = [cell.text for cell in line.find_elements(By.TAG_NAME, "td")]
    assert cells[1:6] == ["complete", "3", "3", "0", "0"]
    assert "loud 67%" in cells[6]
    # A page of a run that goes on loads again by itself, and for a moment it has no elements.
    open_page(page, review, "ui_photographs", query="?refresh=false")
    wait(page, lambda shown: shown.find_element(By.LINK_TEXT, "ui_photographs")).click()
    assert "waits for an answer" in page.find_element(By.CSS_SELECTOR, "tbody").text
    page.find_element(By.LINK_TEXT, "All DAGs").click()
    assert {"ui_recordings", "ui_photographs"} <= {item.text for item in page.find_elements(By.CSS_SELECTOR, "li a")}
    assert b"ui_recordings" not in review.get("/mediabatch/", user="stranger")[2]
    assert review.get("/mediabatch/ui_recordings", user="stranger")[0] == 403


def test_a_run_and_its_batch_have_what_the_load_compared(page: Any, review: Review) -> None:
    assert review.wait_for("ui_recordings", "load_results") == "success"
    for parts in ((), (FULL, "-1")):
        open_page(page, review, "ui_recordings", *parts)
        section = page.find_element(By.CSS_SELECTOR, "section[aria-labelledby=drift]")
        assert "media_batch.load_results: No baseline yet" in section.text
        (kind,) = [row.text for row in section.find_elements(By.TAG_NAME, "tr") if row.text.startswith("KIND ")]
        assert kind.endswith(" 3 / 0 0% loud 67%, quiet 33%")
        assert browser.errors(page) == []


def test_who_may_read(review: Review) -> None:
    _, _, html = review.get(review.path("ui_recordings", FULL, "-1"))
    url = media_urls(html)[0]
    pages = [
        review.path("ui_recordings"),
        review.path("ui_recordings", FULL, "-1"),
        review.path("ui_recordings", FULL, "-1", "log"),
        review.path("ui_photographs", SAMPLE, "-1", "preview", "0", "IMAGE"),
        url,
    ]
    for path in pages:
        assert review.get(path)[0] == 200
        assert review.get(path, user=None)[0] == 401
        assert review.get(path, user="stranger")[0] == 403
    assert review.get("/mediabatch/static/review.css", user=None)[0] == 401
    assert review.get(url.replace("/mediabatch/ui_recordings/", "/mediabatch/~/"))[0] == 404


def test_a_link_opens_its_own_file_of_its_own_task_only(review: Review) -> None:
    _, _, html = review.get(review.path("ui_recordings", FULL, "-1"))
    url = media_urls(html)[0]
    assert review.get(url[:-3] + "xyz")[0] == 403
    token = url.partition("?")[2]
    assert review.get(review.path("ui_photographs", SAMPLE, "-1", "media") + "?" + token)[0] == 403
    for row, column in (("0", "LABEL"), ("99", "IMAGE"), ("-1", "IMAGE")):
        assert review.get(review.path("ui_photographs", SAMPLE, "-1", "preview", row, column))[0] == 404


def test_links_of_the_tasks(review: Review) -> None:
    run = quote(review.runs["ui_recordings"])
    links = review.airflow.api("GET", f"/dags/ui_recordings/dagRuns/{run}/taskInstances/{FULL}/links")["extra_links"]
    assert links["Batch review"] == review.path("ui_recordings", FULL, "-1")
    assert {"Batch inference job", "Results location"} <= set(links), "there, and empty: the engine has no Snowsight"


def test_airflow_keeps_no_bytes_and_no_link_that_opens_a_file(review: Review) -> None:
    """In its database (XComs, forms) and its logs, after forms and pages were shown."""
    home = review.airflow.home.path
    for mark in ("&signature=", "data:image/", "data:audio/"):
        assert holding(home, mark) == []
    for photograph in media.photographs()[:6]:
        middle = photograph.read_bytes()[3000:3048]
        assert holding(home, middle) == []
        assert holding(home, base64.b64encode(middle).decode()) == []


@pytest.mark.slow
def test_quarantined_files_are_listed_with_their_errors(page: Any, review: Review) -> None:
    review.airflow.add_dag(scene.DAGS, "ui_unreadable")
    review.start("ui_unreadable")
    assert review.wait_for("ui_unreadable", "full_batch") == "success"
    open_page(page, review, "ui_unreadable", FULL, "-1")
    listed = page.find_elements(By.CSS_SELECTOR, "section[aria-labelledby=quarantined] li")
    assert [item.find_element(By.CSS_SELECTOR, ".name").text for item in listed] == ["broken.jpg"]
    assert "not a picture of a kind that is read here" in listed[0].text
    assert listed[0].find_elements(By.TAG_NAME, "img"), "the manifest has it, so it may be shown"
    assert page.find_element(By.CSS_SELECTOR, "h1 .verdict").text == "1 file quarantined"
    assert len(page.find_elements(By.CSS_SELECTOR, ".gallery img")) >= len(scene.ODD_NAMES)
    wait(page, lambda found: found.execute_script("return [...document.images].every(i => i.complete)"))
    assert browser.broken_images(page) == []
    assert browser.errors(page) == []
    open_page(page, review, "ui_unreadable")
    assert [cell.text for cell in page.find_elements(By.CSS_SELECTOR, "tbody td.num")][-1] == "1"


@pytest.mark.slow
def test_a_rejection_releases_the_files_and_an_approval_runs_them(page: Any, review: Review) -> None:
    def ledger() -> dict[str, int]:
        with review.engine.connect() as connection:
            statement = "SELECT STATE, COUNT(*) FROM MEDIABATCH_LEDGER WHERE DAG_ID = 'ui_photographs' GROUP BY 1"
            return dict(connection.cursor().execute(statement).fetchall())

    assert ledger() == {"claimed": 6}
    review.answer("ui_photographs", "Reject", "the labels look wrong")
    assert review.wait_for("ui_photographs", "full_batch") == "skipped"
    assert ledger().get("claimed", 0) == 0

    review.start("ui_photographs")
    review.wait_for("ui_photographs", "approve_sample", "awaiting_input")
    open_form(page, review, "ui_photographs")
    page.find_element(By.XPATH, "//button[normalize-space()='Approve']").click()
    assert review.wait_for("ui_photographs", "full_batch") == "success"
    assert ledger() == {"done": 6}
    open_page(page, review, "ui_photographs", FULL, "-1")
    assert len(page.find_elements(By.CSS_SELECTOR, ".gallery img")) == 6
    assert "Throughput" in page.find_element(By.CSS_SELECTOR, ".facts").text
    open_page(page, review, "ui_photographs")
    assert len(page.find_elements(By.CSS_SELECTOR, "tbody tr")) == 3
    assert "approved by admin" in page.find_element(By.TAG_NAME, "tbody").text


@pytest.mark.slow
def test_what_is_gone_is_said_and_the_page_stays_up(review: Review) -> None:
    review.answer("ui_odd", "Approve")
    assert review.wait_for("ui_odd", "full_batch") == "success"
    _, _, html = review.get(review.path("ui_odd", FULL, "-1"))
    urls = media_urls(html)
    result = review.airflow.xcom("ui_odd", review.runs["ui_odd"], FULL)
    with review.engine.connect() as connection:
        connection.cursor().execute("REMOVE @UI_ODD")
        connection.cursor().execute(f"REMOVE {result['location']}")
    deadline = time.monotonic() + 90
    shown = [review.get(url) for url in urls]
    while not all(b"this file is no longer on the" in data for _, _, data in shown):
        assert time.monotonic() < deadline, "what LIST said counts for a minute"
        time.sleep(5)
        shown = [review.get(url) for url in urls]
    # The one that is no picture is promised as one only until somebody has fetched it.
    assert len(scene.ODD_NAMES) - 1 <= len(urls) <= len(scene.ODD_NAMES)
    assert {status for status, _, _ in shown} == {200}
    status, _, html = review.get(review.path("ui_odd", FULL, "-1"))
    assert status == 200
    assert b"holds no results any more" in html or b"cannot be read now" in html
    assert review.get(review.path("ui_odd", "media_batch.list_files", "-1"))[0] == 200
    assert review.get(review.path("ui_odd", "no_such_task", "-1"))[0] == 404


@pytest.mark.slow
def test_the_first_run_asks_and_the_others_wait_for_its_answer(review: Review) -> None:
    review.airflow.add_dag(scene.DAGS, "ui_first_run")
    runs = [review.start("ui_first_run")]
    review.wait_for("ui_first_run", "approve_sample", "awaiting_input")
    runs.append(review.start("ui_first_run"))
    assert review.wait_for("ui_first_run", "approve_sample", "deferred") == "deferred"
    review.runs["ui_first_run"] = runs[0]
    review.answer("ui_first_run", "Approve")
    for run_id in runs:
        review.runs["ui_first_run"] = run_id
        assert review.wait_for("ui_first_run", "full_batch", timeout=240) == "success"
    begun = time.monotonic()
    review.start("ui_first_run")
    assert review.wait_for("ui_first_run", "full_batch") == "success"
    assert time.monotonic() - begun < 180
