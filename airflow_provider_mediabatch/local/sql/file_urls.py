"""Functions of a stage and a path that return a URL: for one path, or for the path in each row."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from airflow_provider_mediabatch.local.errors import SnowflakeError, invalid_argument, not_supported
from airflow_provider_mediabatch.local.sql import functions, transactions
from airflow_provider_mediabatch.local.sql.casts import text
from airflow_provider_mediabatch.local.sql.table_sources import stage_text, value

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context

FileUrl = Callable[[str], str]
"""The URL of a path."""
_Maker = Callable[["Context", list[object]], FileUrl]
_makers: dict[str, _Maker] = {}


def file_url_function(name: str) -> Callable[[_Maker], _Maker]:
    """Register a function.

    :param name: as in SQL.

    The function gets the context and its constant arguments, which are all but the path, the second in SQL. It looks
    the stage up once, and returns what makes the URL of each path.
    """

    def register(maker: _Maker) -> _Maker:
        _makers[name] = maker
        return maker

    return register


def is_file_url_function(name: str) -> bool:
    """Whether a function of that name, in upper case, is one of these."""
    return name in _makers


def file_url(ctx: Context, node: exp.Anonymous, replace: Callable[[exp.Expr], exp.Expr], *, in_view: bool) -> exp.Expr:
    """The URL, or what makes it for each row once the path is translated.

    :param node: the call.
    :param replace: replaces the constants of an expression.
    :param in_view: the call is evaluated later, again and again.
    """
    name, arguments = node.name.upper(), node.expressions
    if len(arguments) < 2:
        raise invalid_argument(f"{name} takes a stage and a path")
    stage, path = stage_text(arguments[0]), arguments[1].transform(replace)
    others = [value(each.transform(replace)) for each in arguments[2:]]
    url = _makers[name](ctx, [stage or value(arguments[0].transform(replace)), *others])
    if not list(path.find_all(exp.Column)):
        constant = value(path)
        return functions.constant(None if constant is None else url(str(constant)))
    if in_view:
        raise not_supported(f"{name} of a column in a view")
    token = f"MB_URL_{secrets.token_hex(8).upper()}"

    def for_row(path: str) -> str:
        try:
            return url(path)
        except SnowflakeError as error:
            ctx.failure = ctx.failure or error
            raise

    transactions.of(ctx.session).hold(
        token,
        lambda connection: connection.create_function(token, for_row, ["VARCHAR"], "VARCHAR", side_effects=True),
        lambda connection: connection.remove_function(token),
    )
    made = exp.Anonymous(this=name, expressions=[path])
    made.meta.update(returns="VARCHAR", build=lambda call: functions.call(token, text(call.expressions[0])))
    return made
