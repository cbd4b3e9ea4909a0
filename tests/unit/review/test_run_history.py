"""The lines of a DAG's runs, and their labels beside the runs before."""

from __future__ import annotations

from dataclasses import replace

import pytest
from unit.review import pages

from airflow_provider_mediabatch.core.task_notes import SubmittedJob
from airflow_provider_mediabatch.plugins.mediabatch_plugin import MediaBatchPlugin
from airflow_provider_mediabatch.review.label_shares import RunShares, compare
from airflow_provider_mediabatch.review.routes.history_page import render_dags, render_history
from airflow_provider_mediabatch.review.run_history import fitting
from airflow_provider_mediabatch.review.run_line import RunLine, used_node_seconds
from airflow_provider_mediabatch.review.run_texts import run_row, run_state
from airflow_provider_mediabatch.review.site import ReviewSite

LINE = RunLine("run 1", "success", pages.AT, 218, 216, 2, node_seconds=1800, costs={"EUR": 1.5}, seconds=95)


def test_shares_are_compared_with_the_runs_before() -> None:
    same = {"tripod": 60, "coffee": 40}
    now, *_, first = compare([{"tripod": 10, "coffee": 90}, same, {}, same])
    assert [(item.label, round(item.share, 2), round(item.change or 0, 2)) for item in now.labels] == [
        ("coffee", 0.9, 0.5),
        ("tripod", 0.1, -0.5),
    ]
    assert (round(now.distance or 0, 2), now.has_changed) == (0.5, True)
    assert (first.distance, first.labels[0].change, first.has_changed) == (None, None, False)
    assert compare([{}, same])[0] == RunShares()


def test_a_line_has_the_numbers_of_a_run() -> None:
    (shares, _) = compare([{"tripod": 3, "coffee": 1}, {"tripod": 4}])
    row = run_row(LINE, shares)
    assert row.numbers == ("218", "216", "2", "0")
    assert row.labels == (("tripod", "75% (-25)"), ("coffee", "25% (+25)"))
    assert (row.duration, row.cost) == ("1 min 35 s", "0.5 node hours, 1.50 EUR")


def test_node_hours_count_each_node_and_the_job_alone() -> None:
    submitted = SubmittedJob("DB.S.MB_JOB_0", replicas=3).to_xcom()
    result = replace(pages.RESULT, seconds=100.0, job_seconds=None)
    assert used_node_seconds(result, submitted) == 300
    assert used_node_seconds(replace(result, job_seconds=40.0), submitted) == 120
    assert used_node_seconds(result, None) == 100


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (replace(LINE, quarantined=0), "complete"),
        (LINE, "files quarantined"),
        (replace(LINE, failed=(pages.FULL,)), "failed"),
        (replace(LINE, state="running", waiting=(pages.APPROVAL,)), "waits for an answer"),
        (replace(LINE, state="queued"), "queued"),
    ],
)
def test_the_state_of_a_run(line: RunLine, words: str) -> None:
    assert run_state(line).text == words


def test_the_pages_link_runs_and_forms_and_escape_names() -> None:
    site = ReviewSite("secret")
    waiting = replace(LINE, run_id=pages.HOSTILE, waiting=(pages.APPROVAL,))
    body = bytes(render_history(site, "night", [waiting, LINE], [RunShares()] * 2).body).decode()
    assert pages.HOSTILE not in body
    assert '"/mediabatch/night/run%201"' in body
    assert "/tasks/approve_sample/required_actions" in body
    body = bytes(render_dags(site, [("night <b>", pages.AT)]).body).decode()
    assert "night &lt;b&gt;" in body


def test_runs_are_shown_whole_and_the_others_are_counted() -> None:
    """A run of which a part was read would have wrong numbers."""
    assert [fitting(sizes) for sizes in ([], [10, 20], [4000, 1000, 1], [6000, 1], [1, 5000, 1])] == [0, 2, 2, 1, 1]
    site = ReviewSite("secret")
    assert b"612 older runs are left out." in render_history(site, "night", [LINE], [RunShares()], more=612).body
    assert b"left out" not in render_history(site, "night", [LINE], [RunShares()]).body


def test_no_view_of_ours_is_on_the_tasks_of_other_dags() -> None:
    assert {view["destination"] for view in MediaBatchPlugin.external_views} == {"dag_run", "nav"}
