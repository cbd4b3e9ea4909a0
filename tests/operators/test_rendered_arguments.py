"""Numbers, truth values and durations of a DAG run's parameters, rendered by Airflow, on the local engine."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred
from operators.bad_files import Files

from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator
from airflow_provider_mediabatch.sensors.stage_files import StageFilesSensor

PARAMS: dict[str, Any] = {"two": 2, "one": 1, "half": 0.5, "yes": True, "no": False, "nothing": None, "long": 3600}


def of(name: str) -> str:
    return f"{{{{ params.{name} }}}}"


class RenderedFiles(Files):
    """A run whose tasks are rendered first, as Airflow does it."""

    def execute(self, operator: Any, *args: Any, **kwargs: Any) -> Any:
        operator.render_template_fields({"params": PARAMS})
        return super().execute(operator, *args, **kwargs)

    def rendered_plan(self, manifest: Any) -> InferencePlan:
        operator = ValidateSignatureOperator(
            task_id="validate", manifest=manifest, model_name=self.model, compute_pool="LOCAL_POOL",
            output_location=f"@MEDIA.PUBLIC.OP_WORK/{self.name}/", replicas=of("one"),
            model_params={"mode": "picky", "scale": of("two")},
            inference_spec={"num_workers": of("one"), "max_batch_rows": of("nothing")},
            image_build_spec={"force_rebuild": of("no")}, snowflake_conn_id=self.conn_id,
        )  # fmt: skip
        return InferencePlan.from_xcom(self.execute(operator, "one"))


@pytest.fixture
def files(media: Any, connection: Any, conn_id: str) -> RenderedFiles:
    return RenderedFiles(media, connection, conn_id)


def test_a_whole_run(files: RenderedFiles) -> None:
    """One bad file of four, in shards of two, of which the sample takes two."""
    files.write(3, 1)
    shards = files.list_files(
        "one", max_files_per_shard=of("two"), min_files=of("two"), max_delay=of("long"), max_files=of("nothing"),
        reprocess=of("no"),
    )  # fmt: skip
    assert [(Manifest.from_xcom(shard).row_count, shard["shards"]) for shard in shards] == [(2, 2), (2, 2)]
    plan = files.rendered_plan(shards)
    assert (plan.params, plan.replicas) == ({"mode": "picky", "scale": 2}, 1)
    assert (plan.inference_spec, plan.image_build_spec) == ({"num_workers": 1}, {"force_rebuild": False})

    common = {"isolate_failures": of("yes"), "max_isolation_jobs": of("two"), "timeout": of("long")}
    sample = files.sample("one", shards, plan.to_xcom(), sample_size=of("one"), max_null_fraction=of("half"), **common)
    assert SampleReport.from_xcom(sample).rows == 1
    results = [
        files.full(
            "one", shard, plan.to_xcom(), sample, index=index, max_failed_fraction=of("half"), deferrable=of("no"),
            require_sample=of("yes"), cancel_on_timeout=of("yes"), **common,
        )
        for index, shard in enumerate(shards)
    ]  # fmt: skip
    found = [BatchResult.from_xcom(result) for result in results]
    assert [(result.rows, result.quarantined_count) for result in found] == [(1, 1), (2, 0)]
    assert files.states() == {0: "done", 1: "quarantined", 2: "done", 3: "done"}


def test_a_shard_size_that_renders_to_nothing_is_a_list_of_one(files: RenderedFiles) -> None:
    files.write(3)
    found = files.list_files("one", max_files_per_shard=of("nothing"))
    assert [(Manifest.from_xcom(item).row_count, item["shards"]) for item in found] == [(3, 1)]


def test_text_decides_whether_a_task_defers(files: RenderedFiles) -> None:
    files.write(2)
    manifest = files.list_files("one")
    plan = files.rendered_plan(manifest).to_xcom()
    with pytest.raises(TaskDeferred):
        files.full("one", manifest, plan, deferrable=of("yes"))
    # The same job, found again by its name and waited for in place.
    assert BatchResult.from_xcom(files.full("one", manifest, plan, deferrable=of("no"))).rows == 2


@pytest.mark.parametrize(("deferrable", "settle"), [(of("no"), of("nothing")), (of("yes"), "0")])
def test_the_sensor(files: RenderedFiles, deferrable: str, settle: str) -> None:
    """The files have not settled for 30 seconds, and the oldest waits no longer than ``max_delay``."""
    files.write(2)
    sensor = StageFilesSensor(
        task_id="wait", stage_path=f"@MEDIA.PUBLIC.{files.name}/", min_files=of("two"), settle=settle,
        max_delay="0.001", deferrable=deferrable, poke_interval=0.2, timeout=30, snowflake_conn_id=files.conn_id,
    )  # fmt: skip
    found = files.execute(sensor, "one")
    assert getattr(found, "xcom_value", found) == {"files": 2, "bytes": 12}
