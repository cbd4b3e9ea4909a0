"""Regular expressions of SQL functions: POSIX ERE in Snowflake, more in DuckDB."""

from __future__ import annotations

import re

from sqlglot import exp

from airflow_provider_mediabatch.local.errors import SnowflakeError, not_supported

_FUNCTIONS = (
    *(exp.RegexpLike, exp.RegexpILike, exp.RegexpExtract, exp.RegexpExtractAll, exp.RegexpReplace),
    *(exp.RegexpCount, exp.RegexpInstr),
)
_CLASS_OR_ESCAPE = re.compile(r"\\.|\[\^?\]?(?:\[:[a-z]+:\]|[^\]])*\]", re.DOTALL)
_LAZY = re.compile(r"[*+?}]\?")
_OPTIONS = ("parameters", "modifiers", "flag")


def take_multiline(node: exp.Expr) -> None:
    """Put the parameter ``m`` of a function into its pattern, in place: to DuckDB the option means something else.

    Source: Snowflake's reference, page "String functions (regular expressions)", section "Specifying the parameters for
    the regular expression".
    """
    for name in _OPTIONS:
        given = node.args.get(name)
        if isinstance(given, exp.Literal) and "m" in given.name:
            node.set(name, exp.Literal.string(given.name.replace("m", "")))
            pattern = node.args["expression"]
            node.set("expression", exp.Concat(expressions=[exp.Literal.string("(?m)"), pattern.copy()]))


def refuse_patterns(tree: exp.Expr) -> None:
    """Refuse constant patterns that go beyond POSIX ERE.

    :raises SnowflakeError: 100048 for ``(?…)``, as Snowflake; by name for lazy quantifiers.
    """
    for node in tree.find_all(*_FUNCTIONS):
        pattern = node.args.get("expression")
        if not isinstance(pattern, exp.Literal):
            continue
        plain = _CLASS_OR_ESCAPE.sub("x", pattern.name)
        if "(?" in plain:
            text = f"Invalid regular expression: '{pattern.name}', no argument for repetition operator: ?"
            raise SnowflakeError(100048, "2201B", text)
        if _LAZY.search(plain):
            raise not_supported(f"the lazy quantifier in the regular expression '{pattern.name}': POSIX has none")
