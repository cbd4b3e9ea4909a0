"""A page of a big result on the engine: only the page reaches the client, whatever the reader asks for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from airflow_provider_mediabatch.client.media import MediaUnavailableError, fetch, find
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.review import feedback
from airflow_provider_mediabatch.review.connection_pool import ConnectionPool
from airflow_provider_mediabatch.review.label_shares import RunShares, read_shares
from airflow_provider_mediabatch.review.page_request import PageRequest
from airflow_provider_mediabatch.review.result_query import MAX_DOWNLOAD_CHARACTERS, ResultColumn, ResultQuery
from airflow_provider_mediabatch.review.run_line import OutputFolder, RunLine
from airflow_provider_mediabatch.review.task_texts import moment

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import RunningEngine
    from snowflake.connector import SnowflakeConnection

ROWS = 1_000_000


@pytest.fixture(scope="module")
def connection(engine: RunningEngine) -> Iterator[SnowflakeConnection]:
    with engine.connect() as opened:
        opened.cursor().execute("CREATE STAGE IF NOT EXISTS PAGES ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
        opened.cursor().execute(
            "COPY INTO @PAGES/job/ FROM ("
            "SELECT '@MEDIA.PUBLIC.PAGES/f' || LPAD(N::VARCHAR, 7, '0') || '.jpg' AS IMAGE, "
            "CASE WHEN N % 10 = 0 THEN 'cat' ELSE 'dog''s \\\\ \"x\"' END AS LABEL, (N % 1000) / 1000::FLOAT AS SCORE, "
            f"REPEAT('x', 5000) AS TEXT FROM (SELECT SEQ4() AS N FROM TABLE(GENERATOR(ROWCOUNT => {ROWS})))) "
            "FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE"
        )
        yield opened


@pytest.fixture
def query(connection: SnowflakeConnection) -> ResultQuery:
    return ResultQuery(connection, "@MEDIA.PUBLIC.PAGES/job/", "MEDIA.PUBLIC.JOB")


@pytest.fixture
def columns(query: ResultQuery) -> list[ResultColumn]:
    return query.columns()


def test_columns_and_count(query: ResultQuery, columns: list[ResultColumn]) -> None:
    assert [column.name for column in columns] == ["IMAGE", "LABEL", "SCORE", "TEXT"]
    assert query.count(columns, PageRequest()) == ROWS


@pytest.mark.parametrize("page", [1, 2, ROWS // 24])
def test_a_page_is_in_order_and_cut(query: ResultQuery, columns: list[ResultColumn], page: int) -> None:
    rows = query.page(columns, PageRequest(page=page))
    assert [row["IMAGE"][-11:-4] for row in rows] == [f"{number:07}" for number in range((page - 1) * 24, page * 24)]
    assert {len(row["TEXT"]) for row in rows} == {2001}


def test_sorting_filtering_searching(query: ResultQuery, columns: list[ResultColumn]) -> None:
    best = query.page(columns, PageRequest(sort="SCORE", descending=True, size=3))
    assert {row["SCORE"] for row in best} == {0.999}
    cats = PageRequest(label_column="LABEL", label="cat")
    assert query.count(columns, cats) == ROWS // 10
    assert {row["LABEL"] for row in query.page(columns, cats)} == {"cat"}
    assert query.count(columns, PageRequest(label_column="LABEL", label='dog\'s \\ "x"')) == ROWS // 10 * 9
    assert query.count(columns, PageRequest(search="F0000012.JPG")) == 1


@pytest.mark.parametrize("hostile", ["'", "' OR '1' = '1", "\\", "\\' --", "%", "_", '"; DROP STAGE PAGES; --', "日本"])
def test_hostile_words_find_nothing_and_break_nothing(
    query: ResultQuery, columns: list[ResultColumn], hostile: str
) -> None:
    found = query.count(columns, PageRequest(search=hostile))
    assert found in (0, ROWS // 10 * 9) or hostile == "_"
    assert query.page(columns, PageRequest(label_column="LABEL", label=hostile)) == []
    assert len(query.page(columns, PageRequest(sort=hostile))) == 24


def test_the_size_of_a_download_is_counted_before_it_is_read(query: ResultQuery, columns: list[ResultColumn]) -> None:
    """10,000 rows of a text of 5,000 characters, cut to 2,001, are more than the API server takes."""
    assert query.characters(columns, PageRequest()) > MAX_DOWNLOAD_CHARACTERS
    cats = PageRequest(label_column="LABEL", label="cat", range_column="SCORE", low=0.5, high=0.5)
    assert query.count(columns, cats) == len(query.all_pages(columns, cats)) == ROWS // 1000
    path, label, score, text = len("@MEDIA.PUBLIC.PAGES/f0000000.jpg"), len("cat"), 0, 2001
    assert query.characters(columns, cats) == ROWS // 1000 * (4 * 50 + path + label + score + text)
    assert query.characters(columns, PageRequest(search="nothing has this")) == 0


def test_distributions(query: ResultQuery, columns: list[ResultColumn]) -> None:
    by_name = {column.name: column for column in columns}
    counts, distinct = query.labels(by_name["LABEL"])
    assert (counts[0][1], counts[1], distinct) == (ROWS // 10 * 9, ("cat", ROWS // 10), 2)
    histogram = query.histogram(by_name["SCORE"])
    assert histogram is not None
    assert (histogram.low, histogram.high, sum(histogram.counts)) == (0.0, 0.999, ROWS)
    assert max(histogram.counts) < 2 * min(histogram.counts)


def test_the_labels_of_several_outputs_are_one_statement(
    engine: RunningEngine, connection: SnowflakeConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_REVIEW_PAGES", engine.airflow_connection)
    folders = [
        OutputFolder("review_pages", "MEDIA.PUBLIC.JOB", f"@MEDIA.PUBLIC.PAGES/{name}/", "LABEL")
        for name in ("job", "none")
    ]
    at = datetime(2026, 11, 27, tzinfo=UTC)
    lines = [RunLine(folder.location, "success", at, outputs=(folder,)) for folder in folders]
    found, nothing = read_shares(lines, ConnectionPool().run)
    assert [(item.label, item.share) for item in found.labels] == [('dog\'s \\ "x"', 0.9), ("cat", 0.1)]
    assert nothing == RunShares()


def test_a_score_range(query: ResultQuery, columns: list[ResultColumn]) -> None:
    request = PageRequest(range_column="SCORE", low=0.5, high=0.5991, label_column="LABEL", label="cat")
    assert query.count(columns, request) == ROWS // 100
    assert {row["LABEL"] for row in query.page(columns, request)} == {"cat"}
    assert query.count(columns, PageRequest(range_column="LABEL", low=1)) == ROWS, "only numbers have ranges"


def test_marks_are_kept_and_the_latest_counts(connection: SnowflakeConnection) -> None:
    job = "MEDIA.PUBLIC.MB_MARKED_0"
    assert feedback.accuracy(connection, job) == ()
    one = feedback.Mark("@A.B.C/it's", "c", "A.B.M", "V", "f", "LABEL", "c'at\\", True, "", "ann", "d", "r", job)
    for mark in (replace(one, is_right=False, correct="do'g"), one, replace(one, path="@A.B.C/2", is_right=False)):
        feedback.add_mark(connection, mark)
    feedback.add_mark(connection, replace(one, job="MEDIA.PUBLIC.MB_OTHER_0"))
    assert feedback.accuracy(connection, job) == (feedback.LabelAccuracy("c'at\\", 2, 1),)
    latest = feedback.latest_mark(connection, job, "@A.B.C/it's", "LABEL")
    assert latest is not None
    assert (latest["IS_RIGHT"], latest["CORRECT_LABEL"], latest["MARKED_BY"]) == (True, None, "ann")
    assert len(feedback.label_studio_tasks(feedback.marks(connection, job))) == 2
    found = connection.cursor().execute("SELECT * FROM MEDIABATCH_FEEDBACK").description
    assert found is not None
    assert [column.name for column in found] == list(feedback.COLUMNS)


def test_a_table_of_marks_that_other_hands_wrote_to_is_cut(
    connection: SnowflakeConnection, engine: RunningEngine
) -> None:
    job = "OTHERS.MARKS.MB_MARKED_0"
    texts = [name for name, kind in feedback.COLUMNS.items() if kind == "VARCHAR" and name != "JOB_NAME"]
    rest = "TRUE AS IS_RIGHT, '2026-11-27 02:31:00'::VARCHAR AS MARKED_AT"
    long = ", ".join(f"REPEAT('x', 100000) AS {name}" for name in texts)
    with engine.connect() as other:  # which gets another schema by this
        cursor = other.cursor()
        cursor.execute("CREATE DATABASE IF NOT EXISTS OTHERS")
        cursor.execute("CREATE SCHEMA IF NOT EXISTS OTHERS.MARKS")
        cursor.execute(f"CREATE TABLE OTHERS.MARKS.MEDIABATCH_FEEDBACK AS SELECT {long}, {rest}, '{job}' AS JOB_NAME")
    (found,) = feedback.accuracy(connection, job)
    assert (len(found.label), found.marked, found.right) == (200, 1, 1)
    (row,) = feedback.marks(connection, job)
    assert {name: len(row[name]) for name in ("PREDICTED", "CORRECT_LABEL", "MARKED_BY", "FILE_PATH")} == {
        "PREDICTED": 2000,
        "CORRECT_LABEL": 2000,
        "MARKED_BY": 200,
        "FILE_PATH": 1200,
    }
    latest = feedback.latest_mark(connection, job, "x" * 100_000, "x" * 100_000)
    assert latest is not None
    assert moment(latest["MARKED_AT"]) == "2026-11-27 02:31 UTC"


def test_a_folder_with_nothing(connection: SnowflakeConnection) -> None:
    assert ResultQuery(connection, "@MEDIA.PUBLIC.PAGES/none/", "MEDIA.PUBLIC.JOB").columns() == []


def test_one_file_exactly(connection: SnowflakeConnection, tmp_path: Path) -> None:
    for name in ("a.txt", "a.txt.more", 'o\'brien "q".txt'):
        (tmp_path / name).write_text(name)
        with (tmp_path / name).open("rb") as stream:
            connection.cursor().execute(
                "PUT 'file:///" + name.replace("'", "\\'") + "' @PAGES/files/ AUTO_COMPRESS = FALSE", file_stream=stream
            )
    for name in ("a.txt", 'o\'brien "q".txt'):
        target = tmp_path / "fetched"
        fetch(connection, find(connection, StagePath("MEDIA", "PUBLIC", "PAGES", f"files/{name}")), target)
        assert target.read_text() == name
    with pytest.raises(MediaUnavailableError, match="no longer"):
        find(connection, StagePath("MEDIA", "PUBLIC", "PAGES", "files/a"))
    file = find(connection, StagePath("MEDIA", "PUBLIC", "PAGES", "files/a.txt"))
    with pytest.raises(MediaUnavailableError, match="bytes"):
        fetch(connection, file, tmp_path / "fetched", max_bytes=2)
