"""Numbers, dates and times."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

from conformance.table import Fails, Refused, Row

_NUMERIC = "Numeric data types, NUMBER"
_ARITHMETIC = "Arithmetic operators, Division"
_CAST = "CAST , ::, Usage notes"
_TIMES = "Date & time data types, TIMESTAMP"
_ZONES = "Date & time data types, TIMESTAMP_LTZ , TIMESTAMP_NTZ , TIMESTAMP_TZ"
_TO_DATE = "TO_DATE , DATE, Arguments"
_ELEMENTS = "Date and time input and output formats, About the elements used in input and output formats"
_TO_TIMESTAMP = "TO_TIMESTAMP / TO_TIMESTAMP_*, Arguments"
_TRY_TO_NUMBER = "TRY_TO_DECIMAL, TRY_TO_NUMBER, TRY_TO_NUMERIC, Examples"
_BOUND = "Bind variables, Overview of bind variables"
_WEEKS = "Date & time functions, First day of the week"

_FUNCTION_SUITE = "snowpark-python, tests/integ/scala/test_function_suite.py"

ROWS = [
    Row(
        "EPOCH is whole seconds",
        "SELECT DATE_PART('epoch', '2017-02-24 12:00:00.456'::TIMESTAMP_NTZ)",
        [(1487937600,)],
        f"{_FUNCTION_SUITE}: test_date_part_timestamp",
    ),
    Row(
        "nanoseconds are added to a moment of any type",
        "SELECT DATEADD('nsec', 2000, '2020-08-01 00:00:00 +0000'::TIMESTAMP_LTZ), "
        "DATEADD('nsec', 0, '9999-12-31'::TIMESTAMP_NTZ)",
        [(datetime(2020, 8, 1, 0, 0, 0, 2, UTC), datetime(9999, 12, 31))],
        f"{_FUNCTION_SUITE}: test_dateadd_tz",
    ),
    Row(
        "variances of whole numbers are exact",
        "SELECT VARIANCE(COLUMN1), VAR_POP(COLUMN1) FROM VALUES (1), (2), (2)",
        [(Decimal("0.333333"), Decimal("0.222222"))],
        f"{_FUNCTION_SUITE}: test_variance",
    ),
    Row(
        "APPROX_PERCENTILE lies between two values",
        "SELECT APPROX_PERCENTILE(COLUMN1, 0.5) FROM VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)",
        [(4.5,)],
        f"{_FUNCTION_SUITE}: test_approx_percentile",
    ),
    Row(
        "NTILE, FACTORIAL, CHR and BITAND of a column",
        "SELECT NTILE(N) OVER (ORDER BY N), FACTORIAL(N), CHR(64 + N), BITAND(N, 3), BITOR(N, N + 1) FROM FRUIT "
        "ORDER BY N LIMIT 1",
        [(1, 1, "A", 1, 3)],
        f"{_FUNCTION_SUITE}: test_ntile, test_factorial and test_char",
    ),
    Row(
        "a date with the month's name, a moment with the day's",
        "SELECT '30-JUL-2010'::DATE, 'Thu, 01 Feb 2024 00:00:00'::TIMESTAMP_NTZ, "
        "'Thu, 01 Feb 2024 00:00:00 -0600'::TIMESTAMP_LTZ",
        [(date(2010, 7, 30), datetime(2024, 2, 1), datetime(2024, 2, 1, 6, tzinfo=UTC))],
        f"{_FUNCTION_SUITE}: test_to_date and test_to_timestamp_all",
    ),
    Row(
        "a number in a VARIANT is an instant, with the session's clock",
        "SELECT TO_TIMESTAMP_NTZ(TO_VARIANT(12345678900))",
        [(datetime(2361, 3, 21, 11, 15),)],
        f"{_FUNCTION_SUITE}: test_to_timestamp_variant_column",
        before=("ALTER SESSION SET TIMEZONE = 'Etc/GMT+8'",),
        after=("ALTER SESSION SET TIMEZONE = 'UTC'",),
    ),
    Row(
        "RANDSTR has a text for each row",
        "SELECT COUNT(DISTINCT T), MAX(N) FROM (SELECT RANDSTR(20, RANDOM()) AS T, SEQ8() AS N "
        "FROM TABLE(GENERATOR(ROWCOUNT => 5)))",
        [(5, 4)],
        "RANDSTR, Usage notes",
    ),
    Row("a number keeps its scale", "SELECT 1.25::NUMBER(10,2)", [(Decimal("1.25"),)], _NUMERIC),
    Row(
        "digits after the point are rounded", "SELECT 1.255::NUMBER(10,2)", [(Decimal("1.26"),)], _CAST, confirmed=False
    ),
    Row("a half is rounded away from zero", "SELECT 2.5::INT, -2.5::INT", [(3, -3)], _CAST, confirmed=False),
    Row(
        "too many digits before the point fail",
        "SELECT 12345::NUMBER(3,0)",
        Fails(100046),
        "Data type conversion, Usage notes; error 100046 in calogica/dbt-expectations#16",
    ),
    Row("digits in quotes that are too many fail", "SELECT '12345'::NUMBER(3,0)", Fails(100039), _TRY_TO_NUMBER),
    Row("a text that is no number fails", "SELECT 'x'::NUMBER", Fails(100038), _TRY_TO_NUMBER),
    Row("TRY_CAST gives NULL", "SELECT TRY_CAST('x' AS NUMBER)", [(None,)], "TRY_CAST, Description"),
    Row("TRY_TO_NUMBER gives NULL", "SELECT TRY_TO_NUMBER('x')", [(None,)], _TRY_TO_NUMBER),
    Row(
        "TO_NUMBER has scale 0 by default",
        "SELECT TO_NUMBER('12.6')",
        [(13,)],
        "TO_DECIMAL , TO_NUMBER , TO_NUMERIC, Arguments",
    ),
    Row("division has six digits more at least", "SELECT 1/3", [(Decimal("0.333333"),)], _ARITHMETIC),
    Row("division of whole numbers is exact", "SELECT 10/4", [(Decimal("2.500000"),)], _ARITHMETIC),
    Row("division by zero fails", "SELECT 1/0", Fails(100051), "DIV0, Examples"),
    Row("DIV0 gives zero", "SELECT DIV0(1, 0)", [(0,)], "DIV0, Examples"),
    Row(
        "multiplication adds the scales",
        "SELECT 1.5::NUMBER(3,1) * 0.25::NUMBER(3,2)",
        [(Decimal("0.375"),)],
        "Arithmetic operators, Multiplication",
    ),
    Row("MOD has the sign of the first argument", "SELECT MOD(-7, 3)", [(-1,)], "MOD, Usage notes"),
    Row(
        "ROUND is half away from zero",
        "SELECT ROUND(-2.5), ROUND(2.345, 2)",
        [(-3, Decimal("2.35"))],
        "ROUND, Usage notes",
    ),
    Row("TRUNC cuts", "SELECT TRUNC(-2.9), TRUNC(2.345, 2)", [(-2, Decimal("2.34"))], "TRUNCATE , TRUNC, Usage notes"),
    Row("CEIL and FLOOR", "SELECT CEIL(-1.5), FLOOR(-1.5)", [(-1, -2)], "CEIL, Usage notes; FLOOR, Usage notes"),
    *(
        Row(
            f"{call} is no number",
            f"SELECT {call}",
            Fails(words=f"Invalid floating point operation: {call}"),
            f"{call.partition('(')[0]}, Usage notes",
            confirmed=False,
        )
        for call in ("sqrt(-1)", "ln(0)", "ln(-1)", "log(10, 0)", "pow(-1, 0.5)")
    ),
    Row(
        "SQRT, LN, LOG and POWER of what they are for",
        "SELECT SQRT(COLUMN1), SQRT('9'), LN(1), LOG(2, 8), POWER(-2, 3), POW(4, 0.5), SQRT(NULL) FROM VALUES (2.25)",
        [(1.5, 3.0, 0.0, 3.0, -8.0, 2.0, None)],
        "SQRT, Examples; LOG, Examples; POW , POWER, Examples",
        confirmed=False,
    ),
    *(
        Row(
            f"there is no {name} of booleans",
            f"SELECT {name}(TRUE)",
            Fails(1044, f"Invalid argument types for function '{name}': (BOOLEAN)"),
            f"{name}, Arguments",
            confirmed=False,
        )
        for name in ("SUM", "AVG")
    ),
    Row(
        "MAX_BY and MIN_BY of several values are an ARRAY",
        "SELECT TO_JSON(MAX_BY(COLUMN1, COLUMN2, 2)), MIN_BY(COLUMN1, COLUMN2, 2)[0]::VARCHAR, "
        "MAX_BY(COLUMN1, COLUMN2) FROM VALUES ('a', 1), ('b', 2), ('c', 3)",
        [('["c","b"]', "a", "c")],
        "MAX_BY, Returns; MIN_BY, Returns",
        confirmed=False,
    ),
    Row("NULL in a sum is left out", "SELECT SUM(COLUMN1) FROM VALUES (1), (NULL), (2)", [(3,)], "SUM, Examples"),
    Row(
        "a sum of nothing is NULL",
        "SELECT SUM(COLUMN1) FROM VALUES (1) WHERE FALSE",
        [(None,)],
        "Aggregate functions, introduction",
    ),
    Row("a count of nothing is zero", "SELECT COUNT(*) FROM VALUES (1) WHERE FALSE", [(0,)], "COMMIT, Examples"),
    Row("GREATEST with a NULL is NULL", "SELECT GREATEST(1, NULL, 3)", [(None,)], "GREATEST, Returns"),
    Row(
        "integers are seconds since 1970",
        "SELECT 1700000000::TIMESTAMP_NTZ",
        [(datetime(2023, 11, 14, 22, 13, 20),)],
        _TO_TIMESTAMP,
    ),
    Row(
        "a scale says what an integer counts",
        "SELECT TO_TIMESTAMP_NTZ(1700000000000, 3)",
        [(datetime(2023, 11, 14, 22, 13, 20),)],
        _TO_TIMESTAMP,
    ),
    Row(
        "a number with a scale keeps the type that is asked for",
        "SELECT TO_TIMESTAMP_TZ(COLUMN1, 3)::VARCHAR, TO_TIMESTAMP_LTZ(COLUMN1, 3) FROM VALUES (1700000000123)",
        [("2023-11-14 22:13:20.123 +0000", datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC))],
        "snowflake-connector-python, test_arrow_chunk_iterator.py: test_iterate_over_timestamp_chunk",
    ),
    Row(
        "digits in quotes tell their unit by their size",
        "SELECT TO_TIMESTAMP_NTZ('1700000000000')",
        [(datetime(2023, 11, 14, 22, 13, 20),)],
        "TO_TIMESTAMP / TO_TIMESTAMP_*, Usage notes",
    ),
    Row(
        "digits in quotes are seconds to nanoseconds, from a year's number of each on",
        "SELECT TO_DATE('31536000'), TO_DATE('31536000000'), TO_DATE('31536000000000'), TO_DATE('31536000000000000')",
        [(date(1971, 1, 1),) * 4],
        "TO_DATE , DATE, Usage notes",
    ),
    Row(
        "precision 0 keeps whole seconds",
        "SELECT '2020-01-01 12:00:00.123456'::TIMESTAMP_NTZ(0)",
        [(datetime(2020, 1, 1, 12),)],
        _TIMES,
    ),
    Row(
        "precision 3 keeps milliseconds",
        "SELECT '2020-01-01 12:00:00.1234'::TIMESTAMP_NTZ(3)",
        [(datetime(2020, 1, 1, 12, 0, 0, 123_000),)],
        _TIMES,
    ),
    Row(
        "a value of precision 0 equals the whole second",
        "SELECT '2020-01-01 12:00:00.123'::TIMESTAMP_NTZ(0) = '2020-01-01 12:00:00'::TIMESTAMP_NTZ",
        [(True,)],
        _TIMES,
    ),
    Row("TIME has a precision too", "SELECT '12:00:00.123'::TIME(0)", [(time(12),)], "Date & time data types, TIME"),
    Row(
        "a column's precision holds",
        "SELECT A, B FROM PRECISE",
        [(datetime(2020, 1, 1, 12), time(12))],
        _TIMES,
        before=(
            "CREATE OR REPLACE TEMPORARY TABLE PRECISE (A TIMESTAMP_NTZ(0), B TIME(0))",
            "INSERT INTO PRECISE VALUES ('2020-01-01 12:00:00.123', '12:00:00.123')",
        ),
    ),
    Row("TO_DATE with a format", "SELECT TO_DATE('03/04/2024', 'DD/MM/YYYY')", [(date(2024, 4, 3),)], _TO_DATE),
    Row(
        "TO_DATE with a bound format",
        "SELECT TO_DATE('03/04/2024', ?)",
        [(date(2024, 4, 3),)],
        _BOUND,
        binds=("DD/MM/YYYY",),
    ),
    Row(
        "TRY_TO_DATE with a bound format",
        "SELECT TRY_TO_DATE('03/04/2024', ?)",
        [(date(2024, 4, 3),)],
        _BOUND,
        binds=("DD/MM/YYYY",),
    ),
    Row(
        "TRY_TO_DATE with a format put together",
        "SELECT TRY_TO_DATE('2024-04-03', 'YYYY' || '-MM-DD')",
        [(date(2024, 4, 3),)],
        "TRY_TO_DATE, Arguments",
        confirmed=False,
    ),
    Row(
        "TO_DATE with the format of a variable",
        "SELECT TO_DATE('03.04.2024', $FORM)",
        [(date(2024, 4, 3),)],
        "SQL variables, Using variables in SQL",
        before=("SET FORM = 'DD.MM.YYYY'",),
    ),
    Row(
        "a format out of a column",
        "SELECT TO_DATE(COLUMN1, COLUMN2) FROM VALUES ('2024', 'YYYY')",
        Refused("a format of dates and times that is not constant"),
        _TO_DATE,
        confirmed=False,
    ),
    Row("TRY_TO_DATE gives NULL for what is none", "SELECT TRY_TO_DATE('soon')", [(None,)], "TRY_TO_DATE, Examples"),
    Row("a text that is no date fails", "SELECT TO_DATE('soon')", Fails(100040), "public reports of error 100040"),
    Row(
        "a text that is no timestamp fails",
        "SELECT TO_TIMESTAMP('soon')",
        Fails(100035),
        "public reports of error 100035",
    ),
    Row(
        "TIME is TO_TIME",
        "SELECT TIME('13:30:00.000'), TO_TIME('11.15.00', 'HH24.MI.SS'), TIME('2024-04-03 10:20:30'::TIMESTAMP_NTZ)",
        [(time(13, 30), time(11, 15), time(10, 20, 30))],
        "TO_TIME , TIME, Syntax and Examples",
    ),
    Row(
        "TIME has no format",
        "SELECT TIME('11.15.00', 'HH24.MI.SS')",
        Fails(),
        "TO_TIME , TIME, Usage notes",
    ),
    Row(
        "TO_CHAR of a date",
        "SELECT TO_CHAR('2024-04-03'::DATE, 'DD/MM/YYYY')",
        [("03/04/2024",)],
        "TO_CHAR , TO_VARCHAR, Examples",
    ),
    Row(
        "TO_CHAR with a bound format",
        "SELECT TO_CHAR('2024-04-03'::DATE, ?)",
        [("03/04/2024",)],
        _BOUND,
        binds=("DD/MM/YYYY",),
    ),
    Row(
        "TO_CHAR of a time",
        "SELECT TO_CHAR('12:34:56'::TIME, 'HH24:MI')",
        [("12:34",)],
        "TO_CHAR , TO_VARCHAR, Examples",
    ),
    Row(
        "TO_CHAR of an offset",
        "SELECT TO_CHAR('2024-04-03 13:04:05'::TIMESTAMP_TZ, 'TZHTZM'), TO_CHAR(COLUMN1, 'HH24 TZH:TZM TZH') "
        "FROM VALUES ('2024-04-03 13:04:05 +0530'::TIMESTAMP_LTZ)",
        [("+0000", "07 +00:00 +00")],
        _ELEMENTS,
        confirmed=False,
    ),
    Row(
        "TO_CHAR cuts the digits of a second",
        "SELECT TO_CHAR(COLUMN1, 'SS.FF1 FF2 FF3 FF4 FF5 FF6 FF7 FF8 FF9 FF FF0.') "
        "FROM VALUES ('2024-04-03 13:04:05.123456'::TIMESTAMP_NTZ)",
        [("05.1 12 123 1234 12345 123456 1234560 12345600 123456000 123456000 .",)],
        _ELEMENTS,
        confirmed=False,
    ),
    Row(
        "TO_CHAR of a time with digits of a second",
        "SELECT TO_CHAR('13:04:05.98'::TIME, 'HH24.MI.SS.FF1')",
        [("13.04.05.9",)],
        _ELEMENTS,
        confirmed=False,
    ),
    Row(
        "TO_CHAR with text in the format",
        """SELECT TO_CHAR('2024-04-03 13:04:05'::TIMESTAMP_NTZ, 'YYYY"at"MM'), TO_CHAR(COLUMN1, 'HH24"h"MI"MM"') """
        "FROM VALUES ('2024-04-03 13:04:05'::TIMESTAMP_NTZ)",
        [("2024at04", "13h04MM")],
        _ELEMENTS,
        confirmed=False,
    ),
    Row(
        "a format with text in it reads that text",
        """SELECT TO_TIMESTAMP('2024-01-07 at 10', 'YYYY-MM-DD "at" HH24'), """
        """TO_TIMESTAMP('20240107T101112', 'YYYYMMDD"T"HH24MISS')""",
        [(datetime(2024, 1, 7, 10), datetime(2024, 1, 7, 10, 11, 12))],
        _ELEMENTS,
        confirmed=False,
    ),
    Row(
        "a format with the name of an element in quotes",
        """SELECT TO_TIMESTAMP('2024 MM 10', 'YYYY "MM" HH24')""",
        Refused("the name of an element of times in quotes"),
        _ELEMENTS,
    ),
    Row(
        "a format reads the digits of a second",
        "SELECT TO_TIMESTAMP('2024-01-15 10:11:12.123456789', 'YYYY-MM-DD HH24:MI:SS.FF9'), "
        "TO_TIMESTAMP('9999-12-31 23:59:59.5', 'YYYY-MM-DD HH24:MI:SS.FF')",
        [(datetime(2024, 1, 15, 10, 11, 12, 123456), datetime(9999, 12, 31, 23, 59, 59, 500_000))],
        _ELEMENTS,
        confirmed=False,
    ),
    Row(
        "AUTO is no format",
        "SELECT TO_DATE('2024-04-03', 'AUTO'), TO_TIMESTAMP('2024-04-03 10:00:00', 'auto'), TRY_TO_DATE('x', 'AUTO'), "
        "TO_TIME('10:11:12', 'AUTO'), TO_CHAR('2024-04-03'::DATE, 'AUTO')",
        [(date(2024, 4, 3), datetime(2024, 4, 3, 10), None, time(10, 11, 12), "2024-04-03")],
        "Parameters, DATE_INPUT_FORMAT",
        confirmed=False,
    ),
    Row(
        "TIMESTAMP_NTZ drops the offset that a format reads",
        "SELECT TO_TIMESTAMP(COLUMN1, 'YYYY-MM-DD HH24:MI:SS TZHTZM'), "
        "TRY_TO_TIMESTAMP_NTZ(COLUMN1, 'YYYY-MM-DD HH24:MI:SS TZHTZM'), "
        "TO_TIME(COLUMN1, 'YYYY-MM-DD HH24:MI:SS TZHTZM'), "
        "TO_TIMESTAMP_LTZ(COLUMN1, 'YYYY-MM-DD HH24:MI:SS TZHTZM') FROM VALUES ('2024-01-15 10:11:12 +0530')",
        [
            (
                *(datetime(2024, 1, 15, 10, 11, 12), datetime(2024, 1, 15, 10, 11, 12), time(10, 11, 12)),
                datetime(2024, 1, 15, 4, 41, 12, tzinfo=UTC),
            )
        ],
        _ZONES,
        confirmed=False,
    ),
    Row(
        "TO_DATE with an offset gives the day that is written",
        "SELECT TO_DATE('2024-01-15 23:11:12 -0800', 'YYYY-MM-DD HH24:MI:SS TZHTZM'), "
        "TO_DATE('2024-01-15 01:11:12 +05:30', 'YYYY-MM-DD HH24:MI:SS TZH:TZM')",
        [(date(2024, 1, 15), date(2024, 1, 15))],
        "TO_DATE , DATE, Returns",
        confirmed=False,
    ),
    Row(
        "an offset that the format asks for must be there",
        "SELECT TRY_TO_TIMESTAMP('2024-01-15 10:11:12', 'YYYY-MM-DD HH24:MI:SS TZHTZM')",
        [(None,)],
        "public reports of: Can't parse '2018-10-01 06:00:00.0' as timestamp with format "
        "'YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM'",
    ),
    Row(
        "text in another format than TO_DATE's",
        "SELECT TO_DATE('2024/01/15', 'YYYY-MM-DD')",
        Fails(100096, "Can't parse '2024/01/15' as date with format 'YYYY-MM-DD'"),
        "public reports of error 100096",
    ),
    Row(
        "text in another format than TO_TIMESTAMP's",
        "SELECT TO_TIMESTAMP('2024/01/15', 'DD.MM.YYYY')",
        Fails(100096, "Can't parse '2024/01/15' as timestamp with format 'DD.MM.YYYY'"),
        "public reports of: Can't parse '2018-10-01 06:00:00.0' as timestamp with format "
        "'YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM'",
    ),
    Row(
        "text in another format than TRY_TO_DATE's",
        "SELECT TRY_TO_DATE('2024-01-15 10:00', 'YYYY-MM-DD'), TRY_TO_DATE('2024/01/15', 'YYYY-MM-DD')",
        [(None, None)],
        "TRY_TO_DATE, Description",
        confirmed=False,
    ),
    Row(
        "an NTZ timestamp as text",
        "SELECT '2024-04-03 01:02:03'::TIMESTAMP_NTZ::VARCHAR",
        [("2024-04-03 01:02:03.000",)],
        "SHOW PARAMETERS, Examples",
    ),
    Row(
        "an LTZ timestamp as text",
        "SELECT '2024-04-03 01:02:03'::TIMESTAMP_LTZ::VARCHAR",
        [("2024-04-03 01:02:03.000 +0000",)],
        "SHOW PARAMETERS, Examples",
    ),
    Row(
        "a day out of a timestamp",
        "SELECT '2024-04-03 23:59:59'::TIMESTAMP_NTZ::DATE",
        [(date(2024, 4, 3),)],
        "Data type conversion, Usage notes",
    ),
    Row(
        "DATEADD of months stops at the month's end",
        "SELECT DATEADD(MONTH, 1, '2024-01-31'::DATE)",
        [(date(2024, 2, 29),)],
        "DATEADD, Examples",
    ),
    Row(
        "DATEADD of hours makes a date a timestamp",
        "SELECT DATEADD(HOUR, 1, '2024-01-31'::DATE)",
        [(datetime(2024, 1, 31, 1),)],
        "DATEADD, Returns",
    ),
    Row(
        "parts of a timestamp beyond their range carry over",
        "SELECT TIMESTAMP_FROM_PARTS(2024, 1, 1, 25, 61, 0), TIMESTAMP_NTZ_FROM_PARTS(2024, 13, 0, 0, 0, -1, 5000), "
        "TIMESTAMP_LTZ_FROM_PARTS(2024, 1, 31, 24, 0, 0)",
        [(datetime(2024, 1, 2, 2, 1), datetime(2024, 12, 30, 23, 59, 59, 5), datetime(2024, 2, 1, tzinfo=UTC))],
        "TIMESTAMP_FROM_PARTS, Usage notes",
        confirmed=False,
    ),
    Row(
        "a timestamp from a date and a time",
        "SELECT TIMESTAMP_NTZ_FROM_PARTS('2024-01-02'::DATE, '10:11:12'::TIME)",
        [(datetime(2024, 1, 2, 10, 11, 12),)],
        "TIMESTAMP_FROM_PARTS, Syntax",
        confirmed=False,
    ),
    Row(
        "DATEDIFF counts borders, not time",
        "SELECT DATEDIFF(YEAR, '2023-12-31'::DATE, '2024-01-01'::DATE)",
        [(1,)],
        "DATEDIFF, Usage notes",
    ),
    Row(
        "DATEDIFF of days",
        "SELECT DATEDIFF(DAY, '2024-02-28'::DATE, '2024-03-01'::DATE)",
        [(2,)],
        "DATEDIFF, Usage notes",
    ),
    Row(
        "DATE_TRUNC to the month",
        "SELECT DATE_TRUNC('MONTH', '2024-04-03'::DATE)",
        [(date(2024, 4, 1),)],
        "DATE_TRUNC, Examples",
    ),
    Row(
        "weeks begin on Monday",
        "SELECT DATE_TRUNC('WEEK', '2024-04-07'::DATE)",
        [(date(2024, 4, 1),)],
        _WEEKS,
    ),
    Row("LAST_DAY of the month", "SELECT LAST_DAY('2024-02-03'::DATE)", [(date(2024, 2, 29),)], "LAST_DAY, Examples"),
    Row("DAYOFWEEK of a Sunday is 0", "SELECT DAYOFWEEK('2024-04-07'::DATE)", [(0,)], _WEEKS),
    Row(
        "parts of a date",
        "SELECT YEAR(D), MONTH(D), DAY(D) FROM (SELECT '2024-04-03'::DATE AS D)",
        [(2024, 4, 3)],
        "YEAR* / DAY* / WEEK* / MONTH / QUARTER, Examples",
    ),
    Row(
        "CONVERT_TIMEZONE of wall clock times",
        "SELECT CONVERT_TIMEZONE('America/Los_Angeles', 'America/New_York', '2024-01-01 14:00:00'::TIMESTAMP_NTZ)",
        [(datetime(2024, 1, 1, 17),)],
        "CONVERT_TIMEZONE, Examples",
    ),
    Row(
        "CONVERT_TIMEZONE of an instant keeps its offset",
        "SELECT CONVERT_TIMEZONE('America/New_York', '2020-01-01 00:00:00 +0000'::TIMESTAMP_TZ)",
        Refused("CONVERT_TIMEZONE"),
        "CONVERT_TIMEZONE, Returns",
    ),
    Row(
        "CONVERT_TIMEZONE as text",
        "SELECT CONVERT_TIMEZONE('America/New_York', '2020-01-01 00:00:00 +0000'::TIMESTAMP_TZ)::VARCHAR",
        Refused("CONVERT_TIMEZONE"),
        "CONVERT_TIMEZONE, Returns",
    ),
    Row(
        "CONVERT_TIMEZONE as wall clock time",
        "SELECT CONVERT_TIMEZONE('America/New_York', '2020-01-01 00:00:00 +0000'::TIMESTAMP_TZ)::TIMESTAMP_NTZ",
        [(datetime(2019, 12, 31, 19),)],
        "CONVERT_TIMEZONE, Returns",
    ),
    Row(
        "an offset makes the instant",
        "SELECT '2020-01-01 00:00:00 +0200'::TIMESTAMP_TZ = '2019-12-31 22:00:00 +0000'::TIMESTAMP_TZ",
        [(True,)],
        _ZONES,
    ),
    Row(
        "LTZ comes in the session's time zone",
        "SELECT '2020-01-01 00:00:00 +0200'::TIMESTAMP_LTZ",
        [(datetime(2019, 12, 31, 22, tzinfo=UTC),)],
        _ZONES,
    ),
    Row(
        "TIMESTAMP means TIMESTAMP_NTZ",
        "SELECT '2020-01-01 00:00:00'::TIMESTAMP",
        [(datetime(2020, 1, 1),)],
        _TIMES,
    ),
    Row(
        "SYSDATE() is UTC without a zone",
        "SELECT DATEDIFF(SECOND, SYSDATE(), CURRENT_TIMESTAMP()::TIMESTAMP_NTZ) BETWEEN -1 AND 1",
        [(True,)],
        "SYSDATE, Returns",
    ),
]
