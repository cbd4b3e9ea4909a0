"""Formats of dates and times: Snowflake's elements as strptime's, also where a format is not written as a literal.

In a tree formats are as sqlglot's parser makes them. It knows no quotes in them.

Source: Snowflake's reference, page "Date and time input and output formats", section "About the elements used in input
and output formats".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import exp
from sqlglot.dialects.snowflake import Snowflake
from sqlglot.time import format_time

from airflow_provider_mediabatch.local.errors import not_supported

_FORMATTED = (exp.StrToTime, exp.TsOrDsToDate, exp.TsOrDsToTime, exp.TimeToStr)
_RAW = "raw_format"
SHARED = {
    "YYYY": "%Y", "YY": "%y", "MMMM": "%B", "MON": "%b", "MM": "%m", "DD": "%d", "DY": "%a", "HH24": "%H", "HH12": "%I",
    "AM": "%p", "PM": "%p", "MI": "%M", "SS": "%S",
}  # fmt: skip
"""Snowflake's elements that mean the same to strptime and strftime, as theirs."""
_READ = {
    **SHARED,
    **dict.fromkeys(("FF", *(f"FF{digits}" for digits in range(10))), "%f"),
    **dict.fromkeys(("TZH:TZM", "TZHTZM", "TZH"), "%z"),
}
_ELEMENT = re.compile(
    r'"(?P<quoted>[^"]*)"|(?P<element>YYYY|YY|MMMM|MON|MM|DD|DY|HH24|HH12|AM|PM|MI|SS|FF\d?|TZH:?TZM|TZH|TZM)|(?P<other>.)',
    re.IGNORECASE | re.DOTALL,
)

_QUOTED = re.compile(r'"([^"]*)"')


def with_elements(form: str, elements: Mapping[str, str]) -> str:
    """A format of Snowflake's with other names for its elements.

    :raises SnowflakeError: by name, for an element that has none.
    """
    found = []
    for match in _ELEMENT.finditer(form):
        element = match["element"]
        if element is None:
            found.append((match["quoted"] if match["other"] is None else match["other"]).replace("%", "%%"))
        elif element.upper() in elements:
            found.append(elements[element.upper()])
        else:
            raise not_supported(f"{element.upper()} in this format of times")
    return "".join(found)


def strptime(form: str) -> str:
    """A format of Snowflake's as one for DuckDB's ``strptime``.

    :raises SnowflakeError: by name, for minutes of an offset alone.
    """
    return with_elements(form, _READ)


def snowflake_format(form: exp.Expr) -> str:
    """The format that was written, in upper case where it may be.

    :raises SnowflakeError: by name, for quoted text of which the parser made elements: its case is lost.
    """
    if any("%" in quoted for quoted in _QUOTED.findall(form.name)):
        raise not_supported("a format with the name of an element of times in quotes")
    written = str(format_time(form.name, Snowflake.INVERSE_TIME_MAPPING, Snowflake.INVERSE_TIME_TRIE) or form.name)
    return _ELEMENT.sub(lambda match: match[0].upper() if match["element"] else match[0], written)


def parsed_format(form: str) -> str:
    """A format as sqlglot's parser has it in a tree."""
    parsed = Snowflake.format_time(exp.Literal.string(form))
    return str(parsed.name if parsed is not None else form)


def mark(tree: exp.Expr) -> None:
    """Note the formats that are no literals: sqlglot's parser has translated the others."""
    for node in tree.find_all(*_FORMATTED):
        form = node.args.get("format")
        if form is not None and not isinstance(form, exp.Literal):
            node.meta[_RAW] = True


def translate(tree: exp.Expr) -> None:
    """Translate the noted formats, once bound values and session variables are constants.

    :raises SnowflakeError: by name, for a format that is computed for each row.
    """
    for node in tree.find_all(*_FORMATTED):
        if node.meta.pop(_RAW, False):
            node.set("format", exp.Literal.string(parsed_format(_constant(node.args["format"]))))


def _constant(node: exp.Expr) -> str:
    if isinstance(node, exp.DPipe):
        return _constant(node.this) + _constant(node.expression)
    if isinstance(node, exp.Paren):
        return _constant(node.this)
    if not isinstance(node, exp.Literal):
        raise not_supported("a format of dates and times that is not constant")
    return str(node.name)
