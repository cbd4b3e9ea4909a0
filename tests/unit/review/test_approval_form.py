"""The approval form: what a person decides by comes first, and everything from outside is in code spans."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from unit.review import pages

from airflow_provider_mediabatch.core.comparison import Comparison
from airflow_provider_mediabatch.core.cost_projection import project
from airflow_provider_mediabatch.core.sample_report import Check
from airflow_provider_mediabatch.core.truth import ClassScore, Truth
from airflow_provider_mediabatch.review.approval_form import body, subject

PLAN: Any = SimpleNamespace(
    model="MEDIA.PUBLIC.EFFICIENTNET_LITE0", model_version="V3", function="predict", compute_pool="POOL", warnings=()
)
PROJECTION = project(
    files=218, sampled=3, seconds_per_file=0.284, start_seconds=8, credits_per_hour=0.11, price_per_credit=3
)
ROW = {"IMAGE": "@MEDIA.PUBLIC.PHOTOS/camera 1.png", "MB_CONTENT_ID": "c", "LABEL": "tripod", "SCORE": 0.5}
REPORT = replace(pages.REPORT, preview=(ROW,) * 10, rows=10, checks=(Check("row count", True, "10 rows"),))


def form(report: Any = REPORT) -> str:
    return body(report, projection=PROJECTION, plan=PLAN, file_columns=("IMAGE",), task=("d", "r", "t", -1))


def test_verdict_and_price_come_before_the_pictures() -> None:
    first, link, *_ = form().split("\n\n")
    assert "The sample passed its checks." in first
    assert "218 files" in first
    assert "USD" in first
    assert link == "[See the sample on its review page](/mediabatch/d/r/t/-1)"
    assert form().index("![camera 1.png]") < form().index("Start of the job")


def test_the_pictures_stand_side_by_side_and_the_others_are_counted() -> None:
    (line,) = [line for line in form().splitlines() if "![" in line]
    assert line.count("![camera 1.png](/mediabatch/d/r/t/-1/preview/") == 5
    assert "5 more sampled files" in form()
    assert "| ` " not in form()
    assert "|  |" not in form(), "no heading is empty"


def test_passed_and_failed_are_words_and_a_failed_check_is_at_the_top() -> None:
    failed = replace(REPORT, passed=False, checks=(Check("NULL values", False, "SUMMARY: 6 of 10 rows are NULL"),))
    text = form(failed)
    assert "| `NULL values` | **failed** | `SUMMARY: 6 of 10 rows are NULL` |" in text
    assert text.index("SUMMARY: 6 of 10") < text.index("### Sample")
    assert "| `row count` | passed |" in form()
    assert not {"✅", "❌"} & set(text + form())


def test_the_subject_tells_runs_apart() -> None:
    assert subject(PROJECTION, PLAN) == "218 files with EFFICIENTNET_LITE0 V3, under 0.01 USD"
    assert subject(project(files=1, sampled=1, seconds_per_file=None), None) == "1 file"


def test_a_recording_is_linked_by_its_name() -> None:
    rows = tuple({"AUDIO": f"@A.B.C/{name}", "LABEL": "x"} for name in ("tone 0.wav", "a]b`.wav", "notes.txt"))
    report = replace(REPORT, preview=rows, rows=3)
    text = body(report, projection=PROJECTION, plan=PLAN, file_columns=("AUDIO",), task=("d", "r", "t", -1))
    assert "[Play `tone 0.wav`](/mediabatch/d/r/t/-1/preview/0/AUDIO?size=full)" in text
    assert "[Play ``a]b`.wav``](" in text
    assert "[Open `notes.txt`](" in text


@pytest.mark.parametrize("path", [None, "", "@A.B.C/\u202e\u200d", "!!!.png", "@A.B.C/!!!"])
def test_every_column_has_a_head_and_every_picture_a_text(path: str | None) -> None:
    text = form(replace(REPORT, preview=({"IMAGE": path, "LABEL": "x"},), rows=1))
    (head,) = [line for line in text.splitlines() if line.startswith("| File |")]
    assert "|  |" not in head
    assert "![](" not in text


def test_a_quarantined_file_without_a_reason_and_many_warnings() -> None:
    report = replace(REPORT, quarantined=({"path": "@A.B.C/x.jpg", "error": ""},))
    assert "- `x.jpg`: " in form(report)
    plan = SimpleNamespace(**{**vars(PLAN), "warnings": tuple(f"warning {number}" for number in range(30))})
    text = body(REPORT, projection=PROJECTION, plan=plan, file_columns=(), task=None)  # type: ignore[arg-type]
    assert text.count("- `warning") == 20
    assert "- and 10 more" in text


def test_expected_labels_stand_under_the_pictures_and_in_the_first_sentence() -> None:
    path = str(ROW["IMAGE"])
    examples = ({"path": path, "expected": "cat|s", "predicted": "tripod"},)
    classes = tuple(ClassScore(f"class {number}", 1, 0, 0) for number in range(12))
    truth = Truth("LABEL", "LABELS", 10, 4, 3, 0.5, classes, 14, examples, min_accuracy=0.7)
    text = form(replace(REPORT, truth=truth))
    assert "3 of 4 labelled files are right (75.0%)." in text.split("\n\n")[0]
    (line,) = [line for line in text.splitlines() if line.startswith("| Expected |")]
    assert line.count("`cat│s` **wrong**") == 5
    assert "| Accuracy | `75.0% (at least 70.0% asked for)` |" in text
    assert "| `class 9` | 1 | 0 | – | 0% |" in text
    assert "4 more classes." in text
    assert "Expected |" not in form()


def test_what_changed_since_another_version_stands_under_the_pictures() -> None:
    change = {"path": ROW["IMAGE"], "before": "a|b", "after": "tripod", "score_before": 0.25, "score_after": 0.5}
    cells = ({"before": "a|b", "after": "tripod", "files": 3}, {"before": "tripod", "after": "tripod", "files": 6})
    found = Comparison("V2", "RESULTS", "LABEL", 10, 9, 6, "SCORE", 0.25, 0.5, 0.3, (change,), cells, 5, 0.5)
    text = form(replace(REPORT, comparison=found))
    assert "3 of 9 files with an earlier result have another one now." in text.split("\n\n")[0]
    (line,) = [line for line in text.splitlines() if line.startswith("| Before |") and "changed" in line]
    assert line.count("`a│b (0.25)` **changed**") == 5
    assert "### `Compared with version V2`" in text
    assert "| `Agreement` | `66.7% (at least 50.0% asked for)` |" in text
    assert "| `Mean SCORE` | `0.25 before, 0.5 now` |" in text
    assert "| `a│b` | `tripod` | 3 |" in text
    assert "3 more pairs." in text
    none = Comparison("", "RESULTS", "LABEL", 10)
    assert "None of the 10 files has an earlier result" in form(replace(REPORT, comparison=none))
