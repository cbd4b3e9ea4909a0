"""When new files are worth a run. Pure: their number and their ages decide.

A job pays for the start of its container and for the loading of the model before its first file. So small arrivals are
collected, and a run begins when there are enough of them or when the oldest has waited long enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class StartRule:
    """When new files no longer wait for more.

    :param min_files: how many files are enough.
    :param max_delay: seconds after which the oldest file waits no longer, neither for more files nor for ``settle``;
        None: as long as it takes.
    :param settle: seconds that the newest file must be old, so that an upload in progress is not cut in two.
    :raises ValueError: for numbers that cannot work.
    """

    min_files: int = 1
    max_delay: float | None = None
    settle: float = 0.0

    def __post_init__(self) -> None:
        if self.min_files < 1:
            raise ValueError(f"min_files={self.min_files} is not a positive number")
        if self.max_delay is not None and self.max_delay <= 0:
            raise ValueError(f"max_delay={self.max_delay:g} is not a positive number of seconds")

    def seconds_left(self, count: int, *, newest: float | None, oldest: float | None) -> float | None:
        """How long these files wait if no more come.

        :param count: how many new files there are.
        :param newest: seconds since the newest was last modified; None without files.
        :param oldest: the same of the oldest.
        :return: 0: they wait no longer; None: until more come.
        """
        if not count or newest is None or oldest is None:
            return None
        waits = [] if self.max_delay is None else [self.max_delay - oldest]
        if count >= self.min_files:
            waits.append(self.settle - newest)
        return max(0.0, min(waits)) if waits else None

    def describe(self, count: int, oldest: float) -> str:
        """What ``count`` files wait for, for messages."""
        bound = "" if self.max_delay is None else f" of at most {_duration(self.max_delay)} (max_delay)"
        return f"{count:,} files wait for min_files={self.min_files:,}, the oldest for {_duration(oldest)}{bound}"


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
