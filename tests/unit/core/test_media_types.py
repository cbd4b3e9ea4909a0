"""The kind of a file, from its bytes and from its name."""

from __future__ import annotations

import pytest

from airflow_provider_mediabatch.core.media_types import expected_kind, media_type


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"\x00\x00\x00\x18ftypheic", "image/heic"),
        (b"\x00\x00\x00\x18ftypheix", "image/heic"),
        (b"\x00\x00\x00\x18ftyphevc", "image/heic"),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1heic", "image/heic"),
        (b"\x00\x00\x00\x1cftypmsf1\x00\x00\x00\x00msf1hevc", "image/heic"),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avif", "image/avif"),
        (b"\x00\x00\x00\x14ftypmif1\x00\x00\x00\x00mif1", "image/heif"),
        (b"\x00\x00\x00\x18ftypavis", "image/avif"),
        (b"\x00\x00\x00\x1cftypMiHB\x00\x00\x00\x00mif1heic", "image/heic"),
        (b"\x00\x00\x00\x1cftypMA1B\x00\x00\x00\x00avifmif1", "image/avif"),
        (b"\x00\x00\x00\x18ftypMiHE\x00\x00\x00\x00mif1", "image/heif"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00mp41", "video/mp4"),
        (b"OggS\x00\x02" + bytes(21) + b"\x1e\x01vorbis", "audio/ogg"),
        (b"OggS\x00\x02" + bytes(21) + b"\x13OpusHead", "audio/ogg"),
        (b"OggS\x00\x02" + bytes(21) + b"\x2a\x80theora", "video/ogg"),
        (b"OggS\x00\x02" + bytes(21) + b"fishead\0" + bytes(56) + b"OggS\x00\x02" + b"\x80theora", "video/ogg"),
        (b"\x00\x00\x00\x14ftypqt  ", "video/quicktime"),
        (b"\xff\xfb\x90\x64", "audio/mpeg"),
        (b"\xff\xfa\x90\x64", "audio/mpeg"),
        (b"\xff\xe3\x18\xc4", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
        (b"\xff\xf9\x50\x80", "audio/aac"),
        (b"\xff\xfeh\x00i\x00", None),  # a text in UTF-16
        (b"\x47" + b"\x00" * 187 + b"\x47" + b"\x00" * 323, "video/mp2t"),
        (b"\x00\x00\x00\x01\x67\x64", "video/h264"),
        (b"BM\x36\x00\x01\x00\x00\x00\x00\x00", "image/bmp"),
        (b"BMW is a make of cars", None),
        (b"ID3 is a tag", None),
        (b"", None),
    ],
)
def test_types_come_from_the_bytes(head: bytes, found: str | None) -> None:
    assert media_type(head) == found


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("@D.S.T/a/x.JPG", "image"),
        ("@D.S.T/x.wav", "audio"),
        ("@D.S.T/x.mp4", "video"),
        ("@D.S.T/a.jpg/x", "file"),
        ("x", "file"),
        ("@D.S.T/.jpg", "file"),
        ("@D.S.T/IMG_0001.Heic", "image"),
    ],
)
def test_the_element_comes_from_the_name(path: str, kind: str) -> None:
    assert expected_kind(path) == kind
