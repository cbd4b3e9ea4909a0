"""The output in which a model says of a row that it could not process it: which one it is.

The contract is in :mod:`~airflow_provider_mediabatch.batch.row_errors`.
"""

from __future__ import annotations

from airflow_provider_mediabatch.core.inference_plan import InferencePlan

ERROR_COLUMN = "MB_ERROR"
"""The output that the contract is about, unless an operator names another one."""


def find_error_column(plan: InferencePlan, name: str | None) -> str | None:
    """The model's output that says why a row failed, as the signature writes it; None: it has none.

    :param name: what the operator was given. The default need not be there, and another name must be.
    :raises ValueError: when the output is missing, is no text, or belongs to a method that works on whole partitions.
    """
    if not name:
        return None
    found = (
        name if name in plan.outputs else next((item for item in plan.outputs if item.upper() == name.upper()), None)
    )
    if found is None:
        if name == ERROR_COLUMN:
            return None
        raise ValueError(f"error_column={name!r} is no output of the model, which has {', '.join(plan.outputs)}")
    if plan.outputs[found] != "STRING":
        raise ValueError(
            f"The model's output {found} is {plan.outputs[found]}. The error of a row is a STRING that is NULL "
            "when the row went well. Set error_column=None if this output means something else"
        )
    if not plan.keeps_rows:
        if name == ERROR_COLUMN:
            return None
        raise ValueError(f"error_column={name!r}: {plan.function} works on whole partitions, not on single files")
    return found
