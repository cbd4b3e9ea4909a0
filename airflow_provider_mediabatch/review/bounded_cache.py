"""What the API server keeps in memory between requests, of which several run at once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """Values by key, of which those that were put longest ago are dropped.

    A value is never dropped between two lines of a caller, because a caller has it from :meth:`get`.

    :param size: how many values are kept.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._guard = threading.Lock()
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value, or None where there is none (any more)."""
        with self._guard:
            return self._values.get(key)

    def put(self, key: K, value: V) -> V:
        """Keep a value, in place of one that has the same key.

        :return: the value.
        """
        with self._guard:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._size:
                self._values.popitem(last=False)
        return value
