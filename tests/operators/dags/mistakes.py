"""Every mistake of the seed document's tables, and more: each task but the listing fails and names the fix."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, Asset, task

from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.load_results import LoadResultsOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

START = pendulum.datetime(2026, 1, 1, tz="UTC")
MODEL = "MEDIA.PUBLIC.OP_FILE_MODEL"
WORK = "@MEDIA.PUBLIC.OP_WORK"
FILES = "@MEDIA.PUBLIC.OP_FILES/in/"


def listing(task_id: str, **changes: object) -> ListStageFilesOperator:
    arguments = {"stage_path": FILES, "manifest_location": f"{WORK}/manifests/", "column_name": "IMG"}
    return ListStageFilesOperator(task_id=task_id, **{**arguments, **changes})


def validation(task_id: str, files: object, **changes: object) -> ValidateSignatureOperator:
    arguments = {
        "manifest": files,
        "model_name": MODEL,
        "compute_pool": "LOCAL_POOL",
        "output_location": f"{WORK}/predictions/",
    }
    return ValidateSignatureOperator(task_id=task_id, **{**arguments, **changes})


with DAG(dag_id="mistakes", schedule=None, start_date=START):
    listing("no_at_sign", stage_path="MEDIA.PUBLIC.OP_FILES/in/")
    listing("unknown_stage", stage_path="@MEDIA.PUBLIC.OP_FILE/in/")
    listing("wrong_case", stage_path='@MEDIA.PUBLIC."op_files"/in/')
    files = listing("files").output
    other = listing("other_column", column_name="PICTURES").output
    relative = listing(
        "relative_paths",
        stage_path=None,
        column_name=None,
        query="SELECT 'op_files/in/f00.bin' AS IMG UNION ALL SELECT 'OP_FILES/in/f01.bin' AS IMG",
    ).output

    validation("output_without_at", files, output_location="MEDIA.PUBLIC.OP_WORK/predictions/")
    validation("column_handling_key", files, column_handling={"IMAGE": "RAW_BYTES", "img": "RAW_BYTES"})
    validation("input_format", files, column_handling={"IMG": {"input_format": "PATH", "convert_to": "RAW_BYTES"}})
    validation("encoding", files, column_handling={"IMG": "BASE64"})
    validation("forgotten_input_spec", files)
    validation("column_name", other)
    validation("unqualified", relative)
    validation("unknown_model", files, model_name="MEDIA.PUBLIC.OP_FILES_MODEL")
    validation("unknown_version", files, version_name="V9")
    validation("native_version", files, version_name=7)
    validation("unknown_function", files, function_name="predictt")
    validation("unknown_params", files, model_params={"scal": 2, "mode": 3})
    validation("pool", files, compute_pool="LOCAL_POL")
    validation("output_around_input", files, output_location=f"{WORK}/")
    validation(
        "all_at_once",
        files,
        compute_pool="NOWHERE",
        model_params={"x": 1},
        column_handling={"IMG": "BASE64"},
        output_location="@MEDIA.PUBLIC.NO_SUCH_STAGE/",
        resources_spec={"cpu": "1"},
    )

    @task
    def newer(manifest: dict) -> dict:
        return {**manifest, "version": 99}

    @task
    def nothing() -> None:
        return None

    @task
    def remove(manifest: dict) -> dict:
        from airflow_provider_mediabatch.hooks.mediabatch import MediaBatchHook

        MediaBatchHook().run(f"REMOVE {manifest['location']}")
        return manifest

    good = validation("good_plan", files)
    validation("newer_xcom", newer(files))
    validation("no_xcom", nothing())
    gone = listing("gone_files").output
    gone_plan = validation("gone_plan", gone)
    removed = remove(gone)
    gone_plan >> removed
    FullBatchOperator(task_id="deleted_manifest", manifest=removed, plan=gone_plan.output)
    FullBatchOperator(task_id="another_manifest", manifest=other, plan=good.output)
    FullBatchOperator(task_id="not_a_plan", manifest=files, plan=files)
    LoadResultsOperator(
        task_id="unknown_asset", results=good.output, table="MEDIA.PUBLIC.T", outlets=[Asset.ref(name="no_such_asset")]
    )
    SampleBatchOperator(task_id="sampling", manifest=files, plan=good.output, sampling="some")
    SampleBatchOperator(task_id="sample_size", manifest=files, plan=good.output, sample_size=0)
