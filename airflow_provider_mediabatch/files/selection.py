"""Which of the listed files a run takes, as conditions on when they were last modified. Pure: no Airflow, no Snowflake.

``all`` takes what is there, ``interval`` what was uploaded in the run's data interval, ``new`` what the ledger does not
have as done. The ledger's part is in :mod:`airflow_provider_mediabatch.ledger.claim_statements`; time decides here. All
times are the server's ``last_modified`` in UTC, so that a worker's clock takes no part.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

from airflow_provider_mediabatch.core import sql

Select = Literal["all", "interval", "new"]
SELECTS: tuple[str, ...] = get_args(Select)

MAX_PATTERN = 4096
"""Characters of a pattern. A longer one is a list of names, which ``query=`` does better."""


@dataclass(frozen=True)
class Window:
    """Files last modified in [start, end); None leaves that side open.

    :param start: the first moment taken, UTC.
    :param end: the first moment no longer taken, UTC.
    :param newest: instead of ``start``: how long before the server's present.
    """

    start: datetime | None = None
    end: datetime | None = None
    newest: timedelta | None = None

    def at(self, now: datetime) -> Window:
        """The same files for all statements: what is new enough for the first is so for the last.

        :param now: the server's present.
        """
        if self.newest is None:
            return self
        earliest = now - self.newest
        return replace(self, start=max(self.start, earliest) if self.start else earliest, newest=None)

    def conditions(self, column: str) -> list[str]:
        """SQL conditions on a TIMESTAMP_NTZ column in UTC.

        :param column: the column as SQL.
        """
        found = []
        if self.start is not None:
            found.append(f"{column} >= {timestamp(self.start)}")
        if self.newest is not None:
            seconds = int(self.newest.total_seconds())
            found.append(f"{column} >= DATEADD(second, {-seconds}, SYSDATE())")
        if self.end is not None:
            found.append(f"{column} < {timestamp(self.end)}")
        return found


def timestamp(moment: datetime) -> str:
    """A moment as a TIMESTAMP_NTZ literal in UTC."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return f"{sql.literal(text)}::TIMESTAMP_NTZ"


def window(
    select: str,
    *,
    context: Mapping[str, Any],
    interval: timedelta | None = None,
    since: datetime | timedelta | str | None = None,
) -> Window:
    """The time window of a selection.

    :param select: ``all``, ``interval`` or ``new``.
    :param context: Airflow's task context, for ``data_interval_start``, ``data_interval_end`` and ``logical_date``.
    :param interval: with ``interval``: instead of the data interval, this long and ending at the logical date.
    :param since: an earliest last modification: a moment, ISO text, or how long before the server's present.
    :raises ValueError: an unknown selection, an empty data interval, a run without one; each names what to set.
    """
    if select not in SELECTS:
        raise ValueError(f"select={select!r} is not one of {', '.join(map(repr, SELECTS))}")
    if interval is not None and select != "interval":
        raise ValueError(f"interval= belongs to select='interval', not to select={select!r}")
    earliest, newest = _since(since)
    if select != "interval":
        return Window(start=earliest, newest=newest)
    start, end = _interval(context, interval)
    return Window(start=max(start, earliest) if earliest else start, end=end, newest=newest)


def _since(since: datetime | timedelta | str | None) -> tuple[datetime | None, timedelta | None]:
    if since is None or since == "":
        return None, None
    if isinstance(since, timedelta):
        if since <= timedelta(0):
            raise ValueError(f"since={since} is not a positive duration: files newer than that long ago are taken")
        return None, since
    if isinstance(since, str):
        try:
            since = datetime.fromisoformat(since)
        except ValueError:
            raise ValueError(
                f"since={since!r} is not a moment: write ISO 8601 such as 2026-11-01T00:00:00+00:00"
            ) from None
    return (since if since.tzinfo else since.replace(tzinfo=UTC)), None


def _interval(context: Mapping[str, Any], interval: timedelta | None) -> tuple[datetime, datetime]:
    logical_date = context.get("logical_date")
    if interval is not None:
        if interval <= timedelta(0):
            raise ValueError(f"interval={interval} is not a positive duration")
        if logical_date is None:
            raise ValueError(
                "select='interval' with interval= ends at the run's logical date, and this run has none: "
                "trigger it with a logical date, or use select='new'"
            )
        return logical_date - interval, logical_date
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if start is None or end is None:
        raise ValueError(
            "select='interval' takes the files of the run's data interval, and this run has none (it was triggered by "
            "hand or by an asset): trigger it with a logical date, back-fill it, or use select='new'"
        )
    if start >= end:
        raise ValueError(
            f"select='interval' takes the files of the run's data interval, and it is empty ({start} to {end}): cron "
            "text such as @daily makes a CronTriggerTimetable, whose interval has no length. Use "
            "schedule=CronDataIntervalTimetable('0 0 * * *', timezone='UTC'), or give interval=timedelta(days=1)"
        )
    return start, end


_CLASS_OR_ESCAPE = re.compile(r"\\.|\[\^?\]?[^\]]*\]", re.DOTALL)
_ODD_IN_CLASS = re.compile(r"\[[:.=]|&&|--|~~|\|\|")
"""POSIX's named classes, and Java's intersections: Python reads each character of them by itself."""
_COUNTS = r"[0-9]+(?:,[0-9]*)?\}"


def check_pattern(pattern: str | None) -> None:
    """Refuse a pattern that Snowflake could only refuse later.

    :param pattern: a regular expression over the whole listed name, as LIST takes it.
    :raises ValueError: too long, not a regular expression, a shell pattern, a brace that Python alone takes literally,
        or one that only LIST takes, whose PATTERN is Java's; the directory table and a listing's counts use REGEXP
        functions, which are POSIX's.
    """
    if pattern is None:
        return
    if len(pattern) > MAX_PATTERN:
        raise ValueError(
            f"pattern has {len(pattern):,} characters, at most {MAX_PATTERN:,} are taken: "
            "give a narrower stage_path, or name the files in a table and list them with query="
        )
    try:
        re.compile(pattern)
    except re.error as error:
        hint = ""
        if re.match(r"\*|.*/\*", pattern):
            meant = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
            hint = f"; it looks like a shell pattern, as a regular expression that is {meant!r}"
        raise ValueError(f"pattern {pattern!r} is not a regular expression: {error}{hint}") from None
    if odd := next(
        (found[0] for found in _CLASS_OR_ESCAPE.finditer(pattern) if _ODD_IN_CLASS.search(found[0][1:])), None
    ):
        raise ValueError(
            f"pattern {pattern!r} has {odd!r}, which means one thing to LIST and another to the directory table or to "
            "the triggerer: write the characters themselves, such as [0-9] for digits"
        )
    plain = _CLASS_OR_ESCAPE.sub("x", pattern)
    if brace := re.search(rf"\{{(?!{_COUNTS})[^}}]*\}}?", plain):
        raise ValueError(
            f"pattern {pattern!r} is not a regular expression: {brace[0]!r} is no repetition such as {{2,3}}. "
            "For a brace in a name write [{]"
        )
    if beyond := _beyond_posix(plain):
        raise ValueError(
            f"pattern {pattern!r} has {beyond}, which LIST takes and the directory table does not: "
            "write it in POSIX's extended regular expressions"
        )


def _beyond_posix(plain: str) -> str | None:
    """What a pattern has that Snowflake's REGEXP functions, which are POSIX's, do not take.

    :param plain: the pattern with a letter for each class and escape.
    """
    if group := re.search(r"\(\?(?:[:=!<]=?|[a-zA-Z]+[:)])?", plain):
        return f"the group {group[0]!r}"
    lazy = re.search(rf"(?:[*+?]|\{{{_COUNTS})[?+]", plain)
    return f"the quantifier {lazy[0]!r}" if lazy else None
