"""Sessions, their parameters and variables, and transactions."""

from __future__ import annotations

from conformance.table import Fails, Refused, Row

_SCOPE = "Transactions, Explicit transactions"
_FAILED = "Transactions, Failed statements within a transaction"
_DDL = "Transactions, DDL"
_DEFAULTS = "SHOW PARAMETERS, Examples"
_COUNT = "SELECT COUNT(*) FROM BOOKED"
_FRESH = "CREATE OR REPLACE TABLE BOOKED (N NUMBER)"
_INSERT = "INSERT INTO BOOKED VALUES (1)"

ROWS = [
    Row("ROLLBACK undoes", _COUNT, [(0,)], _SCOPE, before=(_FRESH, "BEGIN", _INSERT, "ROLLBACK")),
    Row("COMMIT keeps", _COUNT, [(1,)], _SCOPE, before=(_FRESH, "BEGIN", _INSERT, "COMMIT")),
    Row(
        "a transaction sees its own rows",
        _COUNT,
        [(1,)],
        _SCOPE,
        before=(_FRESH, "BEGIN", _INSERT),
        after=("ROLLBACK",),
    ),
    Row(
        "a statement fails within a transaction",
        "INSERT INTO BOOKED VALUES ('x')",
        Fails(100038),
        _FAILED,
        before=(_FRESH, "BEGIN", _INSERT),
    ),
    Row("a failed statement leaves the transaction open", _COUNT, [(1,)], _FAILED, before=("COMMIT",)),
    Row(
        "BEGIN within a transaction changes nothing",
        _COUNT,
        [(0,)],
        "BEGIN, Usage notes",
        before=(_FRESH, "BEGIN", _INSERT, "BEGIN", _INSERT, "ROLLBACK"),
    ),
    Row(
        "COMMIT without a transaction succeeds",
        "COMMIT",
        [("Statement executed successfully.",)],
        "COMMIT, Usage notes",
    ),
    Row(
        "ROLLBACK without a transaction succeeds",
        "ROLLBACK",
        [("Statement executed successfully.",)],
        "ROLLBACK, Usage notes",
        confirmed=False,
    ),
    Row(
        "CREATE TABLE commits",
        _COUNT,
        [(1,)],
        _DDL,
        before=(_FRESH, "BEGIN", _INSERT, "CREATE OR REPLACE TABLE OTHER (N NUMBER)", "ROLLBACK"),
    ),
    Row(
        "CREATE STAGE commits",
        _COUNT,
        [(1,)],
        _DDL,
        before=(_FRESH, "BEGIN", _INSERT, "CREATE OR REPLACE TEMPORARY STAGE OTHER_STAGE", "ROLLBACK"),
    ),
    Row(
        "CREATE TEMPORARY FILE FORMAT commits",
        _COUNT,
        [(1,)],
        _DDL,
        before=(_FRESH, "BEGIN", _INSERT, "CREATE OR REPLACE TEMPORARY FILE FORMAT OTHER_F TYPE = PARQUET", "ROLLBACK"),
    ),
    Row(
        "DROP commits",
        _COUNT,
        [(1,)],
        _DDL,
        before=(_FRESH, "BEGIN", _INSERT, "DROP FILE FORMAT IF EXISTS OTHER_F", "ROLLBACK"),
    ),
    Row(
        "ALTER TABLE commits",
        _COUNT,
        [(1,)],
        _DDL,
        before=(_FRESH, "BEGIN", _INSERT, "ALTER TABLE BOOKED ADD COLUMN M NUMBER", "ROLLBACK"),
    ),
    Row("SHOW does not commit", _COUNT, [(0,)], _DDL, before=(_FRESH, "BEGIN", _INSERT, "SHOW TABLES", "ROLLBACK")),
    Row(
        "without AUTOCOMMIT a write waits for COMMIT",
        _COUNT,
        [(0,)],
        "Transactions, AUTOCOMMIT",
        before=(_FRESH, "ALTER SESSION SET AUTOCOMMIT = FALSE", _INSERT, "ROLLBACK"),
        after=("ALTER SESSION UNSET AUTOCOMMIT",),
    ),
    Row(
        "AUTOCOMMIT switched on commits",
        _COUNT,
        [(1,)],
        "Transactions, AUTOCOMMIT",
        before=(
            _FRESH,
            "ALTER SESSION SET AUTOCOMMIT = FALSE",
            _INSERT,
            "ALTER SESSION SET AUTOCOMMIT = TRUE",
            "ROLLBACK",
        ),
    ),
    Row(
        "outside of a transaction it has no id",
        "SELECT CURRENT_TRANSACTION()",
        [(None,)],
        "COMMIT, Examples",
    ),
    Row(
        "inside a transaction it has an id",
        "SELECT CURRENT_TRANSACTION() IS NOT NULL",
        [(True,)],
        "BEGIN, Examples",
        before=("BEGIN",),
        after=("ROLLBACK",),
    ),
    Row("a variable", "SELECT $V + 1", [(3,)], "SQL variables, Initializing variables", before=("SET V = 2",)),
    Row("two variables at once", "SELECT $P, $Q", [(1, "x")], "SET, Examples", before=("SET (P, Q) = (1, 'x')",)),
    Row("a variable that is not there", "SELECT $NEVER_SET", Fails(2211), "public reports of error 2211"),
    Row(
        "IDENTIFIER of a variable",
        "SELECT COUNT(*) FROM IDENTIFIER($T)",
        [(2,)],
        "Literals and variables as identifiers with IDENTIFIER() syntax, Examples",
        before=("SET T = 'FRUIT'",),
    ),
    Row(
        "IDENTIFIER of a bound name",
        "SELECT COUNT(*) FROM IDENTIFIER(?)",
        [(2,)],
        "Literals and variables as identifiers with IDENTIFIER() syntax, Syntax",
        binds=("fruit",),
    ),
    Row(
        "a time zone in double quotes",
        'ALTER SESSION SET TIMEZONE = "UTC"',
        [("Statement executed successfully.",)],
        "ALTER SESSION, Examples",
        confirmed=False,
    ),
    Row(
        "a time zone that is none",
        "ALTER SESSION SET TIMEZONE = 'Nowhere'",
        Fails(1008),
        "public reports of error 1008",
    ),
    Row(
        "QUOTED_IDENTIFIERS_IGNORE_CASE",
        "ALTER SESSION SET QUOTED_IDENTIFIERS_IGNORE_CASE = TRUE",
        Refused("QUOTED_IDENTIFIERS_IGNORE_CASE"),
        "Identifier requirements, Impact of changing the parameter",
    ),
    Row(
        "QUOTED_IDENTIFIERS_IGNORE_CASE is FALSE",
        "ALTER SESSION SET QUOTED_IDENTIFIERS_IGNORE_CASE = FALSE",
        [("Statement executed successfully.",)],
        _DEFAULTS,
    ),
    Row(
        "ABORT_DETACHED_QUERY",
        "ALTER SESSION SET ABORT_DETACHED_QUERY = TRUE",
        Refused("ABORT_DETACHED_QUERY"),
        _DEFAULTS,
    ),
    Row(
        "TIMESTAMP_TYPE_MAPPING",
        "ALTER SESSION SET TIMESTAMP_TYPE_MAPPING = 'TIMESTAMP_LTZ'",
        Refused("TIMESTAMP_TYPE_MAPPING"),
        _DEFAULTS,
    ),
    Row("WEEK_START", "ALTER SESSION SET WEEK_START = 7", Refused("WEEK_START"), "ALTER SESSION, Syntax"),
    Row(
        "DATE_OUTPUT_FORMAT",
        "ALTER SESSION SET DATE_OUTPUT_FORMAT = 'DD.MM.YYYY'",
        Refused("DATE_OUTPUT_FORMAT"),
        "Parameters, DATE_OUTPUT_FORMAT",
    ),
    Row(
        "a statement that runs too long",
        "SELECT SYSTEM$WAIT(5)",
        Fails(630),
        "public reports of error 630",
        before=("ALTER SESSION SET STATEMENT_TIMEOUT_IN_SECONDS = 1",),
        after=("ALTER SESSION UNSET STATEMENT_TIMEOUT_IN_SECONDS",),
    ),
    Row(
        "a parameter that is unset has its default",
        "SHOW PARAMETERS LIKE 'LOCK_TIMEOUT'",
        [("43200",)],
        _DEFAULTS,
        before=("ALTER SESSION SET LOCK_TIMEOUT = 5", "ALTER SESSION UNSET LOCK_TIMEOUT"),
        columns=("value",),
    ),
    Row(
        "QUERY_TAG",
        "SHOW PARAMETERS LIKE 'QUERY_TAG'",
        [("mine",)],
        _DEFAULTS,
        before=("ALTER SESSION SET QUERY_TAG = 'mine'",),
        after=("ALTER SESSION UNSET QUERY_TAG",),
        columns=("value",),
    ),
    Row(
        "two statements in one request",
        "SELECT 1; SELECT 2",
        Fails(8),
        "snowflake-connector-python, test/integ/test_multi_statement.py",
    ),
    Row("an empty statement", "-- nothing", Fails(900), "public reports of error 900"),
    Row(
        "RESULT_SCAN of the last statement",
        "SELECT * FROM TABLE(RESULT_SCAN(LAST_QUERY_ID()))",
        [(7,)],
        "RESULT_SCAN, Examples",
        before=("SELECT 7 AS N",),
    ),
    Row(
        "RESULT_SCAN of no statement",
        "SELECT * FROM TABLE(RESULT_SCAN('01b00000-0000-0000-0000-000000000000'))",
        Fails(709),
        "public reports of error 709",
    ),
]
