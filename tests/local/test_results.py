"""What clients read of a result besides its rows: the description of its columns, frames, and the counts of DML.

The expected values are those of snowflake-connector-python's own tests, which are named.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from snowflake.connector import SnowflakeConnection


@pytest.fixture(scope="module")
def connection(engine: Any) -> Iterator[SnowflakeConnection]:
    with engine.connect() as opened:
        opened.cursor().execute("CREATE OR REPLACE SCHEMA MEDIA.RESULTS")
        yield opened


def test_a_result_without_rows_is_an_empty_frame(connection: SnowflakeConnection, engine: Any) -> None:
    """test_arrow_pandas.py: test_empty."""
    cursor = connection.cursor()
    frame = cursor.execute("SELECT 1 AS A, 'x' AS B WHERE 1 = 0").fetch_pandas_all()
    assert (list(frame.columns), len(frame)) == (["A", "B"], 0)
    table = cursor.execute("SELECT 1 AS A WHERE 1 = 0").fetch_arrow_all(force_return_table=True)
    assert (table.column_names, table.num_rows) == (["A"], 0)  # type: ignore[union-attr]
    assert cursor.execute("SELECT 1 AS A WHERE 1 = 0").fetchall() == []
    session = engine.session()
    assert list(session.sql("SELECT 1 AS A WHERE 1 = 0").to_pandas().columns) == ["A"]


def test_times_are_described_with_their_scale(connection: SnowflakeConnection) -> None:
    """test_arrow_result.py: test_select_time and test_select_timestamp_with_scale."""
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE MOMENTS (A TIMESTAMP_NTZ(0), B TIMESTAMP_LTZ(3), C TIME(6), D TIMESTAMP_NTZ)")
    cursor.execute("SELECT A, B, C, D, MAX(A), A::TIMESTAMP_NTZ(3), DATEADD(MS, 5, A) FROM MOMENTS GROUP BY 1, 2, 3, 4")
    assert [column.scale for column in cursor.description] == [0, 3, 6, 9, 0, 3, 9]
    kinds = [column.type_code for column in cursor.description]
    assert kinds == [8, 6, 12, 8, 8, 8, 8]


def test_counts_of_dml(connection: SnowflakeConnection) -> None:
    """test_connection.py: test_dml_stats_operations, test_update_with_dml_duplicates and test_ctas_stats."""
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE COUNTED (A INT)")
    expected = {
        "CREATE TABLE PARTNERS (A INT) AS SELECT COLUMN1 FROM VALUES (5), (5)": (2, 0, 0, 0),
        "INSERT INTO COUNTED VALUES (1), (2), (3)": (3, 0, 0, 0),
        "UPDATE COUNTED SET A = 5 WHERE A > 1": (0, 0, 2, 0),
        "UPDATE COUNTED SET A = 6 FROM PARTNERS P WHERE COUNTED.A = P.A": (0, 0, 2, 2),
        "DELETE FROM COUNTED WHERE A = 1": (0, 1, 0, 0),
        "MERGE INTO COUNTED USING (SELECT 7 AS A) S ON COUNTED.A = S.A WHEN MATCHED THEN DELETE "
        "WHEN NOT MATCHED THEN INSERT (A) VALUES (S.A)": (1, 0, 0, 0),
    }
    assert cursor.execute("CREATE VIEW NONE_COUNTED AS SELECT 1 AS A").stats == (None,) * 4  # type: ignore[union-attr]
    assert {sql: tuple(cursor.execute(sql).stats) for sql in expected} == expected  # type: ignore[union-attr,arg-type]
