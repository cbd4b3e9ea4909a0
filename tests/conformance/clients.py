"""What Snowflake's own clients send, with the answers that their tests expect."""

from __future__ import annotations

from datetime import datetime

from conformance.table import Row

_EXTRACT = "DATE_PART, Returns; the parts of a TIMESTAMP_LTZ are those of the session's time zone"
_JOIN = "snowpark-python, tests/integ/scala/test_dataframe_join_suite.py: test_default_inner_join"
_COPIED = "snowpark-python, tests/integ/scala/test_file_operation_suite.py: test_copy_files"
_TOKYO = ("ALTER SESSION SET TIMEZONE = 'Asia/Tokyo'",)
_UTC = ("ALTER SESSION SET TIMEZONE = 'UTC'",)

ROWS = [
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
