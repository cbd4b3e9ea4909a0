"""Dates and times, hashes and random numbers in DuckDB."""

from __future__ import annotations

import re

from sqlglot import exp

from airflow_provider_mediabatch.local.errors import not_supported
from airflow_provider_mediabatch.local.sql import types
from airflow_provider_mediabatch.local.sql.casts import cast, text
from airflow_provider_mediabatch.local.sql.expression_types import is_exact, is_semi_structured, kind, scale_of
from airflow_provider_mediabatch.local.sql.functions import call
from airflow_provider_mediabatch.local.sql.output_formats import strftime
from airflow_provider_mediabatch.local.sql.rewrite import Rewriter, rule
from airflow_provider_mediabatch.local.sql.time_formats import snowflake_format, strptime

_AUTO = "AUTO"  # as if no format were given
_PARTS = ("year", "month", "day", "hour", "min", "sec", "nano")
_ZONE_PARTS = ("TIMEZONE_HOUR", "TIMEZONE_MINUTE")


@rule(exp.HashAgg)
def _hash_agg(rewriter: Rewriter, node: exp.HashAgg) -> exp.Expr:
    arguments = [node.this, *node.expressions]
    if isinstance(node.this, exp.Distinct):
        hashed = call("HASH", *[a.copy() for a in node.this.expressions])
        return call("MB_HASH_SUM_DISTINCT", hashed)
    if isinstance(node.this, exp.Star):
        return call("MB_HASH_SUM", call("HASH", exp.Var(this="*COLUMNS(*)")))
    return call("MB_HASH_SUM", call("HASH", *[a.copy() for a in arguments]))


@rule(exp.Rand)
def _random(rewriter: Rewriter, node: exp.Rand) -> exp.Expr:
    if node.this is None:
        return call("MB_HASH", call("HASH", call("RANDOM")))
    number = exp.Window(this=exp.RowNumber(), over="OVER")
    return call("MB_HASH", call("HASH", number, node.this.copy()))


@rule(exp.Randstr)
def _random_text(rewriter: Rewriter, node: exp.Randstr) -> exp.Expr:
    """Text of its own for each value of the seed; sqlglot's translation would make one for all rows."""
    seed = node.args.get("generator") or call("RANDOM")
    return call("MB_RANDSTR", exp.cast(node.this.copy(), "BIGINT"), call("HASH", seed.copy()))


_SEQUENCES: dict[type[exp.Expr], int] = {exp.Seq1: 38, exp.Seq2: 38, exp.Seq4: 10, exp.Seq8: 19}


@rule(*_SEQUENCES)
def _sequence(rewriter: Rewriter, node: exp.Expr) -> exp.Expr:
    if isinstance(node.find_ancestor(exp.Window, exp.Select), exp.Window):
        return exp.Literal.number(0)  # ROW_NUMBER() OVER (ORDER BY SEQ8()): the rows as they come
    number = exp.Sub(this=exp.Window(this=exp.RowNumber(), over="OVER"), expression=exp.Literal.number(1))
    return exp.cast(exp.paren(number), f"DECIMAL({_SEQUENCES[type(node)]}, 0)")


@rule(exp.ToChar, exp.TimeToStr)
def _to_char(rewriter: Rewriter, node: exp.ToChar | exp.TimeToStr) -> exp.Expr:
    """TO_CHAR, which sqlglot's parser makes a TimeToStr where it sees a cast to a time."""
    form, moment = node.args.get("format"), node.this.copy()
    if form is None or (isinstance(form, exp.Literal) and form.name.upper() == _AUTO):
        return text(moment)
    if kind(moment) not in types.TIMESTAMPS | {exp.DType.DATE, exp.DType.TIME} or not isinstance(form, exp.Literal):
        raise not_supported("TO_CHAR with a format, except for a date or time and a constant format")
    written = form.name if isinstance(node, exp.ToChar) else snowflake_format(form)
    zoned = "_ZONED" if kind(moment) in types.LTZ | types.TZ else ""
    if kind(moment) == exp.DType.TIME:  # DuckDB formats no TIME
        moment = exp.Add(this=exp.cast(exp.Literal.string("1970-01-01"), "DATE"), expression=moment)
    return call(f"MB_WRITTEN{zoned}", moment, exp.Literal.string(strftime(written)))


@rule(exp.StrToTime, exp.TsOrDsToDate, exp.TsOrDsToTime)
def _read(rewriter: Rewriter, node: exp.Expr) -> exp.Expr:
    """TO_TIMESTAMP, TO_DATE and TO_TIME, and TRY_TO_… of text: with a format, or as a cast reads it.

    Source: Snowflake's reference, pages "TO_TIMESTAMP / TO_TIMESTAMP_*" and "TO_DATE , DATE".
    """
    form = node.args.get("format")
    target = node.args.get("target_type") or types.parse("DATE" if isinstance(node, exp.TsOrDsToDate) else "TIME")
    safe = bool(node.args.get("safe"))
    if is_semi_structured(node.this):
        node.this.replace(text(node.this.copy()))
    if form is not None and form.name.upper() == _AUTO:
        return cast(node.this, target, safe=safe)
    if kind(node.this) not in types.TEXTS:
        return node
    if form is None:
        return cast(node.this, target, safe=safe)
    made = _in_format(node.this, snowflake_format(form), target, safe)
    made.type = target.copy()
    return made


def _in_format(value: exp.Expr, form: str, target: exp.DataType, safe: bool) -> exp.Expr:
    known = strptime(form)
    if "%f" in known:
        value = call("MB_MICROSECONDS", value.copy())
    read: exp.Expr
    if safe:
        read = call("TRY_STRPTIME", value.copy(), exp.Literal.string(known))
    else:
        wanted = "timestamp" if target.this in types.TIMESTAMPS else target.this.name.lower()
        read = call("MB_READ", value.copy(), *map(exp.Literal.string, (known, wanted, form)))
    if target.this in types.LTZ | types.TZ:
        return exp.cast(read, "TIMESTAMPTZ", dialect="duckdb")
    if "%z" in known:  # the time of day stays as it is written
        read = exp.If(this=exp.Not(this=exp.Is(this=read, expression=exp.null())), true=_wall_clock(value, known))
    return exp.cast(read, "TIMESTAMP" if target.this in types.NTZ else target.this.name, dialect="duckdb")


def _wall_clock(value: exp.Expr, known: str) -> exp.Expr:
    without = known.rstrip().removesuffix("%z").rstrip()
    if "%z" in without:
        raise not_supported("an offset before the end of a format of times")
    return call("TRY_STRPTIME", call("MB_WITHOUT_OFFSET", value.copy()), exp.Literal.string(without))


@rule(exp.DateAdd, exp.DateSub, exp.TimestampAdd, exp.TimeAdd, exp.TsOrDsAdd)
def _date_add(rewriter: Rewriter, node: exp.Expr) -> exp.Expr:
    unit = str(node.args["unit"].name).upper() if node.args.get("unit") is not None else "DAY"
    moment = node.this
    if unit == "NANOSECOND":  # DuckDB's type with nanoseconds has no time zone and ends in 2262
        thousandths = exp.Div(this=exp.cast(node.expression.copy(), "DOUBLE"), expression=exp.Literal.number(1000))
        added = call("TO_MICROSECONDS", exp.cast(call("FLOOR", thousandths), "BIGINT"))
        if kind(moment) in types.TEXTS:
            moment = cast(moment, types.parse("TIMESTAMP_NTZ"))
        return exp.paren(exp.Add(this=moment.copy(), expression=added))
    if kind(moment) in types.TEXTS:
        moment.replace(cast(moment.copy(), types.parse("TIMESTAMP_NTZ")))
    if kind(moment) == exp.DType.DATE and unit in ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR"):
        return exp.cast(node.copy(), "DATE")
    return node


@rule(exp.DateDiff, exp.TimestampDiff)
def _date_diff(rewriter: Rewriter, node: exp.Expr) -> exp.Expr:
    for side in (node.this, node.expression):
        if kind(side) in types.TEXTS:
            side.replace(cast(side.copy(), types.parse("TIMESTAMP_NTZ")))
    return node


@rule(exp.Extract)
def _extract(rewriter: Rewriter, node: exp.Extract) -> exp.Expr:
    """The parts of a moment are those of the session's time zone, in which DuckDB reads a TIMESTAMPTZ, too."""
    moment = node.expression
    if node.name.upper() == "EPOCH" and not node.meta.get("whole"):
        node.meta["whole"] = True
        made = _extract(rewriter, node)
        return exp.cast(call("FLOOR", made.copy()), "BIGINT")
    if is_semi_structured(moment) or kind(moment) in types.TEXTS:
        moment.replace(cast(moment.copy(), types.parse("TIMESTAMP_NTZ")))
    if kind(moment) not in types.LTZ | types.TZ:
        return node
    part = node.name.upper()
    if part in _ZONE_PARTS:
        return call("DATE_PART", exp.Literal.string(part), moment.copy())
    if not part.startswith("EPOCH"):
        moment.replace(cast(moment.copy(), types.parse("TIMESTAMP_NTZ")))
    else:
        moment.type = types.parse("TIMESTAMP_NTZ")  # sqlglot would refuse it, and DuckDB has the same epoch
    return node


@rule(
    *(exp.Year, exp.YearOfWeek, exp.YearOfWeekIso, exp.Quarter, exp.Month, exp.Week, exp.WeekOfYear, exp.Day),
    *(exp.DayOfMonth, exp.DayOfWeek, exp.DayOfWeekIso, exp.DayOfYear, exp.Hour, exp.Minute, exp.Second, exp.LastDay),
    *(exp.Dayname, exp.Monthname, exp.TimestampTrunc, exp.DateTrunc),
)
def _part(rewriter: Rewriter, node: exp.Func) -> exp.Expr:
    """Text is read as a moment; DuckDB has these functions for moments only."""
    if is_semi_structured(node.this) or kind(node.this) in types.TEXTS:
        node.this.replace(cast(node.this.copy(), types.parse("TIMESTAMP_NTZ")))
    return node


@rule(exp.UnixToTime)
def _from_epoch(rewriter: Rewriter, node: exp.UnixToTime) -> exp.Expr:
    """TO_TIMESTAMP of a number: seconds, or the digits of a second that its scale says.

    Of digits in quotes without a scale: seconds, milliseconds and so on by their size.
    """
    scale, target = node.args.get("scale"), node.args.get("target_type") or types.parse("TIMESTAMP_NTZ")
    if kind(node.this) in types.TEXTS and scale is None:
        return cast(node.this, target)
    if not isinstance(scale, exp.Literal) or not is_exact(node.this) or scale_of(node.this):
        return node
    digits = int(scale.name) - 6
    count = exp.cast(node.this.copy(), exp.DataType.build("INT128", dialect="duckdb"))
    power = exp.Literal.number(10 ** abs(digits))
    micros = exp.IntDiv(this=count, expression=power) if digits > 0 else exp.Mul(this=count, expression=power)
    moment: exp.Expr = call("MAKE_TIMESTAMP", exp.cast(exp.paren(micros), "BIGINT"))
    if target.this not in types.NTZ:
        moment = exp.AtTimeZone(this=moment, zone=exp.Literal.string("UTC"))
    moment.type = target.copy()
    return moment


@rule(exp.TimestampFromParts, exp.TimestampLtzFromParts, exp.TimestampTzFromParts)
def _from_parts(rewriter: Rewriter, node: exp.Func) -> exp.Expr:
    """Source: Snowflake's reference, page "TIMESTAMP_FROM_PARTS", section "Usage notes"."""
    if node.args.get("year") is None:
        return node
    given = (node.args.get(part) or exp.Literal.number(0) for part in _PARTS)
    moment: exp.Expr = call("MB_TIMESTAMP", *(part.copy() for part in given))
    if isinstance(node, exp.TimestampFromParts):
        return moment
    zone = node.args.get("zone")
    return exp.cast(moment, "TIMESTAMPTZ") if zone is None else exp.AtTimeZone(this=moment, zone=zone.copy())


_PART = re.compile(r"([+-]?\d+)\s*([A-Za-z]*)")
_UNITS = {
    **dict.fromkeys(("y", "yy", "yyy", "yyyy", "yr", "year", "years"), "year"),
    **dict.fromkeys(("q", "qtr", "quarter", "quarters"), "quarter"),
    **dict.fromkeys(("mm", "mon", "mons", "month", "months"), "month"),
    **dict.fromkeys(("w", "wk", "week", "weeks"), "week"),
    **dict.fromkeys(("d", "dd", "day", "days"), "day"),
    **dict.fromkeys(("h", "hh", "hr", "hour", "hours"), "hour"),
    **dict.fromkeys(("m", "mi", "min", "minute", "minutes"), "minute"),
    **dict.fromkeys(("s", "sec", "second", "seconds"), "second"),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), "millisecond"),
    **dict.fromkeys(("us", "usec", "microsecond", "microseconds"), "microsecond"),
}
"""Parts of an INTERVAL, of which a constant can have several: the reference's page "Interval constants"."""


@rule(exp.Interval)
def _interval(rewriter: Rewriter, node: exp.Interval) -> exp.Expr:
    if node.args.get("unit") is not None:
        return node
    parts = [_PART.fullmatch(part.strip()) for part in node.name.split(",")]
    units = [_UNITS.get((part[2] or "second").lower()) if part else None for part in parts]
    if None in units:
        raise not_supported(f"INTERVAL '{node.name}'")
    text = " ".join(f"{part[1]} {unit}" for part, unit in zip(parts, units, strict=True) if part)
    return exp.Cast(this=exp.Literal.string(text), to=exp.DataType.build("INTERVAL", dialect="duckdb"))


@rule(exp.CurrentTimestamp, exp.CurrentDate, exp.CurrentTime, exp.Localtime)
def _now(rewriter: Rewriter, node: exp.Expr) -> exp.Expr:
    """Left only where the expression is evaluated later: in views and defaults."""
    now = call("NOW")
    if isinstance(node, exp.CurrentTimestamp):
        return exp.AtTimeZone(this=now, zone=exp.Literal.string("UTC")) if node.args.get("sysdate") else now
    return exp.cast(now, "DATE" if isinstance(node, exp.CurrentDate) else "TIME")


@rule(exp.ReadCSV, exp.ReadParquet)
def _file(rewriter: Rewriter, node: exp.Expr) -> exp.Expr:
    raise not_supported(f"the function {node.sql_name()}")  # type: ignore[attr-defined]


@rule(exp.TableSample)
def _sample(rewriter: Rewriter, node: exp.TableSample) -> exp.Expr:
    if node.args.get("size") is not None:
        node.set("method", None)
    return node
