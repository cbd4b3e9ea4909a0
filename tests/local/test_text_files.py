"""CSV and JSON files on stages: read in FROM, inferred, and loaded by COPY INTO a table.

Sources are Snowflake's reference, pages "CREATE FILE FORMAT" and "COPY INTO <table>", and snowpark-python's tests of
CSV and JSON in ``test_dataframe_reader_suite.py`` and ``test_dataframe_copy_into.py``.
"""

from __future__ import annotations

import datetime
import gzip
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from snowflake.connector import ProgrammingError, SnowflakeConnection

FILES = {
    "quoted.csv": 'id,name,price\n1,"a, ""b""",2.5\n2,,\\N\n3,"",4\n',
    "plain.csv": "1,one,1.1\n2,two,wrong\n3,three,3.3\n",
    "short.csv": "1,one\n",
    "piped.txt": "a\\|b|c~~d|e",
    "days.csv": "2024JAN01|01.02\n",
    "lines.json": '{"a": 1, "b": [1, 2]}\n{"a": 2, "c": {"d": "x"}}',
    "list.json": '[{"a": 1.10, "b": null},\n {"a": 2}]',
    "bad.json": '{"a": 1',
    "enclosed.csv": '1,"say ""hi""",\'it\'\'s\'\n',
    "latin.csv": b"\xe9,1\n",
}


@pytest.fixture(scope="module")
def connection(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SnowflakeConnection]:
    folder = tmp_path_factory.mktemp("text")
    for name, content in FILES.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with engine.connect() as opened:
        for statement in (
            "CREATE OR REPLACE SCHEMA MEDIA.TEXT_FILES",
            "CREATE STAGE S ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')",
            f"PUT 'file://{folder}/*' @S",
            "CREATE FILE FORMAT QUOTED TYPE = CSV SKIP_HEADER = 1 FIELD_OPTIONALLY_ENCLOSED_BY = '\"'",
            "CREATE FILE FORMAT HEADED TYPE = CSV PARSE_HEADER = TRUE FIELD_OPTIONALLY_ENCLOSED_BY = '\"'",
            "CREATE FILE FORMAT PIPED TYPE = CSV FIELD_DELIMITER = '|' RECORD_DELIMITER = '~~'",
            "CREATE FILE FORMAT DAYS TYPE = CSV FIELD_DELIMITER = '|' DATE_FORMAT = 'YYYYMONDD' "
            "TIME_FORMAT = 'HH24.MI'",
            "CREATE FILE FORMAT LATIN TYPE = CSV ENCODING = 'ISO-8859-1'",
            "CREATE FILE FORMAT LINES TYPE = JSON",
            "CREATE FILE FORMAT LISTED TYPE = JSON STRIP_OUTER_ARRAY = TRUE STRIP_NULL_VALUES = TRUE",
        ):
            opened.cursor().execute(statement)
        yield opened


READ = [
    (
        "SELECT $1, $2, $3, $4, METADATA$FILENAME, METADATA$FILE_ROW_NUMBER FROM @S/quoted.csv (FILE_FORMAT => QUOTED)",
        [
            ("1", 'a, "b"', "2.5", None, "quoted.csv.gz", 2),
            ("2", None, None, None, "quoted.csv.gz", 3),
            ("3", "", "4", None, "quoted.csv.gz", 4),
        ],
    ),
    ('SELECT T."$2" FROM @S/plain.csv T WHERE T.$1::INT > 2', [("three",)]),
    ("SELECT $1, $2 FROM @S/piped.txt (FILE_FORMAT => PIPED)", [("a|b", "c"), ("d", "e")]),
    (
        "SELECT $1::DATE, TRY_CAST($2 AS TIME) FROM @S/days.csv (FILE_FORMAT => DAYS)",
        [(datetime.date(2024, 1, 1), datetime.time(1, 2))],
    ),
    ("SELECT $1 FROM @S/latin.csv (FILE_FORMAT => LATIN)", [("é",)]),
    ("SELECT $1:a::INT, $1:b[1]::INT FROM @S/lines.json (FILE_FORMAT => LINES)", [(1, 2), (2, None)]),
    (
        "SELECT $1:a::NUMBER(5,2), OBJECT_KEYS($1)[1]::TEXT FROM @S/list.json (FILE_FORMAT => LISTED)",
        [(Decimal("1.10"), None), (Decimal("2.00"), None)],
    ),
    ("SELECT COUNT(*) FROM @S/none/ (FILE_FORMAT => QUOTED) WHERE $1 = 'x'", [(0,)]),
    (
        "SELECT COLUMN_NAME, TYPE, EXPRESSION FROM TABLE(INFER_SCHEMA(LOCATION => '@S/quoted.csv', FILE_FORMAT => "
        "'HEADED')) ORDER BY ORDER_ID",
        [
            ("id", "NUMBER(1, 0)", "$1::NUMBER(1, 0)"),
            ("name", "TEXT", "$2::TEXT"),
            ("price", "NUMBER(2, 1)", "$3::NUMBER(2, 1)"),
        ],
    ),
    (
        "SELECT COLUMN_NAME, TYPE FROM TABLE(INFER_SCHEMA(LOCATION => '@S/lines.json', FILE_FORMAT => 'LINES'))",
        [("a", "NUMBER(1, 0)"), ("b", "ARRAY"), ("c", "OBJECT")],
    ),
]


@pytest.mark.parametrize(("sql", "rows"), READ)
def test_read(connection: SnowflakeConnection, sql: str, rows: list[tuple[Any, ...]]) -> None:
    assert connection.cursor().execute(sql).fetchall() == rows


@pytest.mark.parametrize(
    ("option", "fields"),
    [
        ("", ("1", '"say ""hi"""', "'it''s'")),
        ("FIELD_OPTIONALLY_ENCLOSED_BY = NONE", ("1", '"say ""hi"""', "'it''s'")),
        ("FIELD_OPTIONALLY_ENCLOSED_BY = '\"'", ("1", 'say "hi"', "'it''s'")),
        ("FIELD_OPTIONALLY_ENCLOSED_BY = '0x22'", ("1", 'say "hi"', "'it''s'")),
        ("FIELD_OPTIONALLY_ENCLOSED_BY = ''''", ("1", '"say ""hi"""', "it's")),
        ("FIELD_OPTIONALLY_ENCLOSED_BY = '0x27'", ("1", '"say ""hi"""', "it's")),
        (r"FIELD_OPTIONALLY_ENCLOSED_BY = '\\047'", ("1", '"say ""hi"""', "it's")),
        (r"FIELD_OPTIONALLY_ENCLOSED_BY = '\\x22' FIELD_DELIMITER = '0x2C'", ("1", 'say "hi"', "'it''s'")),
    ],
)
def test_quotes_are_the_values_own_unless_the_format_says_otherwise(
    connection: SnowflakeConnection, option: str, fields: tuple[str, ...]
) -> None:
    """FIELD_OPTIONALLY_ENCLOSED_BY is NONE by default. A character may be given by its octal or hexadecimal number."""
    cursor = connection.cursor()
    cursor.execute(f"CREATE OR REPLACE FILE FORMAT ENCLOSING TYPE = CSV {option}")
    assert cursor.execute("SELECT $1, $2, $3 FROM @S/enclosed.csv (FILE_FORMAT => ENCLOSING)").fetchone() == fields


def test_nothing_but_a_quote_encloses(connection: SnowflakeConnection) -> None:
    with pytest.raises(ProgrammingError, match="FIELD_OPTIONALLY_ENCLOSED_BY"):
        connection.cursor().execute("CREATE FILE FORMAT N TYPE = CSV FIELD_OPTIONALLY_ENCLOSED_BY = '|'")


def test_metadata_of_the_file(connection: SnowflakeConnection) -> None:
    """test_read_metadata_column_from_stage."""
    columns = "METADATA$FILE_CONTENT_KEY, METADATA$FILE_LAST_MODIFIED, METADATA$START_SCAN_TIME"
    row = connection.cursor().execute(f"SELECT {columns} FROM @S/plain.csv LIMIT 1").fetchone()
    assert len(row[0]) == 32
    assert all(isinstance(moment, datetime.datetime) for moment in row[1:])


def test_load_csv(connection: SnowflakeConnection) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE OR REPLACE TABLE T (A INT, B VARCHAR(10), C FLOAT)")
    copy = "COPY INTO T FROM @S/quoted.csv FILE_FORMAT = (FORMAT_NAME = 'QUOTED')"
    assert cursor.execute(copy).fetchall()[0][:4] == ("s/quoted.csv.gz", "LOADED", 3, 3)
    assert cursor.stats.num_rows_inserted == 3
    assert cursor.execute("SELECT * FROM T ORDER BY A").fetchall() == [
        (1, 'a, "b"', 2.5),
        (2, None, None),
        (3, "", 4.0),
    ]
    assert cursor.execute(copy).fetchall() == [("Copy executed with 0 files processed.",)]
    with pytest.raises(ProgrammingError, match="Numeric value 'wrong' is not recognized"):
        cursor.execute("COPY INTO T FROM @S/plain.csv")
    with pytest.raises(ProgrammingError, match=r"Number of columns in file \(2\) does not match") as wrong:
        cursor.execute("COPY INTO T FROM @S/short.csv")
    assert wrong.value.errno == 100080
    loose = "FILE_FORMAT = (TYPE = CSV ERROR_ON_COLUMN_COUNT_MISMATCH = FALSE) VALIDATION_MODE = RETURN_2_ROWS"
    assert cursor.execute(f"COPY INTO T FROM @S/short.csv {loose}").fetchall() == [(1, "one", None)]
    assert cursor.execute("SELECT COUNT(*) FROM T").fetchone() == (3,)
    assert cursor.execute(f"{copy} VALIDATION_MODE = RETURN_1_ROWS").fetchall() == [(1, 'a, "b"', 2.5)]
    assert cursor.execute(f"COPY INTO T FROM @S PATTERN = '.*no[.]csv' {loose}").fetchall() == []


def test_fields_may_be_missing_for_columns_that_are_named(connection: SnowflakeConnection) -> None:
    """snowpark-python, test_dataframe_copy_into.py (test_copy_csv_copy_into_columns_without_transformation)."""
    cursor = connection.cursor()
    cursor.execute("CREATE OR REPLACE TABLE NAMED (A INT, B VARCHAR, C FLOAT)")
    cursor.execute("COPY INTO NAMED (A, B, C) FROM @S/short.csv")
    assert cursor.execute("SELECT * FROM NAMED").fetchall() == [(1, "one", None)]
    with pytest.raises(ProgrammingError, match=r"Number of columns in file \(2\) does not match"):
        cursor.execute("COPY INTO NAMED (A) FROM @S/short.csv FORCE = TRUE")


def test_load_what_fits(connection: SnowflakeConnection) -> None:
    """test_read_file_on_error_continue_on_csv."""
    cursor = connection.cursor()
    cursor.execute("CREATE OR REPLACE TABLE FITS (A INT, B VARCHAR(10), C FLOAT)")
    skipped = cursor.execute("COPY INTO FITS FROM @S/plain.csv ON_ERROR = SKIP_FILE").fetchall()
    assert skipped[0][1:8] == ("LOAD_FAILED", 3, 0, 1, 1, "'wrong' does not fit FLOAT", 2)
    loaded = cursor.execute("COPY INTO FITS FROM @S/plain.csv ON_ERROR = CONTINUE").fetchall()
    assert loaded[0][1:6] == ("PARTIALLY_LOADED", 3, 2, 3, 1)
    assert loaded[0][9] == '"FITS"["C":3]'
    assert cursor.execute("SELECT A FROM FITS ORDER BY A").fetchall() == [(1,), (3,)]


def test_load_json(connection: SnowflakeConnection) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE OR REPLACE TABLE V (V VARIANT)")
    cursor.execute("COPY INTO V FROM @S/lines.json FILE_FORMAT = (TYPE = JSON)")
    assert cursor.execute("SELECT V:a::INT FROM V ORDER BY 1").fetchall() == [(1,), (2,)]
    cursor.execute("CREATE OR REPLACE TABLE NAMED (A INT, C VARIANT, OTHER TEXT)")
    match = "FILE_FORMAT = (TYPE = JSON) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"
    cursor.execute(f"COPY INTO NAMED FROM @S/lines.json {match}")
    assert cursor.execute("SELECT A, C:d::TEXT, OTHER FROM NAMED ORDER BY A").fetchall() == [
        (1, None, None),
        (2, "x", None),
    ]
    with pytest.raises(ProgrammingError, match="Error parsing JSON"):
        cursor.execute("COPY INTO V FROM @S/bad.json FILE_FORMAT = (TYPE = JSON)")
    with pytest.raises(ProgrammingError, match="JSON file format can produce one and only one column"):
        cursor.execute("COPY INTO NAMED FROM @S/lines.json FILE_FORMAT = (TYPE = JSON) FORCE = TRUE")
    report = cursor.execute("COPY INTO V FROM @S/bad.json FILE_FORMAT = (TYPE = JSON) ON_ERROR = CONTINUE").fetchall()
    assert report[0][1] == "LOAD_FAILED"


def test_options_are_checked(connection: SnowflakeConnection) -> None:
    cursor = connection.cursor()
    with pytest.raises(ProgrammingError, match="invalid property 'NOPE' for 'CSV'"):
        cursor.execute("CREATE FILE FORMAT N TYPE = CSV NOPE = 1")
    for option in ("BINARY_FORMAT = BASE64", "COMPRESSION = LZO", "ENCODING = 'UTF-16'"):
        with pytest.raises(ProgrammingError, match=f"not supported by the local engine: {option.split()[0]}"):
            cursor.execute(f"CREATE FILE FORMAT N TYPE = CSV {option}")


def unloaded(cursor: Any, tmp_path: Any, statement: str) -> list[str]:
    """The lines of the one file that a COPY into ``@S/out/`` makes."""
    cursor.execute("REMOVE @S/out/")
    cursor.execute(statement)
    cursor.execute(f"GET @S/out/ 'file://{tmp_path}'")
    (file,) = tmp_path.iterdir()
    content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return content.decode().splitlines(keepends=True)


ROWS = """(SELECT * FROM VALUES (1, 'a,"b"', 1.5::FLOAT, TRUE, '2024-01-02'::DATE), (NULL, 'x', NULL, FALSE, NULL)
    T(N, S, F, B, D))"""


@pytest.mark.parametrize(
    ("options", "name", "lines"),
    [
        ("", "data_0_0_0.csv.gz", ['1,a\\,"b",1.5,true,2024-01-02\n', "\\N,x,\\N,false,\\N\n"]),
        (
            "FILE_FORMAT = (TYPE = CSV COMPRESSION = NONE FIELD_OPTIONALLY_ENCLOSED_BY = '\"' NULL_IF = ()) "
            "HEADER = TRUE",
            "data_0_0_0.csv",
            ['"N","S","F","B","D"\n', '1,"a,""b""",1.5,true,2024-01-02\n', ',"x",,false,\n'],
        ),
        (
            "FILE_FORMAT = (TYPE = CSV FIELD_DELIMITER = '|' FILE_EXTENSION = 'txt.gz') SINGLE = FALSE",
            "data_0_0_0.txt.gz",
            ['1|a,"b"|1.5|true|2024-01-02\n', "\\N|x|\\N|false|\\N\n"],
        ),
    ],
)
def test_unloaded_csv(
    connection: SnowflakeConnection, tmp_path: Any, options: str, name: str, lines: list[str]
) -> None:
    cursor = connection.cursor()
    assert unloaded(cursor, tmp_path, f"COPY INTO @S/out/ FROM {ROWS} {options}") == lines
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_unloaded_csv_is_read_again_and_json_and_partitions(connection: SnowflakeConnection, tmp_path: Any) -> None:
    cursor = connection.cursor()
    text = "'a,\"b\"\\\\n\\n;'"
    cursor.execute(f"COPY INTO @S/again/ FROM (SELECT {text} AS A, NULL AS B) OVERWRITE = TRUE")
    assert cursor.execute(f"SELECT $1 = {text}, $2 FROM @S/again/").fetchone() == (True, None)
    with pytest.raises(ProgrammingError, match="Cannot unload empty string"):
        cursor.execute("COPY INTO @S/out/ FROM (SELECT '' AS A)")
    lines = unloaded(
        cursor,
        tmp_path,
        "COPY INTO @S/out/ FROM (SELECT OBJECT_CONSTRUCT('a', N) FROM VALUES (1), (2) T(N)) "
        "FILE_FORMAT = (TYPE = JSON)",
    )
    assert lines == ['{"a":1}\n', '{"a":2}\n']
    done = cursor.execute(
        "COPY INTO @S/parts/ FROM (SELECT * FROM VALUES (1, 'x'), (2, 'y'), (3, 'x') T(N, P)) PARTITION BY (P) "
        "DETAILED_OUTPUT = TRUE"
    ).fetchall()
    assert sorted((name.split("/")[1], rows) for name, _, rows in done) == [("x", 2), ("y", 1)]
    cursor.execute("COPY INTO @S/size/ FROM (SELECT SEQ4() FROM TABLE(GENERATOR(ROWCOUNT => 100))) MAX_FILE_SIZE = 100")
    assert cursor.fetchone()[:2] == (100, 290)
    assert cursor.execute("SELECT COUNT(*), SUM($1::INT) FROM @S/size/").fetchone() == (100, 4950)
