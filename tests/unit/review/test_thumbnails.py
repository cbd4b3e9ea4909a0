"""Small pictures of large ones."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from airflow_provider_mediabatch.review.thumbnails import NotAPictureError, thumbnail


def picture(
    tmp_path: Path, mode: str = "RGB", size: tuple[int, int] = (1200, 900), kind: str = "JPEG", **save: object
) -> Path:
    path = tmp_path / "file"
    Image.new(mode, size, 120).save(path, kind, **save)
    return path


def test_a_photograph_becomes_small_upright_and_loses_its_metadata(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010F] = "Camera of a known person"
    data, kind = thumbnail(picture(tmp_path, exif=exif))
    small = Image.open(io.BytesIO(data))
    assert kind == "image/jpeg"
    assert small.size == (240, 320)
    assert not small.getexif()
    assert len(data) < 20_000


@pytest.mark.parametrize(
    ("mode", "kind"), [("RGBA", "PNG"), ("P", "GIF"), ("L", "PNG"), ("CMYK", "JPEG"), ("I;16", "PNG")]
)
def test_other_kinds_of_pictures(tmp_path: Path, mode: str, kind: str) -> None:
    data, found = thumbnail(picture(tmp_path, mode=mode, size=(400, 100), kind=kind))
    assert found in ("image/png", "image/jpeg")
    assert Image.open(io.BytesIO(data)).size == (320, 80)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a picture",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"\xff\xd8\xff broken",
    ],
)
def test_bytes_that_are_no_picture_say_so(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(data)
    with pytest.raises(NotAPictureError):
        thumbnail(path)


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    Image.new("1", (20_000, 20_000)).save(path, "PNG")
    with pytest.raises(NotAPictureError, match="pixels"):
        thumbnail(path)
