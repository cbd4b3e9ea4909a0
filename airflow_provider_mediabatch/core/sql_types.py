"""SQL types by their names: Snowflake's documentation, page "Summary of data types"."""

from __future__ import annotations

import re

_SYNONYMS = {
    **dict.fromkeys(("TEXT", "STRING", "CHAR", "CHARACTER", "NCHAR", "NVARCHAR", "NVARCHAR2"), "VARCHAR"),
    **dict.fromkeys(("FIXED", "DECIMAL", "DEC", "NUMERIC", "INT", "INTEGER"), "NUMBER"),
    **dict.fromkeys(("BIGINT", "SMALLINT", "TINYINT", "BYTEINT"), "NUMBER"),
    **dict.fromkeys(("REAL", "DOUBLE", "DOUBLE PRECISION", "FLOAT4", "FLOAT8"), "FLOAT"),
    "DATETIME": "TIMESTAMP_NTZ",
    "VARBINARY": "BINARY",
}
NUMBERS = frozenset({"NUMBER", "FLOAT"})
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
