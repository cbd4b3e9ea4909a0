"""Patterns of media files: every spelling of an extension, and nothing that only looks like it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from airflow_provider_mediabatch.files.media_patterns import IMAGES, RECORDINGS, VIDEOS, any_case
from airflow_provider_mediabatch.files.selection import check_pattern

EXAMPLES = sorted((Path(__file__).parents[3] / "example_dags").glob("*.py"))


@pytest.mark.parametrize("name", ["a/IMG_2.Jpg", "x.WEBP", "x.Webp", "x.JPEG", "x.tif", "x.Avif"])
def test_images_in_any_case(name: str) -> None:
    check_pattern(IMAGES)
    assert re.fullmatch(IMAGES, name)


@pytest.mark.parametrize("name", ["REC001.WAV", "Shout.MP3", "memo.m4a", "clip.MOV", "00001.MTS"])
def test_recordings_in_any_case(name: str) -> None:
    check_pattern(RECORDINGS)
    assert re.fullmatch(RECORDINGS, name)
    assert bool(re.fullmatch(VIDEOS, name)) is (name.split(".")[1] in ("MOV", "MTS"))


@pytest.mark.parametrize("name", ["jpg", "x.jpg.gz", "x.heic", "xjpg", "x.txt", "x.mp4"])
def test_other_names_are_no_images(name: str) -> None:
    assert not re.fullmatch(IMAGES, name)


def test_an_extension_is_letters_and_digits() -> None:
    assert any_case("mp3", "Wav") == ".*[.]([mM][pP]3|[wW][aA][vV])"
    with pytest.raises(ValueError, match="without a dot"):
        any_case(".jpg")


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_examples_take_names_in_any_case(file: Path) -> None:
    written = [
        node.value
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search(r"\[\.\]|\\\.", node.value)
    ]
    assert not written, "use files.media_patterns"
