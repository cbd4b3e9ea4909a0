"""What a program for Snowflake does before and after a job: image repositories, tags, chains, secondary roles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from job_media import unique
from snowflake.connector.errors import ProgrammingError

Rows = list[tuple[Any, ...]]
Query = Callable[..., Rows]


@pytest.fixture(scope="module")
def query(engine: Any) -> Iterator[Query]:
    """Run one statement in a schema of this module's own."""
    with engine.connect(paramstyle="qmark") as connection:
        cursor = connection.cursor()

        def run(sql: str, *binds: Any) -> Rows:
            return cursor.execute(sql, binds or None).fetchall()

        run("CREATE SCHEMA MEDIA.AROUND_JOBS")
        yield run
        run("DROP SCHEMA MEDIA.AROUND_JOBS")


def failure(query: Query, sql: str) -> ProgrammingError:
    with pytest.raises(ProgrammingError) as caught:
        query(sql)
    return caught.value


def test_image_repositories(query: Query, engine: Any) -> None:
    query("CREATE IMAGE REPOSITORY IMAGES COMMENT = 'of jobs'")
    assert failure(query, "CREATE IMAGE REPOSITORY IMAGES").errno == 2002
    query("CREATE IMAGE REPOSITORY IF NOT EXISTS IMAGES")
    query("CREATE OR REPLACE IMAGE REPOSITORY IMAGES ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
    ((_, name, database, schema, url, owner, *_),) = query("SHOW IMAGE REPOSITORIES LIKE 'imag%'")
    assert (name, database, schema, owner) == ("IMAGES", "MEDIA", "AROUND_JOBS", "ACCOUNTADMIN")
    assert url.endswith("/media/around_jobs/images")
    role = unique("R")
    query(f"CREATE ROLE {role}")
    for grant in ("USAGE ON DATABASE MEDIA", "USAGE ON SCHEMA AROUND_JOBS"):
        query(f"GRANT {grant} TO ROLE {role}")
    with engine.connect(role=role, schema="AROUND_JOBS") as connection, connection.cursor() as other:
        assert other.execute("SHOW IMAGE REPOSITORIES").fetchall() == []
        with pytest.raises(ProgrammingError, match="Insufficient privileges"):
            other.execute("CREATE IMAGE REPOSITORY MINE")
        with pytest.raises(ProgrammingError, match="Insufficient privileges"):
            other.execute("CREATE STAGE MINE")
        other.execute("CREATE TEMPORARY STAGE MINE")
        query(f"GRANT READ, WRITE ON IMAGE REPOSITORY IMAGES TO ROLE {role}")
        assert len(other.execute("SHOW IMAGE REPOSITORIES").fetchall()) == 1
        with pytest.raises(ProgrammingError, match="Insufficient privileges"):
            other.execute("DROP IMAGE REPOSITORY IMAGES")
    query("DROP IMAGE REPOSITORY IMAGES")
    assert failure(query, "DROP IMAGE REPOSITORY IMAGES").errno == 2003
    query("DROP IMAGE REPOSITORY IF EXISTS IMAGES")
    assert query("SHOW IMAGE REPOSITORIES IN SCHEMA AROUND_JOBS") == []


def test_a_chain_of_statements_reads_the_results_of_earlier_ones(query: Query) -> None:
    query("CREATE TABLE FRUIT AS SELECT COLUMN1 AS N, COLUMN2 AS NAME FROM VALUES (1, 'fig'), (2, 'pear')")
    assert query("""SHOW TABLES LIKE 'fr%' ->> SELECT "name" FROM $1 WHERE "rows" = 2""") == [("FRUIT",)]
    assert query("SELECT 1 AS A ->> SELECT 2 AS B ->> SELECT A, B FROM $1 JOIN $2 ON TRUE") == [(1, 2)]
    assert query("SELECT ? AS A ->> SELECT A + ? FROM $1", 1, 2) == [(3,)]
    assert query("INSERT INTO FRUIT VALUES (3, 'kiwi') ->> SELECT COUNT(*) FROM FRUIT") == [(3,)]
    assert "$2" in str(failure(query, "SELECT 1 ->> SELECT * FROM $2"))
    assert failure(query, "SELECT 1 ->> SELECT * FROM NO_SUCH").errno == 2003
    assert "syntax error" in str(failure(query, "SELECT 1 ->>"))


def test_secondary_roles_widen_what_a_session_may_do_but_not_what_it_creates(query: Query, engine: Any) -> None:
    role = unique("R")
    query(f"CREATE ROLE {role}")
    query("CREATE STAGE GUARDED")
    with engine.connect(role=role) as connection, connection.cursor() as other:

        def refused(sql: str) -> int | None:
            with pytest.raises(ProgrammingError) as caught:
                other.execute(sql)
            return caught.value.errno

        assert refused("LIST @MEDIA.AROUND_JOBS.GUARDED") == 2003
        other.execute("USE SECONDARY ROLES ALL")
        other.execute("LIST @MEDIA.AROUND_JOBS.GUARDED")
        assert "ACCOUNTADMIN" in str(other.execute("SELECT CURRENT_SECONDARY_ROLES()").fetchone())
        assert other.execute("SHOW STAGES LIKE 'GUARDED' IN SCHEMA MEDIA.AROUND_JOBS").fetchall()
        assert refused("CREATE STAGE MEDIA.AROUND_JOBS.MORE") in (2003, 3001)
        other.execute("USE SECONDARY ROLES NONE")
        assert refused("LIST @MEDIA.AROUND_JOBS.GUARDED") == 2003


def test_copy_goes_on_after_a_file_that_cannot_be_read(query: Query, engine: Any, tmp_path: Any) -> None:
    pq.write_table(pa.table({"N": [1, 2]}), tmp_path / "good.parquet")
    (tmp_path / "bad.parquet").write_text("this is no Parquet")
    query("CREATE STAGE LOADED")
    query("CREATE TABLE LOADS (N INT)")
    query(f"PUT 'file://{tmp_path}/*' @LOADED AUTO_COMPRESS = FALSE")
    copy = "COPY INTO LOADS FROM @LOADED FILE_FORMAT = (TYPE = PARQUET) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"
    assert "Error parsing the parquet file" in str(failure(query, copy))
    for on_error in ("CONTINUE", "SKIP_FILE", "'SKIP_FILE'"):
        report = {row[0]: (*row[1:4], row[5]) for row in query(f"{copy} ON_ERROR = {on_error} FORCE = TRUE")}
        assert report == {
            "loaded/good.parquet": ("LOADED", 2, 2, 0),
            "loaded/bad.parquet": ("LOAD_FAILED", 0, 0, 1),
        }
    assert query("SELECT COUNT(*) FROM LOADS") == [(6,)]
    assert "ON_ERROR" in str(failure(query, f"{copy} ON_ERROR = SKIP_FILE_3"))
    pq.write_table(pa.table({"N": ["1", "x"]}), tmp_path / "good.parquet")
    query(f"PUT 'file://{tmp_path}/good.parquet' @LOADED AUTO_COMPRESS = FALSE OVERWRITE = TRUE")
    assert "ON_ERROR = CONTINUE" in str(failure(query, f"{copy} ON_ERROR = CONTINUE"))
    session = engine.session()
    pq.write_table(pa.table({"N": [7]}), tmp_path / "good.parquet")
    query(f"PUT 'file://{tmp_path}/good.parquet' @LOADED AUTO_COMPRESS = FALSE OVERWRITE = TRUE")
    frame = session.read.option("on_error", "CONTINUE").parquet("@MEDIA.AROUND_JOBS.LOADED/good.parquet")
    assert [row[0] for row in frame.collect()] == [7]
