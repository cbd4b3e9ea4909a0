"""SHOW, DESCRIBE and INFORMATION_SCHEMA."""

from __future__ import annotations

from conformance.table import Fails, Refused, Row

_LIKE = "SHOW TABLES, Parameters"

ROWS = [
    Row("SHOW … LIKE tells no cases apart", "SHOW TABLES LIKE 'fru%'", [("FRUIT",)], _LIKE, columns=("name",)),
    Row("SHOW … STARTS WITH does", "SHOW TABLES STARTS WITH 'fru'", [], _LIKE, columns=("name",)),
    Row("SHOW … STARTS WITH in its case", "SHOW TABLES STARTS WITH 'FRUI'", [("FRUIT",)], _LIKE, columns=("name",)),
    Row("SHOW … LIMIT", "SHOW SCHEMAS IN DATABASE MEDIA LIMIT 1", [("CONFORMANCE",)], _LIKE, columns=("name",)),
    Row(
        "SHOW in a schema that is not there",
        "SHOW TABLES IN SCHEMA NO_SUCH_SCHEMA",
        Fails(2043),
        "public reports of error 2043",
    ),
    Row("SHOW of none is empty", "SHOW TABLES LIKE 'NO_SUCH_TABLE'", [], "DROP TABLE, Examples"),
    Row(
        "SHOW can be read by RESULT_SCAN",
        'SELECT "name" FROM TABLE(RESULT_SCAN(LAST_QUERY_ID()))',
        [("FRUIT",)],
        "SHOW TABLES, Usage notes",
        before=("SHOW TABLES LIKE 'FRUIT'",),
    ),
    Row(
        "DESCRIBE TABLE",
        "DESCRIBE TABLE FRUIT",
        [("N", "NUMBER(38,0)", "Y"), ("NAME", "VARCHAR(10)", "Y"), ("PRICE", "NUMBER(10,2)", "Y")],
        "DESCRIBE TABLE, Examples",
        columns=("name", "type", "null?"),
    ),
    Row(
        "DESCRIBE TABLE has the precision of times",
        "DESCRIBE TABLE TIMED",
        [("TIMESTAMP_NTZ(0)",), ("TIME(3)",), ("TIMESTAMP_NTZ(9)",)],
        "Date & time data types, Timestamp examples",
        columns=("type",),
        before=("CREATE OR REPLACE TEMPORARY TABLE TIMED (A TIMESTAMP_NTZ(0), B TIME(3), C TIMESTAMP_NTZ)",),
    ),
    Row(
        "DESCRIBE TABLE of synonyms",
        "DESCRIBE TABLE ALIASES",
        [("NUMBER(38,0)",), ("VARCHAR(16777216)",), ("FLOAT",), ("NUMBER(38,0)",), ("VARCHAR(1)",)],
        "Summary of data types; String & binary data types",
        columns=("type",),
        before=("CREATE OR REPLACE TEMPORARY TABLE ALIASES (A INT, B STRING, C DOUBLE, D BIGINT, E CHAR)",),
    ),
    Row(
        "DESCRIBE of a table that is not there",
        "DESCRIBE TABLE NO_SUCH_TABLE",
        Fails(2003),
        "public reports of error 2003",
    ),
    Row(
        "DESCRIBE STAGE tells of the directory table",
        'SELECT "property_value" FROM TABLE(RESULT_SCAN(LAST_QUERY_ID())) WHERE "property" = \'ENABLE\'',
        [("true",)],
        "DESCRIBE STAGE, Examples",
        before=("DESCRIBE STAGE FILES",),
    ),
    Row(
        "SHOW STAGES",
        "SHOW STAGES LIKE 'FILES'",
        [("FILES", "CONFORMANCE", "INTERNAL NO CSE", "Y")],
        "public scripts that read SHOW STAGES",
        columns=("name", "schema_name", "type", "directory_enabled"),
    ),
    Row(
        "SHOW FILE FORMATS",
        "SHOW FILE FORMATS LIKE 'SHOWN'",
        [("SHOWN", "PARQUET")],
        "SHOW FILE FORMATS, Output",
        columns=("name", "type"),
        before=("CREATE OR REPLACE TEMPORARY FILE FORMAT SHOWN TYPE = PARQUET",),
        confirmed=False,
    ),
    Row(
        "SHOW VARIABLES",
        "SHOW VARIABLES LIKE 'SHOWN_V'",
        [("SHOWN_V", "5")],
        "SQL variables, Viewing variables for the session",
        columns=("name", "value"),
        before=("SET SHOWN_V = 5",),
    ),
    Row(
        "SHOW COLUMNS",
        "SHOW COLUMNS IN TABLE FRUIT",
        [("N",), ("NAME",), ("PRICE",)],
        "SHOW COLUMNS, Output",
        columns=("column_name",),
    ),
    Row(
        "INFORMATION_SCHEMA.COLUMNS",
        "SELECT COLUMN_NAME, DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = 'CONFORMANCE' AND "
        "TABLE_NAME = 'FRUIT' ORDER BY ORDINAL_POSITION",
        [("N", "NUMBER"), ("NAME", "TEXT"), ("PRICE", "NUMBER")],
        "COLUMNS view, Columns",
        confirmed=False,
    ),
    Row(
        "INFORMATION_SCHEMA.TABLES",
        "SELECT TABLE_TYPE FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = 'FRUIT' AND TABLE_SCHEMA = 'CONFORMANCE'",
        [("BASE TABLE",)],
        "TABLES view, Columns",
    ),
    Row(
        "QUERY_HISTORY",
        "SELECT * FROM TABLE(INFORMATION_SCHEMA.QUERY_HISTORY())",
        Refused("QUERY_HISTORY"),
        "RESULT_SCAN, Usage notes",
    ),
    Row("EXPLAIN", "EXPLAIN SELECT 1", Refused("EXPLAIN"), "CREATE TABLE, Usage notes"),
    Row("UNDROP", "UNDROP TABLE FRUIT", Refused("UNDROP"), "DROP TABLE, Usage notes"),
]
