"""What upstream tasks hand on, out of their XComs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.manifest import Manifest, manifests_from_xcom
from airflow_provider_mediabatch.exceptions import InvalidInputError


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
