"""What pages are made of, for tests that need neither the engine nor Airflow."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.drift_report import Bin, ColumnDrift, DriftReport
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.core.sample_report import Check, SampleReport
from airflow_provider_mediabatch.core.task_notes import SubmittedJob, TaskFailure
from airflow_provider_mediabatch.review.quarantined_files import QuarantinedFile
from airflow_provider_mediabatch.review.result_rows import MediaFile
from airflow_provider_mediabatch.review.reviewed_batch import (
    Answer,
    LoadedDrift,
    ReviewedBatch,
    TaskInstanceInfo,
    TaskKey,
)
from airflow_provider_mediabatch.review.serialized_tasks import TaskKind

HOSTILE = "<script>alert(1)</script>\"'>"
AT = datetime(2026, 11, 27, 2, 31, tzinfo=UTC)
SAMPLE, FULL, APPROVAL = (TaskKey("night", "run 1", name) for name in ("sample_batch", "full_batch", "approve_sample"))
JOB = "MEDIA.PUBLIC.MB_FULL_BATCH_ABCDEFGHIJKLMNOPQRSTUVWXYZ_0"
MANIFEST = Manifest("@MEDIA.PUBLIC.WORK/MB_0/m/", {"IMAGE": "VARCHAR"}, ("IMAGE",), 218, 218, 9000, "d")
REPORT = SampleReport(
    True, JOB, f"@MEDIA.PUBLIC.WORK/{JOB}/", MANIFEST.location, "p", "m", (Check("row count", True, "3 rows"),), (), 3
)
RESULT = BatchResult(
    JOB,
    f"@MEDIA.PUBLIC.WORK/{JOB}/",
    216,
    218,
    14.0,
    "p",
    "MEDIA.PUBLIC.EFFICIENTNET_LITE0",
    "V3",
    "predict",
    outputs={"LABEL": "STRING", "SCORE": "DOUBLE"},
    manifest=MANIFEST.to_xcom(),
)
_FAR = (Bin(HOSTILE, 0.9, 0.0), Bin("tripod", 0.1, 0.8), Bin("", 0.0, 0.2))
_SCORES = ((0.1, 0.31, 0.29), (0.5, 0.62, 0.64), (0.9, 0.94, 0.95))
DRIFT = DriftReport(
    "MEDIA.PUBLIC.PREDICTIONS_DRIFT",
    0.2,
    (
        ColumnDrift("LABEL", "label", 210, 2100, 12, 1.84, 0.03, 0.0, 0.01, labels=_FAR),
        ColumnDrift("SCORE", "number", 210, 2100, 12, 0.02, 0.1, 0.25, 0.24, quantiles=_SCORES),
        ColumnDrift("MB_ERROR", "error", 4, 2100, 12, 0.9, 1.66, labels=(Bin("failed", 0.5, 0.01),)),
        ColumnDrift(HOSTILE * 4, "label", 210, 9, 1, labels=(Bin("cat", 1.0, 1.0),)),
    ),
)
LOADED = LoadedDrift(TaskKey("night", "run 1", "load_results"), True, DRIFT)
"""A load that its run's drift has stopped."""
FAILURE = TaskFailure(
    f"Job {JOB} ended as FAILED, because the model raised an exception. It ran @MEDIA.PUBLIC.PHOTOS/{HOSTILE}.jpg.",
    f"PIL.UnidentifiedImageError: cannot identify {HOSTILE}",
    "The job has ended and incurs no more cost.",
    "With isolate_failures=True files that the model cannot process are left out.",
)


def info(key: TaskKey = FULL, state: str | None = "success", **changes: Any) -> TaskInstanceInfo:
    """A task instance of ours with a job."""
    kind = {SAMPLE: TaskKind.SAMPLE, FULL: TaskKind.BATCH, APPROVAL: TaskKind.APPROVAL}[key]
    made = TaskInstanceInfo(
        key,
        state,
        "snowflake_default",
        kind,
        None if kind is TaskKind.APPROVAL else SubmittedJob(JOB, manifest=MANIFEST.to_xcom(), model="M version V3"),
        files=MANIFEST,
        started=AT,
    )
    return replace(made, **changes)


def file(name: str, **changes: Any) -> MediaFile:
    """A file with an address of the page's own."""
    path = f"@MEDIA.PUBLIC.PHOTOS/{name}"
    return replace(MediaFile("IMAGE", path, "image", f"/mediabatch/media?file={len(name)}"), **changes)


def batch(result: SampleReport | BatchResult = RESULT, key: TaskKey = FULL) -> ReviewedBatch:
    """What a task returned."""
    return ReviewedBatch(key, result, "snowflake_default", None, (MANIFEST,), MANIFEST.location)


def quarantined(*names: str) -> tuple[QuarantinedFile, ...]:
    """Quarantined files."""
    return tuple(QuarantinedFile(file(name), f"OSError: {name} is truncated", "line 1\nline 2") for name in names)


def answer(approved: bool | None = None, **changes: Any) -> Answer:
    """A form and its answer."""
    return replace(Answer(APPROVAL, AT, approved, "" if approved is None else "ann", AT), **changes)
