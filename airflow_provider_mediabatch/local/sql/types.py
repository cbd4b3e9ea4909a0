"""Types: Snowflake's names, their storage in DuckDB, and how a result column is described to the client."""

from __future__ import annotations

import re

from sqlglot import exp

from airflow_provider_mediabatch.local.errors import not_supported
from airflow_provider_mediabatch.local.statement_result import ResultColumn

_D = exp.DType

INTEGERS = {_D.INT, _D.BIGINT, _D.SMALLINT, _D.TINYINT, _D.INT128, _D.MEDIUMINT, _D.UBIGINT, _D.INT256}
DECIMALS = {_D.DECIMAL, _D.BIGDECIMAL, _D.DECFLOAT}
FLOATS = {_D.DOUBLE, _D.FLOAT}
TEXTS = {_D.VARCHAR, _D.TEXT, _D.CHAR, _D.NCHAR, _D.NVARCHAR, _D.NAME}
BINARIES = {_D.BINARY, _D.VARBINARY, _D.BLOB}
SEMI_STRUCTURED = {_D.VARIANT, _D.OBJECT, _D.ARRAY, _D.JSON, _D.LIST, _D.MAP, _D.STRUCT}
NTZ = {_D.TIMESTAMP, _D.TIMESTAMPNTZ, _D.DATETIME}
LTZ = {_D.TIMESTAMPLTZ}
TZ = {_D.TIMESTAMPTZ}
TIMESTAMPS = NTZ | LTZ | TZ

MAX_TEXT = 16_777_216
MAX_BINARY = 8_388_608
_SIMPLE = {
    _D.BOOLEAN: ("BOOLEAN", "BOOLEAN"),
    _D.DATE: ("DATE", "DATE"),
    _D.VARIANT: ("JSON", "VARIANT"),
    _D.OBJECT: ("JSON", "OBJECT"),
    _D.ARRAY: ("JSON", "ARRAY"),
    _D.LIST: ("JSON", "ARRAY"),
    _D.JSON: ("JSON", "VARIANT"),
    _D.MAP: ("JSON", "OBJECT"),
    _D.STRUCT: ("JSON", "OBJECT"),
}


def parameters(kind: exp.DataType) -> list[int]:
    """The numbers in a type's parentheses: precision and scale, or a length."""
    return [int(p.name) for p in kind.expressions if isinstance(p, exp.DataTypeParam) and p.name.isdigit()]


def length(kind: exp.DataType) -> int | None:
    """The characters that a type of text has place for, where it says so; CHAR without a length has one."""
    given = parameters(kind)
    return given[0] if given else 1 if kind.this in (_D.CHAR, _D.NCHAR) else None


def scale(kind: exp.DataType) -> int:
    """Digits after the point of an exact number."""
    given = parameters(kind)
    return given[1] if kind.this in DECIMALS and len(given) > 1 else 0


def storage(kind: exp.DataType) -> str:
    """The DuckDB type in which values of a Snowflake type are kept."""
    return _translate(kind)[0]


def snowflake(kind: exp.DataType) -> str:
    """A type in Snowflake's full form, as DESCRIBE TABLE writes it: ``NUMBER(38,0)``, ``VARCHAR(16777216)``."""
    return _translate(kind)[1]


def _translate(kind: exp.DataType) -> tuple[str, str]:
    this, given = kind.this, parameters(kind)
    if this == _D.DECFLOAT:
        raise not_supported("the type DECFLOAT")
    if this in _SIMPLE:
        return _SIMPLE[this]
    if this in INTEGERS:
        return "DECIMAL(38, 0)", "NUMBER(38,0)"
    if this in DECIMALS:
        precision, digits = [*given, 0][:2] if given else (38, 0)
        return f"DECIMAL({precision}, {digits})", f"NUMBER({precision},{digits})"
    if this in FLOATS:
        return "DOUBLE", "FLOAT"
    if this in TEXTS:
        return "VARCHAR", f"VARCHAR({length(kind) or MAX_TEXT})"
    if this in BINARIES:
        return "BLOB", f"BINARY({given[0] if given else MAX_BINARY})"
    if this == _D.TIME:
        return "TIME", f"TIME({given[0] if given else 9})"
    if this in TIMESTAMPS:
        name = "TIMESTAMP_NTZ" if this in NTZ else "TIMESTAMP_LTZ" if this in LTZ else "TIMESTAMP_TZ"
        return ("TIMESTAMP" if this in NTZ else "TIMESTAMPTZ"), f"{name}({given[0] if given else 9})"
    raise not_supported(f"the type {kind.sql('snowflake')}")


def parse(text: str) -> exp.DataType:
    """A Snowflake type's text as sqlglot's type."""
    return exp.DataType.build(text, dialect="snowflake")


_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
_FROM_DUCKDB = {
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIME": "TIME",
    "DOUBLE": "FLOAT",
    "FLOAT": "FLOAT",
    "BLOB": "BINARY",
    "VARCHAR": "VARCHAR",
    "UUID": "VARCHAR",
    "JSON": "VARIANT",
    "TIMESTAMP": "TIMESTAMP_NTZ",
    "TIMESTAMP_NS": "TIMESTAMP_NTZ",
    "TIMESTAMP_MS": "TIMESTAMP_NTZ",
    "TIMESTAMP_S": "TIMESTAMP_NTZ",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_LTZ",
    '"NULL"': "VARCHAR",
}
_INTEGER_NAMES = {
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
}  # fmt: skip


def from_duckdb(name: str) -> str:
    """The Snowflake type (full form) of a DuckDB type's name."""
    if match := _DECIMAL.fullmatch(name):
        return f"NUMBER({match[1]},{match[2]})"
    if name in _INTEGER_NAMES:
        return "NUMBER(38,0)"
    if name in _FROM_DUCKDB:
        return snowflake(parse(_FROM_DUCKDB[name]))
    if name.endswith("[]"):
        return "ARRAY"
    if name.startswith(("STRUCT", "MAP", "UNION")):
        return "OBJECT"
    if name.startswith("VARIANT"):
        return "VARIANT"
    raise not_supported(f"a result of the type {name}")


def column(name: str, kind: str, nullable: bool = True) -> ResultColumn:
    """A result column of a Snowflake type in full form."""
    base, _, rest = kind.partition("(")
    numbers = [int(n) for n in rest.rstrip(")").split(",")] if rest else []
    if base == "NUMBER":
        return ResultColumn(name, "fixed", precision=numbers[0], scale=numbers[1], nullable=nullable)
    if base == "VARCHAR":
        return ResultColumn(name, "text", length=numbers[0], nullable=nullable)
    if base == "BINARY":
        return ResultColumn(name, "binary", length=numbers[0], nullable=nullable)
    if base == "FLOAT":
        return ResultColumn(name, "real", nullable=nullable)
    if base in ("TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ", "TIME"):
        return ResultColumn(name, base.lower(), precision=0, scale=numbers[0], nullable=nullable)
    return ResultColumn(name, base.lower(), nullable=nullable)
