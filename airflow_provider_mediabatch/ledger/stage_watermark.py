"""When new files are worth an event. Pure: a watermark, a snapshot of the stage, and the time decide.

Invariants:

- The watermark is bounded: a moment, and the newest files that were seen since then. It holds no list of all files.
- A file is new when it was modified since that moment and is not among those seen; so a file that is uploaded again is
  new, and so is one that appears late: the time of a multipart upload to Amazon S3 is that of its beginning.
- New files make an event when :class:`~airflow_provider_mediabatch.files.start_rule.StartRule` says so: thousands of
  files uploaded over minutes make one event, or a few.
- An event only triggers a run and may be repeated. The run takes the files that the ledger does not have.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from airflow_provider_mediabatch.core.job_names import PREFIX, WRITTEN_FILES
from airflow_provider_mediabatch.files.start_rule import StartRule

MAX_SEEN = 1000
"""Files remembered. With more of them within the overlap, the oldest are taken as seen, with all of their time."""


class ListedFile(Protocol):
    """What is needed of a listed file."""

    @property
    def name(self) -> str:
        """Its name as LIST gives it."""

    @property
    def size(self) -> int:
        """Its bytes."""

    @property
    def modified(self) -> float:
        """Its last modification, epoch seconds."""


@dataclass(frozen=True)
class StageWatermark:
    """How far a stage has been seen.

    :param modified: the newest seen file's last modification, epoch seconds.
    :param since: files modified before this moment are taken as seen.
    :param seen: fingerprints of the files seen that were modified since then, with their last modification.
    """

    modified: float = 0.0
    since: float = 0.0
    seen: Mapping[str, float] = field(default_factory=dict)

    def is_new(self, file: ListedFile) -> bool:
        """Whether a file was not seen yet."""
        return file.modified >= self.since and self.seen.get(_fingerprint(file)) != file.modified

    def after(self, files: Iterable[ListedFile], *, overlap: float = 0.0) -> StageWatermark:
        """The watermark once these files, in addition, were seen.

        :param overlap: seconds before the newest file within which one that is not remembered is still new.
        """
        seen = dict(self.seen)
        for file in files:
            name = _fingerprint(file)
            seen[name] = max(file.modified, seen.get(name, file.modified))
        newest = max(seen.values(), default=self.modified)
        since = max(self.since, newest - overlap)
        if len(seen) > MAX_SEEN:
            oldest = sorted(seen.values())[-MAX_SEEN - 1]  # of this moment, not all can be remembered
            since = max(since, math.nextafter(oldest, math.inf))
        kept = {name: moment for name, moment in sorted(seen.items()) if moment >= since}
        return StageWatermark(max(newest, self.modified), since, kept)

    def to_json(self) -> dict[str, Any]:
        """For Airflow's asset state store."""
        return {"modified": self.modified, "since": self.since, "seen": dict(self.seen)}

    @classmethod
    def from_json(cls, value: object) -> StageWatermark:
        """What :meth:`to_json` gave; anything else is the beginning."""
        if not isinstance(value, Mapping) or not isinstance(value.get("seen"), Mapping):
            return cls()
        seen = {str(name): float(moment) for name, moment in value["seen"].items()}
        return cls(float(value.get("modified") or 0.0), float(value.get("since") or 0.0), seen)


@dataclass(frozen=True)
class Evaluation:
    """Whether the new files on a stage make an event.

    :param files: the new files.
    :param fire: whether they make an event now.
    :param recheck: seconds until they do if no more come, when not now; None: not before more come.
    """

    files: tuple[ListedFile, ...]
    fire: bool
    recheck: float | None = None

    @property
    def size(self) -> int:
        """Their bytes."""
        return sum(file.size for file in self.files)


def name_matcher(prefix: str, pattern: str | None) -> Callable[[str], bool]:
    """Whether a name as LIST gives it begins with ``prefix`` and matches the whole ``pattern``.

    What a run has written does not, wherever it is: a run's own output is no reason for the next run.
    """
    compiled = re.compile(pattern, re.DOTALL) if pattern else None
    written = re.compile(WRITTEN_FILES, re.DOTALL)
    folder = f"/{PREFIX}"

    def matches(name: str) -> bool:
        return (
            name.startswith(prefix)
            and (compiled is None or compiled.fullmatch(name) is not None)
            and not (folder in name and written.fullmatch(name))
        )

    return matches


def evaluate(
    files: Iterable[ListedFile],
    watermark: StageWatermark,
    matches: Callable[[str], bool],
    *,
    now: float,
    rule: StartRule,
) -> Evaluation:
    """Whether the files that are new make an event now.

    :param files: a snapshot of the stage; files before the watermark may be missing from it.
    :param now: by the server's clock, epoch seconds.
    :param rule: when they do.
    """
    new = tuple(file for file in files if watermark.is_new(file) and matches(file.name))
    if not new:
        return Evaluation((), fire=False)
    moments = [file.modified for file in new]
    left = rule.seconds_left(len(new), newest=now - max(moments), oldest=now - min(moments))
    return Evaluation(new, fire=left == 0, recheck=left or None)


def _fingerprint(file: ListedFile) -> str:
    return hashlib.sha256(f"{file.name}\0{file.size}".encode()).hexdigest()[:12]
