"""The logged model in a worker: loaded by snowflake-ml's own packager, called as its generated function calls it."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import pandas as pd

from airflow_provider_mediabatch.local.runner.files import InputError


class Model:
    """One method of a packaged model.

    :param folder: the packaged model (with ``model.yaml``).
    :param function: the method's name.
    :param params: values by SQL or Python name; names are matched without regard to case when not exact.
    """

    def __init__(self, folder: str, function: str, params: dict[str, Any] | None = None) -> None:
        from snowflake.ml.model._packager.model_packager import ModelPackager

        packager = ModelPackager(folder)
        packager.load(as_custom_model=True)
        self.signature: Any = packager.meta.signatures[function]
        method = getattr(packager.model, function)
        if inspect.iscoroutinefunction(method):
            import anyio

            method = functools.partial(anyio.run, method)
        self._method = method
        self._given = self._params(params or {})

    def _params(self, given: dict[str, Any]) -> dict[str, Any]:
        """Every parameter of the signature, with its given value in its type, or its default."""
        remaining = dict(given)
        values = {}
        for spec in self.signature.params or []:
            name = spec.name if spec.name in remaining else spec.name.upper()
            if name not in remaining:
                name = next((key for key in remaining if key.upper() == spec.name.upper()), spec.name)
            value = remaining.pop(name, None)
            if value is None:
                values[spec.name] = spec.default_value
                continue
            kind = getattr(getattr(spec, "dtype", None), "_numpy_type", None)
            try:
                values[spec.name] = kind(value) if callable(kind) and spec.shape is None else value
            except (TypeError, ValueError) as error:
                raise InputError(f"parameter {spec.name!r}: {value!r} is not {spec.dtype.name}") from error
        if remaining:
            known = [spec.name for spec in self.signature.params or []]
            raise InputError(f"unknown parameters {sorted(remaining)}: the function takes {known}")
        return values

    def __call__(self, frame: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:
        """The method's result for these rows.

        :param params: instead of those that the model was made with.
        """
        return self._method(frame, **(self._given if params is None else self._params(params)))
