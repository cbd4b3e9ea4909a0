"""What Snowflake's own clients send, with the answers that their tests expect."""

from __future__ import annotations

from datetime import datetime

from conformance.table import Row

_EXTRACT = "DATE_PART, Returns; the parts of a TIMESTAMP_LTZ are those of the session's time zone"
_JOIN = "snowpark-python, tests/integ/scala/test_dataframe_join_suite.py: test_default_inner_join"
_COPIED = "snowpark-python, tests/integ/scala/test_file_operation_suite.py: test_copy_files"
_TOKYO = ("ALTER SESSION SET TIMEZONE = 'Asia/Tokyo'",)
_UTC = ("ALTER SESSION SET TIMEZONE = 'UTC'",)
_SEVERAL = "INSERT (multi-table), Required parameters"
_TARGETS = (
    "CREATE OR REPLACE TEMPORARY TABLE VALUES_IN (C1 NUMBER)",
    "CREATE OR REPLACE TEMPORARY TABLE FIRST_OUT (C NUMBER)",
    "CREATE OR REPLACE TEMPORARY TABLE SECOND_OUT (C NUMBER, TEXT VARCHAR DEFAULT 'none')",
    "INSERT INTO VALUES_IN VALUES (5), (15), (25)",
    "INSERT INTO FIRST_OUT VALUES (100)",
)
_FOUND = "SELECT 1, C, NULL FROM FIRST_OUT UNION ALL SELECT 2, C, TEXT FROM SECOND_OUT ORDER BY 1, 2"

ROWS = [
    Row(
        "INSERT ALL counts the rows of each table",
        "INSERT ALL INTO FIRST_OUT INTO SECOND_OUT (C) VALUES (C1) SELECT C1 FROM VALUES_IN",
        [(3, 3)],
        "snowflake-connector-python, test/integ/test_cursor.py: test_multi_table_insert",
        before=_TARGETS,
    ),
    Row(
        "INSERT OVERWRITE ALL gives a row to each WHEN that is true, else to ELSE",
        _FOUND,
        [(1, 15, None), (1, 25, None), (1, 25, None), (2, 5, "none"), (2, 15, "none"), (2, 25, "none")],
        "snowflake-connector-python, test/integ/test_connection.py: test_multi_table_insert_overwrite_stats",
        before=(
            *_TARGETS,
            "INSERT OVERWRITE ALL WHEN C1 > 20 THEN INTO FIRST_OUT VALUES (C1) WHEN C1 > 10 THEN INTO FIRST_OUT "
            "VALUES (C1) INTO SECOND_OUT (C) VALUES (C1) ELSE INTO SECOND_OUT VALUES (C1, DEFAULT) "
            "SELECT C1 FROM VALUES_IN",
        ),
    ),
    Row(
        "INSERT FIRST gives a row to the first WHEN that is true",
        _FOUND,
        [(1, 25, None), (1, 100, None), (2, 15, None)],
        _SEVERAL,
        before=(
            *_TARGETS,
            "INSERT FIRST WHEN C1 > 20 THEN INTO FIRST_OUT WHEN C1 > 10 THEN INTO SECOND_OUT VALUES (C1, NULL) "
            "SELECT C1 FROM VALUES_IN",
        ),
    ),
    Row(
        "an inner join without ON, in parentheses",
        "SELECT * FROM ((SELECT 1 AS A) AS L INNER JOIN (SELECT 2 AS B) AS R)",
        [(1, 2)],
        _JOIN,
    ),
    Row(
        "parts of an instant are those of the session's time zone",
        "SELECT DATE_PART(HOUR, T), EXTRACT(DAY FROM T), HOUR(T), DATE_PART(EPOCH_SECOND, T), "
        "DATE_PART(TIMEZONE_HOUR, T) FROM (SELECT '2024-01-01 20:00:00 +0000'::TIMESTAMP_LTZ AS T)",
        [(5, 2, 5, 1704139200, 9)],
        _EXTRACT,
        before=_TOKYO,
        after=_UTC,
    ),
    Row("parts of a moment in text", "SELECT YEAR('2013-05-08T23:39:20.123-07:00')", [(2013,)], "YEAR, Examples"),
    Row(
        "milliseconds added to whole seconds",
        "SELECT DATEADD(MS, 5, '2024-01-01 12:00:00'::TIMESTAMP_NTZ(0))",
        [(datetime(2024, 1, 1, 12, 0, 0, 5000),)],
        "DATEADD, Returns",
        confirmed=False,
    ),
    Row(
        "COPY FILES without details says how many",
        "COPY FILES INTO @OUT_FILES/copied/ FROM @FILES/in/ DETAILED_OUTPUT = FALSE",
        [(2,)],
        _COPIED,
    ),
]
