"""The seed's Common Mistakes and Troubleshooting tables: a clear error that names the fix, before any job starts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_mediabatch.client import jobs
from airflow_provider_mediabatch.core.inference_plan import InferencePlan

FAIL: dict[str, tuple[str, ...]] = {
    # Missing @ prefix / File not found: ensure paths include the @ prefix
    "no_at_sign": ("must begin with @", "@MEDIA.PUBLIC.OP_FILES/in/"),
    "output_without_at": ("output_location", "must begin with @"),
    "unqualified": ("2 paths in column IMG are not full stage paths", "@DATABASE.SCHEMA.STAGE/path"),
    # Verify the stage path is correct
    "unknown_stage": ("OP_FILE", "did you mean", "OP_FILES"),
    "wrong_case": ("op_files", "OP_FILES"),
    # Column name mismatch: column_handling key must match the column exactly
    "column_handling_key": ("column_handling names 'IMAGE'", "column_handling names 'img'", "did you mean 'IMG'"),
    "column_name": ("input img (BYTES) has no column", 'column_name="IMG"'),
    # Wrong InputFormat: Invalid path format
    "input_format": ("Invalid path format PATH", "use FULL_STAGE_PATH"),
    # Model receives wrong data type: RAW_BYTES vs BASE64
    "encoding": ("takes BYTES", "use RAW_BYTES"),
    # Check the model's expected input signature
    "unknown_model": ("OP_FILES_MODEL does not exist", "did you mean OP_FILE_MODEL", "GRANT READ ON MODEL"),
    "unknown_version": ("has no version or alias V9", "V1"),
    "native_version": ("version_name is the int 7, and not text", "render_template_as_native_obj"),
    "unknown_function": ("has no function predictt", "predict"),
    "unknown_params": ("did you mean 'scale'", "mode takes STRING"),
    "pool": ("did you mean LOCAL_POOL", "GRANT USAGE ON COMPUTE POOL LOCAL_POL"),
    "output_around_input": ("is inside output_location",),
    "all_at_once": (
        "5 problems",
        "NOWHERE",
        "no parameter 'x'",
        "use RAW_BYTES",
        "NO_SUCH_STAGE",
        "resources_spec has no field 'cpu'",
    ),
    "newer_xcom": ("written by a newer airflow-provider-mediabatch", "version 99"),
    "no_xcom": ("the upstream task pushed no XCom",),
    "deleted_manifest": ("is not there any more", "clear the task that listed the files"),
    "another_manifest": ("not the one that was validated",),
    "not_a_plan": ("expected a", "plan"),
    "unknown_asset": ("outlets: Airflow knows no asset of", "no_such_asset", "Nothing was started"),
    "sampling": ("sampling='some'", "'edges'"),
    "sample_size": ("sample_size=0", "1 to 1000"),
}


@pytest.fixture(scope="module")
def ran(media: Any, airflow_home: Any) -> Any:
    """One run of all of them, with the number of jobs before and after."""
    with media.connect() as connection:
        before = set(jobs.statuses(connection, "MEDIA.PUBLIC"))
        run = airflow_home.run_dag(Path(__file__).parent / "dags" / "mistakes.py", "mistakes")
        after = set(jobs.statuses(connection, "MEDIA.PUBLIC"))
    return run, after - before, run.log.read_text()


@pytest.mark.parametrize("task_id", sorted(FAIL))
def test_fails_and_names_the_fix(ran: Any, task_id: str) -> None:
    run, _, log = ran
    states = {task["id"]: task["state"] for task in run.tasks}
    assert states[task_id] == "failed"
    own = _log_of(log, task_id)
    for phrase in FAIL[task_id]:
        assert phrase in own


def test_forgotten_input_spec_is_made_up_for(ran: Any) -> None:
    run, _, _ = ran
    plan = InferencePlan.from_xcom(run.returned("forgotten_input_spec"))
    assert plan.column_handling == {"IMG": {"input_format": "full_stage_path", "convert_to": "raw_bytes"}}


def test_no_job_was_started(ran: Any) -> None:
    _, started, _ = ran
    assert started == set()


def _log_of(log: str, task_id: str) -> str:
    """The part of the log from this task's start to the next task's."""
    starts = [(match.start(), match.group(1)) for match in re.finditer(r"\[DAG TEST\] starting task_id=(\S+)", log)]
    for index, (begin, name) in enumerate(starts):
        if name == task_id:
            return log[begin : starts[index + 1][0] if index + 1 < len(starts) else len(log)]
    raise AssertionError(f"{task_id} did not start")
