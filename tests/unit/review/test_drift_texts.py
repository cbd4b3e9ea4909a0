"""What the pages say of drift, with everything of a model or a DAG escaped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from unit.review import pages

from airflow_provider_mediabatch.core.drift_report import Bin, DriftReport
from airflow_provider_mediabatch.review.drift_texts import section, sentence
from airflow_provider_mediabatch.review.label_shares import RunShares
from airflow_provider_mediabatch.review.routes.history_page import render_history
from airflow_provider_mediabatch.review.routes.run_page import render_run
from airflow_provider_mediabatch.review.run_line import FinishedTask, RunTime, run_line
from airflow_provider_mediabatch.review.serialized_tasks import TaskKind
from airflow_provider_mediabatch.review.site import ReviewSite
from airflow_provider_mediabatch.review.task_instances import drift_of


def test_a_column_is_a_line() -> None:
    label, score, error, new = section(pages.LOADED).rows
    assert (label.verdict.text, label.index, label.rows, label.nulls) == ("drifted", "1.84", "210 / 2,100", "0% (1%)")
    assert label.values == ((pages.HOSTILE, "90% (0%)"), ("tripod", "10% (80%)"), ("(empty)", "0% (20%)"))
    assert (score.verdict.text, score.values) == (
        "as before",
        (("", "10% ≤ 0.31 (0.29)"), ("", "50% ≤ 0.62 (0.64)"), ("", "90% ≤ 0.94 (0.95)")),
    )
    assert (error.verdict.text, error.values) == ("too few rows", (("failed", "50% (1%)"),))
    assert (new.verdict.text, new.index) == ("no baseline yet", "–")


def test_the_sentence_says_what_came_of_it() -> None:
    far = "The distribution of the output differs from that of the last 12 runs, with a limit of 0.2: LABEL."
    assert sentence(pages.DRIFT, loaded=False) == f"{far} Nothing was loaded."
    assert sentence(pages.DRIFT, loaded=True) == far
    near = replace(pages.DRIFT, max_drift=2.0)
    assert sentence(near, loaded=True) == "The output is distributed like that of the last 12 runs, with a limit of 2."
    first = replace(pages.DRIFT, columns=pages.DRIFT.columns[3:])
    assert sentence(first, loaded=True).startswith("No baseline yet")
    assert sentence(DriftReport("T", 0.2), loaded=True) == "The output has no labels and no numbers to compare."


def test_the_page_of_a_run_escapes_labels_and_names() -> None:
    body = bytes(render_run(ReviewSite("s"), "night", "run 1", [], [pages.LOADED], refresh=False).body).decode()
    assert "<bdi>load_results</bdi>: The distribution of the output differs" in body
    assert pages.HOSTILE not in body
    assert "<script" not in body


def test_a_report_of_many_columns_and_long_labels_is_short() -> None:
    column = replace(pages.DRIFT.columns[0], labels=(Bin("long " * 100_000, 1.0, 1.0),))
    many = replace(pages.LOADED, report=replace(pages.DRIFT, columns=(column,) * 10_000))
    found = section(many)
    assert (len(found.rows), found.more) == (50, 9950)
    assert max(len(text) for row in found.rows for text, _ in row.values) == 60
    body = bytes(render_run(ReviewSite("s"), "night", "run 1", [], [many], refresh=False).body).decode()
    assert "9,950 more columns." in body
    assert len(body) < 50_000


def test_a_batch_of_an_expanded_task_group_has_the_drift_of_its_own_load() -> None:
    loads = [replace(pages.LOADED, key=replace(pages.LOADED.key, map_index=index)) for index in range(3)]
    assert drift_of(replace(pages.FULL, map_index=1), loads) == (loads[1],)
    assert drift_of(replace(pages.FULL, map_index=1), [pages.LOADED]) == (pages.LOADED,), "one load of all shards"


@pytest.mark.parametrize("wrap", [lambda report: report, lambda report: {"rows": 3, "drift": report}])
def test_the_line_of_a_run_names_what_drifted(wrap: Any) -> None:
    value = wrap(pages.DRIFT.to_xcom())
    task = FinishedTask(pages.LOADED.key, "failed", TaskKind.LOAD, value, None, lambda: "c")
    line = run_line(RunTime("r", "failed", pages.AT, pages.AT, pages.AT), [task], (), pages.AT)
    assert (line.drifted, line.failed) == (("LABEL",), (pages.LOADED.key,))
    hostile = replace(line, drifted=(pages.HOSTILE,))
    body = bytes(render_history(ReviewSite("s"), "night", [line, hostile], [RunShares()] * 2).body).decode()
    assert "drift</span> LABEL" in body
    assert pages.HOSTILE not in body
