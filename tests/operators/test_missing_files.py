"""Files that are deleted between the listing and the job: the failure names them, and is not tried again."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from operators.job_requests import make_request, statements, until

from airflow_provider_mediabatch.batch import job_outcomes, submission
from airflow_provider_mediabatch.batch.missing_files import MAX_NAMES, common_folder, missing_files
from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.exceptions import FilesMissingError


class Bucket:
    """An external stage of a mixed-case name with a prefix in its URL, and manifests of its files."""

    def __init__(self, media: Any, connection: Any) -> None:
        self.media, self.connection = media, connection
        self.name = f"Gone {uuid.uuid4().hex[:8]}"
        bucket = f"gone-{self.name[-8:]}"
        rows(connection, f"CREATE STAGE \"{self.name}\" URL = 's3://{bucket}/pre/fix/'")
        self.folder = Path(media.engine.state_dir) / "buckets" / bucket / "pre" / "fix"

    def write(self, names: list[str]) -> None:
        for name in names:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(b"abc")

    def path(self, name: str) -> str:
        return f'@MEDIA.PUBLIC."{self.name}"/{name}'

    def manifest(self, names: list[str]) -> Manifest:
        location = f"{self.media.work}missing/{uuid.uuid4().hex}/"
        paths = ", ".join("('" + self.path(name).replace("'", "''") + "')" for name in names)
        rows(
            self.connection,
            f'COPY INTO {location} FROM (SELECT COLUMN1 AS "IMG" FROM VALUES {paths}) '
            "FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE",
        )
        count = len(names)
        return Manifest(location, {"IMG": "VARCHAR"}, ("IMG",), count, count, 3 * count, location)


@pytest.fixture
def bucket(media: Any, connection: Any) -> Bucket:
    return Bucket(media, connection)


def test_all_are_counted_and_the_first_are_named(bucket: Bucket, media: Any) -> None:
    names = [f"a b/it's {number:02}.jpg" for number in range(40)]
    bucket.write(names)
    manifest = bucket.manifest(names)
    since = time.time()
    assert missing_files(bucket.connection, manifest, "MEDIA.PUBLIC").count == 0
    few = len(statements(media, since, bucket.connection))
    assert few > 0
    for name in names[5:35]:
        (bucket.folder / name).unlink()
    since = time.time()
    missing = missing_files(bucket.connection, manifest, "MEDIA.PUBLIC")
    assert (missing.count, list(missing.names)) == (30, [bucket.path(name) for name in names[5 : 5 + MAX_NAMES]])
    assert str(missing).endswith("it's 24.jpg and 10 more")
    assert len(statements(media, since, bucket.connection)) <= few, "no more statements for more files"


def test_the_failure_names_them_and_is_not_tried_again(bucket: Bucket, media: Any, conn_id: str) -> None:
    names = ["x.jpg", "y.jpg", "z.jpg"]
    bucket.write(names)
    request = make_request(media, bucket.connection)
    request = replace(request, manifest=bucket.manifest(names))
    for name in names[1:]:
        (bucket.folder / name).unlink()
    attempt = submission.submit(bucket.connection, conn_id, request, 0)
    until(bucket.connection, attempt.job, "FAILED")
    event = {"outcome": "failed", "status": "FAILED"}
    error = job_outcomes.outcome_error(bucket.connection, event, attempt, cancel_on_timeout=False, request=request)
    assert isinstance(error, FilesMissingError)
    assert isinstance(error, AirflowFailException)
    assert f"2 of the manifest's files are not on their stage any more: {bucket.path('y.jpg')}, " in str(error)
    assert bucket.path("z.jpg") in str(error)
    assert "clear the task that lists the files" in str(error)


def test_one_listing_covers_one_stage() -> None:
    assert str(common_folder("@D.S.I/a/x.jpg", "@D.S.I/a/y.jpg")) == "@D.S.I/a/"
    assert str(common_folder("@D.S.I/a/x.jpg", "@D.S.I/b")) == "@D.S.I/"
    assert common_folder("@D.S.I/a/x.jpg", "@D.S.J/a/x.jpg") is None
    assert common_folder("not a path", "nor this") is None
    assert common_folder(None, None) is None
