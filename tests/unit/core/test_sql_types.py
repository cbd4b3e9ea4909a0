from __future__ import annotations

import pytest

from airflow_provider_mediabatch.core import sql_types


@pytest.mark.parametrize(
    ("written", "family"),
    [
        *[(name, "VARCHAR") for name in ("VARCHAR(16777216)", "text", "STRING", "char(1)", "NVARCHAR (5)")],
        *[(name, "NUMBER") for name in ("NUMBER(38,0)", "decimal(10, 2)", "INT", "FIXED", "BYTEINT")],
        *[(name, "FLOAT") for name in ("FLOAT", "REAL", "double precision", "FLOAT8")],
        *[(name, "TIMESTAMP_NTZ") for name in ("TIMESTAMP_NTZ(9)", "DATETIME")],
        ("TIMESTAMP_TZ(9)", "TIMESTAMP_TZ"),
        ("varbinary(8388608)", "BINARY"),
        ("OBJECT(a VARCHAR)", "OBJECT"),
    ],
)
def test_a_type_has_one_name(written: str, family: str) -> None:
    assert sql_types.family(written) == family


def test_types_that_hold_others() -> None:
    assert all(sql_types.is_nested(kind) for kind in ("ARRAY", "variant", "OBJECT(a NUMBER)", "MAP(VARCHAR, VARCHAR)"))
    assert not any(sql_types.is_nested(kind) for kind in ("VARCHAR", "BINARY(10)", "NUMBER(38,0)"))


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("NUMBER(38,0)", (38, 0)),
        ("decimal(10, 2)", (10, 2)),
        ("FIXED(3,1)", (3, 1)),
        ("NUMBER", (0, 0)),
        ("VARCHAR(10)", (0, 0)),
        ("VECTOR(3,1)", (0, 0)),
    ],
)
def test_the_digits_of_a_number(written: str, digits: tuple[int, int]) -> None:
    assert sql_types.digits(written) == digits


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("DATE", "TO_CHAR(V, 'YYYY-MM-DD')"),
        ("TIME(9)", "TO_CHAR(V, 'HH24:MI:SS.FF')"),
        ("TIMESTAMP_NTZ(9)", "TO_CHAR(V, 'YYYY-MM-DD HH24:MI:SS.FF')"),
        ("BINARY(8388608)", "HEX_ENCODE(V)"),
        ("NUMBER(38,0)", "V::VARCHAR"),
    ],
)
def test_no_text_of_a_value_depends_on_the_session(kind: str, text: str) -> None:
    """The local engine has Snowflake's default formats only, so a run on it does not show the difference."""
    assert sql_types.text_sql("V", kind) == text
