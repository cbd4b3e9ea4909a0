"""Ordinary SQL through the unmodified connector: where DuckDB differs, the answer is Snowflake's or a refusal."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import DatabaseError


@pytest.fixture(scope="module")
def connection(engine: Any) -> Iterator[SnowflakeConnection]:
    with engine.connect() as opened:
        cursor = opened.cursor()
        cursor.execute("CREATE SCHEMA SQL_TESTS")
        cursor.execute("CREATE TABLE T (A INT, B NUMBER(10,2), C VARCHAR, V VARIANT, TS TIMESTAMP_LTZ, F FLOAT)")
        cursor.execute(
            "INSERT INTO T SELECT $1, $2, $3, PARSE_JSON($4), $5::TIMESTAMP_LTZ, $6 FROM VALUES "
            '(1, 1.50, \'x\', \'{"a": {"b": ["q", null, 5]}, "n": 10}\', \'2026-11-02 10:00:00 +0000\', 0.5), '
            "(2, 2.25, 'y', '{\"n\": 9}', NULL, 1), (3, NULL, NULL, NULL, NULL, NULL)"
        )
        yield opened
        cursor.execute("DROP SCHEMA SQL_TESTS")


def rows(connection: SnowflakeConnection, sql: str, *binds: Any) -> list[tuple[Any, ...]]:
    return connection.cursor().execute(sql, binds or None).fetchall()  # type: ignore[union-attr,return-value]


def refusal(connection: SnowflakeConnection, sql: str) -> DatabaseError:
    with pytest.raises(DatabaseError) as caught:
        connection.cursor().execute(sql)
    return caught.value


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # Exact numbers divide exactly, with six more digits; floats stay floats.
        ("1/2", Decimal("0.500000")),
        ("2/3", Decimal("0.666667")),
        ("-2/3", Decimal("-0.666667")),
        ("10::NUMBER(10,2)/4", Decimal("2.50000000")),
        ("1.25/3", Decimal("0.41666667")),
        ("123456789012345678/7", Decimal("17636684144620811.142857")),
        ("1::FLOAT/4", 0.25),
        ("7 % 3", 1),
        ("2000000000 + 2000000000", 4000000000),
        ("DIV0(1, 0)", 0),
        ("'5' * 2", 10),
        ("ROUND(2.5)", 3),
        ("'1.6'::INT", 2),
        # Text.
        ("'a' || NULL", None),
        ("CONCAT('a', NULL)", None),
        ("CONCAT('a', 1)", "a1"),
        ("SUBSTR('abc', 2, 1)", "b"),
        ("SPLIT_PART('a/b/c', '/', -1)", "c"),
        ("SPLIT('a/b', '/')[1]::STRING", "b"),
        ("CHARINDEX('b', 'abc')", 2),
        ("LEFT('abc', 2)", "ab"),
        ("'it''s' || '\\'' || $$a'b$$", "it's'a'b"),
        ("'abc' RLIKE 'b'", False),
        ("'abc' RLIKE 'a.c'", True),
        ("REGEXP_REPLACE('a1b2', '[0-9]', '')", "ab"),
        ("REGEXP_SUBSTR('a12b', '[0-9]+')", "12"),
        ("'a_b' LIKE 'a\\\\_b' ESCAPE '\\\\'", True),
        ("'axb' LIKE 'a\\\\_b' ESCAPE '\\\\'", False),
        ("'ABC' ILIKE 'a%'", True),
        ("'ABC' LIKE 'a%'", False),
        ("MD5('a')", "0cc175b9c0f1b6a831c399e269772661"),
        ("SHA2('a')", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
        ("LENGTH('äb')", 2),
        ("TO_VARCHAR(1::FLOAT)", "1"),
        ("TO_CHAR(TRUE)", "true"),
        ("'abcdef'::VARCHAR(3)", "abc"),
        # NULL and conditions.
        ("GREATEST(1, NULL)", None),
        ("IFF(1 > 2, 'a', 'b')", "b"),
        ("NVL(NULL, 2)", 2),
        ("ZEROIFNULL(NULL)", 0),
        ("EQUAL_NULL(NULL, NULL)", True),
        ("DECODE(2, 1, 'one', 2, 'two')", "two"),
        ("'yes'::BOOLEAN", True),
        ("TRY_CAST('x' AS INT)", None),
        ("TRY_TO_NUMBER('1x')", None),
        # Times.
        (
            "TO_TIMESTAMP_NTZ('Mon, 2 Nov 2026 10:00:00 GMT', 'DY, DD MON YYYY HH24:MI:SS GMT')",
            datetime.datetime(2026, 11, 2, 10),
        ),
        ("'Mon, 2 Nov 2026 10:00:00 GMT'::TIMESTAMP_NTZ", datetime.datetime(2026, 11, 2, 10)),
        ("'2026-11-02 10:00:00 +0200'::TIMESTAMP_NTZ", datetime.datetime(2026, 11, 2, 10)),
        (
            "CONVERT_TIMEZONE('UTC', '2026-11-02 10:00:00 +0200'::TIMESTAMP_TZ)::TIMESTAMP_NTZ",
            datetime.datetime(2026, 11, 2, 8),
        ),
        ("TRY_TO_TIMESTAMP('nonsense')", None),
        ("TO_TIMESTAMP(1700000000)", datetime.datetime(2023, 11, 14, 22, 13, 20)),
        ("DATEADD(DAY, 1, '2026-11-02'::DATE)", datetime.date(2026, 11, 3)),
        ("DATEDIFF(HOUR, '2026-11-02 00:59'::TIMESTAMP, '2026-11-02 02:00'::TIMESTAMP)", 2),
        ("'2026-11-02'::DATE + 1", datetime.date(2026, 11, 3)),
        ("TO_CHAR('2026-11-02 10:00:00'::TIMESTAMP_NTZ, 'YYYY/MM/DD HH24:MI')", "2026/11/02 10:00"),
        ("TO_CHAR('2026-11-02 10:00:00'::TIMESTAMP_NTZ)", "2026-11-02 10:00:00.000"),
        ("DATE_TRUNC('MONTH', '2026-11-02'::DATE)", datetime.date(2026, 11, 1)),
        ("LAST_DAY('2026-11-02'::DATE)", datetime.date(2026, 11, 30)),
        # Semi-structured values.
        ('PARSE_JSON(\'{"a": [1, {"b": "x"}]}\'):a[1].b::STRING', "x"),
        ("PARSE_JSON('{\"a\": \"x\"}'):a = 'x'", True),
        ('UPPER(PARSE_JSON(\'{"a": "x"}\'):a)', "X"),
        ("PARSE_JSON('{\"a\": 5}'):a + 1", 6),
        ("PARSE_JSON('{\"a\": 5}')['a']::INT", 5),
        ("GET(PARSE_JSON('[7, 8]'), 1)::INT", 8),
        ("TRY_PARSE_JSON('{x')", None),
        ("IS_NULL_VALUE(PARSE_JSON('{\"a\": null}'):a)", True),
        ("PARSE_JSON('{\"a\": null}'):a::STRING", None),
        ("TYPEOF(PARSE_JSON('\"x\"'))", "VARCHAR"),
        ("ARRAY_SIZE(PARSE_JSON('[1, 2]'))", 2),
        ("OBJECT_CONSTRUCT('a', 1, 'b', NULL)::STRING", '{"a":1}'),
        ("ARRAY_CONTAINS('a'::VARIANT, PARSE_JSON('[\"a\"]'))", True),
        ("COALESCE(PARSE_JSON('{}'):x, 1)::INT", 1),
        ("ARRAY_TO_STRING(PARSE_JSON('[\"a\", \"b\"]'), '-')", "a-b"),
        ("ARRAY_TO_STRING(ARRAY_CONSTRUCT(1, NULL, 'a'), ',')", "1,,a"),
        ("PARSE_JSON('[1, 2]')[-1]", None),
        ("{'a': 1, 'B': 'x'}::STRING", '{"a":1,"B":"x"}'),
        ("REGEXP_SUBSTR('a/img_001.jpg', '([0-9]+)\\\\.jpg', 1, 1, 'e')", "001"),
        ("REGEXP_SUBSTR('a1', '([a-z])([0-9])', 1, 1, 'e', 2)", "1"),
        ("TO_TIMESTAMP('1700000000123')", datetime.datetime(2023, 11, 14, 22, 13, 20, 123000)),
        ("TO_TIMESTAMP('1700000000')", datetime.datetime(2023, 11, 14, 22, 13, 20)),
        ("'11/02/2026'::DATE", datetime.date(2026, 11, 2)),
        ("'2-Nov-2026'::DATE", datetime.date(2026, 11, 2)),
        ("'2026-11-02 10:00:00'::DATE", datetime.date(2026, 11, 2)),
        ("TRY_TO_DATE('2026-02-30')", None),
        ("'2026-01-31'::DATE + INTERVAL '1 month'", datetime.date(2026, 2, 28)),
        ("'2026-01-31'::DATE - INTERVAL '1 hour'", datetime.datetime(2026, 1, 30, 23)),
    ],
)
def test_expressions(connection: SnowflakeConnection, expression: str, expected: object) -> None:
    assert rows(connection, f"SELECT {expression} AS X") == [(expected,)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT A FROM T ORDER BY B", [(1,), (2,), (3,)]),
        ("SELECT A FROM T ORDER BY B DESC", [(3,), (2,), (1,)]),
        ("SELECT AVG(A), SUM(B), COUNT(*), COUNT(B) FROM T", [(Decimal("2.000000"), Decimal("3.75"), 3, 2)]),
        ("SELECT A / 2 AS H FROM T WHERE A = 3", [(Decimal("1.500000"),)]),
        ("SELECT A FROM T QUALIFY ROW_NUMBER() OVER (ORDER BY A DESC) = 1", [(3,)]),
        ("SELECT A AS X, X + 1 AS Y FROM T WHERE X > 2", [(3, 4)]),
        ("SELECT LISTAGG(C, ',') WITHIN GROUP (ORDER BY A) FROM T", [("x,y",)]),
        ("SELECT LISTAGG(C) FROM T WHERE A > 5", [("",)]),
        ("SELECT ARRAY_AGG(C) WITHIN GROUP (ORDER BY A)::STRING FROM T", [('["x","y"]',)]),
        ("SELECT A FROM T ORDER BY V:n", [(2,), (1,), (3,)]),
        ("SELECT T.A, F.INDEX, F.VALUE::STRING FROM T, LATERAL FLATTEN(INPUT => V:a.b) F ORDER BY 2",
         [(1, 0, "q"), (1, 1, None), (1, 2, "5")]),
        ("SELECT T.A, F.KEY FROM T, LATERAL FLATTEN(INPUT => V, OUTER => TRUE) F ORDER BY 1, 2",
         [(1, "a"), (1, "n"), (2, "n"), (3, None)]),
        ("SELECT VALUE::INT FROM TABLE(FLATTEN(PARSE_JSON('[4, 5]'))) ORDER BY 1", [(4,), (5,)]),
        ("WITH C AS (SELECT A FROM T WHERE A < 3) SELECT SUM(A) FROM C", [(3,)]),
        ("WITH T AS (SELECT A FROM T WHERE A = 1) SELECT * FROM T", [(1,)]),
        ("SELECT $1 AS X, $2 FROM VALUES ('a' :: STRING, 1), ('b', 2)", [("a", 1), ("b", 2)]),
        ("SELECT COLUMN1 FROM VALUES (1), (2)", [(1,), (2,)]),
        ("SELECT SEQ4() FROM TABLE(GENERATOR(ROWCOUNT => 3))", [(0,), (1,), (2,)]),
        ("SELECT ROW_NUMBER() OVER (ORDER BY SEQ8()) FROM TABLE(GENERATOR(ROWCOUNT => 2))", [(1,), (2,)]),
        ("SELECT 1 UNION ALL SELECT 2.5 ORDER BY 1", [(Decimal("1.0"),), (Decimal("2.5"),)]),
        ("SELECT U.A FROM T JOIN T U USING (A) WHERE EXISTS (SELECT 1 FROM T X WHERE X.A = U.A AND X.A > 2)", [(3,)]),
        ("SELECT COUNT(*) FROM (SELECT * EXCLUDE (V) FROM T)", [(3,)]),
        ("SELECT TOP 1 A FROM T ORDER BY A", [(1,)]),
        ("SELECT MEDIAN(A), PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY A) FROM T WHERE A < 3",
         [(Decimal("1.500"), Decimal("1.500"))]),
        ("SELECT A FROM T ORDER BY A LIMIT 1 OFFSET 1", [(2,)]),
        ("SELECT MAX_BY(C, A) FROM T WHERE C IS NOT NULL", [("y",)]),
        ("SELECT A FROM IDENTIFIER('SQL_TESTS.T') WHERE C IN ('x')", [(1,)]),
        ("SELECT COUNT(*) FROM T SAMPLE (2 ROWS)", [(2,)]),
        ("SELECT A FROM T WHERE TS = '2026-11-02 10:00:00 +0000'", [(1,)]),
        ("SELECT OBJECT_AGG(C, A)::STRING FROM T", [('{"x":1,"y":2}',)]),
        ("SELECT OBJECT_AGG(C, A)::STRING FROM T WHERE A > 2", [("{}",)]),
        # Exact numbers of several scales keep the longest fraction.
        ("SELECT X, X / 3 FROM (SELECT A AS X FROM T WHERE A = 1 UNION SELECT B FROM T WHERE A = 2) ORDER BY 1",
         [(Decimal("1.00"), Decimal("0.33333333")), (Decimal("2.25"), Decimal("0.75000000"))]),
        ("SELECT A FROM T WHERE A = 2 EXCEPT SELECT B FROM T", [(2,)]),
        ("SELECT COUNT(*) FROM T WHERE A IN (SELECT B FROM T WHERE B > 2) OR A IN (B)", [(0,)]),
        ("SELECT COALESCE(NULLIF(A, 2), B), IFF(A = 2, B, A), GREATEST(A, B), NVL2(A, B, A), DECODE(A, 2, B, A) / 3, "
         "CASE WHEN A = 1 THEN A ELSE B END, LEAD(A, 1, 1.5) OVER (ORDER BY A) FROM T WHERE A = 2",
         [(*[Decimal("2.25")] * 4, Decimal("0.75"), Decimal("2.25"), Decimal("1.5"))]),
        ("SELECT COLUMN1 / 2 FROM VALUES (1::INT), (2.5)", [(Decimal("0.5"),), (Decimal("1.25"),)]),
        ("SELECT NULL AS X FROM T WHERE A = 1 UNION ALL SELECT 'x'", [(None,), ("x",)]),
    ],
)  # fmt: skip
def test_queries(connection: SnowflakeConnection, sql: str, expected: list[tuple[Any, ...]]) -> None:
    assert rows(connection, sql) == expected


@pytest.mark.parametrize(
    ("sql", "code", "words"),
    [
        ("SELECT 1/0", 100051, "Division by zero"),
        ("SELECT 5 % 0", 100051, "Division by zero"),
        ("SELECT * FROM NOWHERE", 2003, "Object 'MEDIA.SQL_TESTS.NOWHERE' does not exist or not authorized."),
        ("SELECT BOGUS FROM T", 904, "invalid identifier 'BOGUS'"),
        ('SELECT "a" FROM T', 904, "invalid identifier 'a'"),
        ('SELECT * FROM "t"', 2003, "does not exist"),
        ("SELECT 'x'::INT", 100038, "'x' is not recognized"),
        ("SELECT 'maybe'::BOOLEAN", 100037, "'maybe' is not recognized"),
        ("SELECT 'x'::TIMESTAMP", 100035, "'x' is not recognized"),
        ("SELECT PARSE_JSON('{x')", 100069, "Error parsing JSON"),
        ("SELEKT 1", 1003, "syntax error"),
        ("SELECT (1", 1003, "syntax error"),
        ("SELECT FROBNICATE(1)", 2, "not supported by the local engine: the function FROBNICATE"),
        ("SELECT READ_CSV('/etc/passwd')", 2, "READ_CSV"),
        ("SELECT * FROM '/etc/passwd'", 2, "not supported by the local engine"),
        ("SELECT * FROM T AT(OFFSET => -60)", 2, "time travel"),
        ("SELECT * FROM T PIVOT(SUM(A) FOR C IN ('x'))", 2, "PIVOT"),
        ("CREATE FUNCTION F() RETURNS INT AS '1'", 2, "not supported by the local engine"),
        ("CREATE TABLE T (A INT)", 2002, "already exists"),
        ('CREATE TABLE "t" (A INT)', 2, "differ only in case"),
        ('CREATE TABLE T2 (A INT, "a" INT)', 2, "differ only in case"),
        ("CREATE TABLE T2 (A INT, A INT)", 2025, "duplicate column name 'A'"),
        ("CREATE TABLE T2 (A, B) AS SELECT 1 AS X", 2026, "Invalid column definition list"),
        ("SELECT A FROM T UNION ALL SELECT C FROM T", 2, "numbers and text in one column of UNION"),
        ("SELECT CURRENT_DATE + INTERVAL '2 hours, 3 minutes'", 2, "an INTERVAL that is not one number and one unit"),
        ("SELECT TO_DATE('2026-02-30')", 100040, "'2026-02-30' is not recognized"),
        ("CREATE TABLE NO_SUCH_SCHEMA.T2 (A INT)", 2003, "does not exist"),
        ("INSERT INTO T (A, C) VALUES (1)", 2020, "expecting 2 but got 1"),
        ("INSERT INTO T (V) VALUES (PARSE_JSON('{}'))", 2014, "Invalid expression [PARSE_JSON('{}')] in VALUES clause"),
        ("CREATE TABLE T2 CLONE T", 2, "not supported by the local engine: CREATE TABLE … CLONE"),
        ("INSERT INTO T (V) SELECT '{}'", 2023, "expecting VARIANT but got VARCHAR"),
        ("INSERT INTO T (Z) VALUES (1)", 904, "invalid identifier 'Z'"),
        ("UPDATE T SET Z = 1", 904, "invalid identifier 'Z'"),
        ("UNDROP TABLE T", 2, "UNDROP"),
        ("DROP TABLE NOWHERE", 2003, "does not exist"),
    ],
)
def test_errors(connection: SnowflakeConnection, sql: str, code: int, words: str) -> None:
    error = refusal(connection, sql)
    assert error.errno == code
    assert words in str(error.msg)


def test_result_columns_are_described_as_in_snowflake(connection: SnowflakeConnection) -> None:
    cursor = connection.cursor()
    cursor.execute('SELECT A, B, C AS "c", V, TS, F, 1/2, COUNT(*) OVER () FROM T')
    described = [(d.name, d.type_code, d.precision, d.scale) for d in cursor.description]
    assert described == [
        ("A", 0, 38, 0), ("B", 0, 10, 2), ("c", 2, None, None), ("V", 5, None, None), ("TS", 6, 0, 9),
        ("F", 1, None, None), ("1/2", 0, 38, 6), ("COUNT(*) OVER ()", 0, 38, 0),
    ]  # fmt: skip
    assert [d.name for d in cursor.describe('SELECT $1 AS "FILE_PATH" FROM VALUES (NULL :: STRING)')] == ["FILE_PATH"]


def test_values_arrive_as_they_were_written(connection: SnowflakeConnection) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE TEMPORARY TABLE TYPES (I INT, N NUMBER(38,5), S STRING, B BOOLEAN, D DATE, TI TIME, "
                   "TS TIMESTAMP_NTZ, TL TIMESTAMP_LTZ, F FLOAT, BI BINARY, V VARIANT)")  # fmt: skip
    moment = datetime.datetime(2026, 11, 2, 10, 0, 1, 123456)
    values = (12345678901234567890, Decimal("1.23456"), "ä'\\n\n", True, moment.date(), datetime.time(1, 2, 3), moment,
              moment.replace(tzinfo=datetime.UTC), 1.5, b"\x00\xff")  # fmt: skip
    cursor.execute(
        "INSERT INTO TYPES (I, N, S, B, D, TI, TS, TL, F, BI) SELECT " + ", ".join(["%s"] * len(values)), values
    )
    cursor.execute("SELECT I, N, S, B, D, TI, TS, TL, F, BI FROM TYPES")
    assert cursor.fetchall() == [values]


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
    assert rows(connection, "SELECT * FROM N2 WHERE A = 1") == [(1, Decimal("0.500000"), '{"a":1}', "ab")]
    assert refusal(connection, "INSERT INTO N2 (S) VALUES ('abc')").errno == 100078
    cursor.execute("CREATE VIEW W (X, Y) AS SELECT A, CURRENT_DATE() FROM N2")
    assert rows(connection, "SELECT X FROM W ORDER BY X") == [(1,), (2,), (3,)]
    assert [r[1] for r in cursor.execute("SHOW VIEWS IN SCHEMA MEDIA.SQL_TESTS").fetchall()] == ["W"]
    assert [r[1] for r in cursor.execute("SHOW TABLES LIKE 'n_' IN SCHEMA MEDIA.SQL_TESTS").fetchall()] == ["N2"]
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
    with engine.connect(schema="SQL_TESTS") as other:
        assert rows(other, "SELECT K FROM HIDDEN") == [("permanent",)]
    cursor.execute("DROP TABLE HIDDEN")
    assert rows(connection, "SELECT K FROM HIDDEN") == [("permanent",)]


def test_result_scan_reads_any_earlier_result(connection: SnowflakeConnection) -> None:
    cursor = connection.cursor()
    cursor.execute("SHOW SCHEMAS LIKE 'SQL_TESTS'")
    assert rows(connection, f"SELECT \"name\" FROM TABLE(RESULT_SCAN('{cursor.sfqid}'))") == [("SQL_TESTS",)]
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
