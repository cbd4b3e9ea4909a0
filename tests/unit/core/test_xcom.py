from __future__ import annotations

import json
from dataclasses import is_dataclass, replace
from typing import Any

import pytest

from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.comparison import Comparison
from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.job_status import JobStatus
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.core.sample_report import Check, SampleReport, clip
from airflow_provider_mediabatch.core.task_notes import SubmittedJob
from airflow_provider_mediabatch.core.truth import ClassScore, Truth

PLAN = InferencePlan(
    model="DB.SC.M",
    model_version="V1",
    function="predict",
    inputs={"IMAGE": "BYTES"},
    outputs={"LABEL": "STRING"},
    column_handling={"IMAGE": {"input_format": "full_stage_path", "convert_to": "raw_bytes"}},
    compute_pool="P",
    job_schema="DB.SC",
    output_location="@DB.SC.OUT/x/",
    params={"language": "en", "deep": {"a": [1, 2.5, None]}},
    warnings=("mind the gap",),
    manifest_digest="m",
    manifests=("0123456789abcdef",),
)
REPORT = SampleReport(
    True, "DB.SC.J", "@L/", "@M/", PLAN.digest, "m", (Check("rows", True, "3"),), ({"A": 1, "B": "x"},), 3, 0.5
)
RESULT = BatchResult(
    "DB.SC.J", "@L/", 3, 3, 1.5, PLAN.digest, "DB.SC.M", "V1", "predict", {"L": "STRING"}, {"kind": "m"}
)
MANIFEST = Manifest("@DB.SC.W/m/", {"IMAGE": "VARCHAR"}, ("IMAGE",), 1, 1, 5, "d")
VALUES: list[Any] = [MANIFEST, PLAN, REPORT, RESULT]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_round_trip_through_json(value: Any) -> None:
    again = type(value).from_xcom(json.loads(json.dumps(value.to_xcom())))
    assert again == value
    assert type(value).from_xcom(value) is value


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda d: {**d, "version": 2}, "newer airflow-provider-mediabatch"),
        (lambda d: {**d, "version": None}, "no version"),
        (lambda d: {**d, "kind": "something.else"}, "got something.else"),
        (lambda d: {"kind": d["kind"], "version": 1}, "is not complete: it lacks"),
        (lambda d: {**d, "later": 1}, "unknown field later"),
        (lambda d: {**d, "version": True}, "no version"),
        (lambda _: "text", "got str"),
        (lambda _: None, "pushed no XCom"),
        (lambda _: {}, "without a kind"),
    ],
)
def test_anything_else_is_refused(value: Any, damage: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        type(value).from_xcom(damage(value.to_xcom()))


TRUTH = Truth("LABEL", "T", 2, 2, 1, classes=(ClassScore("cat", 1, 1, 1),), class_count=1)
COMPARISON = Comparison(
    "V1", "T", "LABEL", 2, 2, 1, "SCORE", 0.5, 0.6, 0.1,
    changes=({"path": "@A.B.C/x", "before": "a", "after": "b", "score_before": 0.5, "score_after": None},),
    confusion=({"before": "a", "after": None, "files": 1},), pairs=1,
)  # fmt: skip
FULL_REPORT = replace(REPORT, truth=TRUTH, comparison=COMPARISON)


def test_what_was_measured_makes_the_round_trip_too() -> None:
    assert SampleReport.from_xcom(json.loads(json.dumps(FULL_REPORT.to_xcom()))) == FULL_REPORT


def damaged(value: Any, path: str, wrong: Any) -> dict[str, Any]:
    """The value's XCom with another value at a path such as ``truth.classes.0.label``."""
    made = json.loads(json.dumps(value.to_xcom()))
    *outer, last = path.split(".")
    inner = made
    for name in outer:
        inner = inner[int(name) if name.isdigit() else name]
    inner[last] = wrong
    return made  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("value", "path", "wrong"),
    [
        (RESULT, "rows", "many"),
        (RESULT, "rows", 1.5),
        (RESULT, "rows", True),
        (RESULT, "seconds", "inf"),
        (RESULT, "seconds", float("inf")),
        (RESULT, "seconds", float("nan")),
        (RESULT, "outputs", ["LABEL"]),
        (RESULT, "outputs", {"LABEL": 1}),
        (RESULT, "location", None),
        (RESULT, "quarantined", [{"path": "x"}]),
        (RESULT, "quarantined", ["x"]),
        (RESULT, "quarantined", 5),
        (MANIFEST, "file_columns", [1]),
        (MANIFEST, "skipped", {"done": "1"}),
        (MANIFEST, "row_count", None),
        (REPORT, "checks", [{"name": 1, "passed": True, "detail": ""}]),
        (REPORT, "checks", "rows"),
        (REPORT, "preview", ["x"]),
        (FULL_REPORT, "truth.labelled", "2"),
        (FULL_REPORT, "truth.classes.0.expected", "1"),
        (FULL_REPORT, "truth.examples", [{"path": "x"}]),
        (FULL_REPORT, "comparison.score_before", "0.5"),
        (FULL_REPORT, "comparison.changes.0.score_after", "0.5"),
        (FULL_REPORT, "comparison.changes", [{"path": "x"}]),
        (FULL_REPORT, "comparison.confusion.0.files", "1"),
        (FULL_REPORT, "comparison.confusion", [{}]),
        (PLAN, "warnings", [1]),
        (PLAN, "replicas", "2"),
        (SubmittedJob("A.B.J"), "replicas", "9"),
    ],
    ids=lambda item: type(item).__name__ if is_dataclass(item) else repr(item)[:30],
)
def test_a_field_of_another_type_is_refused(value: Any, path: str, wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"another type than expected|changed after validation"):
        type(value).from_xcom(damaged(value, path, wrong))


def test_a_number_that_json_lacks_is_not_written() -> None:
    """Airflow pushes an XCom with ``allow_nan=False``, and a sample's score may be anything."""
    rows = clip([{"A": float("inf"), "B": float("nan"), "C": -float("inf"), "D": 0.5}])
    assert rows == ({"A": "inf", "B": "nan", "C": "-inf", "D": 0.5},)
    measured = replace(COMPARISON, score_before=float("nan"), score_after=float("inf"))
    report = replace(REPORT, preview=({"A": float("inf")},), comparison=measured)
    text = json.dumps(report.to_xcom(), allow_nan=False)
    again = SampleReport.from_xcom(json.loads(text))
    assert again.comparison is not None
    assert (again.comparison.score_before, again.comparison.score_after) == (None, None)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_messages_name_the_class_that_a_user_knows(value: Any) -> None:
    assert value.to_xcom()["kind"] == type(value).__name__
    with pytest.raises(ValueError, match=f"expected a {type(value).__name__} "):
        type(value).from_xcom({})


def test_digest_is_of_the_work_alone() -> None:
    assert PLAN.digest == InferencePlan.from_xcom({**PLAN.to_xcom(), "warnings": [], "manifest_digest": "z"}).digest
    for change in ({"model_version": "V2"}, {"params": {"language": "de"}}, {"replicas": 2}, {"compute_pool": "Q"}):
        changed = {**PLAN.to_xcom(), **change}
        changed.pop("digest")
        assert InferencePlan.from_xcom(changed).digest != PLAN.digest


def test_a_plan_changed_by_hand_is_refused() -> None:
    with pytest.raises(ValueError, match="changed after validation"):
        InferencePlan.from_xcom({**PLAN.to_xcom(), "model_version": "V9"})


def test_plan_covers_its_manifests() -> None:
    assert PLAN.covers("0123456789abcdef0000")
    assert not PLAN.covers("1123456789abcdef0000")


def test_preview_is_small_and_plain() -> None:
    rows = clip([{"A": "x" * 1000, "B": b"12345", "C": None, "D": 1.5, "E": True}] * 30)
    assert len(rows) == 10
    assert len(rows[0]["A"]) == 200
    assert rows[0]["B"] == "<5 bytes>"
    assert (rows[0]["C"], rows[0]["D"], rows[0]["E"]) == (None, 1.5, True)
    json.dumps(rows)


def test_statuses_are_a_closed_set() -> None:
    assert {status for status in JobStatus if status.terminal} == {
        JobStatus.DONE,
        JobStatus.FAILED,
        JobStatus.CANCELLED,
        JobStatus.INTERNAL_ERROR,
        JobStatus.DELETED,
    }
    assert JobStatus.of("done") is JobStatus.DONE
    assert JobStatus.of("NEW_ONE") is None
    assert JobStatus.CANCELLING.ending
