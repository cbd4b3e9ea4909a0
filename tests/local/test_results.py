"""What clients read of a result besides its rows: the description of its columns, frames, and the counts of DML.

The expected values are those of snowflake-connector-python's own tests, which are named.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import DatabaseError


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


def test_whole_numbers_of_a_table_are_as_wide_as_its_values(connection: SnowflakeConnection) -> None:
    """Public reports to the connector; test_arrow_pandas.py: test_arrow_zero_rows and test_scaled_bigint."""
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE WIDTHS (A INT, B INT, C INT, D NUMBER(38, 18), E INT)")
    cursor.execute(f"INSERT INTO WIDTHS VALUES (-128, 32767, 2147483648, 2.5, 1), (127, NULL, 1, 0.5, {10**37})")
    table = cursor.execute("SELECT A, B, C, D, E, 1 FROM (SELECT * FROM WIDTHS) ORDER BY A").fetch_arrow_all()
    whole = [pa.int8(), pa.int16(), pa.int64(), pa.float64(), pa.decimal128(38, 0), pa.int8()]
    assert table.schema.types == whole
    assert [table.column(name).to_pylist() for name in "AD"] == [[-128, 127], [2.5, 0.5]]
    assert cursor.execute("SELECT A FROM WIDTHS WHERE 1 = 0").fetch_arrow_all(True).schema.types == [pa.int64()]


def test_computed_whole_numbers_are_as_wide_as_their_type(connection: SnowflakeConnection) -> None:
    """snowpark-python, test_df_to_pandas.py: test_to_pandas_cast_integer."""
    sql = "SELECT '1'::NUMBER(2, 0), '1'::NUMBER(4, 0), '1'::NUMBER(6, 0), '1'::NUMBER(18, 0), '1'::INT"
    table = connection.cursor().execute(sql).fetch_arrow_all()
    assert table.schema.types == [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.int64()]


def test_a_large_result_comes_in_parts_of_one_type(connection: SnowflakeConnection) -> None:
    """test_arrow_pandas.py: test_resultbatches_pandas_functionality, where 100,000 numbers are several batches."""
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE COUNTING AS SELECT SEQ4() A FROM TABLE(GENERATOR(ROWCOUNT => 100000))")
    cursor.execute("SELECT A FROM COUNTING ORDER BY A")
    assert len(cursor.get_result_batches()) > 1
    table = cursor.fetch_arrow_all()
    assert (table.schema.types, table.column("A").to_pylist()) == ([pa.int32()], list(range(100_000)))


def test_frames_of_what_is_no_query_are_made_of_rows(connection: SnowflakeConnection, engine: Any) -> None:
    """snowpark-python, test_df_to_pandas.py: test_to_pandas_non_select."""
    assert connection.cursor().execute("SHOW TABLES LIKE 'NONE'")._query_result_format == "json"
    frame = engine.session().sql("SHOW DATABASES LIKE 'MEDIA'").to_pandas()
    assert (list(frame.columns)[1], frame['"name"'].tolist()) == ('"name"', ["MEDIA"])


def test_rows_as_json_where_the_session_asks_for_it(engine: Any) -> None:
    """test_arrow_result.py compares the rows of both formats; test_query_resultscan_combos the format's name."""
    sql = (
        "SELECT 1, -2.50::NUMBER(10, 2), 1.5::FLOAT, 'é', TRUE, NULL::INT, TO_BINARY('00FF'), '1969-12-31'::DATE, "
        "'12:34:56.5'::TIME(3), '1969-12-31 23:59:59.25'::TIMESTAMP_NTZ(3), '2024-01-02 03:04:05'::TIMESTAMP_NTZ(0), "
        "'2024-01-02 03:04:05.000006 +0000'::TIMESTAMP_LTZ, '9999-12-31'::TIMESTAMP_NTZ, "
        "PARSE_JSON('{\"a\": [1]}'), 10::NUMBER(38, 0) * 1e20::INT"
    )
    with engine.connect(session_parameters={"PYTHON_CONNECTOR_QUERY_RESULT_FORMAT": "JSON"}) as connection:
        cursor = connection.cursor().execute(sql)
        assert cursor._query_result_format == "json"
        assert cursor.fetchall() == [
            (
                *(
                    1,
                    Decimal("-2.50"),
                    1.5,
                    "é",
                    True,
                    None,
                    b"\x00\xff",
                    date(1969, 12, 31),
                    time(12, 34, 56, 500_000),
                ),
                *(datetime(1969, 12, 31, 23, 59, 59, 250_000), datetime(2024, 1, 2, 3, 4, 5)),
                *(datetime(2024, 1, 2, 3, 4, 5, 6, UTC), datetime(9999, 12, 31), '{\n  "a": [\n    1\n  ]\n}', 10**21),
            )
        ]
        large = cursor.execute("SELECT SEQ8(), 'é' FROM TABLE(GENERATOR(ROWCOUNT => 100000)) ORDER BY 1")
        assert len(large.get_result_batches()) > 1
        assert large.fetchall() == [(n, "é") for n in range(100_000)]
        cursor.execute("ALTER SESSION SET PYTHON_CONNECTOR_QUERY_RESULT_FORMAT = 'ARROW'")
        assert cursor.execute("SELECT 1")._query_result_format == "arrow"


def test_results_say_which_columns_can_be_null(connection: SnowflakeConnection, engine: Any) -> None:
    """snowpark-python, test_dataframe_suite.py: test_create_nullable_dataframe_with_schema_inference."""
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE SURE (A INT NOT NULL, B INT)")
    nullable = {
        "SELECT A, B, A + 1, A + B, COUNT(*), 'x', NULL, COALESCE(B, 1) FROM SURE GROUP BY 1, 2": "nynynnyn",
        "SELECT X.A, Y.A FROM SURE X LEFT JOIN SURE Y ON X.A = Y.A": "ny",
        "WITH Q AS (SELECT A FROM SURE) SELECT A, MAX(A) FROM Q GROUP BY A UNION ALL SELECT 1, 1": "ny",
        "SELECT A FROM SURE GROUP BY ROLLUP (A)": "y",
        "SELECT $1, $2 FROM VALUES (1::INT, NULL::INT), (2::INT, 3::INT)": "ny",
        "SELECT PARSE_JSON('null')::INT, TRY_TO_NUMBER('x'), '2024-01-01'::DATE": "yyn",
    }
    found = {sql: "".join("ny"[column.is_nullable] for column in cursor.describe(sql)) for sql in nullable}
    assert found == nullable
    schema = engine.session().create_dataframe([(1, None), (2, True)], schema=["A", "B"]).schema
    assert [(field.name, field.nullable) for field in schema.fields] == [("A", False), ("B", True)]


def test_zoned_moments_are_described_as_such(connection: SnowflakeConnection) -> None:
    """test_cursor.py: test_insert_timestamp_select."""
    cursor = connection.cursor()
    cursor.execute("ALTER SESSION SET TIMEZONE = 'America/New_York'")
    cursor.execute(
        "CREATE TABLE ZONED AS SELECT '2024-07-01 12:00:00 +0000'::TIMESTAMP_TZ AS A, NULL::TIMESTAMP_NTZ(3) AS B"
    )
    for form in ("ARROW", "JSON"):
        cursor.execute(f"ALTER SESSION SET PYTHON_CONNECTOR_QUERY_RESULT_FORMAT = '{form}'")
        found = cursor.execute("SELECT A, B FROM ZONED").fetchone()
        assert [(column.type_code, column.scale) for column in cursor.description] == [(7, 9), (8, 3)]
        assert found[0].isoformat() == "2024-07-01T08:00:00-04:00"
    cursor.execute("ALTER SESSION SET PYTHON_CONNECTOR_QUERY_RESULT_FORMAT = 'ARROW'")
    for scale in range(7):
        sql = f"SELECT '1971-01-01 00:00:10.123456 +0000'::TIMESTAMP_TZ({scale}) AS A UNION ALL SELECT NULL"
        whole = f"1971-01-01 00:00:10.{'123456'[:scale]}".rstrip(".")
        frame = cursor.execute(sql).fetch_pandas_all()
        assert frame["A"].dropna().tolist() == [pd.Timestamp(whole, tz="UTC")]
        assert {row[0] for row in cursor.execute(sql).fetchall()} == {
            pd.Timestamp(whole, tz="UTC").to_pydatetime(),
            None,
        }
    cursor.execute("ALTER SESSION UNSET TIMEZONE, PYTHON_CONNECTOR_QUERY_RESULT_FORMAT")


def test_described_dml_has_its_counts_and_no_stats_without_changes(connection: SnowflakeConnection) -> None:
    """test_cursor.py: test_describe; test_connection.py: test_empty_result_stats and test_truncate_stats."""
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE EMPTIED (A INT)")
    described = cursor.describe("INSERT INTO EMPTIED VALUES (1)")
    assert ([column.name for column in described], cursor.rowcount) == (["number of rows inserted"], None)
    assert cursor.execute("INSERT INTO EMPTIED VALUES (1), (2), (3)").rowcount == 3
    assert tuple(cursor.execute("UPDATE EMPTIED SET A = 5 WHERE A = 999").stats) == (None,) * 4
    assert tuple(cursor.execute("TRUNCATE TABLE EMPTIED").stats) == (0, 3, 0, 0)


def test_a_login_that_wants_its_names_validated(engine: Any) -> None:
    """test_connection.py: test_invalid_default_parameters; errors are those of the login."""
    for wrong in ({"database": "NEVER"}, {"schema": "NEVER"}, {"warehouse": "NEVER"}):
        engine.connect(**wrong).close()
        with pytest.raises(DatabaseError, match=f"The requested {next(iter(wrong))} does not exist"):
            engine.connect(validate_default_parameters=True, **wrong)


def test_the_default_formats_are_reported_and_accepted(connection: SnowflakeConnection) -> None:
    """test_cursor.py: test_values_set; test_converter.py: test_date_0001_9999."""
    cursor = connection.cursor()
    cursor.execute("ALTER SESSION SET DATE_OUTPUT_FORMAT = 'YYYY-MM-DD', TIME_OUTPUT_FORMAT = 'HH24:MI:SS'")
    assert (cursor.date_output_format, cursor.time_output_format) == ("YYYY-MM-DD", "HH24:MI:SS")
    assert cursor.timestamp_output_format == "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM"
    cursor.execute("ALTER SESSION SET TIME_OUTPUT_FORMAT = 'HH24:MI:SS.FF5'")
    assert cursor.execute("SELECT '10:20:30.123456'::TIME::VARCHAR").fetchone() == ("10:20:30.12345",)


def test_an_offset_in_the_format_of_what_has_none_is_refused_when_it_is_used(engine: Any) -> None:
    """test_snowsql_timestamp_format.py sets one, for the client's own formatting."""
    formats = {"TIMESTAMP_NTZ_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM"}
    with engine.connect(session_parameters=formats) as connection:
        cursor = connection.cursor()
        assert cursor.execute("SELECT '2020-01-01'::TIMESTAMP_NTZ").fetchone() == (datetime(2020, 1, 1),)
        with pytest.raises(DatabaseError, match="not supported by the local engine: an offset in the format"):
            cursor.execute("SELECT '2020-01-01'::TIMESTAMP_NTZ::VARCHAR")
