"""A decorator for custom models: a file that cannot be processed says so in its own row, and the job goes on.

Copy it into your model's module, or import it where you log the model: ``log_model`` pickles it with the method, so
nothing of this package is needed where the model runs. (No ``annotations`` import, as in the models themselves.)
"""

import functools
from collections.abc import Callable
from typing import Any

import pandas as pd


def row_errors(*outputs: str, column: str = "MB_ERROR") -> Callable[[Any], Any]:
    """Catch what a method raises, row by row, and say it in a text output.

    Goes below ``@custom_model.inference_api``. A batch that raises is cut into halves until the rows that raise are
    alone, so batches that go well keep their size.

    :param outputs: the method's outputs; NULL in a row that failed.
    :param column: the output with the exception's text, NULL in a row that went well. It is a STRING of the signature.
    """

    def decorate(predict: Any) -> Any:
        def records(model: Any, X: pd.DataFrame, params: dict[str, Any]) -> list[dict[Any, Any]]:
            try:
                return [{**row, column: None} for row in predict(model, X, **params).to_dict("records")]
            except Exception as error:
                if len(X) == 1:
                    return [{**dict.fromkeys(outputs), column: f"{type(error).__name__}: {error}"}]
                middle = len(X) // 2
                return records(model, X.iloc[:middle], params) + records(model, X.iloc[middle:], params)

        @functools.wraps(predict)
        def guarded(self: Any, X: pd.DataFrame, **params: Any) -> pd.DataFrame:
            return pd.DataFrame(records(self, X, params), columns=[*outputs, column], index=X.index, dtype=object)

        return guarded

    return decorate
