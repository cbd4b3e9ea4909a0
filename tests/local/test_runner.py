"""The job's processes on their own: no server, a model saved by snowflake-ml's packager, files in folders."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from job_models import (
    FILE_SIGNATURE,
    GROUP_SIGNATURE,
    PAIR_SIGNATURE,
    TEXT_SIGNATURE,
    FileModel,
    GroupModel,
    PairModel,
    TextModel,
)

from airflow_provider_mediabatch.local.runner.spec import RunSpec, Status, log_file


def save(folder: Path, model: Any, signatures: dict[str, Any]) -> str:
    from snowflake.ml.model._packager.model_packager import ModelPackager

    ModelPackager(str(folder)).save(name="m", model=model, signatures=signatures, options={})
    return str(folder)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    base = tmp_path_factory.mktemp("models")
    return {
        "file": save(base / "file", FileModel(), {"predict": FILE_SIGNATURE}),
        "text": save(base / "text", TextModel(), {"predict": TEXT_SIGNATURE}),
        "pair": save(base / "pair", PairModel(), {"predict": PAIR_SIGNATURE}),
        "group": save(base / "group", GroupModel(), {"summarise": GROUP_SIGNATURE}),
    }


class ForkServer:
    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "airflow_provider_mediabatch.local.runner.fork_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == "ready\n"

    def start(self, spec: RunSpec, job_dir: Path) -> None:
        job_dir.mkdir(parents=True)
        spec.save(job_dir)
        assert self.process.stdin
        self.process.stdin.write(f"{job_dir}\n")
        self.process.stdin.flush()

    def run(self, spec: RunSpec, job_dir: Path) -> Status:
        self.start(spec, job_dir)
        return wait(job_dir)


def wait(job_dir: Path, until: str | None = None, seconds: float = 60) -> Status:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        status = Status.load(job_dir)
        if status.terminal or status.status == until:
            return status
        time.sleep(0.02)
    raise AssertionError(f"still {status}; log: {logs(job_dir)}")


def logs(job_dir: Path) -> str:
    return "".join(file.read_text() for file in sorted((job_dir / "logs").glob("*.log")))


@pytest.fixture(scope="module")
def fork_server() -> Any:
    fork_server = ForkServer()
    yield fork_server
    fork_server.process.stdin.close()
    fork_server.process.wait(10)


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    folder = tmp_path / "stage"
    folder.mkdir()
    for n in range(10):
        (folder / f"f {n}.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(n) + b"\0\0")
    return folder


def manifest(tmp_path: Path, **columns: Any) -> str:
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table(columns), folder / "data_0.snappy.parquet")
    return str(folder)


def paths(count: int = 10) -> list[str]:
    return [f'@DB.SC."my stage"/f {n}.jpg' for n in range(count)]


def spec(tmp_path: Path, stage: Path, input_dir: str, model: str, **more: Any) -> RunSpec:
    defaults: dict[str, Any] = {
        "function": "predict",
        "input_names": ["IMG"],
        "file_columns": {"IMG": "raw_bytes"},
        "stage_roots": {'DB.SC."my stage"': str(stage)},
    }
    return RunSpec("DB.SC.J", input_dir, str(tmp_path / "out" / "J"), model, **{**defaults, **more})


def output(tmp_path: Path) -> list[dict[str, Any]]:
    folder = tmp_path / "out" / "J"
    return [row for file in sorted(folder.glob("part_*.parquet")) for row in pq.read_table(file).to_pylist()]


def test_rows_pass_through_with_outputs_and_bytes_arrive_unchanged(tmp_path, stage, models, fork_server):
    source = manifest(tmp_path, IMG=paths(), TAG=pa.array(range(10)))
    began = time.monotonic()
    status = fork_server.run(spec(tmp_path, stage, source, models["file"], params={"SCALE": 2}), tmp_path / "job")
    assert status.status == "DONE", logs(tmp_path / "job")
    assert time.monotonic() - began < 5
    rows = output(tmp_path)
    assert [row["IMG"] for row in rows] == paths()
    assert [row["TAG"] for row in rows] == list(range(10))
    assert [row["size"] for row in rows] == [2 * (6 + n) for n in range(10)]
    assert (tmp_path / "out" / "J" / "_SUCCESS").exists()
    assert "10 rows" in log_file(tmp_path / "job", 0).read_text()


def test_replicas_times_workers_are_processes_and_batches_are_bounded(tmp_path, stage, models, fork_server):
    source = manifest(tmp_path, IMG=paths())
    job = spec(
        tmp_path, stage, source, models["file"], replicas=2, num_workers=2, max_batch_rows=2, params={"mode": "slow"}
    )
    fork_server.start(job, tmp_path / "job")
    status = wait(tmp_path / "job", "RUNNING")
    leader = psutil.Process(status.pid)
    seen = 0
    while not Status.load(tmp_path / "job").terminal:
        try:
            seen = max(seen, len(leader.children()))
        except psutil.NoSuchProcess:
            break
        time.sleep(0.05)
    assert wait(tmp_path / "job").status == "DONE", logs(tmp_path / "job")
    rows = output(tmp_path)
    assert seen == 4
    assert len({row["pid"] for row in rows}) == 4
    assert sorted(row["IMG"] for row in rows) == paths()
    assert {row["batch"] for row in rows} <= {1, 2}
    assert (tmp_path / "job" / "logs" / "1.log").read_text()


def test_base64_and_data_url_and_nested_output(tmp_path, stage, models, fork_server):
    source = manifest(tmp_path, DOC=paths(2), WEIGHT=[1.5, 2.0])
    job = spec(
        tmp_path,
        stage,
        source,
        models["text"],
        input_names=["DOC", "WEIGHT"],
        file_columns={"DOC": "base64_data_url"},
    )
    assert fork_server.run(job, tmp_path / "job").status == "DONE", logs(tmp_path / "job")
    value = json.loads(output(tmp_path)[0]["outputs"])
    assert value["text"].startswith("data:image/jpeg;base64,/9j/4")
    assert value["weight"] == 1.5


def test_two_file_columns_of_two_stages(tmp_path, stage, models, fork_server):
    other = tmp_path / "other"
    other.mkdir()
    (stage / "a.png").write_text("picture")
    (other / "ü.wav").write_text("sound")
    source = manifest(tmp_path, IMAGE=['@db.sc."my stage"/a.png'], AUDIO=["@DB.SC.OTHER/ü.wav"])
    job = spec(
        tmp_path,
        stage,
        source,
        models["pair"],
        input_names=["IMAGE", "AUDIO"],
        file_columns={"IMAGE": "raw_bytes", "AUDIO": "raw_bytes"},
        stage_roots={'DB.SC."my stage"': str(stage), "DB.SC.OTHER": str(other)},
    )
    assert fork_server.run(job, tmp_path / "job").status == "DONE", logs(tmp_path / "job")
    assert output(tmp_path)[0]["both"] == "picture+sound"


def test_partitions_are_complete_and_spread_over_workers(tmp_path, stage, models, fork_server):
    source = manifest(tmp_path, KIND=["a", "b", "a", "c", None], AMOUNT=[1.0, 2.0, 3.0, 4.0, 5.0])
    job = spec(
        tmp_path,
        stage,
        source,
        models["group"],
        function="summarise",
        input_names=["AMOUNT"],
        file_columns={},
        partitioned=True,
        partition_column="KIND",
        num_workers=2,
    )
    assert fork_server.run(job, tmp_path / "job").status == "DONE", logs(tmp_path / "job")
    assert [list(row)[-1] for row in output(tmp_path)] == ["KIND"] * 4
    rows = {row["KIND"]: (row["total"], row["members"]) for row in output(tmp_path)}
    assert rows == {"a": (4.0, 2), "b": (2.0, 1), "c": (4.0, 1), None: (5.0, 1)}


def test_a_table_function_gets_rows_of_one_partition_at_a_time(tmp_path, stage, models, fork_server):
    source = manifest(tmp_path, IMG=paths(6), KIND=["a", "b", "a", "b", "b", "b"], N=list(range(6)))
    changes = {"partition_column": "KIND", "max_batch_rows": 3, "num_workers": 2}
    job = spec(tmp_path, stage, source, models["file"], **changes)
    assert fork_server.run(job, tmp_path / "job").status == "DONE", logs(tmp_path / "job")
    assert {(*list(row)[:2], list(row)[-1]) for row in output(tmp_path)} == {("IMG", "N", "KIND")}
    rows = sorted((row["KIND"], row["N"], row["batch"]) for row in output(tmp_path))
    assert rows == [("a", 0, 2), ("a", 2, 2), ("b", 1, 3), ("b", 3, 3), ("b", 4, 3), ("b", 5, 1)]


def test_exception_fails_the_job_with_its_traceback_and_keeps_partial_output(tmp_path, stage, models, fork_server):
    source = manifest(tmp_path, IMG=paths())
    status = fork_server.run(
        spec(tmp_path, stage, source, models["file"], params={"mode": "fail"}, num_workers=2), tmp_path / "job"
    )
    assert status.status == "FAILED"
    assert "cannot read this picture" in status.message
    assert "Traceback" in logs(tmp_path / "job")
    assert not (tmp_path / "out" / "J" / "_SUCCESS").exists()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ('@DB.SC."my stage"/gone.jpg', 'file not found: @DB.SC."my stage"/gone.jpg'),
        ('DB.SC."my stage"/f 0.jpg', "begins with '@'"),
        ('@"my stage"/f 0.jpg', "Invalid path format"),
        ("@DB.SC.NOPE/f.jpg", "stage DB.SC.NOPE does not exist"),
        ('@DB.SC."my stage"/../secret', "leaves its stage"),
    ],
)
def test_bad_paths_fail_the_job_by_name(path, words, tmp_path, stage, models, fork_server):
    (tmp_path / "secret").write_text("x")
    source = manifest(tmp_path, IMG=[path])
    status = fork_server.run(spec(tmp_path, stage, source, models["file"]), tmp_path / "job")
    assert status.status == "FAILED"
    assert words in status.message
    assert words in logs(tmp_path / "job")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"input_names": ["PICTURE"], "file_columns": {}}, None),
        ({"file_columns": {"PATH": "raw_bytes"}}, "column_handling names 'PATH'"),
        ({"params": {"nope": 1}}, "unknown parameters ['nope']"),
        ({"params": {"scale": "many"}}, "'many' is not INT64"),
        ({"file_columns": {"IMG": "base64"}}, "use raw_bytes"),
    ],
)
def test_bad_specifications_fail_the_job_by_name(change, words, tmp_path, stage, models, fork_server):
    source = manifest(tmp_path, **({"IMG": paths(1)} if words else {"OTHER": paths(1)}))
    status = fork_server.run(spec(tmp_path, stage, source, models["file"], **change), tmp_path / "job")
    assert status.status == "FAILED"
    assert (words or "are not among the input columns ['OTHER']") in status.message


def test_links_out_of_the_stage_and_folders_are_not_files(tmp_path, stage, models, fork_server):
    (tmp_path / "secret").write_text("x")
    (stage / "link.jpg").symlink_to(tmp_path / "secret")
    (stage / "folder").mkdir()
    for name, words in (("link.jpg", "leaves its stage"), ("folder", "it is a folder")):
        source = manifest(tmp_path, IMG=[f'@DB.SC."my stage"/{name}'])
        status = fork_server.run(spec(tmp_path, stage, source, models["file"]), tmp_path / f"job_{name}")
        assert words in status.message


def test_rows_before_the_failure_stay_as_partial_output(tmp_path, stage, models, fork_server):
    (stage / "f 7.jpg").unlink()
    source = manifest(tmp_path, IMG=paths(7), N=list(range(7)))
    pq.write_table(pa.table({"IMG": paths(10)[7:], "N": [7, 8, 9]}), tmp_path / "in" / "data_1.parquet")
    status = fork_server.run(spec(tmp_path, stage, source, models["file"]), tmp_path / "job")
    assert "f 7.jpg" in status.message
    assert [row["N"] for row in output(tmp_path)] == list(range(7))
    assert not (tmp_path / "out" / "J" / "_SUCCESS").exists()


def test_names_of_outputs_among_the_input_columns_are_refused(tmp_path, stage, models, fork_server):
    source = manifest(tmp_path, IMG=paths(1), size=[1])
    status = fork_server.run(spec(tmp_path, stage, source, models["file"]), tmp_path / "job")
    assert "input columns ['size'] have the names of the model's outputs" in status.message


def test_column_names_match_without_regard_to_case(tmp_path, stage, models, fork_server):
    for column, sql_name in (("img", "IMG"), ("IMG", "img"), ("Img", "IMG"), ("iMG", "img")):
        folder = tmp_path / f"{column}_{sql_name}"
        folder.mkdir()
        source = manifest(folder, **{column: paths(2)})
        job = spec(folder, stage, source, models["file"], input_names=[sql_name], file_columns={column: "raw_bytes"})
        assert fork_server.run(job, folder / "job").status == "DONE", logs(folder / "job")
    source = manifest(tmp_path, Img=paths(1), iMG=paths(1))
    status = fork_server.run(spec(tmp_path, stage, source, models["file"], file_columns={}), tmp_path / "job")
    assert "differ from the model's input 'IMG' in case only: ['Img', 'iMG']" in status.message


def test_a_scikit_learn_model_and_decimal_columns(tmp_path, stage, fork_server):
    import decimal

    import pandas as pd
    from sklearn.linear_model import LinearRegression
    from snowflake.ml.model._packager.model_packager import ModelPackager

    rows = pd.DataFrame({"A": [1.0, 2.0, 3.0], "B": [1.0, 0.0, 1.0]})
    fitted = LinearRegression().fit(rows, [3.0, 4.0, 7.0])
    folder = str(tmp_path / "sk")
    ModelPackager(folder).save(name="m", model=fitted, sample_input_data=rows, options={"enable_explainability": False})
    source = manifest(tmp_path, A=pa.array([decimal.Decimal("5"), decimal.Decimal("6")]), B=[1, 0])
    job = spec(tmp_path, stage, source, folder, input_names=["A", "B"], file_columns={})
    assert fork_server.run(job, tmp_path / "job").status == "DONE", logs(tmp_path / "job")
    results = [next(v for k, v in row.items() if k not in ("A", "B")) for row in output(tmp_path)]
    assert results == pytest.approx([11.0, 12.0])


def test_a_job_starts_once_and_survives_its_fork_server(tmp_path, stage, models):
    source = manifest(tmp_path, IMG=paths(2))
    own = ForkServer()
    own.start(
        spec(tmp_path, stage, source, models["file"], max_batch_rows=1, params={"mode": "slow"}), tmp_path / "job"
    )
    for _ in range(3):
        own.process.stdin.write(f"{tmp_path / 'job'}\n")
    own.process.stdin.flush()
    first = wait(tmp_path / "job", "RUNNING")
    own.process.kill()
    own.process.wait()
    last = wait(tmp_path / "job")
    assert (last.status, last.pid) == ("DONE", first.pid)
    assert len({row["pid"] for row in output(tmp_path)}) == 1


def test_killed_worker_fails_the_job(tmp_path, stage, models, fork_server):
    source = manifest(tmp_path, IMG=paths(1))
    fork_server.start(spec(tmp_path, stage, source, models["file"], params={"mode": "endless"}), tmp_path / "job")
    leader = psutil.Process(wait(tmp_path / "job", "RUNNING").pid)
    while not leader.children():
        time.sleep(0.02)
    os.kill(leader.children()[0].pid, signal.SIGKILL)
    status = wait(tmp_path / "job")
    assert status.status == "FAILED"
    assert "killed by signal 9" in status.message


def test_no_rows_and_no_files(tmp_path, stage, models, fork_server):
    source = manifest(tmp_path, IMG=pa.array([], pa.string()))
    assert fork_server.run(spec(tmp_path, stage, source, models["file"]), tmp_path / "job").status == "DONE"
    assert (tmp_path / "out" / "J" / "_SUCCESS").exists()
    (tmp_path / "empty").mkdir()
    status = fork_server.run(spec(tmp_path, stage, str(tmp_path / "empty"), models["file"]), tmp_path / "job2")
    assert "no Parquet files" in status.message
