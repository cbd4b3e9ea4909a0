"""Models and values that a worker must not lose or misread: what they end in, and what the log says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from job_models import ODD_SIGNATURE, OddModel
from local.test_runner import ForkServer, logs
from snowflake.ml.model.model_signature import DataType, FeatureSpec, ModelSignature

from airflow_provider_mediabatch.local.runner import conversion, outputs
from airflow_provider_mediabatch.local.runner.files import InputError
from airflow_provider_mediabatch.local.runner.reader import Batch
from airflow_provider_mediabatch.local.runner.spec import RunSpec


@pytest.fixture(scope="module")
def fork_server() -> Any:
    server = ForkServer()
    yield server
    server.process.stdin.close()
    server.process.wait(10)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> str:
    from snowflake.ml.model._packager.model_packager import ModelPackager

    folder = str(tmp_path_factory.mktemp("odd"))
    ModelPackager(folder).save(
        name="m",
        model=OddModel(),
        signatures={"predict": ODD_SIGNATURE},
        options={},
        pip_requirements=["no-such-package-of-mine==9.9"],
        conda_dependencies=["pandas>=99"],
    )
    return folder


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [
        (0, "FAILED", "worker 0 ended with exit code 0 before its rows were done"),
        (1, "FAILED", "worker 0 ended with exit code 0 before its rows were done"),
        (2, "FAILED", "the model returned None; expected is a pandas DataFrame with the columns ['OUT']"),
        (3, "FAILED", "the model returned a dict with the keys ['OUT']; expected is"),
        (4, "DONE", ""),
        (5, "FAILED", "'OUT' more than once"),
        (6, "FAILED", "the model returned columns ['out']; output 'OUT' is missing"),
    ],
)
def test_what_a_method_returns_or_ends_in(
    kind: int, status: str, words: str, tmp_path: Path, odd: str, fork_server: Any
) -> None:
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({"N": [kind] * 3}), tmp_path / "in" / "data.parquet")
    spec = RunSpec("DB.SC.J", str(tmp_path / "in"), str(tmp_path / "out"), odd, "predict", ["N"])
    ended = fork_server.run(spec, tmp_path / "job")
    assert (ended.status, words in ended.message) == (status, True), logs(tmp_path / "job")
    assert (tmp_path / "out" / "_SUCCESS").exists() is (status == "DONE")
    assert "requirement no-such-package-of-mine==9.9 is not installed here" in logs(tmp_path / "job")
    assert f"requirement pandas>=99 is not met here, where {pd.__version__} is installed" in logs(tmp_path / "job")


def frame(signature: ModelSignature, **columns: Any) -> pd.DataFrame:
    rows = pa.table(columns)
    names = [feature.name for feature in signature.inputs]
    return conversion.InputFrames(signature, names, rows.column_names).frame(Batch(rows, {}))


@pytest.mark.parametrize("value", [2**53 + 1, -(2**63), 2**63 - 1])
@pytest.mark.parametrize("other", [None, 1])
def test_a_whole_number_does_not_depend_on_its_neighbours(value: int, other: int | None) -> None:
    for kind in (pa.int64(), pa.decimal128(38, 0)):
        found = frame(ODD_SIGNATURE, N=pa.array([value, other], kind))["N"]
        assert found[0] == value
        assert found.isna()[1] == (other is None)


@pytest.mark.parametrize("kind", [pa.int64(), pa.decimal128(38, 0)])
def test_a_job_refuses_a_whole_number_beyond_the_type_of_its_input(kind: pa.DataType) -> None:
    signature = ModelSignature(inputs=[FeatureSpec("N", DataType.INT8)], outputs=ODD_SIGNATURE.outputs)
    with pytest.raises(InputError, match=r"column 'N' .* cannot become input 'N' \(Int8\)"):
        frame(signature, N=pa.array([1, 257], kind))


def test_a_function_without_inputs_gets_its_rows() -> None:
    assert len(frame(ModelSignature(inputs=[], outputs=ODD_SIGNATURE.outputs), N=[1, 2, 3])) == 3


def test_timestamps_finer_than_microseconds_are_cut() -> None:
    signature = ModelSignature(inputs=[], outputs=[FeatureSpec("AT", DataType.TIMESTAMP_NTZ)])
    moments = pd.to_datetime(np.array([0, 1_000_000_033, 33_333_333], dtype="datetime64[ns]"))
    found = outputs.output_columns(signature, pd.DataFrame({"AT": moments}))["AT"]
    assert found.cast(pa.int64()).to_pylist() == [0, 1_000_000, 33_333]
