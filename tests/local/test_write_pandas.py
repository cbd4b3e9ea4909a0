"""Snowpark's DataFrames and the connector's write_pandas against the engine."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from snowflake.connector.pandas_tools import write_pandas
from snowflake.snowpark import Session
from snowflake.snowpark import functions as F
from snowflake.snowpark.exceptions import SnowparkPandasException
from snowflake.snowpark.types import (
    IntegerType,
    StringType,
    StructField,
    StructType,
    VariantType,
)


@pytest.fixture(scope="module")
def session(engine: Any) -> Iterator[Session]:
    with engine.session() as opened:
        yield opened


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "PATH": [f"@MEDIA.PUBLIC.S/ä {i}.jpg" for i in range(1000)],
            "n": range(1000),
            "SCORE": [None if i % 3 == 0 else i / 7 for i in range(1000)],
            "OK": [i % 2 == 0 for i in range(1000)],
            "DAY": [datetime.date(2026, 11, 1 + i % 20) for i in range(1000)],
        }
    )


def test_write_pandas_creates_the_table(engine: Any, frame: pd.DataFrame) -> None:
    with engine.connect() as connection:
        succeeded, _, count, _ = write_pandas(connection, frame, "PANDAS_ROWS", auto_create_table=True, overwrite=True)
        assert (succeeded, count) == (True, 1000)
        cursor = connection.cursor()
        cursor.execute('SELECT COUNT(*), SUM("n"), COUNT(SCORE), COUNT_IF(OK), MAX(DAY), MIN(PATH) FROM PANDAS_ROWS')
        assert cursor.fetchone() == (1000, 499500, 666, 500, datetime.date(2026, 11, 20), "@MEDIA.PUBLIC.S/ä 0.jpg")
        write_pandas(connection, frame.head(5), "PANDAS_ROWS")
        assert cursor.execute("SELECT COUNT(*) FROM PANDAS_ROWS").fetchone() == (1005,)
        back = cursor.execute('SELECT "n", SCORE FROM PANDAS_ROWS ORDER BY 1').fetch_pandas_all()
        assert list(back.columns) == ["n", "SCORE"]
        assert len(back) == 1005


def test_write_pandas_into_a_table_that_is_not_there(session: Session, frame: pd.DataFrame) -> None:
    """snowpark-python, test_pandas_to_df.py (test_write_pandas)."""
    with pytest.raises(SnowparkPandasException, match='"no_table" because it does not exist'):
        session.write_pandas(frame, "no_table")


def test_a_duration_is_a_number_of_nanoseconds(session: Session) -> None:
    """snowpark-python, test_pandas_to_df.py (test_create_from_pandas_datetime_types)."""
    rows = session.create_dataframe(pd.DataFrame({"LONG": [datetime.timedelta(days=1), None]}))
    assert [row["LONG"] for row in rows.sort("LONG").collect()] == [None, 86400 * 10**9]


def test_columns_are_asked_for_before_values_are_bound(session: Session) -> None:
    """snowpark-python, test_bind_variable.py (test_describe)."""
    bound = session.sql("SELECT COLUMN1::INT AS A FROM VALUES (?), (?)", params=[1, 2])
    assert bound.agg(F.sum("A").alias("S")).select(F.col("S")).collect()[0]["S"] == 3
    assert [row["A"] for row in bound.describe().collect() if row["SUMMARY"] == "max"] == [2]


def test_names_with_quotes_and_blanks(engine: Any, session: Session) -> None:
    names = ["A", "b c", "o'x", 'sa"y', '"q"', "'col'", "ü", "$1", "a.b"]
    frame = pd.DataFrame([[1] * len(names)], columns=names)
    with engine.connect() as connection:
        for table in ("a table", "o'brien"):
            write_pandas(connection, frame, table, auto_create_table=True, overwrite=True)
            write_pandas(connection, frame, table)
            cursor = connection.cursor().execute(f'SELECT * FROM "{table}"')
            assert [column.name for column in cursor.description] == names  # type: ignore[union-attr]
            assert cursor.fetchall() == [(1,) * len(names)] * 2  # type: ignore[union-attr]
    created = session.create_dataframe(frame)
    assert created.columns[:5] == ["A", '"b c"', '"o\'x"', '"sa""y"', '"""q"""']
    assert list(created.to_pandas().columns) == names


def test_create_dataframe_from_pandas_and_back(session: Session, frame: pd.DataFrame) -> None:
    created = session.create_dataframe(frame)
    assert created.count() == 1000
    assert created.filter(F.col("OK")).select(F.sum('"n"')).collect()[0][0] == sum(range(0, 1000, 2))
    assert created.sort('"n"').to_pandas()["PATH"].tolist() == frame["PATH"].tolist()


@pytest.mark.parametrize("count", [3, 2000])
def test_create_dataframe_from_rows(session: Session, count: int) -> None:
    schema = StructType(
        [StructField("PATH", StringType()), StructField("N", IntegerType()), StructField("V", VariantType())]
    )
    created = session.create_dataframe([(f"p{i}", i, {"k": i}) for i in range(count)], schema)
    assert created.count() == count
    row = created.filter(F.col("N") == 2).select("PATH", F.col("V")["k"].cast("int").alias("K")).collect()
    assert [tuple(r) for r in row] == [("p2", 2)]
    created.write.mode("overwrite").save_as_table("SNOWPARK_ROWS")
    table = session.table("SNOWPARK_ROWS")
    assert [tuple(r) for r in table.agg(F.max("N"), F.count_distinct("PATH")).collect()] == [(count - 1, count)]


def test_snowpark_operations(session: Session) -> None:
    left = session.create_dataframe([[1, "a"], [2, "b"], [3, "c"]], ["ID", "L"])
    right = session.create_dataframe([[2, "x"], [3, "y"], [3, "z"]], ["ID", "R"])
    joined = left.join(right, "ID", "left").sort("ID", "R")
    assert [tuple(r) for r in joined.collect()] == [(1, "a", None), (2, "b", "x"), (3, "c", "y"), (3, "c", "z")]
    grouped = joined.group_by("L").agg(F.count("R").alias("N")).sort("L")
    assert [tuple(r) for r in grouped.collect()] == [("a", 0), ("b", 1), ("c", 2)]
    assert [tuple(r) for r in left.union_all(left).distinct().sort("ID").limit(1).collect()] == [(1, "a")]
    assert left.with_column("H", F.col("ID") / 2).filter(F.col("ID") == 3).collect()[0]["H"] == pytest.approx(1.5)
    cached = left.cache_result()
    assert cached.count() == 3
    left.create_or_replace_view("SNOWPARK_VIEW")
    assert session.table("SNOWPARK_VIEW").count() == 3
    assert session.sql("SELECT ? + 1", params=[41]).collect()[0][0] == 42
    assert session.get_current_schema() == '"PUBLIC"'
