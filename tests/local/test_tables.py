"""Tables, what changes them, and what a session sees of them, through the unmodified connector."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from snowflake.connector import SnowflakeConnection
from statements import refusal, rows


@pytest.fixture(scope="module")
def connection(engine: Any) -> Iterator[SnowflakeConnection]:
    with engine.connect() as opened:
        cursor = opened.cursor()
        cursor.execute("CREATE SCHEMA TABLE_TESTS")
        cursor.execute("CREATE TABLE T (A INT, B NUMBER(10,2), C VARCHAR, V VARIANT, TS TIMESTAMP_LTZ, F FLOAT)")
        cursor.execute(
            "INSERT INTO T SELECT $1, $2, $3, PARSE_JSON($4), $5::TIMESTAMP_LTZ, $6 FROM VALUES "
            '(1, 1.50, \'x\', \'{"a": {"b": ["q", null, 5]}, "n": 10}\', \'2026-11-02 10:00:00 +0000\', 0.5), '
            "(2, 2.25, 'y', '{\"n\": 9}', NULL, 1), (3, NULL, NULL, NULL, NULL, NULL)"
        )
        yield opened
        cursor.execute("DROP SCHEMA TABLE_TESTS")


def test_dml_counts(connection: SnowflakeConnection) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE OR REPLACE TABLE D (K INT PRIMARY KEY, S VARCHAR(3) NOT NULL DEFAULT 'new', N INT)")
    assert cursor.execute("INSERT INTO D (K) VALUES (1), (2), (1)").rowcount == 3
    assert cursor.execute("UPDATE D SET N = K * 10, S = 'u' || K WHERE K = 1").rowcount == 2
    assert cursor.fetchall() == [(2, 0)]
    assert cursor.execute("UPDATE D SET N = X.N FROM (SELECT 2 AS K, 7 AS N) X WHERE D.K = X.K").rowcount == 1
    assert cursor.execute("DELETE FROM D USING (SELECT 1 AS K) X WHERE D.K = X.K").rowcount == 2
    merge = """MERGE INTO D USING (SELECT $1 AS K, $2 AS N FROM VALUES (2, 5), (3, 6), (4, 0)) S ON D.K = S.K
        WHEN MATCHED AND S.N > 4 THEN UPDATE SET D.N = S.N WHEN MATCHED THEN DELETE
        WHEN NOT MATCHED AND S.N > 0 THEN INSERT (K, N) VALUES (S.K, S.N)"""
    assert cursor.execute(merge).rowcount == 2
    assert cursor.fetchall() == [(1, 1, 0)]
    assert cursor.execute("SELECT K, S, N FROM D ORDER BY K").fetchall() == [(2, "new", 5), (3, "new", 6)]
    for sql, code in [
        ("INSERT INTO D (K, S) VALUES (9, 'long')", 100078),
        ("INSERT INTO D (K, S) VALUES (9, NULL)", 100072),
        (
            "MERGE INTO D USING (SELECT 2 AS K FROM VALUES (1), (2)) S ON D.K = S.K WHEN MATCHED THEN UPDATE SET N = 1",
            100090,
        ),
    ]:
        assert refusal(connection, sql).errno == code
    assert cursor.execute("INSERT OVERWRITE INTO D SELECT K, S, N + 1 FROM D WHERE K = 2").rowcount == 1
    assert rows(connection, "SELECT K, N FROM D") == [(2, 6)]
    assert cursor.execute("TRUNCATE TABLE D").fetchall() == [("Statement executed successfully.",)]
    assert rows(connection, "SELECT COUNT(*) FROM D") == [(0,)]


@pytest.mark.parametrize(
    "failing",
    [
        "SELECT 1 / (K - 1) FROM FAILING",
        "SELECT NOPE FROM FAILING",
        "INSERT INTO FAILING VALUES ('x')",
        "COPY INTO @FAILING FROM (SELECT 'x'::INT AS A FROM FAILING) FILE_FORMAT = (TYPE = PARQUET)",
    ],
)
def test_a_failed_statement_does_not_end_its_transaction(connection: SnowflakeConnection, failing: str) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE OR REPLACE TABLE FAILING (K INT)")
    cursor.execute("CREATE STAGE IF NOT EXISTS FAILING")
    for sql in ("BEGIN", "INSERT INTO FAILING VALUES (1)"):
        cursor.execute(sql)
    refusal(connection, failing)
    assert rows(connection, "SELECT COUNT(*) FROM FAILING") == [(1,)]
    refusal(connection, failing)
    cursor.execute("COMMIT")
    assert rows(connection, "SELECT COUNT(*) FROM FAILING") == [(1,)]


def test_tables_and_views(connection: SnowflakeConnection) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE OR REPLACE TABLE N AS SELECT A, V, A / 2 AS H, OBJECT_CONSTRUCT('a', A) AS O FROM T")
    described = cursor.execute("DESCRIBE TABLE N").fetchall()
    assert [(r[0], r[1]) for r in described] == [
        ("A", "NUMBER(38,0)"), ("V", "VARIANT"), ("H", "NUMBER(38,6)"), ("O", "OBJECT"),
    ]  # fmt: skip
    cursor.execute("ALTER TABLE N ADD COLUMN S VARCHAR(2) DEFAULT 'ab'")
    cursor.execute("ALTER TABLE N DROP COLUMN V")
    cursor.execute("ALTER TABLE N RENAME COLUMN H TO HALF")
    cursor.execute("ALTER TABLE N RENAME TO N2")
    assert rows(connection, "SELECT * FROM N2 WHERE A = 1") == [(1, Decimal("0.500000"), '{\n  "a": 1\n}', "ab")]
    assert refusal(connection, "INSERT INTO N2 (S) VALUES ('abc')").errno == 100078
    cursor.execute("CREATE VIEW W (X, Y) AS SELECT A, CURRENT_DATE() FROM N2")
    assert rows(connection, "SELECT X FROM W ORDER BY X") == [(1,), (2,), (3,)]
    assert [r[1] for r in cursor.execute("SHOW VIEWS IN SCHEMA MEDIA.TABLE_TESTS").fetchall()] == ["W"]
    assert [r[1] for r in cursor.execute("SHOW TABLES LIKE 'n_' IN SCHEMA MEDIA.TABLE_TESTS").fetchall()] == ["N2"]
    cursor.execute("DROP VIEW W")
    cursor.execute("CREATE TABLE IF NOT EXISTS N2 (Z INT)")
    cursor.execute("CREATE TABLE N3 LIKE N2")
    sql = "SELECT COLUMN_NAME FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 'N3' ORDER BY ORDINAL_POSITION"
    assert rows(connection, sql) == [
        ("A",), ("HALF",), ("O",), ("S",),
    ]  # fmt: skip


def test_temporary_tables_belong_to_the_session(connection: SnowflakeConnection, engine: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE HIDDEN AS SELECT 'permanent' AS K")
    cursor.execute("CREATE SCOPED TEMPORARY TABLE HIDDEN AS SELECT 'temporary' AS K")
    assert rows(connection, "SELECT K FROM HIDDEN") == [("temporary",)]
    with engine.connect(schema="TABLE_TESTS") as other:
        assert rows(other, "SELECT K FROM HIDDEN") == [("permanent",)]
    cursor.execute("DROP TABLE HIDDEN")
    assert rows(connection, "SELECT K FROM HIDDEN") == [("permanent",)]


def test_result_scan_reads_any_earlier_result(connection: SnowflakeConnection) -> None:
    cursor = connection.cursor()
    cursor.execute("SHOW SCHEMAS LIKE 'TABLE_TESTS'")
    assert rows(connection, f"SELECT \"name\" FROM TABLE(RESULT_SCAN('{cursor.sfqid}'))") == [("TABLE_TESTS",)]
    cursor.execute("SELECT A, V, TS FROM T")
    cursor.execute("SELECT V:n::INT AS N FROM TABLE(RESULT_SCAN(LAST_QUERY_ID())) WHERE A = 2")
    assert cursor.fetchall() == [(9,)]
    cursor.execute("INSERT INTO T (A) SELECT N FROM TABLE(RESULT_SCAN(LAST_QUERY_ID()))")
    assert rows(connection, "SELECT COUNT(*) FROM T WHERE A = 9") == [(1,)]
    cursor.execute("DELETE FROM T WHERE A = 9")
    assert refusal(connection, "SELECT * FROM TABLE(RESULT_SCAN('01b7-no-such'))").errno is not None


def test_hash_agg_does_not_depend_on_order(connection: SnowflakeConnection) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE H1 AS SELECT SEQ4() AS N, 'f' || N AS S FROM TABLE(GENERATOR(ROWCOUNT => 10000))")
    cursor.execute("CREATE TABLE H2 AS SELECT * FROM H1 ORDER BY N DESC")
    first, second = (rows(connection, f"SELECT HASH_AGG(N, S), HASH_AGG(*) FROM {t}") for t in ("H1", "H2"))
    assert first == second
    cursor.execute("UPDATE H2 SET S = 'other' WHERE N = 5")
    assert rows(connection, "SELECT HASH_AGG(N, S) FROM H2")[0][0] != first[0][0]
    assert rows(connection, "SELECT HASH_AGG(N) FROM H2 WHERE N < 0") == [(0,)]


def test_order_by_seeded_random_is_repeatable(connection: SnowflakeConnection) -> None:
    sql = "SELECT N FROM (SELECT SEQ4() AS N FROM TABLE(GENERATOR(ROWCOUNT => 100))) ORDER BY RANDOM(5) LIMIT 5"
    assert rows(connection, sql) == rows(connection, sql)
    assert rows(connection, sql) != [(i,) for i in range(5)]


def test_binds(engine: Any) -> None:
    with engine.connect(paramstyle="qmark") as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TEMPORARY TABLE B (I INT, S STRING, T TIMESTAMP_NTZ, V VARIANT)")
        cursor.executemany("INSERT INTO B (I, S) VALUES (?, ?)", [(i, None if i % 2 else f"s{i}") for i in range(1000)])
        assert cursor.rowcount == 1000
        assert cursor.execute("SELECT SUM(I), COUNT(S) FROM B").fetchall() == [(499500, 500)]
        assert cursor.execute("SELECT ? + 1, ?, ?", (1, "it's :1 ?", None)).fetchall() == [(2, "it's :1 ?", None)]
        assert cursor.execute("SELECT ? / 3, ?", (1.0, float("inf"))).fetchall() == [(1 / 3, float("inf"))]
        cursor.execute("CREATE TEMPORARY TABLE NAMED (X, y) AS SELECT 1 AS A, ?", ("b",))
        assert cursor.execute("SELECT X, Y FROM NAMED").fetchall() == [(1, "b")]
        assert cursor.execute("SELECT COUNT(*) FROM IDENTIFIER(?) WHERE I < ?", ("B", 10)).fetchall() == [(10,)]
        assert cursor.execute("UPDATE B SET V = PARSE_JSON(?) WHERE I = ?", ('{"a": 1}', 3)).rowcount == 1


def test_time_zone_of_the_session(engine: Any) -> None:
    with engine.connect(timezone="America/New_York") as connection:
        cursor = connection.cursor()
        cursor.execute("ALTER SESSION SET TIMEZONE = 'America/New_York'")
        cursor.execute("SELECT '2026-07-01 10:00:00 +0000'::TIMESTAMP_LTZ::STRING, '2026-07-01 12:00'::TIMESTAMP_LTZ, "
                       "CONVERT_TIMEZONE('UTC', '2026-07-01 06:00'::TIMESTAMP_LTZ)::TIMESTAMP_NTZ")  # fmt: skip
        text, local, utc = cursor.fetchone()
        assert text == "2026-07-01 06:00:00.000 -0400"
        assert local.astimezone(datetime.UTC) == datetime.datetime(2026, 7, 1, 16, tzinfo=datetime.UTC)
        assert utc == datetime.datetime(2026, 7, 1, 10)


def test_a_table_may_be_replaced_by_a_query_over_itself(connection: SnowflakeConnection) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE OR REPLACE TABLE SELF AS SELECT 7::NUMBER(4,0) AS N, 'x' AS S")
    cursor.execute("CREATE OR REPLACE TABLE SELF AS SELECT S, N * 2 AS N FROM SELF")
    assert rows(connection, "SELECT * FROM SELF") == [("x", 14)]
    cursor.execute("CREATE TABLE IF NOT EXISTS SELF AS SELECT 1 AS OTHER")
    assert rows(connection, "SELECT S FROM SELF") == [("x",)]
