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
