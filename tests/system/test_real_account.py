"""The main job on a real Snowflake account: the same DAG that runs on the local engine.

Give a connection and it runs; it costs a small image build and two short jobs::

    export MEDIABATCH_SYSTEM_CONNECTION='{"conn_type": "snowflake", "login": …, "extra": {"account": …, …}}'
    export MEDIABATCH_SYSTEM_COMPUTE_POOL=MY_POOL
    pytest tests/system

The connection's default database and schema are used: stages ``MEDIABATCH_TEST_PHOTOS`` and ``MEDIABATCH_TEST_WORK``
and the demo's model are made there and left, so that a second run needs no image build.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow_env import EXAMPLES, copy_database

from airflow_provider_mediabatch.demo import media, models
from airflow_provider_mediabatch.demo.airflow_home import AirflowHome, DagRunResult

if TYPE_CHECKING:
    from snowflake.snowpark import Session

CONNECTION = os.environ.get("MEDIABATCH_SYSTEM_CONNECTION")
COMPUTE_POOL = os.environ.get("MEDIABATCH_SYSTEM_COMPUTE_POOL", "SYSTEM_COMPUTE_POOL_CPU")

pytestmark = pytest.mark.skipif(
    not CONNECTION, reason="no Snowflake account: MEDIABATCH_SYSTEM_CONNECTION gives no connection"
)


def names(session: Session) -> tuple[str, str]:
    found = (session.get_current_database(), session.get_current_schema())
    assert all(found), "the connection needs a default database and schema"
    return tuple(str(name).strip('"') for name in found)  # type: ignore[return-value]


@pytest.fixture(scope="module")
def run(session: Session, migrated_airflow_home: AirflowHome, tmp_path_factory: pytest.TempPathFactory) -> DagRunResult:
    """The first example DAG, with the account's own names put in."""
    folder: Path = tmp_path_factory.mktemp("system")
    model = models.image_classifier(folder)
    models.log(session, model)
    for stage in ("MEDIABATCH_TEST_PHOTOS", "MEDIABATCH_TEST_WORK"):
        session.sql(f"CREATE STAGE IF NOT EXISTS {stage} ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')").collect()
    for file in media.photographs():
        session.file.put(str(file), "@MEDIABATCH_TEST_PHOTOS/demo", auto_compress=False, overwrite=True)
    text = (EXAMPLES / "image_classification.py").read_text()
    place = ".".join(names(session))
    for old, new in (
        ("MEDIA.PUBLIC.PHOTOS", f"{place}.MEDIABATCH_TEST_PHOTOS"),
        ("MEDIA.PUBLIC.WORK", f"{place}.MEDIABATCH_TEST_WORK"),
        ("MEDIA.PUBLIC.", f"{place}."),
        ("LOCAL_POOL", COMPUTE_POOL),
    ):
        text = text.replace(old, new)
    dag_file = folder / "image_classification.py"
    dag_file.write_text(text)
    home = AirflowHome(folder / "airflow", {"snowflake_default": CONNECTION or ""})
    copy_database(migrated_airflow_home, home)
    return home.run_dag(dag_file, "image_classification", timeout=3600)


def test_the_dag_succeeds(run: DagRunResult) -> None:
    assert run.state == "success", run.errors()


def test_a_manifest_was_written_on_the_server(run: DagRunResult) -> None:
    manifest = run.returned("list_files")
    assert manifest["file_count"] == manifest["row_count"] == len(media.photographs())


def test_predictions_are_right(run: DagRunResult, session: Session) -> None:
    location = run.returned("full_batch")["location"]
    rows: list[Any] = session.read.option("pattern", r".*[.]parquet").parquet(location).collect()
    labels = {Path(row["IMAGE"]).name: row["LABEL"] for row in rows}
    assert labels["coffee.png"] == "espresso"
    assert labels["flower.jpg"] == "daisy"


def test_the_report_fits_into_an_xcom(run: DagRunResult) -> None:
    assert len(json.dumps(run.xcoms)) < 48_000
