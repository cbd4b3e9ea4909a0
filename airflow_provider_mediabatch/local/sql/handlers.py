"""Which function answers which kind of ordinary SQL statement, by sqlglot's class."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from airflow_provider_mediabatch.local.statement_result import Result

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context

Handler = Callable[["Context", exp.Expr], Result]
_handlers: dict[type[exp.Expr], Handler] = {}


def handles(*classes: type[exp.Expr]) -> Callable[[Handler], Handler]:
    """Register what answers a kind of statement.

    :param classes: sqlglot's classes for the statement.
    """

    def register(handler: Handler) -> Handler:
        for each in classes:
            _handlers[each] = handler
        return handler

    return register


def find(tree: exp.Expr) -> Handler | None:
    """What answers a statement, or None."""
    return _handlers.get(type(tree))
