"""What upstream tasks hand on, out of their XComs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.manifest import Manifest, manifests_from_xcom
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.exceptions import InvalidInputError

APPROVE = "Approve"
"""The option of Airflow's ApprovalOperator that says yes. Its module is costly to import."""


def parse_plan(value: Any) -> InferencePlan:
    """The plan of an XCom.

    :raises InvalidInputError: when it is none.
    """
    try:
        return InferencePlan.from_xcom(value)
    except ValueError as error:
        raise InvalidInputError(f"plan: {error}") from None


def parse_manifests(value: Any) -> Sequence[Manifest]:
    """The manifests of an XCom, one or a list of shards.

    :raises InvalidInputError: when they are none.
    """
    try:
        return manifests_from_xcom(value)
    except ValueError as error:
        raise InvalidInputError(f"manifest: {error}") from None


def parse_sample(value: Any) -> SampleReport:
    """The report of an XCom.

    :raises InvalidInputError: when it is none.
    """
    try:
        return SampleReport.from_xcom(value)
    except ValueError as error:
        raise InvalidInputError(f"sample: {error}") from None


def is_approved(value: Any) -> bool:
    """Whether the answer of an XCom is a yes.

    :param value: what ApproveSampleOperator, or Airflow's ApprovalOperator, returned.
    :raises InvalidInputError: when it is no answer.
    """
    chosen = value.get("chosen_options") if isinstance(value, Mapping) else None
    if not isinstance(chosen, Sequence) or isinstance(chosen, str) or not chosen:
        raise InvalidInputError(f"approval: an ApproveSampleOperator's answer is expected, not {type(value).__name__}")
    return list(chosen) == [APPROVE]
