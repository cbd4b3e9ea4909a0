"""The model of the measurements: it answers at once, or after a set time, so that what is measured is the rest.

No postponed annotations here: snowflake-ml reads the types of the method at run time.
"""

import time

import pandas as pd
from snowflake.ml.model import custom_model

from airflow_provider_mediabatch.demo.row_errors import row_errors

UNREADABLE = 7
"""The number of the file that two of the models cannot read."""


class Instant(custom_model.CustomModel):
    """Bytes in, their number out."""

    @custom_model.inference_api
    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """:param X: column IMAGE."""
        return pd.DataFrame({"SIZE": [len(data) for data in X["IMAGE"]]})


class Busy(custom_model.CustomModel):
    """Bytes in; burns a millisecond of CPU an image, as a small network would."""

    @custom_model.inference_api
    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """:param X: column IMAGE."""
        return pd.DataFrame({"SIZE": [burn(data) for data in X["IMAGE"]]})


class Raising(custom_model.CustomModel):
    """As :class:`Instant`, but it raises for the file number ``UNREADABLE``, and with it the job fails."""

    @custom_model.inference_api
    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """:param X: column IMAGE."""
        return pd.DataFrame({"SIZE": [read(data) for data in X["IMAGE"]]})


class Telling(custom_model.CustomModel):
    """As :class:`Raising`, but it says in MB_ERROR which file it cannot read."""

    @custom_model.inference_api
    @row_errors("SIZE")
    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """:param X: column IMAGE."""
        return pd.DataFrame({"SIZE": [read(data) for data in X["IMAGE"]]})


def read(data: bytes) -> int:
    """The length of the data of a file of :meth:`bench.scene.Scene.stage_of`, which begins with its number."""
    if int.from_bytes(data[:4], "big") == UNREADABLE:
        raise ValueError("cannot read this file")
    return len(data)


def burn(data: bytes) -> int:
    """The length of the data, two milliseconds of CPU time later."""
    end = time.thread_time() + 0.002
    while time.thread_time() < end:
        pass
    return len(data)
