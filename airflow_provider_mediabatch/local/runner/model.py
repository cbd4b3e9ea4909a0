"""The logged model in a worker: loaded by snowflake-ml's own packager, called as its generated function calls it."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import pandas as pd

from airflow_provider_mediabatch.local.runner import params as parameters


class Model:
    """One method of a packaged model.

    :param folder: the packaged model (with ``model.yaml``).
    :param function: the method's name.
    :param params: a job's values by name, in any case.
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
        self._specs: list[Any] = self.signature.params or []
        self._given = parameters.of_job(self._specs, params or {})

    def __call__(self, frame: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:
        """The method's result for these rows.

        :param params: of a call in SQL, instead of those that the model was made with.
        """
        return self._method(frame, **(self._given if params is None else parameters.of_call(self._specs, params)))
