"""Stages through the unmodified connector and Snowpark: files in, listed, out again, removed."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from snowflake.connector.errors import ProgrammingError

Rows = list[tuple[Any, ...]]
Query = Callable[[str], Rows]

NAMES = ("plain.jpg", "with space.jpg", "it's.jpg", 'say "hi".jpg', "übung 日本.jpg", "100%.jpg", "back\\slash.jpg")


@pytest.fixture(scope="module")
def query(engine: Any) -> Iterator[Query]:
    """Run one statement in a schema of this module's own."""
    with engine.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE SCHEMA MEDIA.STAGES_TEST")
        cursor.execute("USE SCHEMA MEDIA.STAGES_TEST")
        yield lambda sql: cursor.execute(sql).fetchall()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for name in NAMES:
        (folder / name).write_bytes(b"\xff\xd8" + name.encode())
    return folder


def put(query: Query, folder: Path, target: str, options: str = "AUTO_COMPRESS = FALSE") -> Rows:
    return query(f"PUT 'file://{folder}/*' '{target}' {options}")


def failure(query: Query, sql: str) -> ProgrammingError:
    with pytest.raises(ProgrammingError) as caught:
        query(sql)
    return caught.value


def test_names_survive_put_list_get_remove(query: Query, photos: Path, tmp_path: Path) -> None:
    query("CREATE STAGE NAMES ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
    assert {row[6] for row in put(query, photos, "@NAMES/a folder/ü/")} == {"UPLOADED"}
    listed = query("LIST @NAMES")
    assert {row[0] for row in listed} == {f"names/a folder/ü/{name}" for name in NAMES}
    for name, size, md5, _ in listed:
        content = (photos / name.rpartition("/")[2]).read_bytes()
        assert (size, md5) == (len(content), hashlib.md5(content).hexdigest())
    assert len(query(f"GET '@NAMES/a folder' 'file://{tmp_path}'")) == len(NAMES)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in photos.iterdir()
    }
    assert query("REMOVE '@NAMES/a folder/ü/it''s.jpg'") == [("names/a folder/ü/it's.jpg", "removed")]
    assert len(query("LS '@NAMES/a folder/'")) == len(NAMES) - 1


def test_last_modified_is_a_gmt_string_that_sql_reads(query: Query, photos: Path) -> None:
    query("CREATE STAGE MODIFIED")
    put(query, photos, "@MODIFIED")
    text = query("LIST @MODIFIED")[0][3]
    assert time.strptime(text, "%a, %d %b %Y %H:%M:%S GMT")


def test_last_modified_has_a_day_of_one_digit(engine: Any, query: Query) -> None:
    query("CREATE STAGE DAYS URL = 's3://days-of-one-digit/'")
    file = Path(engine.state_dir) / "buckets" / "days-of-one-digit" / "a.bin"
    file.write_bytes(b"x")
    for day, listed in (("2024-03-01", "Fri, 1 Mar 2024"), ("2024-03-10", "Sun, 10 Mar 2024")):
        moment = datetime.fromisoformat(f"{day}T10:00:07+00:00").timestamp()
        os.utime(file, (moment, moment))
        assert query("LIST @DAYS")[0][3] == f"{listed} 10:00:07 GMT"
        query_id = query("SELECT LAST_QUERY_ID()")[0][0]
        parsed = query(
            "SELECT TO_TIMESTAMP_NTZ(\"last_modified\", 'DY, DD MON YYYY HH24:MI:SS GMT')::VARCHAR "
            f"FROM TABLE(RESULT_SCAN('{query_id}'))"
        )
        assert parsed[0][0].startswith(f"{day} 10:00:07")


def test_files_that_the_client_encrypts_are_listed_as_encrypted(query: Query, tmp_path: Path) -> None:
    query("CREATE STAGE ENCRYPTED DIRECTORY = (ENABLE = TRUE)")
    for size in (0, 15, 16):
        (tmp_path / f"f{size:02}.bin").write_bytes(b"x" * size)

    def listed() -> Rows:
        put(query, tmp_path, "@ENCRYPTED", "AUTO_COMPRESS = FALSE OVERWRITE = TRUE")
        query("ALTER STAGE ENCRYPTED REFRESH")
        found = [row[1:3] for row in query("LIST @ENCRYPTED")]
        assert found == query("SELECT SIZE, MD5 FROM DIRECTORY(@ENCRYPTED) ORDER BY RELATIVE_PATH")
        return found

    first, again = listed(), listed()
    assert [size for size, _ in first] == [size for size, _ in again] == [16, 16, 32]
    assert len({md5 for _, md5 in first + again}) == 6, "another one for each upload"


def test_large_files_have_no_md5_where_the_account_says_so(query: Query, tmp_path: Path) -> None:
    query("CREATE STAGE PARTS DIRECTORY = (ENABLE = TRUE) ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
    for size in (2_000_000, 2_000_001):
        (tmp_path / f"f{size}.bin").write_bytes(b"x" * size)
    put(query, tmp_path, "@PARTS")
    query("ALTER ACCOUNT SET MEDIABATCH_NO_MD5_ABOVE_BYTES = 2000000")
    try:
        assert [row[2] is None for row in query("LIST @PARTS")] == [False, True]
        query("ALTER STAGE PARTS REFRESH")
        small, large = query("SELECT MD5, ETAG FROM DIRECTORY(@PARTS) ORDER BY RELATIVE_PATH")
        assert small[0] == small[1]
        assert (large[0], large[1][:2]) == (None, "0x")
    finally:
        query("ALTER ACCOUNT UNSET MEDIABATCH_NO_MD5_ABOVE_BYTES")
    assert all(row[2] for row in query("LIST @PARTS"))


def test_path_is_a_prefix_and_pattern_matches_the_whole_name(query: Query, photos: Path) -> None:
    query("CREATE STAGE PREFIXES")
    put(query, photos, "@PREFIXES/ab")
    put(query, photos, "@PREFIXES/abc")
    assert len(query("LIST @PREFIXES/ab")) == 2 * len(NAMES)
    assert len(query("LIST @PREFIXES/ab/")) == len(NAMES)
    assert query("LIST @PREFIXES/nothing") == []
    assert len(query("LIST @PREFIXES PATTERN = '.*plain[.]jpg'")) == 2
    assert query("LIST @PREFIXES PATTERN = 'plain[.]jpg'") == []
    error = failure(query, "LIST @PREFIXES PATTERN = '(('")
    assert "Invalid regular expression" in str(error)
    assert query(f"LIST @PREFIXES PATTERN = '{'x' * 10_000}'") == []


def test_quoted_and_mixed_case_names(query: Query, photos: Path) -> None:
    query('CREATE STAGE "My Stage"')
    put(query, photos, '@"My Stage"/x')
    assert query('LIST @MEDIA.STAGES_TEST."My Stage"/x/plain.jpg')[0][0] == "my stage/x/plain.jpg"
    assert failure(query, 'LIST @"my stage"').errno == 2003


def test_put_without_overwrite_keeps_what_is_there(query: Query, tmp_path: Path) -> None:
    """PUT, Optional parameters: OVERWRITE. The answer is the client's own for a stage of a cloud."""
    query("CREATE STAGE KEEPS ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
    file = tmp_path / "a.bin"
    for content, options, status, expected in (
        (b"first", "", "UPLOADED", b"first"),
        (b"second", "", "SKIPPED", b"first"),
        (b"third", "OVERWRITE = TRUE", "UPLOADED", b"third"),
    ):
        file.write_bytes(content)
        size = len(content) if status == "UPLOADED" else 0
        answer = [("a.bin", "a.bin", len(content), size, "NONE", "NONE", status, "")]
        assert put(query, tmp_path, "@KEEPS", f"AUTO_COMPRESS = FALSE {options}") == answer
        assert query("LIST @KEEPS")[0][2] == hashlib.md5(expected).hexdigest()


def test_put_without_overwrite_sends_what_is_not_there(query: Query, tmp_path: Path) -> None:
    query("CREATE STAGE SOME_THERE")
    (tmp_path / "a.csv").write_bytes(b"1,2\n" * 50)
    assert put(query, tmp_path, "@SOME_THERE", "")[0][6] == "UPLOADED"
    (tmp_path / "a.csv").write_bytes(b"changed")
    (tmp_path / "b.csv").write_bytes(b"3,4\n" * 50)
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress(b"5,6\n"))
    skipped, packed, sent = put(query, tmp_path, "@SOME_THERE", "")
    assert skipped == ("a.csv", "a.csv.gz", 7, 0, "NONE", "GZIP", "SKIPPED", "")
    assert packed[:3] + packed[4:] == ("b.csv", "b.csv.gz", 200, "NONE", "GZIP", "UPLOADED", "")
    assert (sent[1], *sent[4:]) == ("c.csv.gz", "GZIP", "GZIP", "UPLOADED", "")
    assert query("SELECT COUNT(*), MAX($1) FROM @SOME_THERE") == [(101, "5")]
    assert {row[6] for row in put(query, tmp_path, "@SOME_THERE", "AUTO_COMPRESS = FALSE")} == {"UPLOADED", "SKIPPED"}


def test_a_stream_over_a_file_that_is_there(engine: Any) -> None:
    session = engine.session(schema="STAGES_TEST")
    session.sql("CREATE OR REPLACE STAGE MEDIA.STAGES_TEST.STREAMED").collect()
    for content, status in ((b"one", "UPLOADED"), (b"two two", "SKIPPED")):
        result = session.file.put_stream(io.BytesIO(content), "@STREAMED/s.bin", auto_compress=False)
        assert result.status == status
    assert session.file.get_stream("@STREAMED/s.bin").read() == b"one"


def test_unquoted_put_and_get(query: Query, tmp_path: Path) -> None:
    query("CREATE STAGE UNQUOTED")
    (tmp_path / "a.bin").write_bytes(b"abc")
    query(f"put file://{tmp_path}/a.bin @UNQUOTED/x auto_compress=false")
    (tmp_path / "down").mkdir()
    query(f"get @UNQUOTED/x/a.bin file://{tmp_path}/down/")
    assert (tmp_path / "down" / "a.bin").read_bytes() == b"abc"


def test_snowpark_streams(engine: Any) -> None:
    session = engine.session()
    try:
        session.sql("CREATE STAGE STREAMS").collect()
        session.file.put_stream(io.BytesIO(b"content"), "@STREAMS/a b/é.bin", auto_compress=False)
        assert session.file.get_stream("@STREAMS/a b/é.bin").read() == b"content"
    finally:
        session.close()


@pytest.mark.parametrize("path", ["../other/x", "a/../../x", "a/b/../../../../etc/passwd"])
def test_paths_cannot_leave_the_stage(query: Query, path: str) -> None:
    query("CREATE STAGE IF NOT EXISTS CONFINED")
    assert "leads out of stage" in str(failure(query, f"LIST '@CONFINED/{path}'"))
    assert "leads out of stage" in str(failure(query, f"PUT 'file:///etc/hostname' '@CONFINED/{path}'"))


def test_links_are_not_followed(engine: Any, query: Query, photos: Path) -> None:
    query("CREATE STAGE LINKS")
    put(query, photos, "@LINKS/real")
    newest = max((engine.state_dir / "stages").iterdir(), key=lambda path: path.stat().st_mtime)
    (newest / "out").symlink_to("/etc")
    assert all("out/" not in row[0] for row in query("LIST @LINKS"))
    assert "leads out of stage" in str(failure(query, "LIST @LINKS/out/"))


def test_missing_stage_is_2003_and_existing_2002(query: Query) -> None:
    assert failure(query, "LIST @NOWHERE").errno == 2003
    assert failure(query, "DESCRIBE STAGE NOWHERE").errno == 2003
    assert failure(query, "CREATE STAGE MEDIA.NOSCHEMA.S").errno == 2003
    query("CREATE STAGE TAKEN")
    assert failure(query, "CREATE STAGE TAKEN").errno == 2002
    query("CREATE STAGE IF NOT EXISTS TAKEN")
    query("CREATE OR REPLACE STAGE TAKEN COMMENT = 'again'")
    assert query("SHOW STAGES LIKE 'taken'")[0][8] == "again"
    query("DROP STAGE TAKEN")
    assert failure(query, "DROP STAGE TAKEN").errno == 2003
    query("DROP STAGE IF EXISTS TAKEN")


@pytest.mark.parametrize(
    ("reference", "word"),
    [("@%NO_TABLE", "does not exist"), ("'s3://bucket/x'", "create a stage")],
)
def test_other_stages_are_refused_by_name(query: Query, reference: str, word: str) -> None:
    assert word in str(failure(query, f"LIST {reference}"))


def test_temporary_stage_is_its_sessions_own(engine: Any, query: Query) -> None:
    query("CREATE TEMPORARY STAGE OWN")
    with engine.connect(schema="STAGES_TEST") as other, pytest.raises(ProgrammingError):
        other.cursor().execute("LIST @OWN")
    with engine.connect(schema="STAGES_TEST") as other:
        other.cursor().execute("CREATE SCOPED TEMPORARY STAGE OWN")
    assert query("LIST @OWN") == []


def describe(query: Query, stage: str) -> dict[tuple[str, str], str]:
    return {(row[0], row[1]): row[3] for row in query(f"DESCRIBE STAGE {stage}")}


def test_describe_shows_encryption_directory_and_location(query: Query) -> None:
    query("CREATE STAGE DEFAULTS")
    properties = describe(query, "DEFAULTS")
    assert properties["ENCRYPTION", "TYPE"] == "SNOWFLAKE_FULL"
    assert properties["DIRECTORY", "ENABLE"] == "false"
    query("ALTER STAGE DEFAULTS SET DIRECTORY = (ENABLE = TRUE) COMMENT = 'x'")
    assert describe(query, "DEFAULTS")["DIRECTORY", "ENABLE"] == "true"
    assert "ENCRYPTION" in str(failure(query, "CREATE STAGE BAD ENCRYPTION = (TYPE = 'AWS_CSE')"))
    assert "invalid property" in str(failure(query, "CREATE STAGE BAD NONSENSE = 1"))


def test_external_stage_mimics_s3_with_a_prefix(engine: Any, query: Query) -> None:
    folder = engine.state_dir / "buckets" / "shop-media" / "raw" / "2026" / "img"
    folder.mkdir(parents=True)
    (folder / "a b.jpg").write_bytes(b"abc")
    query(
        "CREATE STAGE EXT URL = 's3://shop-media/raw/2026/' "
        "ENCRYPTION = (TYPE = 'AWS_SSE_S3') DIRECTORY = (ENABLE = TRUE)"
    )
    assert query("LIST @EXT")[0][:2] == ("s3://shop-media/raw/2026/img/a b.jpg", 3)
    query("ALTER STAGE EXT REFRESH")
    assert query("SELECT RELATIVE_PATH FROM DIRECTORY(@EXT)") == [("img/a b.jpg",)]
    properties = describe(query, "EXT")
    assert properties["STAGE_LOCATION", "URL"] == '["s3://shop-media/raw/2026/"]'
    assert properties["ENCRYPTION", "TYPE"] == "AWS_SSE_S3"
    assert "only internal stages" in str(failure(query, "PUT 'file:///etc/hostname' @EXT"))
    query("CREATE STAGE EXT_CSE URL = 's3://shop-media/raw/' ENCRYPTION = (TYPE = 'AWS_CSE')")
    query("DROP STAGE EXT")
    assert (folder / "a b.jpg").exists()
    assert "not supported" in str(failure(query, "CREATE STAGE EXT2 URL = 'gcs://x/y'"))


def test_directory_table_follows_refresh_only(query: Query, photos: Path) -> None:
    query("CREATE STAGE DIR DIRECTORY = (ENABLE = TRUE) ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
    put(query, photos, "@DIR/x")
    assert query("SELECT COUNT(*) FROM DIRECTORY(@DIR)") == [(0,)]
    assert {row[1] for row in query("ALTER STAGE DIR REFRESH")} == {"REGISTERED_NEW"}
    rows = query("SELECT RELATIVE_PATH, SIZE, MD5, ETAG FROM DIRECTORY(@DIR) WHERE RELATIVE_PATH LIKE 'x/%'")
    assert {row[0] for row in rows} == {f"x/{name}" for name in NAMES}
    assert all(row[2] == row[3] == hashlib.md5((photos / row[0][2:]).read_bytes()).hexdigest() for row in rows)
    query("REMOVE @DIR/x/plain.jpg")
    assert query("ALTER STAGE DIR REFRESH") == [("x/plain.jpg", "UNREGISTERED", "File unregistered successfully.")]
    assert query("ALTER STAGE DIR REFRESH") == []
    put(query, photos, "@DIR/y")
    put(query, photos, "@DIR/z")
    assert {row[0].partition("/")[0] for row in query("ALTER STAGE DIR REFRESH SUBPATH = 'y'")} == {"y"}
    query("CREATE STAGE NODIR")
    assert "not enabled" in str(failure(query, "SELECT * FROM DIRECTORY(@NODIR)"))


def test_copy_files(query: Query, photos: Path) -> None:
    query("CREATE STAGE FROM_STAGE")
    query("CREATE STAGE TO_STAGE")
    put(query, photos, "@FROM_STAGE/a/b")
    copied = query("COPY FILES INTO @TO_STAGE/z FROM @FROM_STAGE/a/ PATTERN = '.*plain.*'")
    assert copied == [("z/b/plain.jpg",)]
    assert query("COPY FILES INTO @TO_STAGE FROM @FROM_STAGE/a/b FILES = ('100%.jpg')") == [("100%.jpg",)]
    assert "not found" in str(failure(query, "COPY FILES INTO @TO_STAGE FROM @FROM_STAGE FILES = ('no.jpg')"))


def test_presigned_link_opens_until_it_ends(query: Query, photos: Path) -> None:
    query("CREATE STAGE LINKED")
    put(query, photos, "@LINKED/a b")
    link = query("SELECT GET_PRESIGNED_URL(@LINKED, 'a b/übung 日本.jpg', 60)")[0][0]
    with urllib.request.urlopen(link) as reply:
        assert reply.read() == (photos / "übung 日本.jpg").read_bytes()
        assert reply.headers["content-type"] == "image/jpeg"
    for forged in (
        link[:-1] + ("0" if link[-1] != "0" else "1"),
        link.replace("expires=1", "expires=2"),
        link.split("?")[0],
    ):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(forged)
        assert caught.value.code == 403
    short = query("SELECT GET_PRESIGNED_URL('@MEDIA.STAGES_TEST.LINKED', 'a b/plain.jpg', 1)")[0][0]
    time.sleep(2.1)
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(short)
    assert "leads out of stage" in str(failure(query, "SELECT GET_PRESIGNED_URL(@LINKED, '../../catalog.sqlite')"))


@pytest.mark.parametrize(
    "function", ["GET_PRESIGNED_URL(@EACH, RELATIVE_PATH, 60)", "BUILD_SCOPED_FILE_URL(@EACH, d.relative_path)"]
)
def test_a_link_for_each_row(query: Query, photos: Path, function: str) -> None:
    """As Snowflake's pages of these functions use them: with RELATIVE_PATH of the directory table."""
    query("CREATE OR REPLACE STAGE EACH DIRECTORY = (ENABLE = TRUE)")
    put(query, photos, "@EACH/a b")
    query("ALTER STAGE EACH REFRESH")
    links = dict(query(f"SELECT relative_path, {function} AS LINK FROM DIRECTORY(@EACH) d WHERE LINK LIKE 'http%'"))
    assert sorted(links) == sorted(f"a b/{path.name}" for path in photos.iterdir())
    for path, link in links.items():
        with urllib.request.urlopen(link) as reply:
            assert reply.read() == (photos / path.partition("/")[2]).read_bytes()
    assert query(
        "SELECT COUNT(*) FROM DIRECTORY(@EACH) WHERE BUILD_STAGE_FILE_URL(@EACH, RELATIVE_PATH) = FILE_URL"
    ) == [(len(links),)]
    nothing, lost = f"SELECT {function} FROM (SELECT NULL::VARCHAR AS RELATIVE_PATH) d", "('../../catalog.sqlite')"
    assert query(nothing) == [(None,)]
    assert "leads out of stage" in str(failure(query, f"SELECT {function} FROM VALUES {lost} AS d (RELATIVE_PATH)"))
    assert "in a view" in str(failure(query, f"CREATE VIEW LINKS AS SELECT {function} AS L FROM DIRECTORY(@EACH) d"))
    query("CREATE TABLE KEPT_LINKS AS SELECT GET_PRESIGNED_URL(@EACH, relative_path) AS L FROM DIRECTORY(@EACH)")
    assert query("SELECT COUNT(DISTINCT L) FROM KEPT_LINKS") == [(len(links),)]
    query("DROP TABLE KEPT_LINKS")


def test_privileges(engine: Any, query: Query, photos: Path) -> None:
    query("CREATE STAGE GUARDED")
    put(query, photos, "@GUARDED")
    query("CREATE ROLE LOOKER")
    query("GRANT USAGE ON DATABASE MEDIA TO ROLE LOOKER")
    query("GRANT USAGE ON SCHEMA MEDIA.STAGES_TEST TO ROLE LOOKER")
    query("GRANT ROLE LOOKER TO USER AIRFLOW")
    with engine.connect(schema="STAGES_TEST", role="LOOKER") as connection:
        cursor = connection.cursor()

        def as_looker(sql: str) -> Rows:
            return cursor.execute(sql).fetchall()

        assert failure(as_looker, "LIST @GUARDED").errno == 2003
        query("GRANT READ ON STAGE GUARDED TO ROLE LOOKER")
        assert len(as_looker("LIST @GUARDED")) == len(NAMES)
        assert failure(as_looker, "REMOVE @GUARDED").errno == 3001
        assert failure(as_looker, "DROP STAGE GUARDED").errno == 3001


def test_drop_schema_takes_stages_along(query: Query, photos: Path) -> None:
    query("CREATE SCHEMA MEDIA.GOING")
    query("CREATE STAGE MEDIA.GOING.S")
    put(query, photos, "@MEDIA.GOING.S")
    query("DROP SCHEMA MEDIA.GOING")
    query("CREATE SCHEMA MEDIA.GOING")
    query("CREATE STAGE MEDIA.GOING.S")
    assert query("LIST @MEDIA.GOING.S") == []
    query("USE SCHEMA MEDIA.STAGES_TEST")


def test_a_listing_is_a_relation_on_the_server(engine: Any, query: Query, photos: Path) -> None:
    with engine.connect(schema="STAGES_TEST") as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE STAGE LISTED ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
        put(lambda sql: cursor.execute(sql).fetchall(), photos, "@LISTED")
        cursor.execute_async("LIST @LISTED")
        listing = cursor.sfqid
        cursor.get_results_from_sfqid(listing)
        cursor.execute(f"SELECT COUNT(*), SUM(\"size\") FROM TABLE(RESULT_SCAN('{listing}'))")
        assert cursor.fetchall() == [(len(NAMES), sum(path.stat().st_size for path in photos.iterdir()))]
