"""Which files a run takes, by time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from airflow_provider_mediabatch.files import selection

DAY = datetime(2026, 11, 21, tzinfo=UTC)
NEXT = DAY + timedelta(days=1)


def _conditions(select: str, context: dict[str, object], **arguments: object) -> list[str]:
    return selection.window(select, context=context, **arguments).conditions("M")  # type: ignore[arg-type]


def test_the_data_interval_is_half_open() -> None:
    assert _conditions("interval", {"data_interval_start": DAY, "data_interval_end": NEXT}) == [
        "M >= '2026-11-21 00:00:00.000000'::TIMESTAMP_NTZ",
        "M < '2026-11-22 00:00:00.000000'::TIMESTAMP_NTZ",
    ]


def test_other_time_zones_become_utc() -> None:
    berlin = timezone(timedelta(hours=1))
    context = {"data_interval_start": DAY.astimezone(berlin), "data_interval_end": NEXT.astimezone(berlin)}
    assert _conditions("interval", context)[0].startswith("M >= '2026-11-21 00:00:00")


def test_an_interval_given_ends_at_the_logical_date() -> None:
    found = _conditions("interval", {"logical_date": NEXT}, interval=timedelta(hours=6))
    assert [text.split("'")[1][:19] for text in found] == ["2026-11-21 18:00:00", "2026-11-22 00:00:00"]


def test_since() -> None:
    assert _conditions("all", {}) == []
    assert _conditions("new", {}, since="2026-11-21T12:00") == ["M >= '2026-11-21 12:00:00.000000'::TIMESTAMP_NTZ"]
    assert _conditions("new", {}, since=timedelta(days=2)) == ["M >= DATEADD(second, -172800, SYSDATE())"]
    at = selection.window("new", context={}, interval=None, since=timedelta(days=1)).at(NEXT)
    assert (at.start, at.newest) == (DAY, None), "all statements of a listing take the same files"
    late = _conditions(
        "interval", {"data_interval_start": DAY, "data_interval_end": NEXT}, since=DAY + timedelta(hours=3)
    )
    assert late[0].startswith("M >= '2026-11-21 03:00:00")


@pytest.mark.parametrize(
    ("select", "context", "arguments", "words"),
    [
        ("newest", {}, {}, "'all', 'interval', 'new'"),
        ("interval", {"data_interval_start": DAY, "data_interval_end": DAY}, {}, "CronDataIntervalTimetable"),
        ("interval", {"logical_date": None}, {}, "select='new'"),
        ("interval", {"logical_date": None}, {"interval": timedelta(days=1)}, "has none"),
        ("interval", {"logical_date": DAY}, {"interval": timedelta(0)}, "positive"),
        ("new", {}, {"interval": timedelta(days=1)}, "belongs to select='interval'"),
        ("new", {}, {"since": "yesterday"}, "ISO 8601"),
        ("new", {}, {"since": timedelta(days=-1)}, "positive"),
    ],
)
def test_refusals_say_what_to_do(
    select: str, context: dict[str, object], arguments: dict[str, object], words: str
) -> None:
    with pytest.raises(ValueError, match=r"select|interval|since") as caught:
        _conditions(select, context, **arguments)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("x" * 10_000, "10,000 characters"),
        ("*.jpg", r"'.*\\.jpg'"),
        ("(unclosed", "not a regular expression"),
    ],
)
def test_patterns_that_cannot_work(pattern: str, words: str) -> None:
    with pytest.raises(ValueError, match="pattern") as caught:
        selection.check_pattern(pattern)
    assert words in str(caught.value)


@pytest.mark.parametrize("pattern", ["{}?", "a{", "a{,3}", "a{b}", "(a{1,2,3})"])
def test_braces_that_only_python_takes(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"is not a regular expression.*write \[\{\]"):
        selection.check_pattern(pattern)


@pytest.mark.parametrize(
    "pattern", [".*[[:digit:]]+[.]jpg", "[[:alpha:][:digit:]]", "[a-z&&[^b]].*", "[!--a]", "[[.a.]]"]
)
def test_classes_that_python_and_snowflake_read_differently(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"means one thing to LIST and another"):
        selection.check_pattern(pattern)


def test_patterns_that_can() -> None:
    selection.check_pattern(None)
    selection.check_pattern(r".*[.](jpg|png)")
    selection.check_pattern(r".*[?+*]?[.]jpe?g\+?")
    selection.check_pattern(r"[a-z0-9_-]+[\[(:&|~]x-?")
    selection.check_pattern(r"a{2}b{2,}(c|d){2,3}[{]x}?\{,2}")


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (".*(?=x)", "the group '(?='"),
        ("(?i).*[.]jpg", "the group '(?i)'"),
        ("(?:a|b).*", "the group '(?:'"),
        (".*?[.]jpg", "the quantifier '*?'"),
        ("a++", "the quantifier '++'"),
        ("a{2,3}?", "the quantifier '{2,3}?'"),
    ],
)
def test_patterns_that_only_list_takes(pattern: str, words: str) -> None:
    with pytest.raises(ValueError, match="POSIX") as caught:
        selection.check_pattern(pattern)
    assert words in str(caught.value)
