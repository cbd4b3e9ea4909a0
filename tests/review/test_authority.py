"""An XCom decides nothing about access: what may be shown follows from the task instance itself."""

from __future__ import annotations

import io
import sqlite3
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from airflow_provider_mediabatch.core import job_names
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.core.sample_report import SampleReport

if TYPE_CHECKING:
    from conftest import Review
    from driven_airflow import DrivenAirflow

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(600)]

SAMPLE, FULL = "media_batch.sample_batch", "media_batch.full_batch"
SECRET = "@MEDIA.PUBLIC.UI_PERSONNEL/"
MANIFEST = Manifest(SECRET, {"PICTURE": "VARCHAR"}, ("PICTURE",), 1, 1, 1, "d")


@pytest.fixture(scope="module", autouse=True)
def secret(honest: Review) -> None:
    """A stage that no task may show."""
    honest.airflow.unpause("forged_results.py", "ui_pass_through")
    with honest.engine.connect() as connection:
        connection.cursor().execute("CREATE STAGE UI_PERSONNEL ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
        write_secret(connection, SECRET)


def write_secret(connection: Any, folder: str) -> None:
    connection.cursor().execute(
        f"COPY INTO {folder} FROM (SELECT '{SECRET}passport.png' AS PICTURE, 'Boss' AS NAME, 99999 AS SALARY) "
        "FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE"
    )


def forged(job: str, location: str) -> dict[str, Any]:
    return BatchResult(
        job, location, 1, 1, 1.0, "p", "M", "V", "f", outputs={"SALARY": "INT64"}, manifest=MANIFEST.to_xcom()
    ).to_xcom()


def statements(review: Review, since: float, word: str) -> list[str]:
    """What the engine was sent that has the word in it."""
    with sqlite3.connect(review.engine.state_dir / "catalog.sqlite") as catalog:
        rows = catalog.execute("SELECT sql FROM queries WHERE started >= ? AND sql LIKE ?", (since, f"%{word}%"))
        return [row[0] for row in rows]


def overwrite(airflow: DrivenAirflow, dag_id: str, run_id: str, task_id: str, value: Any) -> None:
    """What a user who may edit XComs does in the UI."""
    path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task_id}/xcomEntries/return_value"
    airflow.api("PATCH", path, {"value": value, "map_index": -1})


def test_a_task_that_passes_a_result_on_shows_nothing_of_it(honest: Review) -> None:
    """Not even one that is named exactly as a job of that task would be."""
    run_id = "forged_run"
    name = job_names.job_stem(
        dag_id="ui_pass_through", task_id="settings", run_id=run_id, map_index=-1, fingerprint="f"
    )
    location = f"{SECRET}{name}_0/"
    with honest.engine.connect() as connection:
        write_secret(connection, location)
    body = {"dag_run_id": run_id, "logical_date": None, "conf": {"value": forged(f"MEDIA.PUBLIC.{name}_0", location)}}
    honest.airflow.api("POST", "/dags/ui_pass_through/dagRuns", body)
    honest.runs["ui_pass_through"] = run_id
    assert honest.wait_for("ui_pass_through", "settings") == "success"
    since = time.time()
    status, _, html = honest.get(honest.path("ui_pass_through", "settings", "-1"))
    assert (status, b"99999" in html, b"has returned no sample and no batch" in html) == (200, False, True)
    assert b"This run has no samples and no batches" in honest.get(honest.path("ui_pass_through"))[2]
    assert b"No run of the last 28 days has a sample or a batch" in honest.get("/mediabatch/ui_pass_through")[2]
    for route in ("log", "preview/0/PICTURE"):
        assert honest.get(f"{honest.path('ui_pass_through', 'settings', '-1')}/{route}")[0] == 404
    assert statements(honest, since, "UI_PERSONNEL") == []


def test_an_honest_run_shows_its_own_results(honest: Review) -> None:
    for task in (SAMPLE, FULL):
        status, _, html = honest.get(honest.path("ui_honest", task, "-1"))
        assert (status, b"tone 0.wav" in html, html.count(b"/media?") > 0) == (200, True, True)
    preview = honest.path("ui_honest", SAMPLE, "-1", "preview", "0", "AUDIO") + "?size=full"
    assert honest.get(preview)[1]["content-type"] == "audio/wav"


def test_a_preview_opens_only_files_of_the_sample(honest: Review) -> None:
    """A name in the report proves nothing: the sample's output does."""
    run_id = honest.runs["ui_honest"]
    report = SampleReport.from_xcom(honest.airflow.xcom("ui_honest", run_id, SAMPLE))
    changed = replace(report, preview=({**report.preview[0], "AUDIO": f"{SECRET}passport.png"},))
    overwrite(honest.airflow, "ui_honest", run_id, SAMPLE, changed.to_xcom())
    try:
        since = time.time()
        _, headers, body = honest.get(honest.path("ui_honest", SAMPLE, "-1", "preview", "0", "AUDIO"))
        assert headers["content-type"] == "image/svg+xml"
        assert b"file is not in the" in body
        assert statements(honest, since, "UI_PERSONNEL") == []
    finally:
        overwrite(honest.airflow, "ui_honest", run_id, SAMPLE, report.to_xcom())


@pytest.mark.parametrize("what", ["location", "job"])
def test_a_result_that_names_another_job_or_location_is_refused(honest: Review, what: str) -> None:
    run_id = honest.runs["ui_honest"]
    result = BatchResult.from_xcom(honest.airflow.xcom("ui_honest", run_id, FULL))
    other = {"location": SECRET, "job": "MEDIA.PUBLIC.MB_OTHER_0123456789AB_0"}
    overwrite(honest.airflow, "ui_honest", run_id, FULL, replace(result, **{what: other[what]}).to_xcom())
    try:
        since = time.time()
        _, _, html = honest.get(honest.path("ui_honest", FULL, "-1"))
        assert b"is not named after it" in html
        assert b"tone" not in html
        assert b"99999" not in html
        assert honest.get(honest.path("ui_honest", FULL, "-1", "log"))[0] == 404
        assert statements(honest, since, "UI_PERSONNEL") + statements(honest, since, "MB_OTHER") == []
    finally:
        overwrite(honest.airflow, "ui_honest", run_id, FULL, result.to_xcom())


def test_what_another_release_or_somebody_else_wrote_is_answered_in_words(honest: Review) -> None:
    """A result, its manifest, and the manifest's names of columns."""
    run_id, page = honest.runs["ui_honest"], honest.path("ui_honest", FULL, "-1")
    result = BatchResult.from_xcom(honest.airflow.xcom("ui_honest", run_id, FULL))
    manifest = result.manifest
    output = next(iter(result.outputs))
    cases = {
        "result that cannot be read here, so nothing of it is shown: this BatchResult was written by a newer": {
            **result.to_xcom(),
            "version": 99,
        },
        "this Manifest has the unknown field colour": replace(result, manifest={**manifest, "colour": 1}).to_xcom(),
        "this Manifest has a field of another type": replace(
            result, manifest={**manifest, "file_columns": "AUDIO"}
        ).to_xcom(),
        "GONE&#34; -- &#39; as one of files. The output has": replace(
            result, manifest={**manifest, "file_columns": ['GONE" -- ']}
        ).to_xcom(),
    }
    try:
        for words, value in cases.items():
            overwrite(honest.airflow, "ui_honest", run_id, FULL, value)
            status, _, html = honest.get(page)
            assert (status, words in html.decode()) == (200, True), words
            # The plan, which another task returned, has the columns of files too.
            assert (b"/media?" in html) == ("this Manifest" in words), words
        listed = [*manifest["file_columns"], output]
        named = replace(result, manifest={**manifest, "file_columns": listed}).to_xcom()
        overwrite(honest.airflow, "ui_honest", run_id, FULL, named)
        status, _, html = honest.get(page)
        assert (status, b"/media?" in html, b"as one of files" in html) == (200, True, False)
    finally:
        overwrite(honest.airflow, "ui_honest", run_id, FULL, result.to_xcom())


def test_a_file_that_was_replaced_after_the_prediction_is_marked(honest: Review) -> None:
    page = honest.path("ui_honest", FULL, "-1")
    note = b"this file was changed after the prediction"
    assert note not in honest.get(page)[2]
    with honest.engine.session() as session:
        session.file.put_stream(
            io.BytesIO(b"RIFF other"), "@UI_RECORDINGS/tone 0.wav", auto_compress=False, overwrite=True
        )
    deadline = time.monotonic() + 90
    while (html := honest.get(page)[2]).count(note) == 0:
        assert time.monotonic() < deadline, "what LIST said counts for a minute"
        time.sleep(5)
    assert html.count(note) == 1
