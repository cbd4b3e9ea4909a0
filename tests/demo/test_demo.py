"""``mediabatch demo`` from start to end: the command a newcomer runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from demo_command import demo
from documents import Document
from PIL import Image

from airflow_provider_mediabatch.demo import media


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def first(state: Path) -> tuple[str, dict[str, Any]]:
    """The demo's output and its JSON, on a machine where it has never run."""
    done = demo(state, "--json", str(state / "demo.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, json.loads((state / "demo.json").read_text())


def test_predictions_are_right(first: tuple[str, dict[str, Any]]) -> None:
    labels = {row["file"]: row["label"] for row in first[1]["predictions"]}
    assert len(labels) == 6
    assert labels["coffee.png"] == "espresso"
    assert labels["flower.jpg"] == "daisy"
    assert labels["china.jpg"] == "palace"
    assert "cat" in labels["chelsea.png"]


def test_the_readme_shows_these_predictions(first: tuple[str, dict[str, Any]]) -> None:
    (table,) = Document("README.md").blocks("text")
    shown = [[cell.strip() for cell in line.strip("│").split("│")] for line in table.splitlines() if "│" in line]
    assert [(file, label) for file, label, _ in shown] == [
        (row["file"], row["label"]) for row in first[1]["predictions"]
    ]
    scores = [row["score"] for row in first[1]["predictions"]]
    assert [float(score) for _, _, score in shown] == pytest.approx(scores, abs=0.02)


def test_the_json_says_what_ran(first: tuple[str, dict[str, Any]]) -> None:
    document = first[1]
    assert document["dag_run_state"] == "success"
    assert [(task["id"], task["state"]) for task in document["tasks"]] == [
        ("list_files", "success"),
        ("validate_signature", "success"),
        ("sample_batch", "success"),
        ("full_batch", "success"),
    ]
    assert all(task["seconds"] > 0 for task in document["tasks"])
    assert document["manifest"]["file_count"] == 6
    assert document["plan"]["model"] == "MEDIA.PUBLIC.EFFICIENTNET_LITE0"
    assert document["sample"]["passed"] is True
    assert document["result"]["rows"] == 6


def test_the_table_is_printed(first: tuple[str, dict[str, Any]]) -> None:
    printed = first[0]
    for text in ("coffee.png", "espresso", "0.95", "full_batch", "@MEDIA.PUBLIC.WORK/predictions/", "Try next"):
        assert text in printed


def test_the_engine_is_stopped_afterwards(first: tuple[str, dict[str, Any]], state: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "airflow_provider_mediabatch.cli.main",
        "local",
        "status",
        "--state-dir",
        str(state),
    ]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 3


@pytest.mark.slow
def test_a_folder_of_ones_own(first: tuple[str, dict[str, Any]], state: Path, tmp_path: Path) -> None:
    """Names and kinds as people have them, and a damaged picture: everything is predicted or named."""
    names = ["it's [my] café.PNG", "two  spaces.png", "back\\slash %20#1?.Png", "no extension", "-dash @.WEBP"]
    photographs = {path.name: path for path in media.photographs()}
    for name in names[:-1]:
        shutil.copy(photographs["coffee.png"], tmp_path / name)
    Image.open(photographs["coffee.png"]).save(tmp_path / names[-1], "WEBP")
    (tmp_path / "truncated.jpg").write_bytes(photographs["china.jpg"].read_bytes()[:60_000])
    (tmp_path / "page.jpg").write_text("<html>")
    (tmp_path / "phone.jpg").write_bytes(b"\x00\x00\x00\x18ftypheic" + bytes(100))
    (tmp_path / "notes.txt").write_text("not an image")
    done = demo(state, "--files", str(tmp_path), "--json", str(state / "own.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads((state / "own.json").read_text())
    assert {row["file"]: row["label"] for row in document["predictions"]} == dict.fromkeys(names, "espresso")
    assert set(document["failed"]) == {"truncated.jpg", "page.jpg"}
    assert "truncated" in document["failed"]["truncated.jpg"]
    assert set(document["left_out"]) == {"phone.jpg", "notes.txt"}
    for name in (
        "truncated.jpg: OSError: image file is truncated",
        "page.jpg: ",
        "phone.jpg: HEIC",
        "notes.txt: no pict",
    ):
        assert name in done.stdout


@pytest.mark.slow
def test_a_folder_that_no_model_reads_says_why(first: tuple[str, dict[str, Any]], state: Path, tmp_path: Path) -> None:
    (tmp_path / "truncated.jpg").write_bytes(media.photographs()[1].read_bytes()[:60_000])
    done = demo(state, "--files", str(tmp_path))
    assert done.returncode == 1
    assert "image file is truncated" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("option", [[], pytest.param(["--speech"], marks=pytest.mark.slow)])
def test_a_folder_without_media_is_one_clear_line(tmp_path: Path, option: list[str]) -> None:
    (tmp_path / "empty").mkdir()
    done = demo(tmp_path / "state", "--files", str(tmp_path / "empty"), *option)
    assert done.returncode == 1
    assert re.fullmatch(r"mediabatch: --files .*: no (picture|recording) is there \(it is empty\)\n", done.stderr)
    (tmp_path / "empty" / "notes.txt").write_text("text")
    done = demo(tmp_path / "state", "--files", str(tmp_path / "empty"), *option)
    assert done.returncode == 1
    assert re.search(r"is there\n  notes.txt: no (picture|recording), by its name and by its first bytes", done.stderr)
    assert "Traceback" not in done.stderr


def test_settings_of_the_users_own_airflow_do_not_leak_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_provider_mediabatch.demo.airflow_home import AirflowHome

    monkeypatch.setitem(os.environ, "AIRFLOW__CORE__DAGS_FOLDER", "/elsewhere")
    monkeypatch.setitem(os.environ, "AIRFLOW_CONN_SNOWFLAKE_DEFAULT", "snowflake://production")
    environment = AirflowHome(tmp_path).environment()
    assert environment["AIRFLOW__CORE__DAGS_FOLDER"] == str(tmp_path / "dags")
    assert "AIRFLOW_CONN_SNOWFLAKE_DEFAULT" not in environment


@pytest.mark.slow
def test_speech(first: tuple[str, dict[str, Any]], state: Path) -> None:
    pytest.importorskip("faster_whisper", reason="the extra speech is not installed")
    done = demo(state, "--speech", "--json", str(state / "speech.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    predictions = json.loads((state / "speech.json").read_text())["predictions"]
    heard = {row["file"]: row["text"].lower() for row in predictions}
    assert "it was the worst of times" in heard["best_of_times.ogg"]
    assert "winter of despair" in heard["season_of_light.ogg"]
