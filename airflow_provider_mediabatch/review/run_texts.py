"""A DAG run in words and numbers, one line. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_mediabatch.core.cost_projection import duration
from airflow_provider_mediabatch.review.label_shares import LabelShare, RunShares
from airflow_provider_mediabatch.review.run_line import RunLine
from airflow_provider_mediabatch.review.task_texts import StateText, moment


@dataclass(frozen=True)
class RunRow:
    """What the line of a run says.

    :param begun: when the run was due.
    :param state: its state.
    :param numbers: files, done, quarantined and failed tasks.
    :param labels: the shares of its labels.
    :param duration: of the run.
    :param cost: the time of its nodes, and what they cost, where a rate was given.
    :param drifted: the columns that have drifted.
    """

    begun: str
    state: StateText
    numbers: tuple[str, ...]
    labels: str
    duration: str
    cost: str
    drifted: str = ""


def run_row(line: RunLine, shares: RunShares) -> RunRow:
    """The line of a run.

    :param line: its numbers.
    :param shares: its labels beside those of the runs before.
    """
    return RunRow(
        moment(line.begun),
        run_state(line),
        tuple(f"{number:,}" for number in (line.files, line.done, line.quarantined, len(line.failed))),
        ", ".join(map(_label, shares.labels)),
        "" if line.seconds is None else duration(max(0.0, line.seconds)),
        ", ".join(
            [
                *([f"{line.node_seconds / 3600:.2g} node hours"] if line.node_seconds else []),
                *(f"{cost:,.2f} {currency}".strip() for currency, cost in line.costs.items()),
            ]
        ),
        ", ".join(line.drifted),
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


def _label(found: LabelShare) -> str:
    change = "" if found.change is None else f" ({100 * found.change:+.0f})"
    return f"{found.label or '(empty)'} {100 * found.share:.0f}%{change}"
