"""The mail of a DAG's runs: what it says, and that it is readable wherever mail is read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

from unit.review import pages

from airflow_provider_mediabatch.notifications.runs_mail import recent, render
from airflow_provider_mediabatch.plugins.mediabatch_plugin import MediaBatchPlugin
from airflow_provider_mediabatch.review.label_shares import LabelShare, RunShares
from airflow_provider_mediabatch.review.run_line import RunLine

LINE = RunLine("run 1", "success", pages.AT, 218, 216, 2, node_seconds=1800, costs={"EUR": 1.5}, seconds=95)
SHARES = RunShares((LabelShare("tripod", 0.75, -0.25), LabelShare(pages.HOSTILE, 0.25, None)), 0.4)


class Elements(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def links(self) -> Iterator[str]:
        return (str(attributes["href"]) for tag, attributes in self.found if tag == "a")


def test_a_line_has_files_states_labels_time_cost_and_what_waits() -> None:
    waiting = replace(LINE, run_id="run 2", waiting=(pages.APPROVAL,), failed=(pages.FULL,), drifted=("LABEL", "SCORE"))
    html = render("night", [waiting, LINE], [RunShares(), SHARES], "https://airflow.example.com/air")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))
    for part in ("2026-11-27 02:31 UTC", "files quarantined", "218 216 2 0", "tripod 75% (-25)", "1 min 35 s"):
        assert part in text
    assert "0.5 node hours, 1.50 EUR" in text
    assert "otherwise than before" in text
    assert "drift LABEL, SCORE" in text
    assert text.count("drift") == 1
    assert "waits for an answer Form of approve_sample" in text
    assert set(Elements(html).links()) == {
        "https://airflow.example.com/air/mediabatch/night",
        "https://airflow.example.com/air/mediabatch/night/run%201",
        "https://airflow.example.com/air/mediabatch/night/run%202",
        "https://airflow.example.com/air/dags/night/runs/run%201/tasks/approve_sample/required_actions",
    }


def test_it_loads_nothing_runs_nothing_and_takes_no_text_for_html() -> None:
    html = render(pages.HOSTILE, [replace(LINE, run_id=pages.HOSTILE)], [SHARES], "")
    assert pages.HOSTILE not in html
    assert html.count("&lt;script&gt;") == 3
    for tag, attributes in Elements(html).found:
        assert tag in {"div", "h1", "p", "table", "thead", "tbody", "tr", "th", "td", "br", "span", "strong", "bdi"}
        assert set(attributes) <= {"style", "scope", "lang"}
    assert not re.search(r"url\(|@import|https?:", html)


def test_a_dag_without_runs_is_a_sentence() -> None:
    assert "No run of the last 28 days" in render("night", [], [], "")


def test_which_runs_are_asked_for() -> None:
    """Airflow does not say when the runs of a DAG were before it is asked for each of them."""
    now = datetime(2026, 11, 28, tzinfo=UTC)
    new = [f"scheduled__2026-11-{day:02}T02:30:00+00:00" for day in range(1, 28)]
    old = [f"scheduled__2025-11-{day:02}T02:30:00+00:00" for day in range(1, 28)]
    mine = ["asset_triggered__2026-11-27T05:00:00.1234+00:00_Ab1", "by hand"]
    assert recent([*old, *new, *mine], now) == [mine[0], *reversed(new), "by hand"]
    assert len(recent([*(f"hand {number}" for number in range(500)), *new * 3], now)) <= 120


def test_the_macro_is_the_plugins() -> None:
    assert [macro.__name__ for macro in MediaBatchPlugin.macros] == ["runs_html"]
