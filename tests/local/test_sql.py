"""Ordinary SQL through the unmodified connector: where DuckDB differs, the answer is Snowflake's or a refusal."""

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
        cursor.execute("CREATE SCHEMA SQL_TESTS")
        cursor.execute("CREATE TABLE T (A INT, B NUMBER(10,2), C VARCHAR, V VARIANT, TS TIMESTAMP_LTZ, F FLOAT)")
        cursor.execute(
            "INSERT INTO T SELECT $1, $2, $3, PARSE_JSON($4), $5::TIMESTAMP_LTZ, $6 FROM VALUES "
            '(1, 1.50, \'x\', \'{"a": {"b": ["q", null, 5]}, "n": 10}\', \'2026-11-02 10:00:00 +0000\', 0.5), '
            "(2, 2.25, 'y', '{\"n\": 9}', NULL, 1), (3, NULL, NULL, NULL, NULL, NULL)"
        )
        yield opened
        cursor.execute("DROP SCHEMA SQL_TESTS")


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
        ("{'a': 1, 'B': 'x'}::STRING", '{"B":"x","a":1}'),
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
        ("'2026-01-31'::DATE + INTERVAL '1 mon, 2 hours, 3 minutes'", datetime.datetime(2026, 2, 28, 2, 3)),
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
        ("SELECT * FROM NOWHERE", 2003, "Object 'NOWHERE' does not exist or not authorized."),
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
        ("SELECT * FROM T PIVOT(SUM(A), MAX(A) FOR C IN ('x'))", 2, "PIVOT"),
        ("CREATE FUNCTION F() RETURNS INT AS '1'", 2, "not supported by the local engine"),
        ("CREATE TABLE T (A INT)", 2002, "already exists"),
        ('CREATE TABLE "t" (A INT)', 2, "differ only in case"),
        ('CREATE TABLE T2 (A INT, "a" INT)', 2, "differ only in case"),
        ("CREATE TABLE T2 (A INT, A INT)", 2025, "duplicate column name 'A'"),
        ("CREATE TABLE T2 (A, B) AS SELECT 1 AS X", 2026, "Invalid column definition list"),
        ("SELECT A FROM T UNION ALL SELECT C FROM T", 2, "numbers and text in one column of UNION"),
        ("SELECT CURRENT_DATE + INTERVAL '2 fortnights, 3 minutes'", 2, "INTERVAL '2 fortnights, 3 minutes'"),
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


@pytest.mark.parametrize(
    ("one", "other", "code"),
    [
        ("ARRAY_CONSTRUCT('a')", "ARRAY_CONSTRUCT('b', 'c')", 10),
        ("OBJECT_CONSTRUCT('a', 1)", "OBJECT_CONSTRUCT('b', 2)", 9),
        ("ARRAY_CONSTRUCT('a')", "OBJECT_CONSTRUCT('b', 2)", 5),
        ("ARRAY_CONSTRUCT('a')", "NULL", 10),
    ],
)
def test_one_of_several_arrays_is_an_array(connection: SnowflakeConnection, one: str, other: str, code: int) -> None:
    sql = (
        f"SELECT IFF(A = 2, {one}, {other}), COALESCE({one}, {other}), CASE A WHEN 2 THEN {one} ELSE {other} END FROM T"
    )
    assert [column.type_code for column in connection.cursor().describe(sql)] == [code] * 3


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
