"""Which of a user's own files the demo takes, under which name, and the reason for each other one."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from airflow_provider_mediabatch.demo.own_files import _SUFFIX_OF, PICTURES, SOUND, MediaRule, named, sort_files

JPEG = b"\xff\xd8\xff\xe0" + b"\x00" * 20
HEIC = b"\x00\x00\x00\x18ftypheic" + b"\x00" * 20
WAV = b"RIFF\x00\x00\x00\x00WAVEfmt "

ENTRIES = {
    "IMG_2.Jpg": (JPEG, "IMG_2.Jpg"),
    "IMG_3.WEBP": (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "IMG_3.WEBP"),
    "no extension": (JPEG, "no extension.jpg"),
    "converted.heic": (JPEG, "converted.heic.jpg"),
    "Screenshot 10.00.00\u202fAM.png": (b"\x89PNG\r\n\x1a\n", "Screenshot 10.00.00\u202fAM.png"),
    "damaged.png": (b"no PNG at all", "damaged.png"),
    "phone.jpg": (HEIC, "HEIC, which Pillow reads only with"),
    "IMG_1.HEIC": (HEIC, "HEIC, which Pillow reads only with"),
    "notes.txt": (b"text", "no picture, by its name and by its first bytes"),
    "BMW.txt": (b"BMW is a make of cars", "no picture, by its name and by its first bytes"),
    "sound.jpg": (WAV, "audio/wav, which is no picture"),
    "empty.png": (b"", "an empty file"),
    ".DS_Store": (b"x", "a hidden file"),
    "two\nlines.jpg": (JPEG, "its name has a line break"),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_each_file_is_taken_or_named(name: str, tmp_path: Path) -> None:
    content, expected = ENTRIES[name]
    (tmp_path / name).write_bytes(content)
    found = sort_files(tmp_path.iterdir(), PICTURES)
    if found.taken:
        assert (found.taken, found.left_out) == ({expected: tmp_path / name}, {})
        assert re.fullmatch(PICTURES.pattern, expected), "the DAG's pattern takes what is uploaded"
    else:
        assert found.left_out[name].startswith(expected)


def test_folders_pipes_and_names_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "lost.jpg").symlink_to(tmp_path / "nowhere")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jpg")).write_bytes(JPEG)
    found = sort_files(tmp_path.iterdir(), PICTURES)
    assert not found.taken
    assert sorted(line.split(":")[0].strip() for line in named(found.left_out)) == sorted(
        [repr("\udcff.jpg"), "folder.jpg", "lost.jpg", "pipe.jpg"]
    )


def test_two_files_do_not_share_a_name_on_the_stage(tmp_path: Path) -> None:
    for name in ("flower", "flower.jpg"):
        (tmp_path / name).write_bytes(JPEG)
    found = sort_files(tmp_path.iterdir(), PICTURES)
    assert found.taken == {"flower.jpg": tmp_path / "flower.jpg"}
    assert "another file's" in found.left_out["flower"]


@pytest.mark.parametrize(("rule", "kinds"), [(PICTURES, ("image",)), (SOUND, ("audio", "video"))])
def test_every_extension_that_is_appended_is_listed(rule: MediaRule, kinds: tuple[str, ...]) -> None:
    for found, suffix in _SUFFIX_OF.items():
        assert bool(re.fullmatch(rule.pattern, f"x.{suffix}")) is (found.split("/")[0] in kinds)


@pytest.mark.parametrize("name", ["x" * 255, "x" * 252, "\u65e5" * 85, "x" * 246 + ".heic"])
def test_a_name_that_is_too_long_for_an_extension_is_shortened(name: str, tmp_path: Path) -> None:
    others = [name[:-1], name[:-2]]
    for each in (name, *others):
        (tmp_path / each).write_bytes(JPEG)
    found = sort_files(tmp_path.iterdir(), PICTURES)
    assert (len(found.taken), found.left_out) == (3, {})
    for on_stage in found.taken:
        assert len(os.fsencode(on_stage)) <= 255
        assert re.fullmatch(PICTURES.pattern, on_stage), "the DAG's pattern takes what is uploaded"
    assert set(found.taken.values()) == {tmp_path / each for each in (name, *others)}


def test_many_files_are_counted() -> None:
    lines = named({f"{number}.txt": "no picture" for number in range(25)})
    assert (len(lines), lines[-1]) == (21, "  and 5 more")
    assert named({"a": "no", "b": "no"}, most=1, more="look there") == ["  a: no", "  and 1 more: look there"]
