"""Constants of a statement: bound values, session variables, context functions and system functions."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING

from sqlglot import exp

from airflow_provider_mediabatch.core.sql import split
from airflow_provider_mediabatch.local.errors import SnowflakeError, not_supported, syntax_error
from airflow_provider_mediabatch.local.sql import functions, system_functions, table_sources, types
from airflow_provider_mediabatch.local.sql.file_urls import file_url, is_file_url_function
from airflow_provider_mediabatch.local.sql.system_functions import Waiting

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context

_TIMES = (exp.CurrentTimestamp, exp.CurrentDate, exp.CurrentTime, exp.Localtime)
_TIME_FUNCTION = re.compile(r"(TRY_)?TO_(DATE|TIMESTAMP(?:_NTZ|_LTZ|_TZ)?)\Z")


class Constants:
    """The constants of one statement.

    :param deferred: the expression is evaluated later, again and again (a view): times stay functions.
    :ivar now: the statement's time.
    :ivar batch: bound arrays by their position.
    """

    def __init__(self, ctx: Context, *, deferred: bool = False) -> None:
        self.ctx = ctx
        self.deferred = deferred
        self.now = datetime.datetime.now(datetime.UTC)
        self.batch: dict[int, list[object]] = {}

    def replace(self, node: exp.Expr) -> exp.Expr:
        """The constant behind a bound value, a session variable, IDENTIFIER() or a context function.

        For :meth:`sqlglot.exp.Expr.transform`; any other node is returned as it is.
        """
        if isinstance(node, exp.Placeholder):
            return self._bound(node)
        if isinstance(node, exp.Parameter) and not isinstance(node.this, exp.Literal):
            return self._variable(node)
        if isinstance(node, exp.DynamicIdentifier):
            return self._identifier(node)
        if isinstance(node, exp.Anonymous):
            return self._function(node)
        if self.deferred and isinstance(node, _TIMES):
            return node
        return functions.context_value(self.ctx, node, self.now) or node

    def _bound(self, node: exp.Placeholder) -> exp.Expr:
        position = int(node.name) if node.name.isdigit() else 0
        if position not in self.ctx.bindings:
            if self.ctx.describe_only:  # Snowpark asks for the columns before it binds values
                return exp.null()
            raise SnowflakeError(2049, "42601", f"SQL compilation error:\nBind variable {node.name or '?'} not set.")
        value = self.ctx.bindings[position]
        if isinstance(value, list):
            self.batch[position] = value
            return exp.column(f"B{position}", table="MB_BATCH", quoted=True)
        return functions.constant(value)

    def _variable(self, node: exp.Parameter) -> exp.Expr:
        name = node.this.name.upper()
        variables = self.ctx.session.variables
        if name not in variables:
            raise SnowflakeError(
                2211, "02000", f"SQL compilation error: error line 1\nSession variable '${name}' does not exist"
            )
        return functions.constant(variables[name])

    def _identifier(self, node: exp.DynamicIdentifier) -> exp.Expr:
        """IDENTIFIER('a.b') or IDENTIFIER(?)."""
        inner = node.this
        if isinstance(inner, exp.Placeholder):
            inner = self._bound(inner)
        elif isinstance(inner, exp.Parameter):
            inner = self._variable(inner)
        parts = _names(str(table_sources.value(inner)))
        if isinstance(node.parent, exp.Table):
            parent = node.parent
            for name, part in zip(("db", "catalog"), reversed(parts[:-1]), strict=False):
                parent.set(name, exp.to_identifier(part, quoted=True))
            return exp.to_identifier(parts[-1], quoted=True)
        return exp.column(*reversed(parts), quoted=True)

    def _function(self, node: exp.Anonymous) -> exp.Expr:
        name = node.name.upper()
        if node.meta.get("build") is not None:
            return node
        if is_file_url_function(name):
            return file_url(self.ctx, node, self.replace, in_view=self.deferred)
        function = system_functions.find(name)
        if function is not None:
            stages = [table_sources.stage_text(a) for a in node.expressions]
            arguments = [
                a.transform(self.replace) if not s else a for a, s in zip(node.expressions, stages, strict=True)
            ]
            values = [
                s or (None if isinstance(a, exp.Column) and a.name == "NONE" else table_sources.value(a))
                for a, s in zip(arguments, stages, strict=True)
            ]
            value = function(self.ctx, values)
            if isinstance(value, Waiting):
                value = value.wait(self.ctx.cancelled)
            return functions.constant(value)
        if match := _TIME_FUNCTION.match(name):
            kind = types.parse("TIMESTAMP_NTZ" if match[2] == "TIMESTAMP" else match[2])
            source = node.expressions[0]
            if len(node.expressions) > 1 and node.expressions[1].name != "0":
                raise not_supported(f"{name} with a scale or a format that is not a constant")
            return exp.TryCast(this=source, to=kind) if match[1] else exp.Cast(this=source, to=kind)
        return functions.context_value(self.ctx, node, self.now) or node


def _names(text: str) -> tuple[str, ...]:
    try:
        return split(text.strip())
    except ValueError as error:
        raise syntax_error(str(error)) from None
