"""The statement is the one that snowflake-ml's own ``ModelVersion.run_batch`` sends for the same arguments."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
import yaml

from airflow_provider_mediabatch.client.jobs import execute_statement
from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.exceptions import InvalidInputError

FILE = {"img": {"input_format": "full_stage_path", "convert_to": "raw_bytes"}}

CASES: list[dict[str, Any]] = [
    {"column_handling": FILE},
    {
        "column_handling": FILE,
        "params": {"scale": 2, "mode": "it's: {plain}"},
        "resources_spec": {"cpu_requests": "1", "memory_requests": "1Gi"},
        "inference_spec": {"num_workers": 1, "max_batch_rows": 2},
        "image_build_spec": {"force_rebuild": True},
        "replicas": 1,
    },
    {"column_handling": FILE, "params": {"scale": 3}, "save_mode": "overwrite", "replicas": 2},
    {
        "column_handling": FILE,
        "resources_spec": {"gpu_requests": None},
        "inference_spec": {"engine_options": {"engine": "python_generic"}},
        "image_build_spec": {"image_repo": "MEDIA.PUBLIC.IMAGES"},
    },
    {"column_handling": FILE, "resources_spec": {}, "inference_spec": {}, "image_build_spec": {"force_rebuild": False}},
]


def plan(media: Any, **changes: Any) -> InferencePlan:
    values: dict[str, Any] = {
        "model": media.model,
        "model_version": "V1",
        "function": "predict",
        "inputs": {},
        "outputs": {},
        "column_handling": {},
        "compute_pool": media.pool,
        "job_schema": "MEDIA.PUBLIC",
        "output_location": "",
    }
    return InferencePlan(**{**values, **changes})


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_equal_to_run_batch(media: Any, case: dict[str, Any]) -> None:
    from snowflake.ml.model import batch_inference as bi
    from snowflake.ml.registry import Registry

    arguments = dict(case)
    save_mode = arguments.pop("save_mode", "error")
    job = f"MEDIA.PUBLIC.MB_EQUAL_{uuid.uuid4().hex.upper()}"
    manifest, output = f"{media.work}equal/m/{job[-6:]}/", f"{media.work}equal/out/"
    ours = execute_statement(
        plan(media, **arguments), manifest_location=manifest, job=job, output_location=output, save_mode=save_mode
    )

    with media.engine.session() as session:
        _stage_manifest(session, manifest, media.files)
        version = Registry(session).get_model("OP_FILE_MODEL").version("V1")
        optional = {
            name: kind(**arguments[name]) if arguments.get(name) else None
            for name, kind in (
                ("resources_spec", bi.ResourcesSpec),
                ("inference_spec", bi.InferenceSpec),
                ("image_build_spec", bi.ImageBuildSpec),
            )
        }
        with session.query_history() as history:
            version.run_batch(
                input_stage_location=manifest,
                compute_pool=media.pool,
                output_spec=bi.OutputSpec(stage_location=output, mode=bi.SaveMode(save_mode)),
                input_spec=bi.InputSpec(params=arguments.get("params"), column_handling=arguments["column_handling"]),
                job_name=job,
                replicas=arguments.get("replicas"),
                **optional,
            )
        (theirs,) = [query.sql_text for query in history.queries if query.sql_text.startswith("EXECUTE INFERENCE")]
        session.sql(f"CALL {job}!SPCS_CANCEL_JOB()").collect()
    assert ours == theirs


def test_specification_survives_sql_escaping(media: Any) -> None:
    """Where the YAML has backslashes (quotes, non-ASCII) snowflake-ml's own statement arrives as other text."""
    hostile = {"mode": "a\\b'c\"d\ne\\'; DROP TABLE x; --", "scale": 1}
    text = execute_statement(
        plan(media, params=hostile),
        manifest_location="@A.B.C/m/",
        job="A.B.J",
        output_location="@A.B.C/o/",
        save_mode="error",
    )
    body = _specification(text).replace("\\'", "'").replace("\\\\", "\\")
    assert yaml.safe_load(body)["input"]["params"] == hostile


@pytest.mark.parametrize(
    "changes",
    [{"resources_spec": {"cpu": 1}}, {"inference_spec": {"num_workers": "many"}}, {"column_handling": {"A": {}}}],
)
def test_a_plan_that_validation_did_not_write_is_refused(media: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match="The plan cannot become a job"):
        execute_statement(
            plan(media, **changes),
            manifest_location="@A.B.C/m/",
            job="A.B.J",
            output_location="@A.B.C/o/",
            save_mode="error",
        )


def _stage_manifest(session: Any, manifest: str, files: str) -> None:
    session.sql(
        f"COPY INTO {manifest} FROM (SELECT '{files}f00.bin' AS \"img\") FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE"
    ).collect()


def _specification(statement: str) -> str:
    begin = statement.index("WITH SPECIFICATION '") + len("WITH SPECIFICATION '")
    return statement[begin : statement.index("'\nFROM @")]
