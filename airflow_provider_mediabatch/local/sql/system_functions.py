"""Functions that are evaluated in Python, once and before the statement runs: SYSTEM$… and their like.

This is the only registry of them: a statement that is nothing but one call and a SELECT that contains the call get the
same answer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.local.errors import cancelled

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context

SystemFunction = Callable[["Context", list[object]], object]
_functions: dict[str, SystemFunction] = {}
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Waiting:
    """What a function returns that has to wait for its value.

    :param poll: returns None while there is no value yet, then the value. Quick, never blocks.
    """

    poll: Callable[[], object | None]

    def wait(self, stop: threading.Event) -> object:
        """The value, waited for on this thread.

        :param stop: set when the client cancels the statement.
        :raises SnowflakeError: 000604 when it is cancelled.
        """
        while (value := self.poll()) is None:
            if stop.wait(_POLL_SECONDS):
                raise cancelled()
        return value


def system_function(name: str) -> Callable[[SystemFunction], SystemFunction]:
    """Register a function.

    :param name: as in SQL, for instance ``SYSTEM$GET_SERVICE_LOGS``.

    The function gets the context and the values of its arguments, which must be constants or bound values, and returns
    a str, int, float, bool, None or a :class:`Waiting`.
    """

    def register(function: SystemFunction) -> SystemFunction:
        _functions[name.upper()] = function
        return function

    return register


def find(name: str) -> SystemFunction | None:
    """The function of that name, or None."""
    return _functions.get(name.upper())
