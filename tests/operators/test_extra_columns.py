"""Columns beside listed files: what the ledger, the manifest and the statements make of them. On the engine."""

from __future__ import annotations

import time
from typing import Any

import pytest
from operators.bad_files import Files
from operators.job_requests import statements

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet
from airflow_provider_mediabatch.exceptions import InvalidInputError


@pytest.fixture
def files(media: Any, connection: Any, conn_id: str) -> Files:
    return Files(media, connection, conn_id)


def labels(*names: str) -> dict[str, str]:
    values = ", ".join(f"'{name}'" for name in names)
    return {"labels": f"ARRAY_CONSTRUCT({values})", "NAME": "SPLIT_PART(IMG, '/', -1)", '"kB"': "MB_SIZE / 1000"}


def test_a_changed_value_is_new_work_only_where_the_dag_says_so(files: Files, connection: Any) -> None:
    files.write(2)
    manifest = files.list_files("one", extra_columns=labels("cat", "dog"), identity_columns=["LABELS"])
    assert manifest["columns"]["LABELS"] == "ARRAY"
    assert manifest["columns"]["kB"].startswith("NUMBER")
    staged = StagedParquet(connection, "MEDIA.PUBLIC")
    found = rows(
        connection, f"SELECT * FROM {staged.relation(manifest['location'], manifest['columns'])} ORDER BY NAME"
    )
    assert [(row["NAME"], "".join(row["LABELS"].split()), float(row["kB"])) for row in found] == [
        (f"f00{number}.bin", '["cat","dog"]', 0.006) for number in range(2)
    ]
    kinds = rows(connection, f"SELECT DISTINCT CONTENT_ID_KIND AS K FROM {files.ledger}")
    assert [row["K"] for row in kinds] == ["md5"]
    plan = files.plan("one", manifest)
    assert files.full("one", manifest, plan)["rows"] == 2
    # Other labels are other work, and a column that is not part of the identity is not.
    again = {"extra_columns": {**labels("cat", "dog"), "NAME": "UPPER(IMG)"}, "identity_columns": ["LABELS"]}
    assert files.list_files("two", **again)["row_count"] == 0
    other = files.list_files("three", extra_columns=labels("cat", "cow"), identity_columns=["LABELS"])
    assert other["row_count"] == 2
    assert other["digest"] != manifest["digest"]


def test_moments_and_bytes_are_part_of_the_identity(files: Files) -> None:
    files.write(1)
    columns = {
        "DAY": "DATE '2026-01-02'",
        "AT": "TIME '03:04:05.678'",
        "MOMENT": "MB_LAST_MODIFIED",
        "ZONED": "MB_LAST_MODIFIED::TIMESTAMP_LTZ",
        "BYTES": "TO_BINARY('00FF', 'HEX')",
    }
    arguments = {"extra_columns": columns, "identity_columns": list(columns)}
    assert files.list_files("one", **arguments)["row_count"] == 1
    assert files.list_files("one", **arguments)["row_count"] == 1
    columns["AT"] = "TIME '03:04:05.679'"
    assert files.list_files("two", **arguments)["row_count"] == 1, "another value"
    assert rows(files.connection, f"SELECT COUNT(*) AS N FROM {files.ledger}") == [{"N": 2}]


def test_values_are_part_of_what_a_job_is_named_after(files: Files, media: Any) -> None:
    files.write(2)
    listed = [files.list_files("one", extra_columns=labels(*names)) for names in (("a",), ("b",), ("b",))]
    assert listed[0]["digest"] != listed[1]["digest"]
    assert listed[1]["digest"] == listed[2]["digest"]


def test_statements_do_not_grow_with_columns_and_files(files: Files, media: Any) -> None:
    def sent(count: int, **arguments: Any) -> int:
        files.write(count)
        since = time.time()
        files.list_files(f"run of {count} {len(arguments)}", **arguments)
        return len([text for text in statements(media, since) if files.name in text])

    sent(1)  # makes the ledger
    few, many = sent(2), sent(40)
    with_columns = sent(60, extra_columns=labels("cat"), identity_columns=["NAME", "LABELS"])
    assert many == few
    assert with_columns == few + 1, "one statement describes the expressions"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"extra_columns": {"N": "NO_SUCH + 1"}}, "does not take an expression.*may use are IMG, MB_CONTENT_ID"),
        ({"extra_columns": {"IMG": "1"}}, "names IMG, which the listing has already"),
        ({"extra_columns": {"MB_X": "1"}}, "kept for the provider"),
        ({"extra_columns": {'"img"': "1"}}, "names img, which the listing has already.* differ in their case only"),
        ({"extra_columns": {"A": "1", '"a"': "2"}}, "names the same column twice.* differ in their case only"),
        ({"extra_columns": {"A": "1"}, "identity_columns": ["B"]}, "names B, which is not among extra_columns="),
        ({"extra_columns": {"N": "COUNT(*)"}}, "does not take an expression"),
        ({"extra_columns": {"N": "MAX(MB_SIZE)"}, "identity_columns": ["N"]}, "does not take an expression"),
        ({"extra_columns": {"N": "1; DROP TABLE T"}}, "does not take an expression"),
        ({"extra_columns": {"N": "1 +"}}, "does not take an expression"),
        ({"extra_columns": {"N": "1 / (MB_SIZE - 6)"}}, "an expression fails for one of the listed files.* those of N"),
        ({"extra_columns": {"N": "TO_NUMBER(IMG)"}}, "an expression fails for one of the listed files.* those of N"),
        ({"query": "SELECT '@A.B.C/d' AS IMG FROM", "select": "all"}, "query=: Snowflake does not take it"),
        ({"query": "SELECT '@A.B.C/d' AS IMG, 1 / 0 AS N", "select": "all"}, "query=: Snowflake does not take it"),
    ],
)
def test_what_cannot_work_is_refused(files: Files, arguments: Any, message: str) -> None:
    files.write(1)
    if "query" in arguments:
        arguments = {**arguments, "stage_path": None, "ledger": None, "model_name": None}
    with pytest.raises(InvalidInputError, match=message):
        files.list_files("one", **arguments)
    jobs_and_claims = rows(files.connection, f"SHOW TABLES LIKE '{files.name}_LEDGER' IN SCHEMA MEDIA.PUBLIC")
    if jobs_and_claims:
        assert "claimed" not in files.states().values()


def test_expressions_may_be_empty_in_value_and_end_in_a_comment(files: Files, connection: Any) -> None:
    files.write(1)
    columns = {"A": "NULL -- nothing yet", "B": 0, "C": "MB_SIZE -- bytes", "T": "MB_LAST_MODIFIED::TIMESTAMP_LTZ -- t"}
    manifest = files.list_files("one", extra_columns=columns, identity_columns=["A", "B"])
    staged = StagedParquet(connection, "MEDIA.PUBLIC")
    (row,) = rows(connection, f"SELECT * FROM {staged.relation(manifest['location'], manifest['columns'])}")
    assert (row["A"], int(row["B"]), int(row["C"])) == (None, 0, 6)


@pytest.mark.parametrize("chance", ["UUID_STRING()", "CURRENT_TIMESTAMP()::TIMESTAMP_NTZ"])
def test_an_identity_of_chance_is_refused_and_holds_no_file(files: Files, chance: str) -> None:
    """What was claimed would not be found again, so nothing would be run and every file be held."""
    files.write(3)
    with pytest.raises(InvalidInputError, match="identity_columns= names an expression that is another value at each"):
        files.list_files("one", extra_columns={"N": chance}, identity_columns=["N"])
    assert rows(files.connection, f"SELECT DISTINCT STATE FROM {files.ledger}") == [{"STATE": "released"}]
    assert files.list_files("two", extra_columns={"N": chance})["row_count"] == 3


def _questions(connection: Any, *values: str) -> str:
    """A table of questions, each named by another way to name a file."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE TABLE QUESTIONS (FILE_NAME VARCHAR, QUESTION VARCHAR, LIMITS NUMBER)")
        cursor.execute(f"INSERT INTO QUESTIONS VALUES {', '.join(values)}")
    return "QUESTIONS"


def test_expressions_use_the_columns_of_a_joined_table(files: Files, connection: Any) -> None:
    """A path goes before a name, and a name before a stem. A file without a row is there, with NULL."""
    files.write(5)
    first = files.list_files("paths", select="all", ledger=None)
    staged = StagedParquet(connection, "MEDIA.PUBLIC")
    found = rows(connection, f"SELECT IMG FROM {staged.relation(first['location'], first['columns'])} ORDER BY IMG")
    paths = [row["IMG"] for row in found]
    on_stage = paths[1].split("/", 1)[1]
    table = _questions(
        connection,
        f"('{paths[0]}', 'by path', 1)",
        "('f000.bin', 'by name, too late', 2)",
        f"('{on_stage}', 'by path on the stage', 3)",
        "('f002.bin', 'by name', 4)",
        "('f002', 'by stem, too late', 5)",
        "('f003', 'by stem', 6)",
        "('f999.bin', 'of another file', 7)",
        "(NULL, 'of none', 8)",
    )
    listed = files.list_files(
        "joined", join=table, extra_columns={"ASKED": "COALESCE(QUESTION, 'default')", "TWICE": "LIMITS * 2"}
    )
    assert listed["row_count"] == 5
    assert "QUESTION" not in listed["columns"]
    found = rows(connection, f"SELECT * FROM {staged.relation(listed['location'], listed['columns'])} ORDER BY IMG")
    assert [(row["IMG"], row["ASKED"], row["TWICE"]) for row in found] == [
        (paths[0], "by path", 2),
        (paths[1], "by path on the stage", 6),
        (paths[2], "by name", 8),
        (paths[3], "by stem", 12),
        (paths[4], "default", None),
    ]


def test_a_name_stands_for_the_files_of_all_folders(files: Files, connection: Any) -> None:
    files.write(1)
    stage = f"@MEDIA.PUBLIC.{files.name}"
    rows(connection, f"COPY FILES INTO {stage}/again/ FROM {stage}/")
    listed = files.list_files(
        "one", join=_questions(connection, "('f000.bin', 'a', 1)"), extra_columns={"ASKED": "QUESTION"}
    )
    staged = StagedParquet(connection, "MEDIA.PUBLIC")
    found = rows(connection, f"SELECT * FROM {staged.relation(listed['location'], listed['columns'])}")
    assert {row["IMG"].removeprefix(stage): row["ASKED"] for row in found} == {"/f000.bin": "a", "/again/f000.bin": "a"}


def test_a_changed_value_of_a_joined_table_is_new_work(files: Files, connection: Any) -> None:
    files.write(2)
    asked = {"extra_columns": {"ASKED": "QUESTION"}, "identity_columns": ["ASKED"]}
    table = _questions(connection, "('f000', 'a', 1)", "('f001', 'b', 1)")
    one = files.list_files("one", join=table, **asked)
    assert files.full("one", one, files.plan("one", one))["rows"] == 2
    assert files.list_files("two", join=f"SELECT * FROM {table} -- all", **asked)["row_count"] == 0
    _questions(connection, "('f000', 'a', 9)", "('f001', 'c', 1)")
    assert files.list_files("three", join=table, **asked)["row_count"] == 1


@pytest.mark.parametrize(
    ("join", "extra", "words"),
    [
        ("QUESTIONS", {}, "there are no extra_columns="),
        ("NO_SUCH_TABLE", {"A": "1"}, "join='NO_SUCH_TABLE' cannot be read"),
        ("SELECT FILE_NAME FROM QUESTIONS", {"A": "1"}, "has the column FILE_NAME only"),
        ("SELECT FILE_NAME, 1 AS img FROM QUESTIONS", {"A": "1"}, "has the columns IMG, which the listing has"),
        ("SELECT FILE_NAME, 1 AS MB_X FROM QUESTIONS", {"A": "1"}, "has the columns MB_X"),
        ("SELECT 'f000', 1 AS X FROM QUESTIONS", {"A": "X"}, "has 2 rows for 'f000', and a file takes one"),
        (
            "QUESTIONS",
            {"A": "QUESTIONS"},
            ", QUESTION, LIMITS",
        ),
        ("QUESTIONS; DROP TABLE QUESTIONS", {"A": "1"}, "is not a Snowflake name"),
    ],
)
def test_what_cannot_be_joined_is_refused(
    files: Files, connection: Any, join: str, extra: dict[str, str], words: str
) -> None:
    files.write(1)
    _questions(connection, "('f000', 'a', 1)", "('f001', 'b', 1)")
    with pytest.raises(InvalidInputError) as refused:
        files.list_files("refused", join=join, extra_columns=extra)
    assert words in str(refused.value)
    assert rows(connection, "SELECT COUNT(*) AS N FROM QUESTIONS")[0]["N"] == 2
