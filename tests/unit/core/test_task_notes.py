"""What a task notes of its job and of its failure."""

from __future__ import annotations

import json

import pytest

from airflow_provider_mediabatch.core.task_notes import MAX_TEXT, SubmittedJob, TaskFailure


@pytest.mark.parametrize(
    "note",
    [
        SubmittedJob("DB.SC.MB_J_0", "01", "https://x", {"location": "@A.B.C/"}, "M version V", 2),
        TaskFailure("It failed", "ValueError: x", "Nothing runs.", "A retry fails."),
    ],
)
def test_a_note_is_the_same_after_its_xcom(note: SubmittedJob | TaskFailure) -> None:
    assert type(note).from_xcom(json.loads(json.dumps(note.to_xcom()))) == note


def test_a_long_text_is_cut() -> None:
    failure = TaskFailure("x" * 5 * MAX_TEXT)
    assert (len(failure.what), failure.what[-1]) == (MAX_TEXT, "…")
