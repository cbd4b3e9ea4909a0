"""Values that models take and return as they come, all the way: parameters to the model, outputs to the table."""

from __future__ import annotations

import datetime
import enum
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import job_models
import numpy as np
import pytest
from operators.bad_files import Files

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.exceptions import ModelRaisedError
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

if TYPE_CHECKING:
    from operators.conftest import Media


class Language(enum.StrEnum):
    GERMAN = "de"


@pytest.fixture(scope="module")
def odd_model(media: Media) -> str:
    """A model whose outputs are of every type, and its values of many classes, logged once."""
    from snowflake.ml.model import custom_model
    from snowflake.ml.registry import Registry

    with media.engine.session() as session:
        Registry(session).log_model(
            job_models.ValueModel(custom_model.ModelContext()),
            model_name="OP_VALUE_MODEL",
            version_name="V1",
            signatures={"predict": job_models.VALUE_SIGNATURE},
            target_platforms=["SNOWPARK_CONTAINER_SERVICES"],
            code_paths=[str(Path(job_models.__file__))],
        )
    return "MEDIA.PUBLIC.OP_VALUE_MODEL"


def batch(files: Files, **params: Any) -> BatchResult:
    """Two files through the model."""
    files.write(2)
    manifest = files.list_files("one")
    validate = ValidateSignatureOperator(
        task_id="validate", manifest=manifest, model_name=files.model, compute_pool="LOCAL_POOL", model_params=params,
        output_location=f"@MEDIA.PUBLIC.OP_WORK/{files.name}/", snowflake_conn_id=files.conn_id,
    )  # fmt: skip
    plan = json.loads(json.dumps(files.execute(validate, "one")))
    return BatchResult.from_xcom(files.full("one", manifest, plan))


@pytest.fixture
def files(media: Media, odd_model: str, connection: Any, conn_id: str) -> Files:
    return Files(replace(media, model=odd_model), connection, conn_id)


def test_values_come_through(files: Files, connection: Any) -> None:
    result = batch(
        files,
        language=Language.GERMAN,
        beams=np.int64(2**63 - 1),
        scale=np.float32(-0.0),
        fast=np.bool_(True),
        since=datetime.datetime(2026, 1, 2, 3, 4, 5, 6),
        decoding={"TASK": "sing"},
    )
    files.load("one", result.to_xcom())
    first, second = rows(connection, f"SELECT * FROM {files.name}_RESULTS ORDER BY MB_PATH")
    assert json.loads(first["TEXT"]) == [
        "'de'", "9223372036854775807", "-0.0", "True", "'2026-01-02T03:04:05.000006'", "{'width': 4, 'task': 'sing'}",
    ]  # fmt: skip
    assert (first["COUNT"], second["COUNT"]) == (1, 2**53 + 1)
    assert (first["SCORE"], second["SCORE"]) == (1.5, None)
    assert (first["FLAG"], second["FLAG"]) == (True, None)
    assert (first["RAW"], second["RAW"]) == (b"\xff\x00", None)
    assert (first["AT"], second["AT"]) == (datetime.datetime(2026, 1, 1, 10), None)
    assert [json.loads(row["LIST"]) for row in (first, second)] == [[1.0, None, "inf"], [1.5, 2.5, 3.5]]


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        ("half a file", "output 'COUNT' is not INT64: 0.5 is no whole number"),
        ("a set", "output 'LIST' is not JSON: {1, 2} is set"),
        ("seconds", "output 'AT' is not TIMESTAMP_NTZ: 1700000000 is int"),
        ("another case", "output 'COUNT' is missing"),
        ("fewer rows", "the model returned 1 rows for 2 input rows"),
        ("more rows", "the model returned 4 rows for 2 input rows"),
        ("a series", "the model returned a Series"),
    ],
)
def test_what_is_no_result_fails_with_words(files: Files, mode: str, says: str) -> None:
    with pytest.raises(ModelRaisedError) as caught:
        batch(files, mode=mode)
    assert "TypeError: " in str(caught.value)
    assert says in str(caught.value)
