"""What the pages say of a task's state and failure, in words. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.review.reviewed_batch import ReviewedBatch, TaskInstanceInfo

_JOB = re.compile(r"\bJob (?:\"[^\"]*\"|\w+)(?:\.(?:\"[^\"]*\"|\w+))+")
_FIRST_SENTENCE = re.compile(r"(.+?[.!?])(?=\s|$)", re.DOTALL)
_STATES = {
    "failed": ("failed", "bad"),
    "upstream_failed": ("not run, because an earlier task failed", "bad"),
    "up_for_retry": ("failed, will be tried again", "bad"),
    "skipped": ("skipped", "plain"),
    "removed": ("removed", "plain"),
    "success": ("complete", "good"),
    "awaiting_input": ("waits for an answer", "wait"),
    "deferred": ("running", "wait"),
    "running": ("running", "wait"),
    "queued": ("queued", "wait"),
    "scheduled": ("queued", "wait"),
    "restarting": ("starts again", "wait"),
    "up_for_reschedule": ("running", "wait"),
}


@dataclass(frozen=True)
class StateText:
    """A state in words.

    :param text: the words.
    :param tone: ``good``, ``bad``, ``wait`` or ``plain``. No page says by colour alone what this says.
    """

    text: str
    tone: str


@dataclass(frozen=True)
class FailureText:
    """A failure, as a page shows it.

    :param sentence: what is wrong. The job's name is left out of it.
    :param cause: the exception of the model, or "".
    :param advice: what runs, what a retry does, and what helps.
    :param more: the rest of the message, or "".
    """

    sentence: str
    cause: str = ""
    advice: tuple[str, ...] = ()
    more: str = ""


def state_text(info: TaskInstanceInfo, batch: ReviewedBatch | None) -> StateText:
    """The state of a task instance.

    A result with quarantined files is not simply complete.

    :param info: the task instance.
    :param batch: what it returned.
    """
    text, tone = _STATES.get(info.state or "", (info.state or "not started", "plain"))
    if batch is None or info.is_open:
        return StateText(text, tone)
    result = batch.result
    if not isinstance(result, BatchResult) and not result.passed:
        return StateText("failed its checks", "bad")
    if result.quarantined_count:
        files = f"{result.quarantined_count:,} {'file' if result.quarantined_count == 1 else 'files'} quarantined"
        return StateText(f"failed, {files}" if info.is_failed else files, "bad" if info.is_failed else "warn")
    if info.is_failed:
        return StateText(text, tone)
    return StateText("complete" if isinstance(result, BatchResult) else "passed", "good")


def failure_text(info: TaskInstanceInfo) -> FailureText | None:
    """Why the last try of a task instance failed, or None when it did not."""
    if info.state == "upstream_failed":
        return FailureText(
            "An earlier task failed, so this one was not run.", advice=("Look at the run's other tasks.",)
        )
    if not info.is_failed:
        return None
    failure = info.failure
    if failure is None:
        return FailureText(
            "The task failed and did not say why.",
            advice=(
                "The task's log in Airflow has the reason. The worker may have been killed, or the time was over.",
            ),
        )
    what = _JOB.sub("The job", failure.what)
    found = _FIRST_SENTENCE.match(what)
    sentence = found[1] if found else what
    advice = [text for text in (failure.running, failure.retry) if text]
    if info.state == "up_for_retry":
        advice.append("Airflow will try the task again.")
    return FailureText(sentence.strip(), failure.cause, tuple(advice), what[len(sentence) :].strip())


def moment(value: datetime | None) -> str:
    """A moment in UTC, to the minute."""
    if value is None:
        return ""
    at = value.astimezone(UTC) if value.tzinfo else value
    return f"{at:%Y-%m-%d %H:%M} UTC"
