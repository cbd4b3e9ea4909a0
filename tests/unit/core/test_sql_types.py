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
