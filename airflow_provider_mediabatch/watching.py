"""When new files are worth an event. Pure: a watermark, a snapshot of the stage, and the time decide.

Invariants:

- The watermark is bounded: a moment, and the names last modified at just that moment. It holds no list of all files.
- A file is new when it was modified after the watermark; so a file that is uploaded again is new.
- New files make an event when none of them is younger than ``settle`` seconds, or when the oldest has waited
  ``max_wait`` seconds: thousands of files uploaded over minutes make one event, or a few.
- An event is a hint to look: it may be repeated, and what a run takes is what the ledger does not have.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

MAX_TIES = 500
"""Names kept for one moment. More than that many files of one second are taken as seen."""


class ListedFile(Protocol):
    """What is needed of a listed file."""

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def modified(self) -> float: ...


@dataclass(frozen=True)
class Watermark:
    """How far a stage has been seen.

    :param modified: files modified before this moment (epoch seconds) were seen.
    :param names: fingerprints of the files of just that moment that were seen.
    """

    modified: float = 0.0
    names: frozenset[str] = frozenset()

    def is_new(self, file: ListedFile) -> bool:
        """Whether a file was not seen yet."""
        return file.modified > self.modified or (
            file.modified == self.modified and len(self.names) < MAX_TIES and _fingerprint(file) not in self.names
        )

    def after(self, files: Iterable[ListedFile]) -> Watermark:
        """The watermark once these files, in addition, were seen."""
        listed = list(files)
        newest = max((file.modified for file in listed), default=self.modified)
        names = {_fingerprint(file) for file in listed if file.modified == newest}
        if newest == self.modified:
            names |= self.names
        return Watermark(newest, frozenset(sorted(names)[:MAX_TIES]))

    def to_json(self) -> dict[str, Any]:
        """For Airflow's asset state store."""
        return {"modified": self.modified, "names": sorted(self.names)}

    @classmethod
    def from_json(cls, value: object) -> Watermark:
        """What :meth:`to_json` gave; anything else is the beginning."""
        if not isinstance(value, Mapping):
            return cls()
        return cls(float(value.get("modified") or 0.0), frozenset(map(str, value.get("names") or ())))


@dataclass(frozen=True)
class Verdict:
    """What a look at the stage comes to.

    :param files: the new files.
    :param fire: whether they make an event now.
    :param recheck: seconds until they may, when not now.
    """

    files: tuple[ListedFile, ...]
    fire: bool
    recheck: float | None = None

    @property
    def size(self) -> int:
        """Their bytes."""
        return sum(file.size for file in self.files)


def matcher(prefix: str, pattern: str | None) -> Callable[[str], bool]:
    """Whether a name as LIST gives it begins with ``prefix`` and matches the whole ``pattern``."""
    compiled = re.compile(pattern, re.DOTALL) if pattern else None

    def matches(name: str) -> bool:
        return name.startswith(prefix) and (compiled is None or compiled.fullmatch(name) is not None)

    return matches


def judge(
    files: Iterable[ListedFile],
    watermark: Watermark,
    matches: Callable[[str], bool],
    *,
    now: float,
    settle: float,
    max_wait: float,
) -> Verdict:
    """Whether the files that are new make an event.

    :param files: a snapshot of the stage; files before the watermark may be missing from it.
    :param now: by the server's clock, epoch seconds.
    :param settle: seconds that the newest file must be old.
    :param max_wait: seconds after which the oldest new file waits no longer.
    """
    new = tuple(file for file in files if watermark.is_new(file) and matches(file.name))
    if not new:
        return Verdict((), fire=False)
    settled_in = settle - (now - max(file.modified for file in new))
    over_in = max_wait - (now - min(file.modified for file in new))
    wait = min(settled_in, over_in)
    return Verdict(new, fire=wait <= 0, recheck=None if wait <= 0 else wait)


def _fingerprint(file: ListedFile) -> str:
    return hashlib.sha256(f"{file.name}\0{file.size}".encode()).hexdigest()[:12]
