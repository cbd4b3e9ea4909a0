"""Every value that travels by XCom and every trigger comes back equal from its JSON form."""

from __future__ import annotations

import importlib
import json
import math
from typing import Any

import pytest
from hostile import JSON, STAGE_PATHS, TEXT
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mediabatch.core import xcom
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.manifest import Manifest, manifests_from_xcom
from airflow_provider_mediabatch.core.sample_report import Check, SampleReport, clip
from airflow_provider_mediabatch.ledger.stage_watermark import StageWatermark
from airflow_provider_mediabatch.triggers.batch_job import BatchJobTrigger
from airflow_provider_mediabatch.triggers.isolation_round import IsolationRoundTrigger
from airflow_provider_mediabatch.triggers.stage_files import StageFilesTrigger, StageReadyTrigger

COUNT = st.integers(0, 10**12)
SECONDS = st.floats(0, 1e12)
OBJECT = st.dictionaries(TEXT, JSON, max_size=3)
NAMES = st.dictionaries(TEXT, TEXT, max_size=3)
NOTHING = st.none()

MANIFESTS = st.builds(
    Manifest,
    location=STAGE_PATHS.map(lambda path: path.folder.full),
    columns=NAMES,
    file_columns=st.lists(TEXT, max_size=3).map(tuple),
    file_count=COUNT,
    row_count=COUNT,
    total_bytes=COUNT,
    digest=TEXT,
    zero_byte_files=COUNT,
    unqualified_paths=st.dictionaries(TEXT, OBJECT, max_size=2),
    model=NOTHING | TEXT,
    ledger=NOTHING | TEXT,
    claim_id=NOTHING | TEXT,
    shard=COUNT,
    shards=COUNT,
    skipped=st.dictionaries(TEXT, COUNT, max_size=2),
)
PLANS = st.builds(
    InferencePlan,
    model=TEXT,
    model_version=TEXT,
    function=TEXT,
    inputs=NAMES,
    outputs=NAMES,
    column_handling=st.dictionaries(TEXT, NAMES, max_size=2),
    compute_pool=TEXT,
    job_schema=TEXT,
    output_location=TEXT,
    params=OBJECT,
    partition_column=NOTHING | TEXT,
    resources_spec=NOTHING | OBJECT,
    inference_spec=NOTHING | OBJECT,
    image_build_spec=NOTHING | OBJECT,
    replicas=NOTHING | COUNT,
    warnings=st.lists(TEXT, max_size=2).map(tuple),
    manifests=st.lists(TEXT, max_size=2).map(tuple),
)
REPORTS = st.builds(
    SampleReport,
    passed=st.booleans(),
    job=TEXT,
    location=TEXT,
    manifest=TEXT,
    plan_digest=TEXT,
    manifest_digest=TEXT,
    checks=st.lists(st.builds(Check, TEXT, st.booleans(), TEXT), max_size=2).map(tuple),
    preview=st.lists(OBJECT, max_size=2).map(clip),
    rows=COUNT,
    seconds_per_file=NOTHING | SECONDS,
)
RESULTS = st.builds(
    BatchResult,
    job=TEXT,
    location=TEXT,
    rows=COUNT,
    files=COUNT,
    seconds=SECONDS,
    plan=TEXT,
    model=TEXT,
    model_version=TEXT,
    function=TEXT,
    outputs=NAMES,
    manifest=OBJECT,
    generation=COUNT,
    quarantined=st.lists(st.fixed_dictionaries({"path": TEXT, "error": TEXT}), max_size=2).map(tuple),
    adopted=st.booleans(),
    more_quarantined=COUNT,
)
VALUES = {"manifest": MANIFESTS, "plan": PLANS, "report": REPORTS, "result": RESULTS}


@pytest.mark.parametrize("kind", VALUES)
@given(data=st.data())
def test_value_comes_back_equal(kind: str, data: st.DataObject) -> None:
    value: Any = data.draw(VALUES[kind])
    written = json.dumps(value.to_xcom(), allow_nan=False)
    again = type(value).from_xcom(json.loads(written))
    assert again == value
    assert again.to_xcom() == value.to_xcom()


@pytest.mark.parametrize("kind", VALUES)
@given(data=st.data(), junk=JSON)
def test_damaged_value_is_refused_or_a_value(kind: str, data: st.DataObject, junk: Any) -> None:
    value: Any = data.draw(VALUES[kind])
    fields = value.to_xcom()
    damaged = {key: item for key, item in fields.items() if key != data.draw(st.sampled_from(sorted(fields)))}
    for broken in (junk, damaged):
        try:
            again = type(value).from_xcom(broken)
        except ValueError:
            continue  # refused, with no other kind of error
        assert isinstance(again, type(value))


@given(st.lists(MANIFESTS, min_size=1, max_size=3))
def test_shards_come_back_in_order(manifests: list[Manifest]) -> None:
    assert manifests_from_xcom(json.loads(json.dumps([item.to_xcom() for item in manifests]))) == manifests


@given(OBJECT, OBJECT)
def test_digest_is_of_the_content_in_any_order(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert xcom.digest(one) == xcom.digest(dict(reversed(one.items())))
    assert (xcom.digest(one) == xcom.digest(other)) == (
        json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    )


@given(st.lists(st.dictionaries(TEXT, JSON | st.binary() | st.dates(), max_size=3), max_size=20))
def test_preview_is_json_of_bounded_size(rows: list[dict[str, Any]]) -> None:
    preview = clip(rows)
    assert len(preview) == min(10, len(rows))
    json.dumps(preview)
    assert all(len(item) <= 1200 for row in preview for item in row.values() if isinstance(item, str))


@given(SECONDS, SECONDS, st.dictionaries(TEXT, SECONDS, max_size=4))
def test_watermark_comes_back_equal(modified: float, since: float, seen: dict[str, float]) -> None:
    mark = StageWatermark(modified, since, seen)
    assert StageWatermark.from_json(json.loads(json.dumps(mark.to_json()))) == mark


MAYBE_SECONDS = NOTHING | st.floats(0.1, 1e9).filter(math.isfinite)
TRIGGERS = {
    BatchJobTrigger: st.fixed_dictionaries(
        {"snowflake_conn_id": TEXT, "job": TEXT, "started": SECONDS},
        optional={
            "query_id": NOTHING | TEXT,
            "phase": st.sampled_from(["submitting", "running"]),
            "deadline": MAYBE_SECONDS,
            "poll_interval": MAYBE_SECONDS,
            "output_location": NOTHING | TEXT,
            "cancel_on_timeout": st.booleans(),
            "state": OBJECT,
        },
    ),
    IsolationRoundTrigger: st.fixed_dictionaries(
        {"snowflake_conn_id": TEXT, "round_number": COUNT, "jobs": st.lists(OBJECT, max_size=3)},
        optional={
            "deadline": MAYBE_SECONDS,
            "poll_interval": MAYBE_SECONDS,
            "cancel_on_timeout": st.booleans(),
            "state": OBJECT,
        },
    ),
    StageFilesTrigger: st.fixed_dictionaries(
        {"stage_path": TEXT, "asset_name": TEXT},
        optional={"pattern": NOTHING | TEXT, "snowflake_conn_id": TEXT, "settle": SECONDS, "max_delay": SECONDS},
    ),
    StageReadyTrigger: st.fixed_dictionaries(
        {"stage_path": TEXT},
        optional={
            "pattern": NOTHING | TEXT,
            "since": NOTHING | TEXT,
            "subject": NOTHING | NAMES,
            "min_files": COUNT,
            "deadline": MAYBE_SECONDS,
            "snowflake_conn_id": TEXT,
        },
    ),
}


@pytest.mark.parametrize("kind", TRIGGERS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_trigger_comes_back_equal(kind: Any, data: st.DataObject) -> None:
    arguments = data.draw(TRIGGERS[kind])
    path, written = kind(**arguments).serialize()
    module, _, name = path.rpartition(".")
    found = getattr(importlib.import_module(module), name)
    assert found is kind
    again = found(**json.loads(json.dumps(written, allow_nan=False)))
    assert again.serialize() == (path, written)
    assert arguments.items() <= written.items()
