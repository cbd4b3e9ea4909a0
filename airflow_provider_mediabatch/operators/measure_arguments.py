"""The arguments of the operators that say what an output is measured by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from airflow_provider_mediabatch.core.coercion import is_given
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.files.arguments import raise_invalid_input, share
from airflow_provider_mediabatch.operators.cost_limit import Number, parse_amount

if TYPE_CHECKING:
    from airflow_provider_mediabatch.batch.comparison import VersionComparison
    from airflow_provider_mediabatch.batch.drift import DriftChecks
    from airflow_provider_mediabatch.batch.truth import TruthChecks


class MeasuredTask(Protocol):
    """A task's arguments, after rendering."""

    labels: str | None
    min_accuracy: Number
    max_word_error_rate: Number


def truth_checks_of(task: MeasuredTask) -> TruthChecks | None:
    """What a task's output is measured by; None without labels.

    :raises InvalidInputError: for a limit that is no share, or that has no labels to be measured by.
    """
    from airflow_provider_mediabatch.batch.truth import TruthChecks

    accuracy = parse_share("min_accuracy", task.min_accuracy)
    rate = parse_amount("max_word_error_rate", task.max_word_error_rate)
    if not is_given(task.labels):
        for name, limit in (("min_accuracy", accuracy), ("max_word_error_rate", rate)):
            if limit is not None:
                raise InvalidInputError(f"{name}={limit:g} cannot be checked without labels=")
        return None
    return TruthChecks(str(task.labels), accuracy, rate)


def comparison_of(version: str | None, table: str | None, min_agreement: Number) -> VersionComparison | None:
    """What a sample is compared with; None without a version.

    :param version: a version's name, or ``previous``.
    :param table: the results table, or None for the ledger.
    :param min_agreement: the least agreement.
    :raises InvalidInputError: for a limit that is no share, or that has no version to be measured by.
    """
    from airflow_provider_mediabatch.batch.comparison import VersionComparison

    agreement = parse_share("min_agreement", min_agreement)
    if not is_given(version):
        if agreement is not None:
            raise InvalidInputError(f"min_agreement={agreement:g} cannot be checked without compare_with=")
        return None
    return VersionComparison(str(version), str(table) if is_given(table) else None, agreement)


ON_DRIFT = ("fail", "warn")


def drift_checks_of(max_drift: Number, on_drift: str, columns: Sequence[str] | str | None) -> DriftChecks | None:
    """What a run's output is compared with; None without a limit.

    :param max_drift: the limit of each column's index.
    :param on_drift: what follows from a column above it.
    :param columns: the columns to compare; None: the model's outputs.
    :raises InvalidInputError: for a limit that is no number, another word, or columns without a limit.
    """
    limit = parse_amount("max_drift", max_drift)
    if on_drift not in ON_DRIFT:
        raise InvalidInputError(f"on_drift={on_drift!r} is not one of {', '.join(ON_DRIFT)}")
    names = ((columns,) if isinstance(columns, str) else tuple(columns or ())) if is_given(columns) else None
    if limit is None:
        if names is not None:
            raise InvalidInputError(f"drift_columns={list(names)!r} cannot be compared without max_drift=")
        return None
    if names == ():
        raise InvalidInputError("drift_columns= is empty: name columns, or leave it out for the model's outputs")
    from airflow_provider_mediabatch.batch.drift import DriftChecks

    return DriftChecks(limit, on_drift == "fail", names)


def parse_share(name: str, value: Number) -> float | None:
    """A number from 0 to 1, which a template gives as text; None when nothing is given.

    :param name: the argument, for the message.
    :raises InvalidInputError: for anything else.
    """
    with raise_invalid_input():
        return share(name, value)
