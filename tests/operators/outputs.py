"""Outputs as jobs write them, and tables beside them, without a job."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from operators.job_requests import make_request

from airflow_provider_mediabatch.batch.submission import JobRequest
from airflow_provider_mediabatch.client.connection import execute, rows
from airflow_provider_mediabatch.core import sql

STAGE = "@MEDIA.PUBLIC.PHOTOS/"


def write_output(
    media: Any, connection: Any, predicted: Sequence[tuple[Any, ...]], *, content: str = "c"
) -> tuple[JobRequest, str]:
    """A request, and a folder with its output: paths, content ids, labels and scores.

    :param predicted: the path on the stage, the label and, where it matters, the score.
    :param content: the content id of all files.
    """
    request = make_request(media, connection, files=1)
    plan = replace(request.plan, outputs={"LABEL": "STRING", "SCORE": "DOUBLE"})
    manifest = replace(request.manifest, columns={"IMG": "VARCHAR", "MB_CONTENT_ID": "VARCHAR"})
    values = ", ".join(
        f"({', '.join(map(sql.literal, (STAGE + path, content, label, *(score or [0.5]))))})"
        for path, label, *score in predicted
    )
    location = f"{media.work}outputs/{uuid.uuid4().hex}/"
    rows(
        connection,
        f"COPY INTO {location} FROM (SELECT COLUMN1::VARCHAR AS IMG, COLUMN2::VARCHAR AS MB_CONTENT_ID, "
        f"COLUMN3::VARCHAR AS LABEL, COLUMN4::FLOAT AS SCORE FROM VALUES {values}) "
        "FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE",
    )
    return replace(request, plan=plan, manifest=manifest), location


def make_table(connection: Any, columns: str, values: str = "") -> str:
    """A table with rows.

    :param columns: names and types.
    :param values: rows as VALUES takes them.
    """
    name = f"MEDIA.PUBLIC.T_{uuid.uuid4().hex}".upper()
    execute(connection, f"CREATE TABLE {name} ({columns})")
    if values:
        execute(connection, f"INSERT INTO {name} SELECT * FROM VALUES {values}")
    return name
