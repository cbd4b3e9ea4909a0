"""Tables: INSERT, UPDATE, DELETE, MERGE, and what DDL answers."""

from __future__ import annotations

from decimal import Decimal

from conformance.table import Fails, Refused, Row

_UPDATE = "UPDATE, Examples"
_CONSTRAINTS = "Overview of constraints, Supported constraint types"
_MERGE = "MERGE, Nondeterministic results for UPDATE and DELETE; public reports of error 100090"
_TARGET = ("CREATE OR REPLACE TEMPORARY TABLE TARGET (K NUMBER, V NUMBER)", "INSERT INTO TARGET VALUES (1, 0), (2, 0)")
_OTHER = (
    "CREATE OR REPLACE TEMPORARY TABLE OTHER_ROWS (K NUMBER, V NUMBER)",
    "INSERT INTO OTHER_ROWS VALUES (1, 5), (1, 5), (2, 7)",
)
_ALTER_COLUMN = "ALTER TABLE … ALTER COLUMN, table of supported actions"
_RESIZED = ("CREATE OR REPLACE TEMPORARY TABLE RESIZED (N NUMBER(10,2), T VARCHAR, B BINARY(10))",)
_BOTH = _TARGET + _OTHER

_PIVOTED = "snowpark-python, tests/integ/scala/test_dataframe_aggregate_suite.py"
_SALES = (
    "(SELECT COLUMN1 AS EMPID, COLUMN2 AS AMOUNT, COLUMN3 AS MONTH FROM VALUES (1, 10000, 'JAN'), (1, 400, 'JAN'), "
    "(2, 4500, 'JAN'), (1, 5000, 'FEB'), (1, 3000, 'FEB'))"
)

ROWS = [
    Row("INSERT says how many", "INSERT INTO TARGET VALUES (3, 0), (4, 0)", [(2,)], "INSERT, Examples", before=_TARGET),
    Row(
        "a column of another type",
        "ALTER TABLE TARGET ALTER COLUMN K SET DATA TYPE VARCHAR",
        Fails(2108, "cannot change column K from type NUMBER(38,0) to VARCHAR(16777216)"),
        "MeltanoLabs/target-snowflake, issue 276",
        before=_TARGET,
    ),
    Row(
        "a column of another scale",
        "ALTER TABLE TARGET ALTER COLUMN K SET DATA TYPE NUMBER(38,2)",
        Fails(2108),
        f"{_ALTER_COLUMN}; the code of another type",
        before=_TARGET,
        confirmed=False,
    ),
    Row(
        "a column of shorter text",
        "ALTER TABLE RESIZED ALTER COLUMN T SET DATA TYPE VARCHAR(32)",
        Fails(40050, "VARCHAR(16777216) to VARCHAR(32) because reducing the byte-length of varchar is not supported"),
        "re-data/re-data, issue 324",
        before=_RESIZED,
    ),
    Row(
        "columns with more place",
        "DESCRIBE TABLE RESIZED",
        [("N", "NUMBER(20,2)"), ("T", "VARCHAR(16777216)"), ("B", "BINARY(20)")],
        _ALTER_COLUMN,
        before=(
            *_RESIZED,
            "ALTER TABLE RESIZED ALTER COLUMN N SET DATA TYPE NUMBER(20,2)",
            "ALTER TABLE RESIZED ALTER COLUMN B SET DATA TYPE BINARY(20)",
        ),
        columns=("name", "type"),
    ),
    Row(
        "a column that takes no NULL any more",
        "INSERT INTO RESIZED VALUES (NULL, 'a', NULL)",
        Fails(100072),
        f"{_ALTER_COLUMN}; public reports of error 100072",
        before=(*_RESIZED, "ALTER TABLE RESIZED ALTER COLUMN N SET NOT NULL"),
    ),
    Row(
        "a column's default cannot be changed",
        "ALTER TABLE RESIZED ALTER COLUMN N SET DEFAULT 1",
        Fails(2, "Unsupported feature 'Alter Column Set Default'"),
        f"{_ALTER_COLUMN}; the words are from memory",
        before=_RESIZED,
        confirmed=False,
    ),
    Row("UPDATE says how many", "UPDATE TARGET SET V = 1", [(2, 0)], _UPDATE, before=_TARGET),
    Row(
        "UPDATE says which rows had several partners",
        "UPDATE TARGET SET V = O.V FROM OTHER_ROWS O WHERE TARGET.K = O.K",
        [(2, 1)],
        _UPDATE,
        before=_BOTH,
    ),
    Row(
        "UPDATE of one partner each",
        "UPDATE TARGET T SET V = O.V FROM OTHER_ROWS O WHERE T.K = O.K AND O.K = 2",
        [(1, 0)],
        _UPDATE,
        before=_BOTH,
    ),
    Row("DELETE says how many", "DELETE FROM TARGET WHERE K = 1", [(1,)], "DELETE, Examples", before=_TARGET),
    Row(
        "DELETE with USING counts a row once",
        "DELETE FROM TARGET USING OTHER_ROWS O WHERE TARGET.K = O.K",
        [(2,)],
        "DELETE, Usage notes",
        before=_BOTH,
    ),
    Row(
        "MERGE of several source rows for one target row",
        "MERGE INTO TARGET T USING OTHER_ROWS O ON T.K = O.K WHEN MATCHED THEN UPDATE SET V = O.V",
        Fails(100090),
        _MERGE,
        before=_BOTH,
    ),
    Row(
        "MERGE counts inserted and updated rows",
        "MERGE INTO TARGET T USING (SELECT 2 AS K UNION ALL SELECT 9) S ON T.K = S.K WHEN MATCHED THEN UPDATE SET V "
        "= 1 "
        "WHEN NOT MATCHED THEN INSERT (K, V) VALUES (S.K, 0)",
        [(1, 1)],
        "MERGE, Examples",
        before=_TARGET,
    ),
    Row(
        "MERGE takes the first clause that applies",
        "MERGE INTO TARGET T USING (SELECT 1 AS K) S ON T.K = S.K WHEN MATCHED AND T.V = 0 THEN DELETE WHEN MATCHED "
        "THEN UPDATE SET V = 1",
        [(0, 1)],
        "MERGE, Examples",
        before=_TARGET,
        columns=("number of rows updated", "number of rows deleted"),
    ),
    Row("too few values", "INSERT INTO TARGET VALUES (1)", Fails(2020), "public reports of error 2020", before=_TARGET),
    Row(
        "a column that is not there",
        "INSERT INTO TARGET (NOPE) VALUES (1)",
        Fails(904),
        "INSERT, Optional parameters",
        before=_TARGET,
    ),
    Row(
        "columns left out are NULL",
        "SELECT V FROM TARGET WHERE K = 3",
        [(None,)],
        "INSERT, Optional parameters",
        before=(*_TARGET, "INSERT INTO TARGET (K) VALUES (3)"),
    ),
    Row(
        "NOT NULL is enforced",
        "INSERT INTO STRICT VALUES (NULL)",
        Fails(100072),
        "Overview of constraints, Supported constraint types; error 100072 in the cursor.py of the connector",
        before=("CREATE OR REPLACE TEMPORARY TABLE STRICT (A NUMBER NOT NULL)",),
    ),
    Row(
        "PRIMARY KEY is not enforced",
        "SELECT COUNT(*) FROM KEYED",
        [(2,)],
        _CONSTRAINTS,
        before=("CREATE OR REPLACE TEMPORARY TABLE KEYED (A NUMBER PRIMARY KEY)", "INSERT INTO KEYED VALUES (1), (1)"),
    ),
    Row(
        "UNIQUE is not enforced",
        "SELECT COUNT(*) FROM UNIQUE_ROWS",
        [(2,)],
        _CONSTRAINTS,
        before=(
            "CREATE OR REPLACE TEMPORARY TABLE UNIQUE_ROWS (A NUMBER UNIQUE)",
            "INSERT INTO UNIQUE_ROWS VALUES (1), (1)",
        ),
    ),
    Row(
        "a default",
        "SELECT B FROM DEFAULTS",
        [("x",)],
        "INSERT, Optional parameters",
        before=(
            "CREATE OR REPLACE TEMPORARY TABLE DEFAULTS (A NUMBER, B VARCHAR DEFAULT 'x')",
            "INSERT INTO DEFAULTS (A) VALUES (1)",
        ),
    ),
    Row(
        "AUTOINCREMENT counts the rows",
        "SELECT A, B FROM COUNTED ORDER BY A",
        [(5, "x"), (8, "y"), (11, "z")],
        "CREATE TABLE, Optional parameters; test_pandas_tools.py: test_autoincrement_insertion",
        before=(
            "CREATE OR REPLACE TABLE COUNTED (A NUMBER IDENTITY (5, 3), B VARCHAR)",
            "INSERT INTO COUNTED (B) SELECT COLUMN1 FROM VALUES ('x'), ('y')",
            "INSERT INTO COUNTED (B) VALUES ('z')",
        ),
    ),
    Row(
        "AUTOINCREMENT as DESCRIBE TABLE shows it",
        "DESCRIBE TABLE COUNTED",
        [("IDENTITY START 5 INCREMENT 3 NOORDER",), (None,)],
        "DESCRIBE TABLE, Output; ORDER is not shown",
        columns=("default",),
        before=("CREATE OR REPLACE TABLE COUNTED (A NUMBER IDENTITY (5, 3), B VARCHAR)",),
        confirmed=False,
    ),
    Row(
        "a temporary view hides a view of its name, over a temporary table too",
        "SELECT A FROM SEEN",
        [(2,)],
        "CREATE VIEW, Optional parameters; snowpark-python, test_view_suite.py: test_create_temp_view_on_functions",
        before=(
            "CREATE OR REPLACE VIEW SEEN AS SELECT 1 AS A",
            "CREATE OR REPLACE TEMPORARY TABLE OWN_ROWS AS SELECT 2 AS A",
            "CREATE OR REPLACE TEMPORARY VIEW SEEN AS SELECT A FROM OWN_ROWS",
        ),
        after=("DROP VIEW SEEN", "SELECT A FROM SEEN", "DROP VIEW SEEN"),
    ),
    Row(
        "CREATE TABLE of a name that is taken",
        "CREATE TABLE FRUIT (A NUMBER)",
        Fails(2002),
        "CREATE TABLE, Usage notes; error 2002 in Identifier requirements",
    ),
    Row(
        "CREATE TABLE IF NOT EXISTS of a name that is taken",
        "CREATE TABLE IF NOT EXISTS FRUIT (A NUMBER)",
        [("FRUIT already exists, statement succeeded.",)],
        "snowflake-ml-python and public scripts, which read the message",
    ),
    Row("a table that is not there", "SELECT * FROM NO_SUCH_TABLE", Fails(2003), "public reports of error 2003"),
    Row("DROP TABLE of none", "DROP TABLE NO_SUCH_TABLE", Fails(2003), "DROP TABLE, Examples"),
    Row(
        "DROP TABLE IF EXISTS of none",
        "DROP TABLE IF EXISTS NO_SUCH_TABLE",
        [("Drop statement executed successfully (NO_SUCH_TABLE already dropped).",)],
        "DROP TABLE, Examples",
    ),
    Row(
        "CREATE TABLE AS SELECT",
        "SELECT * FROM COPIED",
        [(1, "a")],
        "CREATE TABLE, Usage notes",
        before=("CREATE OR REPLACE TEMPORARY TABLE COPIED AS SELECT 1 AS N, 'a' AS T",),
    ),
    Row(
        "a sample of rows",
        "SELECT COUNT(*) FROM TABLE(GENERATOR(ROWCOUNT => 100)) SAMPLE (10 ROWS)",
        [(10,)],
        "SAMPLE / TABLESAMPLE, Usage notes",
    ),
    Row(
        "PIVOT has a column for each value, named with its quotes",
        f"SELECT * FROM {_SALES} PIVOT (SUM(AMOUNT) FOR MONTH IN ('JAN', 'FEB', 'APR')) ORDER BY EMPID",
        [(1, 10400, 8000, None), (2, 4500, None, None)],
        f"{_PIVOTED}: test_pivot",
    ),
    Row(
        "a column that PIVOT makes is named by its value",
        f"""SELECT "'JAN'" FROM {_SALES} PIVOT (SUM(AMOUNT) FOR MONTH IN ('JAN')) WHERE EMPID = 1""",
        [(10400,)],
        "PIVOT, Examples",
    ),
    Row(
        "PIVOT of every value that is there, and a value instead of NULL",
        f"SELECT * FROM {_SALES} PIVOT (SUM(AMOUNT) FOR MONTH IN (ANY ORDER BY MONTH) DEFAULT ON NULL (0)) ORDER BY 1",
        [(1, 8000, 10400), (2, 0, 4500)],
        f"{_PIVOTED}: test_pivot_dynamic_any and test_pivot_default_on_none",
    ),
    Row(
        "PIVOT of the values of a query",
        f"SELECT * FROM {_SALES} PIVOT (COUNT(AMOUNT) FOR MONTH IN (SELECT DISTINCT COLUMN1 FROM VALUES ('FEB'))) "
        "ORDER BY EMPID",
        [(1, 2), (2, 0)],
        f"{_PIVOTED}: test_pivot_dynamic_subquery",
    ),
    Row(
        "UNPIVOT leaves NULL out",
        "SELECT * FROM (SELECT 1 AS EMPID, 100 AS JAN, 200 AS FEB UNION ALL SELECT 2, 100, NULL) "
        "UNPIVOT (SALES FOR MONTH IN (JAN, FEB)) ORDER BY EMPID, SALES",
        [(1, "JAN", 100), (1, "FEB", 200), (2, "JAN", 100)],
        "snowpark-python, tests/integ/test_bind_variable.py: test_pivot_unpivot",
    ),
    Row(
        "UNPIVOT of a column that is not there",
        "SELECT * FROM (SELECT 1 AS JAN) UNPIVOT (SALES FOR MONTH IN (MAR))",
        Fails(904, "MAR"),
        "UNPIVOT, Parameters",
        confirmed=False,
    ),
    Row(
        "ASOF JOIN takes the nearest row, and keeps what has none",
        "SELECT L.T, R.V FROM (SELECT COLUMN1 AS K, COLUMN2 AS T FROM VALUES ('A', 1), ('A', 5), ('B', 5)) L "
        "ASOF JOIN (SELECT COLUMN1 AS K, COLUMN2 AS T, COLUMN3 AS V FROM VALUES ('A', 2, 'x'), ('A', 4, 'y')) R "
        "MATCH_CONDITION (L.T >= R.T) ON L.K = R.K ORDER BY L.K, L.T",
        [(1, None), (5, "y"), (5, None)],
        "snowpark-python, tests/integ/scala/test_dataframe_join_suite.py: test_asof_join_basic; ASOF JOIN, Usage notes",
    ),
    Row(
        "IF NOT EXISTS behind the name",
        "CREATE TABLE FRUIT IF NOT EXISTS (N INT)",
        [("FRUIT already exists, statement succeeded.",)],
        "snowpark-python, the statement of DataFrameWriter.save_as_table with mode append",
    ),
    Row(
        "two columns of one name in a subquery",
        "SELECT * FROM (SELECT 1 AS A, 2 AS A)",
        [(1, 2)],
        "snowpark-python, tests/integ/test_dataframe.py: test_dataframe_duplicated_column_names",
    ),
    Row(
        "a bound value in a view",
        "CREATE VIEW BOUND AS SELECT ? AS A",
        Fails(words="Bind variables not allowed in view and UDF definitions"),
        "snowpark-python, test_bind_variable.py: test_view",
        binds=(1,),
    ),
    Row(
        "a view of two columns of one name",
        "CREATE VIEW TWINS AS SELECT * FROM (SELECT 1 AS A, 2 AS A)",
        Fails(words="duplicate column name 'A'"),
        "snowpark-python, tests/integ/test_dataframe.py: test_dataframe_duplicated_column_names",
    ),
    Row(
        "columns that differ only in case, in a subquery",
        """SELECT "a" + 1, A FROM (SELECT * FROM (SELECT 1 AS A, 2 AS "a")) WHERE "a" = 2""",
        [(3, 1)],
        "Identifier requirements, Double-quoted identifiers",
    ),
    Row(
        "averages and sums of text",
        "SELECT AVG(COLUMN1), SUM(COLUMN1) FROM VALUES ('1.5'), ('2.5')",
        [(2.0, 4.0)],
        "snowpark-python, tests/integ/test_dataframe.py: test_describe, which asks for averages of text",
    ),
    Row("GENERATOR", "SELECT COUNT(*) FROM TABLE(GENERATOR(ROWCOUNT => 5))", [(5,)], "GENERATOR, Usage notes"),
    Row("GENERATOR of nothing", "SELECT COUNT(*) FROM TABLE(GENERATOR())", [(0,)], "GENERATOR, Usage notes"),
    Row(
        "GENERATOR for a second",
        "SELECT COUNT(*) > 1000 FROM TABLE(GENERATOR(TIMELIMIT => 1))",
        [(True,)],
        "GENERATOR, Usage notes",
    ),
    Row(
        "VALUES have columns of their own names",
        "SELECT COLUMN1, COLUMN2 FROM VALUES (1, 'a')",
        [(1, "a")],
        "VALUES, Examples",
    ),
    Row(
        "numbers of a column come as decimals",
        "SELECT PRICE FROM FRUIT ORDER BY N",
        [(Decimal("1.50"),), (Decimal("2.25"),)],
        "Numeric data types, NUMBER",
    ),
    Row("time travel", "SELECT * FROM FRUIT AT (OFFSET => -60)", Refused("time travel"), "AT | BEFORE, Syntax"),
    Row("CLONE", "CREATE TABLE FRUIT_COPY CLONE FRUIT", Refused("CLONE"), "CREATE TABLE, Usage notes"),
    Row(
        "a view",
        "SELECT COUNT(*) FROM SEEN",
        [(2,)],
        "Overview of Views",
        before=("CREATE OR REPLACE VIEW SEEN AS SELECT * FROM FRUIT",),
    ),
    Row(
        "a view cannot be changed",
        "DELETE FROM SEEN",
        Fails(2262),
        before=("CREATE OR REPLACE VIEW SEEN AS SELECT * FROM FRUIT",),
        source="Overview of Views, Limitations on Views",
        confirmed=False,
    ),
    Row("UNION removes doubles", "SELECT 1 UNION SELECT 1", [(1,)], "Set operators, UNION [ { DISTINCT | ALL } ]"),
    Row(
        "UNION ALL keeps them",
        "SELECT 1 UNION ALL SELECT 1",
        [(1,), (1,)],
        "Set operators, UNION [ { DISTINCT | ALL } ]",
    ),
    Row("MINUS", "SELECT COLUMN1 FROM VALUES (1), (2) MINUS SELECT 1", [(2,)], "Set operators, MINUS , EXCEPT"),
]
