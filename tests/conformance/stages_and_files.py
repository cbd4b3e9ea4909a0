"""Stages, LIST, COPY, REMOVE and the directory table."""

from __future__ import annotations

from conformance.table import Fails, Row

_LIST = "LIST, Required parameters"
_UNLOAD = "COPY INTO <location>, Copy options"
_OPTIONS = "COPY INTO <location>, Format type options"
_FRUIT = "COPY INTO @OUT_FILES/{0}/ FROM FRUIT FILE_FORMAT = (TYPE = PARQUET) {1}"

ROWS = [
    Row(
        "LIST names begin with the stage in lower case",
        "LIST @FILES/in/",
        [("files/in/a.txt", 3), ("files/in/b.txt", 5)],
        "COPY FILES, Usage notes",
        columns=("name", "size"),
    ),
    Row(
        "LIST's md5 is that of the bytes",
        "LIST @FILES/in/a.txt",
        [("f97c5d29941bfb1b2fdab0874906ab82",)],
        "LIST, Output",
        columns=("md5",),
    ),
    Row(
        "LIST of a folder that is not there is empty",
        "LIST @FILES/none/",
        [],
        "snowpark-python, tests/integ/scala/test_sql_suite.py",
    ),
    Row("LIST takes a path as a prefix", "LIST @FILES/in/a", [("files/in/a.txt",)], _LIST, columns=("name",)),
    Row(
        "LIST with a pattern",
        "LIST @FILES PATTERN = '.*/b[.]txt'",
        [("files/in/b.txt",)],
        "LIST, Optional parameters",
        columns=("name",),
    ),
    Row(
        "a pattern matches the whole name",
        "LIST @FILES PATTERN = 'b[.]txt'",
        [],
        "LIST, Optional parameters",
        confirmed=False,
    ),
    Row(
        "LIST of a stage that is not there",
        "LIST @NO_SUCH_STAGE",
        Fails(2003),
        "error 2003 in snowflakedb/snowflake-cli#2180",
    ),
    Row("LIST of the user's stage", "LIST @~/none/", [], _LIST),
    Row(
        "LIST of a table's stage has paths alone",
        "LIST @%FRUIT",
        [("kept/a.txt", 16)],
        _LIST,
        before=("COPY FILES INTO @%FRUIT/kept/ FROM @FILES/in/a.txt",),
        columns=("name", "size"),
        confirmed=False,
    ),
    Row(
        "COPY without FROM loads a table's stage",
        "COPY INTO STAGED FILE_FORMAT = (TYPE = CSV)",
        [("a.txt", "LOADED")],
        "COPY INTO <table>, Syntax; snowflake-connector-python, test_put_get_medium.py: test_put_copy0",
        before=("CREATE OR REPLACE TABLE STAGED (A VARCHAR)", "COPY FILES INTO @%STAGED FROM @FILES/in/a.txt"),
        columns=("file", "status"),
    ),
    Row(
        "a table's stage is new when the table is",
        "LIST @%STAGED",
        [],
        "Choosing an internal stage for local files, Table stages",
        before=("CREATE OR REPLACE TABLE STAGED (A VARCHAR)",),
    ),
    Row(
        "LIST can be read by RESULT_SCAN",
        'SELECT COUNT(*), SUM("size") FROM TABLE(RESULT_SCAN(LAST_QUERY_ID()))',
        [(2, 8)],
        "snowpark-python, tests/integ/scala/test_dataframe_suite.py",
        before=("LIST @FILES/in/",),
    ),
    Row(
        "the directory table is empty before a refresh",
        "SELECT COUNT(*) FROM DIRECTORY(@LATE)",
        [(0,)],
        "Manage directory tables, Create a stage with a directory table",
        before=("CREATE OR REPLACE STAGE LATE DIRECTORY = (ENABLE = TRUE)",),
    ),
    Row(
        "the directory table after a refresh",
        "SELECT RELATIVE_PATH, SIZE FROM DIRECTORY(@FILES) WHERE RELATIVE_PATH LIKE 'in/%' ORDER BY 1",
        [("in/a.txt", 3), ("in/b.txt", 5)],
        "Query directory tables, Output",
        before=("ALTER STAGE FILES REFRESH",),
    ),
    Row(
        "no directory table without ENABLE",
        "SELECT * FROM DIRECTORY(@OUT_FILES)",
        Fails(words="not enabled"),
        "public reports of the message",
    ),
    Row(
        "COPY FILES copies",
        "LIST @OUT_FILES/copied/",
        [("out_files/copied/a.txt",)],
        "COPY FILES, Examples",
        before=("COPY FILES INTO @OUT_FILES/copied/ FROM @FILES/in/ FILES = ('a.txt')",),
        columns=("name",),
    ),
    Row(
        "REMOVE says what it removed",
        "REMOVE @OUT_FILES/gone/",
        [("out_files/gone/b.txt", "removed")],
        "REMOVE, Examples",
        before=("COPY FILES INTO @OUT_FILES/gone/ FROM @FILES/in/ FILES = ('b.txt')",),
        confirmed=False,
    ),
    Row(
        "REMOVE of nothing succeeds",
        "REMOVE @OUT_FILES/never/",
        [],
        "snowpark-python, tests/integ/scala/test_dataframe_suite.py",
    ),
    Row(
        "unloading names the files",
        "LIST @OUT_FILES/named/",
        [("out_files/named/data_0_0_0.snappy.parquet",)],
        "Overview of data unloading, Bulk unloading into single or multiple files",
        before=(_FRUIT.format("named", ""),),
        columns=("name",),
    ),
    Row(
        "unloading says how many rows",
        _FRUIT.format("counted", ""),
        [(2,)],
        "snowpark-python, DataFrame.write, example",
        columns=("rows_unloaded",),
    ),
    Row(
        "unloading no rows makes no file",
        "LIST @OUT_FILES/empty/",
        [],
        "COPY INTO <location>, Usage notes",
        before=("COPY INTO @OUT_FILES/empty/ FROM (SELECT 1 AS N WHERE FALSE) FILE_FORMAT = (TYPE = PARQUET)",),
    ),
    Row(
        "unloading where a file is fails",
        _FRUIT.format("twice", ""),
        Fails(words="Files already existing at the unload destination"),
        "public reports of the message; snowpark-java, its tests of files",
        before=(_FRUIT.format("twice", ""),),
    ),
    Row(
        "OVERWRITE replaces",
        _FRUIT.format("again", "OVERWRITE = TRUE"),
        [(2,)],
        _UNLOAD,
        before=(_FRUIT.format("again", ""),),
        columns=("rows_unloaded",),
    ),
    Row(
        "SINGLE makes one file named data",
        "LIST @OUT_FILES/single/",
        [("out_files/single/data",)],
        _UNLOAD,
        before=(_FRUIT.format("single", "SINGLE = TRUE"),),
        columns=("name",),
    ),
    Row(
        "without HEADER columns lose their names",
        'SELECT COUNT($1:"_COL_0") FROM @OUT_FILES/headless/ (FILE_FORMAT => CONF_PARQUET)',
        [(2,)],
        "public scripts that read such files; COPY INTO <location> has col1 as an example",
        before=(
            "CREATE OR REPLACE TEMPORARY FILE FORMAT CONF_PARQUET TYPE = PARQUET",
            _FRUIT.format("headless", "OVERWRITE = TRUE"),
        ),
    ),
    Row(
        "HEADER keeps the names",
        "SELECT COUNT($1:NAME) FROM @OUT_FILES/headed/ (FILE_FORMAT => CONF_PARQUET)",
        [(2,)],
        "COPY INTO <location>, Optional parameters",
        before=(
            "CREATE OR REPLACE TEMPORARY FILE FORMAT CONF_PARQUET TYPE = PARQUET",
            _FRUIT.format("headed", "OVERWRITE = TRUE HEADER = TRUE"),
        ),
    ),
    Row(
        "INCLUDE_QUERY_ID with OVERWRITE fails",
        _FRUIT.format("both", "INCLUDE_QUERY_ID = TRUE OVERWRITE = TRUE"),
        Fails(words="OVERWRITE"),
        _UNLOAD,
    ),
    Row(
        "INCLUDE_QUERY_ID with SINGLE fails",
        _FRUIT.format("both", "INCLUDE_QUERY_ID = TRUE SINGLE = TRUE"),
        Fails(words="SINGLE"),
        _UNLOAD,
    ),
    Row(
        "an instant cannot be unloaded as Parquet",
        "COPY INTO @OUT_FILES/ltz/ FROM (SELECT CURRENT_TIMESTAMP() AS T) FILE_FORMAT = (TYPE = PARQUET)",
        Fails(100171),
        "error 100171 in feast-dev/feast#3548",
    ),
    Row(
        "unloading without a format makes CSV, compressed with gzip",
        "COPY INTO @OUT_FILES/csv/ FROM (SELECT 1) OVERWRITE = TRUE DETAILED_OUTPUT = TRUE",
        [("csv/data_0_0_0.csv.gz", 1)],
        _OPTIONS,
        columns=("FILE_NAME", "ROW_COUNT"),
    ),
    Row(
        "an empty string that nothing encloses cannot be unloaded",
        "COPY INTO @OUT_FILES/empty/ FROM (SELECT '') FILE_FORMAT = (TYPE = CSV)",
        Fails(words="empty string"),
        "Data unloading considerations, Empty strings and NULL values",
    ),
    Row(
        "NULL and what separates fields in unloaded CSV",
        "SELECT $1 FROM @OUT_FILES/null/ (FILE_FORMAT => WHOLE_LINES)",
        [("\\N,a\\,b,1.50",)],
        "COPY INTO <location>, Format type options",
        before=(
            "CREATE OR REPLACE TEMPORARY FILE FORMAT WHOLE_LINES TYPE = CSV FIELD_DELIMITER = NONE "
            "ESCAPE_UNENCLOSED_FIELD = NONE",
            "COPY INTO @OUT_FILES/null/ FROM (SELECT NULL, 'a,b', 1.50) OVERWRITE = TRUE",
        ),
        confirmed=False,
    ),
    Row(
        "unloading two columns as JSON",
        "COPY INTO @OUT_FILES/json/ FROM FRUIT FILE_FORMAT = (TYPE = JSON)",
        Fails(words="one and only one column of type variant, object, or array"),
        "COPY INTO <location>, Usage notes",
    ),
    Row(
        "unloading OBJECTs as JSON",
        "COPY INTO @OUT_FILES/json/ FROM (SELECT OBJECT_CONSTRUCT('a', 1)) FILE_FORMAT = (TYPE = JSON) "
        "OVERWRITE = TRUE DETAILED_OUTPUT = TRUE",
        [("json/data_0_0_0.json.gz", 1)],
        _OPTIONS,
        columns=("FILE_NAME", "ROW_COUNT"),
    ),
    Row(
        "ON_ERROR = CONTINUE",
        "COPY INTO LOOSE_FRUIT FROM @FILES/parquet/ FILE_FORMAT = (TYPE = PARQUET) ON_ERROR = CONTINUE "
        "MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE",
        [("LOADED",)] * 3,
        "COPY INTO <table>, Copy options",
        before=("CREATE OR REPLACE TEMPORARY TABLE LOOSE_FRUIT (N INT, NAME VARCHAR)",),
        columns=("status",),
    ),
    Row(
        "an option that COPY has not",
        "COPY INTO @OUT_FILES/x/ FROM FRUIT FILE_FORMAT = (TYPE = PARQUET) NOPE = 1",
        Fails(words="NOPE"),
        _UNLOAD,
        confirmed=False,
    ),
    Row(
        "a file is loaded once",
        "COPY INTO LOADED FROM @FILES/parquet/values.parquet FILE_FORMAT = (TYPE = PARQUET) MATCH_BY_COLUMN_NAME = "
        "CASE_INSENSITIVE",
        [("Copy executed with 0 files processed.",)],
        "COPY INTO <table>, Copy options; public scripts that read the message",
        before=(
            "CREATE OR REPLACE TABLE LOADED (N NUMBER)",
            "COPY INTO LOADED FROM @FILES/parquet/values.parquet FILE_FORMAT = (TYPE = PARQUET) "
            "MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE",
        ),
    ),
    Row(
        "FORCE loads again",
        "SELECT COUNT(*) FROM LOADED",
        [(2,)],
        "COPY INTO <table>, Copy options",
        before=(
            "COPY INTO LOADED FROM @FILES/parquet/values.parquet FILE_FORMAT = (TYPE = PARQUET) "
            "MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE FORCE = TRUE",
        ),
    ),
]
