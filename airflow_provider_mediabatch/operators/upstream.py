"""What upstream tasks hand on, out of their XComs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.manifest import Manifest, manifests_from_xcom
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.core.xcom_keys import APPROVED_SAMPLE
from airflow_provider_mediabatch.exceptions import NOTHING_RUNS, InvalidInputError

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


def check_sample(value: Any, plan: InferencePlan, *, is_required: bool) -> None:
    """A full batch needs a sample that passed with this plan and these manifests.

    :param value: the sample's XCom, or None.
    :param is_required: whether it must be there.
    :raises InvalidInputError: when it is missing, did not pass, or tried something else than what is to run.
    """
    if value is None:
        if is_required:
            raise InvalidInputError(
                "The sample's task returned no report. It failed, was skipped or was marked by hand. The full "
                "batch needs a sample that passed. Clear the sample's task, or set require_sample=False"
            )
        return
    sample = parse_sample(value)
    if not sample.passed:
        raise InvalidInputError("The sample did not pass its checks. The full batch needs a sample that passed")
    bound = [
        ("plan", sample.plan_digest, plan.digest),
        ("manifest", sample.manifest_digest, plan.manifest_digest),
    ]
    if sample.from_run:
        # An earlier run's sample says nothing of these files, as its report tells. It tested this very model version.
        bound = [("plan", sample.tested_digest, plan.tested_digest)]
    for what, tested, given in bound:
        if tested != given:
            raise InvalidInputError(
                f"The sample passed with another {what} than this one (digest {tested[:16]}, not {given[:16]}): "
                "clear the sample's task, so that what runs is what was tested"
            )


def check_approval(value: Any, sample: SampleReport | None, *, is_required: bool) -> None:
    """A full batch needs a yes to its own sample.

    An answer of Airflow's ApprovalOperator does not say what it is an answer to.

    :param value: the approval's XCom, or None.
    :param sample: what the full batch has been given as its sample.
    :param is_required: whether it must be there.
    :raises InvalidInputError: when it is missing, or is the answer to another sample.
    :raises AirflowSkipException: after a no.
    """
    if value is None:
        if is_required:
            raise InvalidInputError(
                "The approval's task returned no answer. It failed, was skipped or was marked by hand. The full "
                "batch needs an approval. Clear the approval's task, or set require_approval=False"
            )
        return
    if not is_approved(value):
        raise AirflowSkipException(f"The sample was rejected. {NOTHING_RUNS}")
    approved = value.get(APPROVED_SAMPLE)
    if approved and sample is not None and approved != sample.approval_digest:
        raise InvalidInputError(
            "The approval is for another sample than this one: the plan or the files have changed since. Clear the "
            "approval's task, so that a person sees what is to run"
        )
