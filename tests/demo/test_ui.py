"""``mediabatch demo --ui`` from start to Ctrl-C: a photograph in the inbox becomes a printed prediction."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest
from airflow_env import REPOSITORY

from airflow_provider_mediabatch.demo import media, running_airflow


def processes_of(state: Path) -> list[str]:
    """The command lines of every process that works on this state."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        try:
            words = [*(process.info["cmdline"] or []), process.environ().get("AIRFLOW_HOME", "")]
        except psutil.Error:
            continue
        if any(str(state) in word for word in words):
            found.append(" ".join(words))
    return found


def wait_for(log: Path, pattern: str, process: subprocess.Popen[bytes], seconds: float) -> re.Match[str]:
    deadline = time.monotonic() + seconds
    while not (found := re.search(pattern, log.read_text())):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.5)
    return found


def start(state: Path, inbox: Path, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "airflow_provider_mediabatch.cli.main", "demo", "--ui"]
    with log.open("wb") as output:
        return subprocess.Popen(
            [*command, "--state-dir", str(state), "--files", str(inbox)],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=REPOSITORY,
            env=os.environ | {"COLUMNS": "200"},
        )


@pytest.mark.slow
@pytest.mark.airflow
def test_nothing_is_left_of_a_demo_that_is_killed(tmp_path: Path) -> None:
    state, log = tmp_path / "state", tmp_path / "ui.log"
    process = start(state, tmp_path / "inbox", log)
    try:
        wait_for(log, r"Airflow: http", process, 240)
        assert len(processes_of(state)) > 4, "the engine and Airflow's processes"
    finally:
        process.kill()
        process.wait()
    deadline = time.monotonic() + 60
    while (left := processes_of(state)) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert left == []


@pytest.mark.slow
@pytest.mark.airflow
def test_inbox(tmp_path: Path) -> None:
    state, inbox, log = tmp_path / "state", tmp_path / "inbox", tmp_path / "ui.log"
    process = start(state, inbox, log)
    try:
        url = wait_for(log, r"Airflow: (http://127\.0\.0\.1:\d+)/", process, 240)[1]
        assert wait_for(log, r"user admin, password (\S+)", process, 5)
        with urllib.request.urlopen(f"{url}/api/v2/monitor/health") as reply:
            assert reply.status == 200
        photographs = {path.name: path for path in media.photographs()}
        shutil.copy(photographs["coffee.png"], inbox / "it's [my] café.png")
        shutil.copy(photographs["coffee.png"], inbox / "no extension")
        (inbox / "notes.txt").write_text("not a photograph")
        (inbox / "IMG_1.HEIC").write_bytes(b"\x00\x00\x00\x18ftypheic" + bytes(100))
        (inbox / "two\nlines.png").write_bytes(photographs["coffee.png"].read_bytes())
        (inbox / "folder").mkdir()
        wait_for(log, r"it's \[my\] café\.png: espresso \(0\.\d\d\)", process, 180)
        shutil.copy(photographs["flower.jpg"], inbox)
        wait_for(log, r"flower\.jpg: daisy", process, 180)
        for line in (
            r"left out  notes\.txt: no picture",
            r"left out  IMG_1\.HEIC: HEIC, which",
            r"left out  'two\\nlines\.png': its name",
            r"left out  folder: a folder",
            r"no extension is on the stage as no extension\.png",
            r"no extension\.png: espresso",
            rf"run running: {url}/dags/new_photographs/runs/\S+",
            rf"run success: {url}/dags/new_photographs/runs/\S+",
        ):
            wait_for(log, line, process, 60)
        (inbox / "truncated.jpg").write_bytes(photographs["china.jpg"].read_bytes()[:60_000])
        wait_for(log, r"truncated\.jpg: could not be processed: OSError: image file is truncated", process, 180)
        second = start(state, inbox, tmp_path / "second.log")
        assert second.wait(60) == 1
        assert re.fullmatch(
            rf"mediabatch: another demo works on .* \(process {process.pid}, its Airflow is {url}\): .*\n",
            (tmp_path / "second.log").read_text(),
        )
        process.send_signal(signal.SIGINT)
        assert process.wait(90) == 0, log.read_text()
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(90)
    assert processes_of(state) == []
    assert "Traceback" not in log.read_text()


@pytest.mark.slow
@pytest.mark.airflow
def test_everything_ends_after_the_engine_has_gone(tmp_path: Path) -> None:
    state, log = tmp_path / "state", tmp_path / "ui.log"
    process = start(state, tmp_path / "inbox", log)
    try:
        wait_for(log, r"Airflow: http", process, 240)
        os.kill(json.loads((state / "engine.json").read_text())["pid"], signal.SIGKILL)
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        assert process.wait(120) in (0, 1), log.read_text()
    finally:
        process.kill()
        process.wait()
    assert processes_of(state) == []
    assert "Traceback" not in log.read_text()


@pytest.mark.slow
@pytest.mark.airflow
def test_dev_serves_a_folder_of_ones_own_dags(tmp_path: Path) -> None:
    state, log = tmp_path / "state", tmp_path / "dev.log"
    command = [sys.executable, "-m", "airflow_provider_mediabatch.cli.main"]
    subprocess.run([*command, "new", "photo_sizes", "--folder", str(tmp_path)], check=True, cwd=REPOSITORY)
    dags = tmp_path / "photo_sizes" / "dags"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "dev", str(dags), "--state-dir", str(state)],
            stdout=output, stderr=subprocess.STDOUT, cwd=REPOSITORY, env=os.environ | {"COLUMNS": "200"},
        )  # fmt: skip
    try:
        url = wait_for(log, r"Airflow: (http://127\.0\.0\.1:\d+)/dags", process, 240)[1]
        user = {"username": "admin", "password": wait_for(log, r"user admin, password (\S+)", process, 5)[1]}
        token = running_airflow._request("POST", f"{url}/auth/token", user)["access_token"]
        deadline = time.monotonic() + 90
        found: list[str] = []
        while found != ["photo_sizes"] and time.monotonic() < deadline:
            time.sleep(1)
            listed = running_airflow._request("GET", f"{url}/api/v2/dags", None, token)["dags"]
            found = [dag["dag_id"] for dag in listed]
        assert found == ["photo_sizes"]
        process.send_signal(signal.SIGINT)
        assert process.wait(90) == 0, log.read_text()
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(90)
    assert processes_of(state) == []
