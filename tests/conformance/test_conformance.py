"""The table of documented behaviours, each row asked of the engine by the unmodified connector over one connection.

Locks of several sessions (20 waiters, a blocking transaction that is idle) are in ``tests/local/test_locks.py``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from conformance.asking import ROWS, difference, set_up
from conformance.table import Row
from snowflake.connector.errors import DatabaseError


@pytest.fixture(scope="module")
def connection(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("conformance")
    with engine.connect(paramstyle="qmark") as opened, opened.cursor() as cursor:
        set_up(cursor, folder)
        yield opened
        cursor.execute("DROP SCHEMA MEDIA.CONFORMANCE")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_documented(connection: Any, row: Row) -> None:
    with connection.cursor() as cursor:
        answered = difference(cursor, row)
    assert answered is None, f"{row.what}: {row.answer} was expected"


def test_rows_are_told_apart() -> None:
    assert [what for what, count in Counter(row.what for row in ROWS).items() if count > 1] == []
    assert all(row.source for row in ROWS)


def test_the_document_says_how_many_rows_are_confirmed() -> None:
    page = Path(__file__).parents[2] / "docs" / "local-engine.md"
    assert f"Of its {len(ROWS)} rows, {sum(row.confirmed for row in ROWS)} are confirmed" in page.read_text()


def test_numbers_with_a_scale_are_floats_in_pandas(connection: Any) -> None:
    """Snowflake Connector for Python, Using pandas DataFrames: FIXED with a scale becomes float64."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE TEMPORARY TABLE PRICES (PRICE NUMBER(10,2))")
        cursor.execute("INSERT INTO PRICES VALUES (-1.5), (2.25), (NULL)")
        frame = cursor.execute("SELECT PRICE FROM PRICES ORDER BY 1").fetch_pandas_all()
        assert str(frame["PRICE"].dtype) == "float64"
        assert frame["PRICE"].to_list()[:2] == [-1.5, 2.25]
        assert cursor.execute("SELECT PRICE FROM PRICES ORDER BY 1").fetchall() == [
            (Decimal("-1.50"),),
            (Decimal("2.25"),),
            (None,),
        ]


def test_many_sessions_create_a_table_if_it_is_not_there(engine: Any, connection: Any) -> None:
    """CREATE TABLE, Parameters: IF NOT EXISTS succeeds, whoever was first."""

    def create(number: int) -> str:
        with engine.connect(schema="CONFORMANCE") as one:
            statement = "CREATE TABLE IF NOT EXISTS ONCE (N NUMBER)"
            return str(one.cursor().execute(statement).fetchone()[0])  # type: ignore[union-attr,index]

    with ThreadPoolExecutor(6) as pool:
        said = list(pool.map(create, range(6)))
    assert sorted("already exists" in text for text in said) == [False] + [True] * 5


def test_a_parameter_at_login_is_treated_as_in_alter_session(engine: Any) -> None:
    """Parameters, Session parameters: both ways set the same parameter."""
    for parameter, value, words in (
        ("TIMEZONE", "Nowhere/Land", "TIMEZONE"),
        ("QUOTED_IDENTIFIERS_IGNORE_CASE", True, "QUOTED_IDENTIFIERS_IGNORE_CASE"),
        ("ABORT_DETACHED_QUERY", True, "ABORT_DETACHED_QUERY"),
        ("TIMESTAMP_TYPE_MAPPING", "TIMESTAMP_LTZ", "TIMESTAMP_TYPE_MAPPING"),
    ):
        with pytest.raises(DatabaseError, match=words):
            engine.connect(session_parameters={parameter: value})
    with engine.connect(session_parameters={"timezone": "Asia/Tokyo"}) as one:
        said = one.cursor().execute("SELECT '2024-01-01 00:00:00'::TIMESTAMP_LTZ::VARCHAR").fetchone()
        assert said == ("2024-01-01 00:00:00.000 +0900",)
