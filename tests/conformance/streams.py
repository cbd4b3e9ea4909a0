"""Streams on the directory tables of stages."""

from __future__ import annotations

from conformance.table import Fails, Refused, Row

_INTRODUCTION = "Introduction to streams, Table versioning"
_CREATE = "CREATE STREAM, Usage notes"
_FRESH = (
    "CREATE OR REPLACE STAGE STREAMED DIRECTORY = (ENABLE = TRUE) ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')",
    "CREATE OR REPLACE STREAM CHANGES_SEEN ON STAGE STREAMED",
)
_CAME = (*_FRESH, "COPY FILES INTO @STREAMED FROM @FILES/in/a.txt", "ALTER STAGE STREAMED REFRESH")
_TAKEN = (*_CAME, "CREATE OR REPLACE TEMPORARY TABLE TAKEN AS SELECT * FROM CHANGES_SEEN")
_TABLE = (*_CAME, "CREATE OR REPLACE TEMPORARY TABLE TAKEN (P VARCHAR)")
_INSERT = "INSERT INTO TAKEN SELECT RELATIVE_PATH FROM CHANGES_SEEN"
_COUNT = "SELECT COUNT(*) FROM CHANGES_SEEN"
_ROWS = "SELECT RELATIVE_PATH, METADATA$ACTION, METADATA$ISUPDATE FROM CHANGES_SEEN ORDER BY 2"
_HAS_DATA = "SELECT SYSTEM$STREAM_HAS_DATA('CHANGES_SEEN')"
_COLUMNS = ("name", "table_name", "source_type", "base_tables", "type", "stale", "mode")
_SHOWN = [
    (
        *("CHANGES_SEEN", "MEDIA.CONFORMANCE.STREAMED", "Stage", "MEDIA.CONFORMANCE.STREAMED"),
        *("DELTA", "false", "DEFAULT"),
    )
]


def _overwritten(text: str) -> str:
    return (
        f"COPY INTO @STREAMED/a.csv FROM (SELECT '{text}' AS A) FILE_FORMAT = (TYPE = CSV COMPRESSION = NONE) "
        "SINGLE = TRUE OVERWRITE = TRUE"
    )


ROWS = [
    Row(
        "a stream has the new files of a directory table",
        "SELECT RELATIVE_PATH, SIZE, MD5, METADATA$ACTION, METADATA$ISUPDATE FROM CHANGES_SEEN",
        [("a.txt", 3, "f97c5d29941bfb1b2fdab0874906ab82", "INSERT", False)],
        "Build a data processing pipeline using a directory table, Step 6; CREATE STREAM, Output",
        before=_CAME,
    ),
    Row(
        "the row ids of a directory table's stream are empty",
        "SELECT COALESCE(METADATA$ROW_ID, '') FROM CHANGES_SEEN",
        [("",)],
        _CREATE,
        before=_CAME,
    ),
    Row(
        "a stream has nothing of what the directory table does not have yet",
        _COUNT,
        [(0,)],
        "Manage directory tables, Create a stage with a directory table",
        before=(*_FRESH, "COPY FILES INTO @STREAMED FROM @FILES/in/a.txt"),
    ),
    Row("reading a stream does not move it", _COUNT, [(1,)], _INTRODUCTION, before=(*_CAME, _ROWS)),
    Row(
        "INSERT moves a stream, whatever it keeps",
        _COUNT,
        [(0,)],
        _INTRODUCTION,
        before=(*_TABLE, f"{_INSERT} WHERE 0 = 1"),
    ),
    Row("CREATE TABLE AS SELECT moves a stream", _COUNT, [(0,)], _INTRODUCTION, before=_TAKEN),
    Row(
        "COPY INTO a stage moves a stream",
        _COUNT,
        [(0,)],
        _INTRODUCTION,
        before=(
            *_CAME,
            "COPY INTO @OUT_FILES/stream/ FROM (SELECT RELATIVE_PATH FROM CHANGES_SEEN) FILE_FORMAT = (TYPE = PARQUET) "
            "INCLUDE_QUERY_ID = TRUE",
        ),
    ),
    Row(
        "a stream is read as at the beginning of the transaction",
        _COUNT,
        [(1,)],
        "Introduction to streams, Repeatable read isolation",
        before=(*_TABLE, "BEGIN", _INSERT),
        after=("ROLLBACK",),
    ),
    Row(
        "a ROLLBACK leaves a stream where it was",
        _COUNT,
        [(1,)],
        "Introduction to streams, Repeatable read isolation",
        before=(*_TABLE, "BEGIN", _INSERT, "ROLLBACK"),
    ),
    Row(
        "a COMMIT moves a stream",
        _COUNT,
        [(0,)],
        "Introduction to streams, Repeatable read isolation",
        before=(*_TABLE, "BEGIN", _INSERT, "COMMIT"),
    ),
    Row(
        "a transaction that only reads a stream does not move it",
        _COUNT,
        [(1,)],
        _INTRODUCTION,
        before=(*_CAME, "BEGIN", _ROWS, "COMMIT"),
    ),
    Row(
        "a file that was removed is a DELETE",
        _ROWS,
        [("a.txt", "DELETE", False)],
        "Introduction to streams, Stream columns",
        before=(*_TAKEN, "REMOVE @STREAMED/a.txt", "ALTER STAGE STREAMED REFRESH"),
    ),
    Row(
        "a file that came and went is not in a stream",
        _ROWS,
        [],
        "Introduction to streams, Types of streams",
        before=(*_CAME, "REMOVE @STREAMED/a.txt", "ALTER STAGE STREAMED REFRESH"),
    ),
    Row(
        "a file that was overwritten is a DELETE and an INSERT",
        _ROWS,
        [("a.csv", "DELETE", True), ("a.csv", "INSERT", True)],
        "Introduction to streams, Stream columns",
        before=(
            *(*_FRESH, _overwritten("one"), "ALTER STAGE STREAMED REFRESH"),
            "CREATE OR REPLACE TEMPORARY TABLE TAKEN AS SELECT * FROM CHANGES_SEEN",
            *(_overwritten("another"), "ALTER STAGE STREAMED REFRESH"),
        ),
        confirmed=False,
    ),
    Row(
        "SYSTEM$STREAM_HAS_DATA of a stream without changes",
        _HAS_DATA,
        [(False,)],
        "SYSTEM$STREAM_HAS_DATA, Usage notes",
        before=_FRESH,
    ),
    Row(
        "SYSTEM$STREAM_HAS_DATA of a stream with changes",
        "SELECT SYSTEM$STREAM_HAS_DATA('CONFORMANCE.CHANGES_SEEN')",
        [(True,)],
        "SYSTEM$STREAM_HAS_DATA, Usage notes",
        before=_CAME,
    ),
    Row(
        "SYSTEM$STREAM_HAS_DATA of a stream that is not there",
        "SELECT SYSTEM$STREAM_HAS_DATA('NO_SUCH_STREAM')",
        Fails(),
        "SYSTEM$STREAM_HAS_DATA, Arguments",
        confirmed=False,
    ),
    Row(
        "SHOW STREAMS",
        "SHOW STREAMS LIKE 'changes_seen'",
        _SHOWN,
        "SHOW STREAMS, Output; snowflakedb/terraform-provider-snowflake, streams_gen_integration_test.go",
        before=_FRESH,
        columns=_COLUMNS,
    ),
    Row(
        "DESCRIBE STREAM",
        "DESCRIBE STREAM CHANGES_SEEN",
        _SHOWN,
        "DESCRIBE STREAM; snowflakedb/terraform-provider-snowflake, streams_gen_integration_test.go",
        before=_FRESH,
        columns=_COLUMNS,
    ),
    Row(
        "SELECT from a stream that is not there", "SELECT * FROM NO_SUCH_STREAM", Fails(2003), "public reports of 2003"
    ),
    Row(
        "a stream with OR REPLACE and IF NOT EXISTS",
        "CREATE OR REPLACE STREAM IF NOT EXISTS CHANGES_SEEN ON STAGE STREAMED",
        Fails(),
        _CREATE,
        before=_FRESH,
    ),
    Row(
        "a stream on a stage without a directory table",
        "CREATE STREAM NO_DIRECTORY ON STAGE OUT_FILES",
        Fails(),
        "CREATE STREAM, Required parameters",
        confirmed=False,
    ),
    Row(
        "a stream follows its stage to another name",
        _COUNT,
        [(1,)],
        "Introduction to streams, Data retention period and staleness",
        before=(*_CAME, "ALTER STAGE STREAMED RENAME TO STREAMED_ELSEWHERE"),
        after=("DROP STAGE STREAMED_ELSEWHERE",),
    ),
    Row(
        "a stream on a stage that was replaced cannot be read",
        _COUNT,
        Fails(),
        "Introduction to streams, Data retention period and staleness",
        before=(*_FRESH, _FRESH[0]),
        confirmed=False,
    ),
    Row(
        "SHOW STREAMS of a stage that was replaced",
        "SHOW STREAMS LIKE 'CHANGES_SEEN'",
        [("No privilege or table dropped", "true")],
        "Introduction to streams, Data retention period and staleness; snowflakedb/terraform-provider-snowflake",
        before=(*_FRESH, _FRESH[0]),
        columns=("table_name", "stale"),
        confirmed=False,
    ),
    Row("a stream on a table", "CREATE STREAM ON_TABLE ON TABLE FRUIT", Refused("ON TABLE"), "CREATE STREAM"),
    Row(
        "a copy of a stream",
        "CREATE STREAM COPIED CLONE CHANGES_SEEN",
        Refused("CLONE"),
        "CREATE STREAM, Variant syntax",
    ),
]
