"""ListStageFiles on the local engine: what it takes, what the manifest says, and what it refuses."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from operators.job_requests import Instance

from airflow_provider_mediabatch.batch import job_outcomes
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet
from airflow_provider_mediabatch.client.stages import resolve_stage_path
from airflow_provider_mediabatch.core import job_names
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.files.selection import Window
from airflow_provider_mediabatch.ledger.claimed_rows import ClaimedRows
from airflow_provider_mediabatch.ledger.new_files import count_by_time, server_clock
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator

NAMES = ["cat.jpg", "dog.jpg", "a b/it's é ☃.jpg", "a b/cat.wav", "dog.wav"]


@dataclass
class Stages:
    """Stages of this module's own: ``files`` is unquoted, ``quoted`` mixed case, ``external`` has a prefix."""

    engine: Any
    conn_id: str
    connection: Any
    files: str
    quoted: str
    external: str
    work: str

    def list(self, run_id: str = "run", logical_date: datetime | None = None, **arguments: Any) -> Any:
        """Run the operator as one task instance would."""
        arguments.setdefault("manifest_location", f"{self.work}/manifests/")
        operator = ListStageFilesOperator(task_id="list", snowflake_conn_id=self.conn_id, **arguments)
        ti = Instance.model_construct(
            dag_id="dag", task_id="list", run_id=run_id, map_index=-1, try_number=1, task=operator
        )
        context: Any = {"ti": ti, "logical_date": logical_date}
        return operator.execute(context)

    def manifest(self, **arguments: Any) -> Manifest:
        return Manifest.from_xcom(json.loads(json.dumps(self.list(**arguments))))

    def rows(self, manifest: Manifest) -> list[dict[str, Any]]:
        """The manifest's rows, read from its Parquet."""
        staged = StagedParquet(self.connection, "MEDIA.PUBLIC")
        relation = staged.relation(manifest.location, staged.columns(manifest.location))
        return sorted(staged.rows(f"SELECT * FROM {relation}"), key=lambda row: str(row[manifest.key_column]))


@pytest.fixture(scope="module")
def stages(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    folder = tmp_path_factory.mktemp("files")
    suffix = uuid.uuid4().hex[:6].upper()
    names = {"files": f"LSF_{suffix}", "quoted": f'"My Stage {suffix}"', "external": f"LSF_EXT_{suffix}"}
    with pytest.MonkeyPatch.context() as patch, engine.connect() as connection:
        patch.setenv("AIRFLOW_CONN_LIST_TEST", engine.airflow_connection)
        run = connection.cursor().execute
        for place, name in names.items():
            url = f"URL = 's3://lsf-{suffix.lower()}/pre/fix/'" if place == "external" else ""
            kind = url or "ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')"
            run(f"CREATE STAGE {name} {kind} DIRECTORY = (ENABLE = TRUE)")
            if place == "external":
                root = Path(engine.state_dir) / "buckets" / f"lsf-{suffix.lower()}" / "pre" / "fix"
                _write(root)
            else:
                _write(folder / place)
                for file in (folder / place).rglob("*"):
                    if file.is_file():
                        target = file.relative_to(folder / place).parent.as_posix()
                        source = str(file).replace("'", "\\'")
                        run(f"PUT 'file://{source}' '@{name}/{target}' AUTO_COMPRESS = FALSE")
            run(f"ALTER STAGE {name} REFRESH")
        run(f"CREATE STAGE LSF_WORK_{suffix}")
        places = {key: f"@MEDIA.PUBLIC.{name}" for key, name in names.items()}
        yield Stages(engine, "list_test", connection, work=f"@MEDIA.PUBLIC.LSF_WORK_{suffix}", **places)


def _write(root: Path) -> None:
    for number, name in enumerate(NAMES, 1):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x" * number)
    (root / "empty.jpg").write_bytes(b"")


@pytest.mark.parametrize("place", ["files", "quoted", "external"])
@pytest.mark.parametrize("source", ["list", "directory"])
def test_full_stage_paths_are_right_for_every_kind_of_stage(stages: Stages, place: str, source: str) -> None:
    stage = getattr(stages, place)
    manifest = stages.manifest(stage_path=f"{stage}/", pattern=".*[.]jpg", column_name="images", source=source)
    rows = stages.rows(manifest)
    assert [row["IMAGES"] for row in rows] == sorted(f"{stage}/{name}" for name in NAMES if name.endswith("jpg"))
    assert {row["IMAGES"].rsplit("/", 1)[1]: row["MB_SIZE"] for row in rows}["dog.jpg"] == 2
    assert all(row["MB_CONTENT_ID"].endswith(f":{row['MB_SIZE']}") for row in rows)
    assert all(
        abs(row["MB_LAST_MODIFIED"] - datetime.now(UTC).replace(tzinfo=None)) < timedelta(hours=1) for row in rows
    )
    assert (manifest.file_count, manifest.row_count, manifest.total_bytes) == (3, 3, 6)
    assert manifest.zero_byte_files == 1
    assert manifest.file_columns == ("IMAGES",)
    assert manifest.columns["MB_LAST_MODIFIED"].startswith("TIMESTAMP_NTZ")
    assert manifest.path.is_within(resolve_stage_path(stages.connection, f"{stages.work}/manifests", "stage_path"))


def test_both_sources_give_the_same_digest_in_a_fresh_folder(stages: Stages) -> None:
    one = stages.manifest(stage_path=f"{stages.files}/")
    two = stages.manifest(stage_path=f"{stages.files}/", source="directory")
    other = stages.manifest(stage_path=f"{stages.files}/", pattern=".*jpg")
    assert one.digest == two.digest != other.digest
    limited = stages.manifest(stage_path=f"{stages.files}/", since=timedelta(days=1), max_files=100)
    assert (limited.digest, limited.total_bytes) == (one.digest, one.total_bytes), "summed up in a statement of its own"
    assert one.location != two.location


def test_a_path_is_a_prefix(stages: Stages) -> None:
    assert stages.manifest(stage_path=f"{stages.files}/a b/").file_count == 2
    assert stages.manifest(stage_path=f"{stages.files}/a b/cat").file_count == 1


def test_manifests_are_not_taken_for_media(stages: Stages) -> None:
    first = stages.manifest(stage_path=f"{stages.quoted}/", manifest_location=f"{stages.quoted}/")
    second = stages.manifest(stage_path=f"{stages.quoted}/", manifest_location=f"{stages.quoted}/")
    assert first.file_count == second.file_count == 5


def test_max_files_takes_the_first_by_path(stages: Stages) -> None:
    manifest = stages.manifest(stage_path=f"{stages.files}/", max_files="2", column_name='"path"')
    assert [row["path"] for row in stages.rows(manifest)] == sorted(f"{stages.files}/{name}" for name in NAMES)[:2]


@pytest.mark.parametrize(("argument", "sizes"), [("max_files_per_shard", [2, 2, 1]), ("max_bytes_per_shard", None)])
def test_shards(stages: Stages, argument: str, sizes: list[int] | None) -> None:
    value = 2 if sizes else 7
    shards = [Manifest.from_xcom(item) for item in stages.list(stage_path=f"{stages.files}/", **{argument: value})]
    paths = [row["FILE_PATH"] for shard in shards for row in stages.rows(shard)]
    assert sorted(paths) == sorted(f"{stages.files}/{name}" for name in NAMES)
    assert [(shard.shard, shard.shards) for shard in shards] == [(n, len(shards)) for n in range(len(shards))]
    assert [len(stages.rows(shard)) for shard in shards] == [shard.row_count for shard in shards]
    assert len({shard.digest for shard in shards}) == len(shards)
    if sizes:
        assert [shard.row_count for shard in shards] == sizes
    else:
        assert all(shard.total_bytes <= value for shard in shards)


def test_too_many_shards_name_the_size_to_set(stages: Stages) -> None:
    query = f"SELECT '{stages.files}/f' || SEQ4() AS P FROM TABLE(GENERATOR(ROWCOUNT => 3000))"
    with pytest.raises(InvalidInputError, match="max_files_per_shard=3"):
        stages.list(query=query, max_files_per_shard=1)
    with pytest.raises(InvalidInputError, match="max_bytes_per_shard=5"):
        stages.list(stage_path=f"{stages.files}/", max_bytes_per_shard=4)


def test_pairs_by_stem(stages: Stages) -> None:
    columns = {
        "IMAGE": {"stage_path": f"{stages.files}/", "pattern": ".*[.]jpg"},
        "AUDIO": {"stage_path": f"{stages.quoted}/", "pattern": ".*[.]wav"},
    }
    with pytest.raises(InvalidInputError, match="1 files have no partner"):
        stages.list(columns=columns)
    manifest = stages.manifest(columns=columns, unmatched="drop")
    assert manifest.file_columns == ("IMAGE", "AUDIO")
    assert (manifest.row_count, manifest.file_count, manifest.unmatched_files) == (2, 4, 1)
    assert [(row["IMAGE"], row["AUDIO"], row["MB_SIZE"]) for row in stages.rows(manifest)] == [
        (f"{stages.files}/cat.jpg", f"{stages.quoted}/a b/cat.wav", 5),
        (f"{stages.files}/dog.jpg", f"{stages.quoted}/dog.wav", 7),
    ]


def test_pairs_that_are_ambiguous_are_refused(stages: Stages) -> None:
    with pytest.raises(InvalidInputError, match="occur more than once"):
        stages.list(columns={"A": f"{stages.files}/", "B": f"{stages.quoted}/"}, pattern=".*(jpg|wav)")


def test_a_query_brings_its_own_columns(stages: Stages) -> None:
    query = f"""
        SELECT '{stages.files}/' || RELATIVE_PATH AS IMG, 'outdoor' AS "Category", 0.5::FLOAT AS SCORE, LAST_MODIFIED
        FROM DIRECTORY({stages.files}) WHERE RELATIVE_PATH LIKE '%jpg' AND SIZE > 0;"""
    manifest = stages.manifest(query=query)
    assert manifest.file_columns == ("IMG",)
    assert manifest.columns["Category"] == "VARCHAR"
    assert manifest.columns["SCORE"] == "FLOAT"
    assert manifest.columns["LAST_MODIFIED"].startswith("TIMESTAMP_NTZ")
    rows = stages.rows(manifest)
    assert len(rows) == 3
    assert {row["Category"] for row in rows} == {"outdoor"}
    assert not manifest.unqualified_paths


def test_a_query_with_unqualified_paths_counts_them(stages: Stages) -> None:
    manifest = stages.manifest(query="SELECT '@LSF/' || COLUMN1 AS IMG FROM VALUES ('a.jpg'), ('b.jpg')")
    assert manifest.unqualified_paths == {"IMG": {"count": 2, "nulls": 0, "example": "@LSF/a.jpg"}}
    named = stages.manifest(query="SELECT 'DB.SC.LSF/a.jpg' AS IMG", column_name="img")
    assert named.unqualified_paths["IMG"]["count"] == 1


def test_text_that_begins_with_an_at_sign_is_text(stages: Stages) -> None:
    """A caption or an author is no path, also where some value begins with @. A path that is NULL is counted."""
    manifest = stages.manifest(
        query=f"SELECT '{stages.files}/cat.jpg' AS IMG, '@anna' AS AUTHOR, '@anna: what/who is this?' AS PROMPT "
        "UNION ALL SELECT NULL, '@ben', 'a cat'"
    )
    assert manifest.file_columns == ("IMG",)
    assert manifest.unqualified_paths == {"IMG": {"count": 1, "nulls": 1, "example": None}}


def test_a_file_beside_manifests_is_a_file(stages: Stages) -> None:
    """As every other is a camera's MB_001.jpg, and a table in a folder that no run has named."""
    place = f"{stages.work}/camera"
    names = ["MB_001.jpg", "MB_shots/1.jpg", "MB_FULL_BATCH_X_0/part_0_0.parquet", "x.jpg"]
    with stages.engine.session() as session:
        for name in names:
            session.file.put_stream(io.BytesIO(b"1" * 40), f"{place}/{name}", auto_compress=False)
    for _ in range(2):  # the second listing finds the first one's manifest
        manifest = stages.manifest(stage_path=f"{place}/", manifest_location=f"{place}/")
        found = [row["FILE_PATH"].removeprefix(f"{place}/") for row in stages.rows(manifest)]
        assert sorted(found) == sorted(names)


def test_what_jobs_have_written_is_left_out_wherever_it_is(stages: Stages) -> None:
    """As with ``stage_path="@MEDIA/"`` and ``work_location="@MEDIA/runs"``: the output lies beside the manifests."""
    place = f"{stages.work}/beside"
    subject = {"dag_id": "d", "task_id": "media_batch.full_batch", "run_id": "r", "map_index": -1}
    stem = job_names.job_stem(**subject, fingerprint="f")
    part = job_names.range_stem(f"{stem}_0", max_jobs=8, round_number=1, low=0, high=4)
    written = [f"{stem}_0/data_0.parquet", f"MB_SAMPLE/{stem}_12/a/b.parquet", f"{stem}_0_I8/{part}_0/data.parquet"]
    names = ["runs/predictions/" + name for name in [*written, f"{stem}_0/_SUCCESS"]]
    media = ["x.jpg", f"{stem}_0/cat.jpg", "MB_BATCH_1/table.parquet"]
    with stages.engine.session() as session:
        for name in [*names, *media]:
            session.file.put_stream(io.BytesIO(b"1" * 40), f"{place}/{name}", auto_compress=False)
    manifest = stages.manifest(stage_path=f"{place}/", manifest_location=f"{place}/runs/manifests/")
    assert sorted(row["FILE_PATH"].removeprefix(f"{place}/") for row in stages.rows(manifest)) == sorted(media)
    path = resolve_stage_path(stages.connection, f"{place}/", "stage_path")
    clock = server_clock(stages.connection)
    assert count_by_time(stages.connection, path, ".*beside.*", window=Window(), clock=clock).count == len(media)


@pytest.mark.parametrize("source", ["list", "directory"])
def test_a_pattern_that_matches_nothing_says_what_is_there(stages: Stages, source: str) -> None:
    with pytest.raises(AirflowSkipException, match=r"matches none of the \d+ files that are there, for example @.*/"):
        stages.list(stage_path=f"{stages.files}/", pattern=".*[.]jpg[.]gz", source=source)


def test_nothing_to_do(stages: Stages) -> None:
    arguments = {"stage_path": f"{stages.files}/", "pattern": ".*[.]gif"}
    with pytest.raises(AirflowSkipException, match="0 files found"):
        stages.list(**arguments)
    with pytest.raises(InvalidInputError, match="must match the whole listed name"):
        stages.list(**arguments, if_empty="fail")
    manifest = stages.manifest(**arguments, if_empty="succeed")
    assert manifest.is_empty
    job_outcomes.check_manifest_exists(stages.connection, manifest)


def test_a_manifest_that_was_deleted_is_noticed(stages: Stages) -> None:
    manifest = stages.manifest(stage_path=f"{stages.files}/")
    job_outcomes.check_manifest_exists(stages.connection, manifest)
    stages.connection.cursor().execute(f"REMOVE {manifest.path.reference}")
    with pytest.raises(InvalidInputError, match=r"its Parquet was removed .* clear the task that listed"):
        job_outcomes.check_manifest_exists(stages.connection, manifest)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"stage_path": "{files}"}, None),
        ({"stage_path": "DB.SC.IMAGES/"}, "must begin with @"),
        ({"stage_path": '@MEDIA.PUBLIC."{lower}"/'}, "did you mean @MEDIA.PUBLIC.{name}?"),
        ({"stage_path": "@MEDIA.NOWHERE.X/"}, "does not exist, or this role may not see it"),
        ({"stage_path": "@{name}/", "pattern": "x" * 10_000}, "10,000 characters"),
        ({"stage_path": "@{name}/", "pattern": "*.jpg"}, "shell pattern"),
        ({"stage_path": "@{name}/", "pattern": "a(b"}, "not a regular expression"),
        ({}, "exactly one of stage_path, columns and query"),
        ({"stage_path": "@{name}/", "query": "SELECT 1"}, "exactly one"),
        ({"stage_path": "@{name}/", "source": "glob"}, "'list', 'directory'"),
        ({"stage_path": "@{name}/", "select": "new"}, "set model_name"),
        ({"stage_path": "@{name}/", "select": "interval"}, "select='new'"),
        ({"stage_path": "@{name}/", "reprocess": "true"}, "name the ledger"),
        ({"stage_path": "@{name}/", "max_files": "many"}, "max_files='many': use a whole number from 1"),
        ({"stage_path": "@{name}/", "min_files": 5}, "min_files= counts the files that the ledger does not have"),
        ({"stage_path": "@{name}/", "max_delay": 60}, "set min_files"),
        ({"stage_path": "@{name}/", "min_files": 5, "max_delay": "an hour", "model_name": "M"}, "a number of seconds"),
        (
            {"stage_path": "@{name}/", "min_files": 5, "max_delay": 0, "model_name": "M"},
            "max_delay=0 is not a positive",
        ),
        ({"stage_path": "@{name}/", "model_name": "MEDIA.PUBLIC.NO_SUCH_MODEL"}, "NO_SUCH_MODEL"),
        ({"query": "SELECT '@a' AS P", "pattern": "x"}, "put the condition into the query"),
        ({"query": "SELECT '@a' AS P", "column_name": "Q"}, "no column Q"),
        ({"stage_path": "@{name}/", "manifest_location": "{external}/m/"}, "use an internal stage"),
    ],
)
def test_bad_input_names_the_fix(stages: Stages, arguments: dict[str, Any], words: str | None) -> None:
    name = stages.files.rsplit(".", 1)[1]
    facts = {"files": stages.files, "name": name, "lower": name.lower(), "external": stages.external}
    given = {key: value.format(**facts) if "{" in str(value) else value for key, value in arguments.items()}
    if words is None:
        assert stages.list(**given)
        return
    with pytest.raises(InvalidInputError) as caught:
        stages.list(**given)
    assert words.format(**facts) in str(caught.value)
    assert "Nothing was started, and nothing incurs cost" in str(caught.value)


def test_a_stage_without_directory_table_names_the_alter(stages: Stages) -> None:
    name = stages.work.rsplit(".", 1)[1]
    with pytest.raises(
        InvalidInputError, match=r"ALTER STAGE MEDIA\.PUBLIC\.LSF_WORK_\w+ SET DIRECTORY = \(ENABLE = TRUE\)"
    ):
        stages.list(stage_path=f"@{name}/", source="directory")


def test_the_column_of_the_models_bytes_input(media: Any, stages: Stages) -> None:
    manifest = stages.manifest(stage_path=media.files, model_name=media.model, ledger=None)
    assert manifest.file_columns == ("IMG",)
    assert (manifest.model, manifest.model_version, manifest.function) == (media.model, "V1", "predict")


def test_few_files_wait_unless_their_interval_is_over(media: Any, stages: Stages) -> None:
    ledger = f"LSF_WAITING_{uuid.uuid4().hex[:6]}"
    few = {"stage_path": f"{stages.files}/", "model_name": media.model, "ledger": ledger, "min_files": "6"}
    for if_empty in ("skip", "fail"):
        with pytest.raises(AirflowSkipException, match=r"5 files wait for min_files=6, .* of at most 1 day, 0:00:00"):
            stages.list(**few, if_empty=if_empty, max_delay=timedelta(days=1))
    waiting = stages.manifest(**few, if_empty="succeed")
    assert (waiting.is_empty, waiting.skipped) == (True, {"waiting": 5})
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    back_fill = {"select": "interval", "interval": timedelta(days=2), "logical_date": tomorrow}
    assert stages.manifest(run_id="back-fill", **back_fill, **few).row_count == 5


@pytest.mark.slow
def test_every_select_leaves_out_what_the_default_ledger_has(media: Any, stages: Stages) -> None:
    """One test because the ledger is one: what ``all`` has done, ``new`` and ``interval`` leave out as well."""
    listed = {"stage_path": f"{stages.files}/", "model_name": media.model}
    first = stages.manifest(run_id="one", **listed)
    assert (first.ledger, first.row_count) == ("MEDIA.PUBLIC.MEDIABATCH_LEDGER", 5)
    with pytest.raises(AirflowSkipException, match=r"5 claimed"):
        stages.list(run_id="two", **listed)
    done = BatchResult("D.S.J", "@D.S.O/J/", 5, 5, 1.0, "p", media.model, "V1", "predict")
    ClaimedRows(stages.connection, first).record_done(None, done)
    assert stages.manifest(run_id="one", **listed).row_count == 5, "a repeated run finds its own job"
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    for select, more in (("all", {}), ("new", {}), ("interval", {"interval": timedelta(days=2)})):
        with pytest.raises(AirflowSkipException, match=r"5 done"):
            stages.list(run_id=f"later {select}", logical_date=tomorrow, select=select, **more, **listed)
        if select != "new":
            off = stages.manifest(run_id="off", logical_date=tomorrow, select=select, ledger=None, **more, **listed)
            assert (off.ledger, off.row_count) == (None, 5)
        again = stages.manifest(
            run_id=f"again {select}", logical_date=tomorrow, select=select, reprocess=True, **more, **listed
        )
        assert (again.row_count, again.generation) == (5, {"all": 1, "new": 2, "interval": 3}[select])
        ClaimedRows(stages.connection, again).record_done(None, done)
    assert stages.manifest(run_id="no model", stage_path=f"{stages.files}/").ledger is None
