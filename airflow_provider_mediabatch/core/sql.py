"""Snowflake identifiers and literals: the one place where text becomes part of a statement.

Every name and every value that operators, hooks and the CLI put into SQL passes through :func:`identifier`,
:func:`qualified` or :func:`literal`, so hostile input stays one token of one statement.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

_UNQUOTED = re.compile(r"[A-Z_][A-Z0-9_$]*\Z")
_RESERVED = re.compile(
    r"(?:ALL|ALTER|AND|ANY|AS|BETWEEN|BY|CASE|CAST|CHECK|COLUMN|CONNECT|CONSTRAINT|CREATE|CROSS|CURRENT|"
    r"CURRENT_DATE|CURRENT_TIME|CURRENT_TIMESTAMP|CURRENT_USER|DELETE|DISTINCT|DROP|ELSE|EXISTS|FALSE|"
    r"FOLLOWING|FOR|FROM|FULL|GRANT|GROUP|HAVING|ILIKE|IN|INCREMENT|INNER|INSERT|INTERSECT|INTO|IS|JOIN|"
    r"LATERAL|LEFT|LIKE|LOCALTIME|LOCALTIMESTAMP|MINUS|NATURAL|NOT|NULL|OF|ON|OR|ORDER|QUALIFY|REGEXP|"
    r"REVOKE|RIGHT|RLIKE|ROW|ROWS|SAMPLE|SELECT|SET|SOME|START|TABLE|TABLESAMPLE|THEN|TO|TRIGGER|TRUE|"
    r"TRY_CAST|UNION|UNIQUE|UPDATE|USING|VALUES|WHEN|WHENEVER|WHERE|WITH)\Z"
)
"""Snowflake's reserved keywords that are no bare identifier."""
_PART = re.compile(r'"(?:[^"]|"")*"|[A-Za-z_][A-Za-z0-9_$]*')


def identifier(name: str) -> str:
    """A resolved name (as Snowflake stores it) as SQL: bare when it is upper case, plain and no keyword, else quoted.

    Always quoting would be right too; bare names keep statements equal to those that snowflake-ml sends.
    """
    if not name or "\0" in name:
        raise ValueError(f"{name!r} is not an identifier")
    if _UNQUOTED.match(name) and not _RESERVED.match(name):
        return name
    return '"' + name.replace('"', '""') + '"'


def quoted(name: str) -> str:
    """A resolved name, always double-quoted: for column names, where a bare reserved word would not parse."""
    if not name or "\0" in name:
        raise ValueError(f"{name!r} is not an identifier")
    return '"' + name.replace('"', '""') + '"'


def qualified(*parts: str) -> str:
    """Resolved names joined with dots: ``qualified("DB", "SCHEMA", "my stage")`` is ``DB.SCHEMA."my stage"``."""
    return ".".join(identifier(part) for part in parts)


def resolve(text: str) -> str:
    """One identifier as a user writes it, as Snowflake stores it: unquoted is upper-cased, quoted is kept.

    Source: Snowflake's identifier requirements. Raises ValueError for text that is not one identifier.
    """
    parts = split(text)
    if len(parts) != 1:
        raise ValueError(f"{text!r} is not one identifier")
    return parts[0]


def split(text: str) -> tuple[str, ...]:
    """A dotted name as a user writes it, as resolved parts: ``db."my schema".t`` is ``("DB", "my schema", "T")``.

    :raises ValueError: where a part is empty or needs quotes that it does not have.
    """
    parts: list[str] = []
    position = 0
    while True:
        match = _PART.match(text, position)
        if match is None:
            raise ValueError(
                f"{text!r} is not a Snowflake name: quote parts that hold other than letters, digits, _ and $"
            )
        part = match.group()
        parts.append(part[1:-1].replace('""', '"') if part[0] == '"' else part.upper())
        position = match.end()
        if position == len(text):
            break
        if text[position] != ".":
            raise ValueError(f"{text!r} is not a Snowflake name: unexpected {text[position]!r}")
        position += 1
    if not all(parts):
        raise ValueError(f"{text!r} has an empty part")
    return tuple(parts)


def literal(value: str | int | float | bool | Sequence[str] | None) -> str:
    """A value as a SQL literal. Backslashes are doubled: in Snowflake's string literals they are escapes.

    A sequence of strings becomes a parenthesised list, for ``IN``.
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and not math.isfinite(value):
        return f"'{value!r}'::FLOAT"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("a literal cannot hold a NUL character")
        return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
    return "(" + ", ".join(literal(item) for item in value) + ")"


def without_nan(number: str) -> str:
    """A number as SQL, or NULL where it is NaN, which would be the mean of all numbers beside it.

    As text, because a file's statistics do not know NaN.

    :param number: an expression of type FLOAT.
    """
    return f"IFF(UPPER(({number})::VARCHAR) = 'NAN', NULL, {number})"


def like(name: str, *, prefix: bool = False) -> str:
    r"""A literal for SHOW … LIKE that matches this name, in any letter case; ``_`` and ``%`` stand for themselves.

    :param prefix: match every name that begins so.
    """
    return literal(re.sub(r"[\\_%]", r"\\\g<0>", name) + ("%" if prefix else ""))


def specification(text: str) -> str:
    r"""A YAML specification as a SQL literal, with quotes escaped the way snowflake-ml does it (a backslash).

    Backslashes of the text are doubled first, which snowflake-ml leaves out: without it a ``\"`` or ``\n`` in the
    YAML would reach the server as something else.
    """
    if "\0" in text:
        raise ValueError("a specification cannot hold a NUL character")
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
