"""The price of a full batch out of its task's arguments and its sample, and the limit that it must keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_mediabatch.core.batch_cost import CostPlan
from airflow_provider_mediabatch.core.coercion import number
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.files.arguments import raise_invalid_input

if TYPE_CHECKING:
    from airflow_provider_mediabatch.core.inference_plan import InferencePlan
    from airflow_provider_mediabatch.core.manifest import Manifest
    from airflow_provider_mediabatch.core.sample_report import SampleReport

Number = float | int | str | None


def parse_amount(name: str, value: Number) -> float | None:
    """A number from 0, which a template gives as text; None when nothing is given.

    :param name: the argument, for the message.
    :raises InvalidInputError: for anything else.
    """
    with raise_invalid_input():
        return number(name, value)


class PricedTask(Protocol):
    """The arguments of a task that say what its job costs."""

    credits_per_hour: Number
    price_per_credit: Number
    currency: str


def cost_plan(
    task: PricedTask,
    manifest: Manifest,
    plan: InferencePlan,
    sample: SampleReport | None,
    kept: Mapping[str, Any] | None = None,
) -> CostPlan:
    """What this manifest's batch is expected to cost.

    :param task: gives the price.
    :param sample: gives the speed; None: there is no projection.
    :param kept: what it was before a deferral: upstream tasks may have been cleared since.
    """
    if kept is not None:
        return CostPlan(**kept)
    rate = CostPlan(
        parse_amount("credits_per_hour", task.credits_per_hour),
        parse_amount("price_per_credit", task.price_per_credit),
        task.currency,
    )
    speed = sample.seconds_per_file if sample is not None else None
    return rate.projected(files=manifest.row_count, seconds_per_file=speed, replicas=plan.replicas)


def check_max_cost(max_cost: Number, cost: CostPlan, manifest: Manifest, sample: SampleReport | None) -> None:
    """Refuse a run that is expected to cost too much. All shards of a listing count together.

    :param max_cost: the limit in the currency of the price; None: there is none.
    :param cost: the projection for this manifest.
    :raises InvalidInputError: above the limit, and when the projection is not known.
    """
    limit = parse_amount("max_cost", max_cost)
    if limit is None:
        return
    missing = [name for name in ("credits_per_hour", "price_per_credit") if getattr(cost, name) is None]
    if sample is None or sample.seconds_per_file is None:
        missing.append("sample (one whose report has a speed)")
    if missing or sample is None or cost.projected_cost is None:
        raise InvalidInputError(f"max_cost={limit:g} cannot be checked without {', '.join(missing)}")
    files = max(sample.run_files - sample.quarantined_count, manifest.row_count)
    expected = cost.projected_cost * files / max(1, manifest.row_count)
    if expected > limit:
        raise InvalidInputError(
            f"The full run of {files:,} files is expected to cost {expected:,.2f} {cost.currency}, more than "
            f"max_cost={limit:g} allows ({sample.seconds_per_file:g} s for each file in the sample). Raise max_cost, "
            "or take fewer files with max_files"
        )
