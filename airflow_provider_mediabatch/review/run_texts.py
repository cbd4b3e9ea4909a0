"""A DAG run in words and numbers, one line. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_mediabatch.core.cost_projection import duration
from airflow_provider_mediabatch.review.drift_texts import MAX_COLUMNS, MAX_LABEL
from airflow_provider_mediabatch.review.label_shares import LabelShare, RunShares
from airflow_provider_mediabatch.review.reviewed_batch import TaskKey
from airflow_provider_mediabatch.review.run_line import RunLine
from airflow_provider_mediabatch.review.task_texts import StateText, moment
from airflow_provider_mediabatch.review.visible_text import shortened

MAX_FORMS = 10
"""An expanded task group may ask a thousand times."""


@dataclass(frozen=True)
class RunRow:
    """What the line of a run says.

    :param begun: when the run was due.
    :param state: its state.
    :param numbers: files, done, quarantined and failed tasks.
    :param labels: its labels, each with its share. They are apart, because a label may be written from right to left.
    :param duration: of the run.
    :param cost: the time of its nodes, and what they cost, where a rate was given.
    :param drifted: the columns that have drifted.
    :param waiting: the first ten approvals that wait for an answer.
    :param more_waiting: how many more there are.
    """

    begun: str
    state: StateText
    numbers: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]
    duration: str
    cost: str
    drifted: str = ""
    waiting: tuple[TaskKey, ...] = ()
    more_waiting: int = 0


def run_row(line: RunLine, shares: RunShares) -> RunRow:
    """The line of a run.

    :param line: its numbers.
    :param shares: its labels beside those of the runs before.
    """
    return RunRow(
        moment(line.begun),
        run_state(line),
        tuple(f"{number:,}" for number in (line.files, line.done, line.quarantined, len(line.failed))),
        tuple(map(_label, shares.labels)),
        "" if line.seconds is None else duration(max(0.0, line.seconds)),
        ", ".join(
            [
                *([f"{line.node_seconds / 3600:.2g} node hours"] if line.node_seconds else []),
                *(f"{cost:,.2f} {currency}".strip() for currency, cost in line.costs.items()),
            ]
        ),
        ", ".join(shortened(column, MAX_LABEL) for column in line.drifted[:MAX_COLUMNS]),
        line.waiting[:MAX_FORMS],
        len(line.waiting[MAX_FORMS:]),
    )


def run_state(line: RunLine) -> StateText:
    """The state of a run. One that left files out is not simply complete."""
    if line.waiting:
        return StateText("waits for an answer", "wait")
    if line.failed or line.state == "failed":
        return StateText("failed", "bad")
    if line.state != "success":
        return StateText("running" if line.state == "running" else line.state, "wait")
    return StateText("files quarantined", "warn") if line.quarantined else StateText("complete", "good")


def _label(found: LabelShare) -> tuple[str, str]:
    change = "" if found.change is None else f" ({100 * found.change:+.0f})"
    return found.label or "(empty)", f"{100 * found.share:.0f}%{change}"
