"""Formats of dates and times: Snowflake's elements as strftime's, also where a format is not written as a literal."""

from __future__ import annotations

import re

from sqlglot import exp
from sqlglot.dialects.snowflake import Snowflake

from airflow_provider_mediabatch.local.errors import not_supported

_FORMATTED = (exp.StrToTime, exp.TsOrDsToDate, exp.TsOrDsToTime, exp.TimeToStr)
_RAW = "raw_format"


def time_format(form: str) -> str:
    """Snowflake's format of dates and times as strftime's."""
    form = re.sub(r"(?i)FF[3]?(?![0-9])", "%g" if "FF3" in form.upper() else "%f", form)
    form = re.sub(r"(?i)FF[69]", "%f", form)
    mapped = Snowflake.format_time(exp.Literal.string(form.replace('"', "")))
    return str(mapped.name if mapped is not None else form)


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
            node.set("format", exp.Literal.string(time_format(_constant(node.args["format"]))))


def _constant(node: exp.Expr) -> str:
    if isinstance(node, exp.DPipe):
        return _constant(node.this) + _constant(node.expression)
    if isinstance(node, exp.Paren):
        return _constant(node.this)
    if not isinstance(node, exp.Literal):
        raise not_supported("a format of dates and times that is not constant")
    return str(node.name)
