"""What docs/local-engine.md says is refused, is refused by name; and what it says differs, differs like that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from snowflake.connector import ProgrammingError, SnowflakeConnection


@pytest.fixture(scope="module")
def connection(engine: Any) -> Iterator[SnowflakeConnection]:
    with engine.connect(paramstyle="qmark") as opened:
        for statement in (
            "CREATE OR REPLACE SCHEMA MEDIA.REFUSED",
            "CREATE TABLE T (A INT, B TEXT, V VARIANT)",
            "CREATE STAGE S DIRECTORY = (ENABLE = TRUE)",
            "CREATE TABLE COUNTED (A INT AUTOINCREMENT)",
            "CREATE FILE FORMAT AVRO_FORMAT TYPE = AVRO",
        ):
            opened.cursor().execute(statement)
        yield opened


REFUSED = [
    ("SELECT * FROM T AT(OFFSET => -60)", "time travel"),
    ("SELECT * FROM T PIVOT(SUM(A), MAX(A) FOR B IN ('x', 'y')) AS P", "PIVOT"),
    ("CREATE VIEW PIVOTED AS SELECT * FROM T PIVOT(SUM(A) FOR B IN ('x'))", "PIVOT"),
    ("SELECT A FROM T START WITH A = 1 CONNECT BY PRIOR A = A", "CONNECT BY"),
    ("SELECT * FROM T MATCH_RECOGNIZE(ORDER BY A MEASURES 1 AS F PATTERN (X+) DEFINE X AS A > 0)", "MATCH_RECOGNIZE"),
    ("SELECT OBJECT_CONSTRUCT_KEEP_NULL(*) FROM T", "OBJECT_CONSTRUCT_KEEP_NULL(*)"),
    ("SELECT COLLATE(B, 'en-ci') FROM T", "collation"),
    ("CREATE TABLE T2 (B TEXT COLLATE 'en-ci')", "COLLATE"),
    ("SELECT OBJECT_CONSTRUCT(*) FROM T", "OBJECT_CONSTRUCT(*)"),
    ("SELECT ST_MAKEPOINT(1, 2)", "the function ST_"),
    ("SELECT SYSTEM$IMPORT_MODEL('name: VIT')", "log the pipeline itself"),
    ("EXPLAIN SELECT 1", "EXPLAIN"),
    ("CREATE TABLE T2 CLONE T", "CLONE"),
    ("CREATE SCHEMA S2 CLONE REFUSED", "CLONE"),
    ("CREATE STAGE S2 CLONE S", "CLONE"),
    ("CREATE SEQUENCE Q", "CREATE SEQUENCE"),
    ("ALTER TABLE COUNTED ADD COLUMN B INT", "AUTOINCREMENT"),
    ("CREATE VIEW W AS SELECT * FROM DIRECTORY(@S)", "a view over a stage"),
    ("CREATE DYNAMIC TABLE D TARGET_LAG = '1 minute' WAREHOUSE = COMPUTE_WH AS SELECT A FROM T", "DYNAMIC"),
    ("CREATE STREAM R ON TABLE T", "CREATE STREAM"),
    ("CREATE TASK K WAREHOUSE = COMPUTE_WH SCHEDULE = '1 minute' AS SELECT 1", "CREATE TASK"),
    ("UNDROP TABLE T", "UNDROP"),
    ("ALTER TABLE T SET TAG G = 'x'", "SET TAG"),
    ("CREATE STAGE E URL = 'azure://account.blob.core.windows.net/c/'", "external stages are s3://"),
    ("CREATE STAGE E URL = 's3://b/p/' STORAGE_INTEGRATION = I", "STORAGE_INTEGRATION"),
    ("CREATE PROCEDURE P() RETURNS INT LANGUAGE SQL AS 'BEGIN RETURN 1; END'", "CREATE PROCEDURE"),
    ("CREATE FUNCTION F(A INT) RETURNS INT AS 'A + 1'", "CREATE FUNCTION"),
    ("CREATE OR REPLACE PROCEDURE P() RETURNS INT AS BEGIN RETURN 1; END;", "CREATE PROCEDURE"),
    ("EXECUTE IMMEDIATE 'SELECT 1'", "EXECUTE IMMEDIATE"),
    ("SELECT 555::DECFLOAT", "the type DECFLOAT"),
    ("CREATE TABLE T2 (A INTERVAL DAY(9) TO SECOND)", "INTERVAL DAY"),
    ("SELECT ['a', 'b']::ARRAY(STRING NOT NULL)", "NOT NULL in a structured type"),
    ("CREATE HYBRID TABLE H (A INT PRIMARY KEY)", "HYBRID TABLE"),
    ("CREATE TABLE T2 (A VECTOR(FLOAT, 3))", "the type VECTOR"),
    ("CREATE TABLE T2 (A VARIANT) STAGE_FILE_FORMAT = (TYPE = PARQUET)", "STAGE_FILE_FORMAT"),
    ('SELECT "A", "a" FROM (SELECT * FROM (SELECT 1 AS A) X JOIN (SELECT 2 AS "a") Y ON TRUE)', "differ only in case"),
    ("CREATE ROW ACCESS POLICY P AS (A INT) RETURNS BOOLEAN -> TRUE", "ROW ACCESS POLICY"),
    ("CREATE MASKING POLICY P AS (B TEXT) RETURNS TEXT -> '*'", "MASKING POLICY"),
    ("LET X := 1", "Snowflake Scripting (LET)"),
    ("COPY INTO @S/c/ FROM (SELECT 1 AS A) FILE_FORMAT = (TYPE = CSV DATE_FORMAT = 'YY')", "DATE_FORMAT"),
    ("COPY INTO T FROM @S/c/ FILE_FORMAT = (TYPE = XML)", "XML"),
    ("SELECT $1 FROM @S/c/ (FILE_FORMAT => 'AVRO_FORMAT')", "AVRO"),
    ("COPY INTO T FROM @S/c/ FILE_FORMAT = (TYPE = PARQUET) ON_ERROR = SKIP_FILE_3", "ON_ERROR = SKIP_FILE_3"),
    ('CREATE TABLE T2 (A INT, "a" INT)', "differ only in case"),
    ('CREATE TABLE "t" (A INT)', "differ only in case"),
    ('CREATE SCHEMA "A.B"', "a dot in the name"),
    ("CREATE USER U", "CREATE USER"),
]


@pytest.mark.parametrize(("sql", "named"), REFUSED, ids=[named for _, named in REFUSED])
def test_refused_by_name(connection: SnowflakeConnection, sql: str, named: str) -> None:
    with pytest.raises(ProgrammingError, match="not supported by the local engine") as refused:
        connection.cursor().execute(sql)
    assert refused.value.errno == 2
    assert named in str(refused.value)


def test_a_bound_type_is_refused_by_name(engine: Any) -> None:
    with engine.connect(paramstyle="qmark") as connection, pytest.raises(ProgrammingError, match="type DECFLOAT"):
        connection.cursor().execute("SELECT ?", [("DECFLOAT", 1.5)])


def test_executemany_of_other_statements(connection: SnowflakeConnection) -> None:
    """The connector sends them one by one."""
    cursor = connection.cursor()
    cursor.execute("CREATE OR REPLACE TABLE PAIRS (A INT, B TEXT)")
    cursor.executemany("INSERT INTO PAIRS VALUES (?, ?)", [[1, "a"], [2, "b"]])
    cursor.executemany("UPDATE PAIRS SET A = ? WHERE B = ?", [[10, "a"], [20, "b"]])
    merge = "MERGE INTO PAIRS USING (SELECT ? AS A) S ON PAIRS.A = S.A WHEN NOT MATCHED THEN INSERT (A) VALUES (S.A)"
    cursor.executemany(merge, [[20], [30]])
    cursor.executemany("DELETE FROM PAIRS WHERE A = ? AND B = ?", [[10, "a"], [30, "c"]])
    assert cursor.execute("SELECT A, B FROM PAIRS ORDER BY A").fetchall() == [(20, "b"), (30, None)]


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        (r"SELECT 'f\d'", "fd"),
        (r"SELECT 'f\\d'", r"f\d"),
        (
            "SELECT '2026-01-01 00:00:00.123456789'::TIMESTAMP_NTZ(9) = '2026-01-01 00:00:00.123456'::TIMESTAMP_NTZ",
            True,
        ),
        ("SELECT TO_CHAR('2026-01-01 10:00:00 +0200'::TIMESTAMP_TZ)", "2026-01-01 08:00:00.000 +0000"),
        ("SELECT COUNT(*) FROM INFORMATION_SCHEMA.PACKAGES WHERE PACKAGE_NAME = 'duckdb'", 1),
    ],
)
def test_known_differences(connection: SnowflakeConnection, sql: str, value: object) -> None:
    assert connection.cursor().execute(sql).fetchone() == (value,)


def test_types_of_literals_and_counts(connection: SnowflakeConnection) -> None:
    cursor = connection.cursor()
    cursor.execute("SELECT 1, COUNT(*) FROM T")
    assert [(column.precision, column.scale) for column in cursor.description] == [(38, 0), (38, 0)]


def test_a_gpu_pool_can_be_made_and_runs_nothing(connection: SnowflakeConnection) -> None:
    cursor = connection.cursor()
    cursor.execute(
        "CREATE COMPUTE POOL IF NOT EXISTS REFUSED_GPU MIN_NODES = 1 MAX_NODES = 1 INSTANCE_FAMILY = GPU_NV_S"
    )
    with pytest.raises(ProgrammingError, match="not supported by the local engine: jobs in compute pool REFUSED_GPU"):
        cursor.execute(
            "EXECUTE INFERENCE JOB SERVICE IN COMPUTE POOL REFUSED_GPU WITH SPECIFICATION "
            "'output: {stage_location: \"@MEDIA.REFUSED.S/o/\"}' FROM (SELECT 1 AS A) MODEL = MEDIA.REFUSED.M"
        )


def test_units_of_system_wait(connection: SnowflakeConnection) -> None:
    for unit in ("MILLISECONDS", "'milliseconds'"):
        assert connection.cursor().execute(f"CALL SYSTEM$WAIT(1, {unit})").fetchone() == ("waited 1 milliseconds",)
