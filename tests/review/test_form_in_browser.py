"""The approval's form in Airflow: what we write there has no finding of axe, on a narrow screen and in the dark too.

Airflow turns our Markdown into HTML and draws everything around it. What axe finds in Airflow's part is listed here,
each with the reason that it is Airflow's. So a finding that comes with our text, and a new one of Airflow's, fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import scene
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from test_review import open_form

if TYPE_CHECKING:
    from conftest import Review

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(600)]

OURS = """
const [verdict] = [...document.querySelectorAll('strong')].filter(e => e.textContent.startsWith('The sample '));
const box = verdict.closest('p').parentElement;
const ours = [...box.children].filter(e => ['P', 'H3', 'TABLE', 'UL'].includes(e.tagName));
const all = selector => ours.flatMap(e => [...e.querySelectorAll(selector)]);
"""
"""Finds what Airflow made of our Markdown. Beside it in the same box are the fields of the form."""


@dataclass(frozen=True)
class Drawn:
    """A finding in what Airflow draws.

    :param rule: of axe.
    :param selector: of the elements.
    :param reason: why it is Airflow's and not ours.
    """

    rule: str
    selector: str
    reason: str


AIRFLOW_DRAWS = (
    Drawn("button-name", "button[data-part=trigger]", "the buttons above the grid of runs have an icon only"),
    Drawn("color-contrast", "p", "the scale beside the grid, and the note of the task instance before it is written"),
    Drawn("empty-heading", "h2.chakra-heading", "the task's head has headings of an icon and of nothing"),
    Drawn("label", "#element_note, input[type=checkbox]", "Airflow's form and grid have fields without label elements"),
    Drawn("label-title-only", "#element_note", "Airflow describes a param's field and does not label it"),
    Drawn("landmark-one-main", "html", "Airflow's page has no main landmark"),
    Drawn("link-name", "a[href*='/runs/']", "the bars and boxes of the grid are links without text"),
    Drawn("nested-interactive", ".resize-handle", "the handle between the panels has a button inside"),
    Drawn("page-has-heading-one", "html", "the first heading of Airflow's page is of the second level"),
    Drawn("region", "body *", "Airflow's page has no landmarks"),
)


@pytest.fixture(scope="module")
def form(page: Any, review: Review) -> Any:
    """The form with everything that it can have: pictures, expected labels, an earlier version, checks, a price."""
    review.airflow.add_dag(scene.DAGS, "ui_form")
    review.start("ui_form")
    assert review.wait_for("ui_form", "approve_sample", "awaiting_input") == "awaiting_input", review.states("ui_form")
    return page


@pytest.fixture(params=[(1400, "light"), (1400, "dark"), (390, "light"), (390, "dark")], ids=lambda p: f"{p[0]} {p[1]}")
def shown(request: pytest.FixtureRequest, form: Any, review: Review) -> Iterator[Any]:
    """The form on a screen of this width in this mode."""
    width, mode = request.param
    metrics = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    form.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    form.get(review.airflow.url)
    form.execute_script("localStorage.setItem('theme', arguments[0])", mode)
    try:
        open_form(form, review, "ui_form")
        assert form.execute_script("return document.documentElement.classList.contains('dark')") is (mode == "dark")
        yield form
    finally:
        form.execute_script("localStorage.setItem('theme', 'light')")
        form.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def findings(page: Any) -> list[dict[str, Any]]:
    """What axe finds: its rule, the element, whether it is in our text, and whether it is listed as Airflow's."""
    axe = pytest.importorskip("axe_selenium_python", reason="axe-selenium-python needs Python 3.12").Axe(page)
    axe.inject()
    found: list[dict[str, Any]] = page.execute_async_script(
        OURS
        + """
        const [drawn, done] = arguments;
        axe.run(document, {elementRef: true}).then(found => done(found.violations.flatMap(
            rule => rule.nodes.map(node => ({
                rule: rule.id, element: node.html.slice(0, 200), target: node.target.join(' '),
                why: node.failureSummary.slice(0, 300), ours: ours.some(e => e.contains(node.element)),
                listed: drawn.some(([id, selector]) => id === rule.id && node.element.matches(selector)),
            })))))""",
        [(item.rule, item.selector) for item in AIRFLOW_DRAWS],
    )
    return found


def test_axe_finds_nothing_in_our_text_and_nothing_new_around_it(shown: Any) -> None:
    found = findings(shown)
    assert [item for item in found if item["ours"]] == []
    assert [item for item in found if not item["listed"]] == []


def test_our_text_is_no_wider_than_the_box_that_airflow_draws(shown: Any) -> None:
    """On a narrow screen Airflow's own page is wider than the screen, and the reader moves it."""
    wide = shown.execute_script(
        OURS + "return ours.filter(e => e.scrollWidth > box.clientWidth).map(e => e.outerHTML.slice(0, 200))"
    )
    assert wide == []


def test_heads_pictures_and_links_have_texts_of_their_own(shown: Any) -> None:
    heads, pictures, links = shown.execute_script(
        OURS + "return [all('th').map(e => e.textContent.trim()), all('img').map(e => e.alt), "
        "all('a').map(e => [e.textContent.trim(), e.href])]"
    )
    assert len(heads) >= 12
    assert "" not in heads
    assert len(set(pictures)) == len(pictures) == 3
    assert "" not in pictures
    assert len({text for text, _ in links}) == len({address for _, address in links}) == len(links) >= 1
    heads = shown.execute_script(OURS + "return ours.filter(e => e.tagName === 'H3').map(e => e.textContent)")
    assert heads == ["Sample", "Expected labels", "Compared with the previous version", "Full run", "Checks"]


def test_the_keyboard_alone_reaches_the_answer(shown: Any) -> None:
    body = shown.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.HOME)
    reached = []
    for _ in range(120):
        shown.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(shown.switch_to.active_element.text.strip())
        if "Approve" in reached and "See the sample on its review page" in reached:
            break
    assert {"Approve", "See the sample on its review page"} <= set(reached), reached
