"""The model of the measurements: it answers at once, or after a set time, so that what is measured is the rest.

No postponed annotations here: snowflake-ml reads the types of the method at run time.
"""

import time

import pandas as pd
from snowflake.ml.model import custom_model


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


def burn(data: bytes) -> int:
    """The length of the data, two milliseconds of CPU time later."""
    end = time.thread_time() + 0.002
    while time.thread_time() < end:
        pass
    return len(data)
