"""OpenLineage's own provider writes our events to a file: they name stage, model and output, and fit OpenLineage."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attr
import pytest
from jsonschema import Draft202012Validator, FormatChecker

pytest.importorskip("airflow.providers.openlineage", reason="the extra openlineage is not installed")

if TYPE_CHECKING:
    from airflow_provider_mediabatch.demo.airflow_home import AirflowHome

DAG = Path(__file__).with_name("lineage_dag.py")

FACET = {
    "type": "object",
    "required": ["_producer", "_schemaURL"],
    "properties": {
        "_producer": {"type": "string", "format": "uri"},
        "_schemaURL": {"type": "string", "format": "uri"},
    },
}
FACETS = {"type": "object", "additionalProperties": FACET}
DATASET = {
    "type": "object",
    "required": ["namespace", "name"],
    "properties": {
        "namespace": {"type": "string"},
        "name": {"type": "string"},
        "facets": FACETS,
        "inputFacets": FACETS,
        "outputFacets": FACETS,
    },
}
RUN_EVENT = {
    "type": "object",
    "required": ["eventTime", "producer", "schemaURL", "eventType", "run", "job"],
    "properties": {
        "eventTime": {"type": "string", "format": "date-time"},
        "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
        "run": {
            "type": "object",
            "required": ["runId"],
            "properties": {"runId": {"type": "string", "format": "uuid"}, "facets": FACETS},
        },
        "job": {
            "type": "object",
            "required": ["namespace", "name"],
            "properties": {"namespace": {"type": "string"}, "name": {"type": "string"}, "facets": FACETS},
        },
        "inputs": {"type": "array", "items": DATASET},
        "outputs": {"type": "array", "items": DATASET},
    },
}
"""What OpenLineage's specification of a run event requires."""


@pytest.fixture(scope="module")
def media_on_engine(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Files and a model of this test's own."""
    import job_models
    from snowflake.ml.model import custom_model
    from snowflake.ml.registry import Registry

    folder = tmp_path_factory.mktemp("files")
    for number in range(4):
        (folder / f"{number}.bin").write_bytes(bytes([65 + number]) * 20)
    with engine.session() as session:
        for name in ("OL_FILES", "OL_WORK"):
            session.sql(f"CREATE STAGE IF NOT EXISTS {name} ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')").collect()
        session.file.put(str(folder / "*.bin"), "@OL_FILES/in", auto_compress=False)
        Registry(session).log_model(
            job_models.FileModel(custom_model.ModelContext()),
            model_name="OL_MODEL",
            version_name="V1",
            signatures={"predict": job_models.FILE_SIGNATURE},
            target_platforms=["SNOWPARK_CONTAINER_SERVICES"],
            code_paths=[job_models.__file__],
        )


def events_of(home: AirflowHome, tmp_path: Path, dag_id: str) -> list[dict[str, Any]]:
    log = tmp_path / "events.jsonl"
    transport = {"type": "file", "log_file_path": str(log), "append": True}
    home.run_dag(
        DAG,
        dag_id,
        environment={
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport),
            "AIRFLOW__OPENLINEAGE__NAMESPACE": "tests",
            "AIRFLOW__OPENLINEAGE__EXECUTION_TIMEOUT": "60",
            "AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE": "False",
        },
    )
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert_specified(events)
    return events


def assert_specified(events: list[dict[str, Any]]) -> None:
    """Every event and each of its facets is as OpenLineage specifies it."""
    specified = specified_facets()
    validator = Draft202012Validator(RUN_EVENT, format_checker=FormatChecker())
    for event in events:
        assert [error.message for error in validator.iter_errors(event)] == []
        for facet in facets_of(event):
            fields = specified[facet["_schemaURL"]]
            if "/facets/" in facet["_schemaURL"]:  # Airflow's own ones name the open base facet
                assert facet.keys() <= fields.keys()
            assert {name for name, required in fields.items() if required} <= facet.keys()


def facets_of(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every facet of an event, wherever it hangs."""
    for part in [event["run"], event["job"], *event.get("inputs", []), *event.get("outputs", [])]:
        for kind in ("facets", "inputFacets", "outputFacets"):
            yield from part.get(kind, {}).values()


def specified_facets() -> dict[str, dict[str, bool]]:
    """Address of a facet's schema → its fields and whether each is required, as OpenLineage's client generated them."""
    generated = importlib.import_module("openlineage.client.generated")
    found = {}
    for module in pkgutil.iter_modules(generated.__path__, generated.__name__ + "."):
        for kind in vars(importlib.import_module(module.name)).values():
            if hasattr(kind, "__attrs_attrs__") and hasattr(kind, "_get_schema"):
                fields = {field.name: field.default is attr.NOTHING for field in attr.fields(kind)}
                found[kind._get_schema()] = fields
    return found


def names(event: dict[str, Any], side: str) -> set[str]:
    return {dataset["name"] for dataset in event.get(side, [])}


@pytest.mark.slow
def test_events_of_a_whole_run(own_airflow_home: AirflowHome, media_on_engine: None, tmp_path: Path) -> None:
    events = events_of(own_airflow_home, tmp_path, "lineage")
    done = {
        event["job"]["name"].removeprefix("lineage.media_batch."): event
        for event in events
        if event["eventType"] == "COMPLETE"
    }
    assert names(done["list_files"], "inputs") == {"MEDIA.PUBLIC.OL_FILES/in"}
    (manifest,) = done["list_files"]["outputs"]
    assert manifest["name"].startswith("MEDIA.PUBLIC.OL_WORK/manifests/")
    assert manifest["outputFacets"]["outputStatistics"]["rowCount"] == 4
    assert names(done["full_batch"], "inputs") == {manifest["name"], "MEDIA.PUBLIC.OL_MODEL"}
    model = next(item for item in done["full_batch"]["inputs"] if item["name"] == "MEDIA.PUBLIC.OL_MODEL")
    assert model["facets"]["version"]["datasetVersion"] == "V1"
    assert model["namespace"].startswith("snowflake://")
    (output,) = done["full_batch"]["outputs"]
    assert output["name"].startswith("MEDIA.PUBLIC.OL_WORK/predictions/MB_")
    assert {field["name"] for field in output["facets"]["schema"]["fields"]} == {"size", "head", "pid", "batch"}
    assert done["full_batch"]["run"]["facets"]["externalQuery"]["externalQueryId"].startswith("MEDIA.PUBLIC.MB_")
    tags = {tag["key"] for tag in done["full_batch"]["run"]["facets"]["tags"]["tags"]}
    assert {"mediabatch_job_seconds", "mediabatch_projected_seconds"} <= tags
    assert names(done["load_results"], "inputs") == {output["name"]}
    assert names(done["load_results"], "outputs") == {"MEDIA.PUBLIC.OL_RESULTS"}
    started = [
        event for event in events if event["eventType"] == "START" and event["job"]["name"].endswith("full_batch")
    ]
    assert names(started[0], "inputs") == names(done["full_batch"], "inputs")


@pytest.mark.slow
def test_a_failure_names_its_inputs(own_airflow_home: AirflowHome, media_on_engine: None, tmp_path: Path) -> None:
    events = events_of(own_airflow_home, tmp_path, "lineage_failure")
    failed = [event for event in events if event["eventType"] == "FAIL" and "media_batch." in event["job"]["name"]]
    assert [event["job"]["name"].rpartition(".")[2] for event in failed] == ["sample_batch"]
    assert "MEDIA.PUBLIC.OL_MODEL" in names(failed[0], "inputs")
    assert "errorMessage" in failed[0]["run"]["facets"]
