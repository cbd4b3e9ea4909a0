"""SQL types by their names: Snowflake's documentation, page "Summary of data types"."""

from __future__ import annotations

import re

from airflow_provider_mediabatch.core.sql import literal

_SYNONYMS = {
    **dict.fromkeys(("TEXT", "STRING", "CHAR", "CHARACTER", "NCHAR", "NVARCHAR", "NVARCHAR2"), "VARCHAR"),
    **dict.fromkeys(("FIXED", "DECIMAL", "DEC", "NUMERIC", "INT", "INTEGER"), "NUMBER"),
    **dict.fromkeys(("BIGINT", "SMALLINT", "TINYINT", "BYTEINT"), "NUMBER"),
    **dict.fromkeys(("REAL", "DOUBLE", "DOUBLE PRECISION", "FLOAT4", "FLOAT8"), "FLOAT"),
    "DATETIME": "TIMESTAMP_NTZ",
    "VARBINARY": "BINARY",
}
NUMBERS = frozenset({"NUMBER", "FLOAT"})
_FORMATS = {"DATE": "YYYY-MM-DD", "TIME": "HH24:MI:SS.FF", "TIMESTAMP_NTZ": "YYYY-MM-DD HH24:MI:SS.FF"}
FORMATTED = frozenset({*_FORMATS, "BINARY"})
"""Types whose cast to text follows from parameters of the session."""
NESTED = frozenset({"ARRAY", "OBJECT", "VARIANT", "MAP"})


def family(sql_type: str) -> str:
    """The one name of a type that has several, without length, precision and scale.

    :param sql_type: as a signature, ``DESCRIBE`` or ``INFER_SCHEMA`` writes it: ``VARCHAR`` of ``text(10)``.
    """
    name = sql_type.partition("(")[0].strip().upper()
    return _SYNONYMS.get(name, name)


def is_nested(sql_type: str) -> bool:
    """Whether values of this type hold others: semi-structured types, and structured ones."""
    return family(sql_type) in NESTED


def digits(sql_type: str) -> tuple[int, int]:
    """Precision and scale of ``NUMBER(p,s)``; zeros for another type, and for a number that has none.

    :param sql_type: as :func:`family` takes it.
    """
    match = re.fullmatch(r"[A-Z]+\((\d+), ?(\d+)\)", sql_type.strip(), re.IGNORECASE)
    return (int(match[1]), int(match[2])) if match and family(sql_type) == "NUMBER" else (0, 0)


def text_sql(column: str, kind: str) -> str:
    """A value as text that is the same in every session.

    A cast to VARCHAR writes moments as the session's DATE_OUTPUT_FORMAT and its kin say, whose default has no more than
    milliseconds, and bytes as BINARY_OUTPUT_FORMAT (Snowflake's reference, page "Parameters"). Another setting would
    make every file new and every result another one.

    :param column: the value as SQL.
    :param kind: its SQL type.
    """
    form = _FORMATS.get(family(kind))
    if form is not None:
        return f"TO_CHAR({column}, {literal(form)})"
    return f"HEX_ENCODE({column})" if family(kind) == "BINARY" else f"{column}::VARCHAR"


def number_sql(text: str) -> str:
    """A number's text that is the same for every type of numbers: ``1`` of ``1.0`` and ``1.00``, ``1.5`` of ``1.50``.

    A whole number keeps all its digits, which FLOAT does not have. A text that is no number is left as it is.

    :param text: as SQL.
    """
    return f"IFF(REGEXP_LIKE({text}, '-?[0-9]+'), {text}, COALESCE(TRY_CAST({text} AS FLOAT)::VARCHAR, {text}))"
