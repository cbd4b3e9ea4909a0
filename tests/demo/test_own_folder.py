"""``mediabatch demo --files`` over folders as people have them: each entry is predicted, or named with the reason."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import media_kinds
import pytest
from demo_command import demo
from own_folder import LEFT_OUT, NO_UTF8, ODD_NAMES, counted, write_folder, write_pictures

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not find_spec("av"), reason="the extra speech is not installed"),
]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


def run(state: Path, folder: Path, *options: str) -> tuple[dict[str, Any], str]:
    """What a demo over a folder writes as JSON, and what it prints."""
    done = demo(state, "--files", str(folder), "--json", str(state / "own.json"), *options, timeout=1500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    document: dict[str, Any] = json.loads((state / "own.json").read_text())
    return document, done.stdout


def assert_all_are_counted(document: dict[str, Any], folder: Path) -> None:
    assert counted(document) == sorted(os.listdir(folder))
    assert document["more_failed"] == 0


def test_one_of_each_kind(state: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    pictures = dict(media_kinds.pictures())
    others = [
        *list(media_kinds.videos())[:3],
        ("WAV", media_kinds.sound("wav", "pcm_s16le")),
        ("Song", media_kinds.song()),
    ]
    write_folder(folder, pictures.items(), others)
    write_pictures(folder, [*ODD_NAMES, *LEFT_OUT, NO_UTF8])
    document, printed = run(state, folder)
    assert_all_are_counted(document, folder)
    labels = {row["file"]: row["label"] for row in document["predictions"]}
    assert set(labels.values()) == {"espresso"}
    assert set(ODD_NAMES) <= set(labels)
    bad = {kind for kind in pictures if "truncated" in kind or "under a picture's name" in kind}
    assert {name.removesuffix(".jpg") for name in document["failed"]} == bad
    unread = {"HEIC", "HEIC, the brand of all pictures first", "JPEG XL", "Empty file"}
    assert {name.removesuffix(".jpg") for name in labels} >= set(pictures) - bad - unread
    for reasons in (document["failed"], document["left_out"]):
        for name, reason in reasons.items():
            shown = name if name not in (*LEFT_OUT[:3], os.fsdecode(NO_UTF8)) else ascii(name)
            assert f"  {shown}: {reason}\n" in printed
    assert f"EFFICIENTNET_LITE0 on {len(labels)} files" in printed
    assert f"Could not be processed: {len(bad)}\n" in printed
    assert f"Left out: {len(document['left_out'])}\n" in printed


def test_one_of_each_kind_of_sound(state: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    sounds = dict(media_kinds.sounds())
    others = [("JPEG", media_kinds.saved(media_kinds.espresso(), "JPEG")), ("MP4", media_kinds.video("mp4"))]
    write_folder(folder, sounds.items(), others, ".wav")
    document, printed = run(state, folder, "--speech")
    assert_all_are_counted(document, folder)
    words = {row["file"].removesuffix(".wav"): row["text"].lower() for row in document["predictions"]}
    bad = {"MP4 with pictures only", "MP4.other", "Text under a recording's name"}
    assert {name.removesuffix(".wav") for name in document["failed"]} == bad
    picture = "A picture under a recording's name"
    assert set(words) == set(sounds) - bad - {picture}
    assert {name.removesuffix(".wav") for name in document["left_out"]} >= {picture, "JPEG.other", "notes.txt"}
    silent = {"WAV, silent", "WAV, without a sample"}
    for name, text in words.items():
        assert text.startswith("it was the best of times" if name not in silent else ""), name
    assert {words[name] for name in silent} == {""}
    assert f"Could not be processed: {len(bad)}\n" in printed


@pytest.mark.parametrize(("count", "size"), [(500, (64, 48))])
def test_many_pictures(state: Path, tmp_path: Path, count: int, size: tuple[int, int]) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    write_pictures(folder, [f"{number:05}.jpg" for number in range(count)], size)
    for number in range(0, count, 4):
        (folder / f"{number:05}.jpg").write_text("damaged")
    document, printed = run(state, folder)
    assert_all_are_counted(document, folder)
    assert (len(document["predictions"]), len(document["failed"])) == (count * 3 // 4, count // 4)
    assert f"Could not be processed: {count // 4}\n" in printed
    assert f"and {count * 3 // 4 - 50} more: --json FILE writes all of them" in printed
