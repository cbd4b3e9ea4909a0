"""What is served inline."""

from __future__ import annotations

import pytest

from airflow_provider_mediabatch.review.media_types import kind_of, media_type, shown_as


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"XXXX\x00\x00\x00\x00WAVEfmt ", None),
        (b"\x00\x00\x00\x20ftypisom", "video/mp4"),
        (b"\x00\x00\x00\x20ftypM4A ", "audio/mp4"),
        (b"<html><script>", None),
        (b"<svg ", None),
        (b"%PDF-1.7", None),
        (b"\x00\x00\x00\x14ftypqt  ", "video/mp4"),
    ],
)
def test_types_come_from_the_bytes(head: bytes, found: str | None) -> None:
    assert media_type(head) == found


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        ("image/jpeg", "image"),
        ("audio/wav", "audio"),
        ("video/mp4", "video"),
        ("video/x-msvideo", "file"),
        (None, "file"),
    ],
)
def test_the_element_of_a_known_content(found: str | None, kind: str) -> None:
    assert kind_of(found) == kind


@pytest.mark.parametrize(("name", "kind"), [("x.mp4", "video"), ("X.AVI", "file"), ("x.png", "image"), ("x", "file")])
def test_the_element_of_a_name(name: str, kind: str) -> None:
    assert shown_as(f"@D.S.T/{name}") == kind
