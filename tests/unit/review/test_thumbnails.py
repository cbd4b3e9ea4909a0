"""Small pictures of large ones, of every kind that Pillow writes, upright and in the right colours."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from airflow_provider_mediabatch.review.thumbnails import NotAPictureError, write_thumbnail

RED, GREEN = (200, 40, 40), (40, 160, 60)


def halves(size: tuple[int, int] = (1200, 900)) -> Image.Image:
    """The upper half is red, the lower one green."""
    picture = Image.new("RGB", size, RED)
    picture.paste(GREEN, (0, size[1] // 2, size[0], size[1]))
    return picture


def written(tmp_path: Path, picture: Image.Image, kind: str, **save: Any) -> Path:
    path = tmp_path / "file"
    picture.save(path, kind, **save)
    return path


def thumbnail(source: Path, **options: Any) -> Image.Image:
    target = source.with_suffix(".small")
    write_thumbnail(source, target, **options)
    with Image.open(target) as small:
        small.load()
        return small


def near(found: Any, wanted: tuple[int, ...], tolerance: int = 12) -> bool:
    return all(abs(one - other) <= tolerance for one, other in zip(found, wanted, strict=False))


def assert_red_above_green(small: Image.Image) -> None:
    shown = small.convert("RGB")
    assert near(shown.getpixel((shown.width // 2, shown.height // 4)), RED)
    assert near(shown.getpixel((shown.width // 2, 3 * shown.height // 4)), GREEN)


def test_a_photograph_becomes_small_and_loses_its_metadata(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Camera of a known person"
    small = thumbnail(written(tmp_path, halves(), "JPEG", exif=exif))
    assert (small.format, small.size, dict(small.getexif())) == ("JPEG", (320, 240), {})
    assert_red_above_green(small)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photograph_is_shown_upright(tmp_path: Path, kind: str, orientation: int) -> None:
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = halves().transpose(back[orientation]) if orientation in back else halves()
    exif = Image.Exif()
    exif[0x0112] = orientation
    small = thumbnail(written(tmp_path, stored, kind, exif=exif))
    assert small.size == (320, 240)
    assert_red_above_green(small)


def test_damaged_exif_does_not_matter(tmp_path: Path) -> None:
    exif = b"Exif\x00\x00II*\x00" + struct.pack("<IHHHII", 8, 1, 0x0112, 3, 1, 0xFFFF) + b"\xff" * 7
    assert_red_above_green(thumbnail(written(tmp_path, halves(), "JPEG", exif=exif)))


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("PNG", "RGB"),
        ("PNG", "RGBA"),
        ("PNG", "P"),
        ("GIF", "P"),
        ("BMP", "RGB"),
        ("TIFF", "RGB"),
        ("TIFF", "CMYK"),
        ("JPEG", "CMYK"),
        ("WEBP", "RGB"),
        ("WEBP", "RGBA"),
    ],
)
def test_colours_of_other_kinds(tmp_path: Path, kind: str, mode: str) -> None:
    assert_red_above_green(thumbnail(written(tmp_path, halves((400, 300)).convert(mode), kind)))


def test_a_palette_with_transparency_stays_transparent(tmp_path: Path) -> None:
    picture = halves((400, 300)).quantize(2)
    path = written(tmp_path, picture, "PNG", transparency=picture.getpixel((0, 0)))
    small = thumbnail(path)
    assert (small.format, small.mode) == ("PNG", "RGBA")
    assert small.getpixel((10, 10))[3] == 0  # type: ignore[index]
    assert small.getpixel((10, small.height - 10))[3] == 255  # type: ignore[index]


@pytest.mark.parametrize(
    ("mode", "kind", "value", "shown"),
    [
        ("I;16", "PNG", 0x8000, 128),
        ("I;16", "TIFF", 0x4000, 64),
        ("I", "TIFF", 0x8000, 128),
        ("F", "TIFF", 0.5, 128),
        ("F", "TIFF", 100.0, 100),
        ("L", "PNG", 77, 77),
        ("1", "PNG", 1, 255),
        ("LA", "PNG", (77, 255), 77),
    ],
)
def test_grey_pictures_of_any_depth_keep_their_brightness(
    tmp_path: Path, mode: str, kind: str, value: Any, shown: int
) -> None:
    small = thumbnail(written(tmp_path, Image.new(mode, (400, 300), value), kind)).convert("L")
    assert small.size == (320, 240)
    found = small.getpixel((100, 100))
    assert isinstance(found, int)
    assert abs(found - shown) <= 2


@pytest.mark.parametrize("gap", [float("nan"), float("inf"), float("-inf"), -3.4028234663852886e38])
@pytest.mark.parametrize("place", [(0, 0), (399, 299)])
def test_pixels_without_a_value_do_not_change_the_others(tmp_path: Path, gap: float, place: tuple[int, int]) -> None:
    picture = Image.new("F", (400, 300), 0.5)
    picture.paste(gap, (*place, place[0] + 1, place[1] + 1))
    small = thumbnail(written(tmp_path, picture, "TIFF")).convert("L")
    found = small.getpixel((160, 120))
    assert isinstance(found, int)
    assert abs(found - 128) <= 2


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "PNG"])
def test_of_several_frames_the_first_is_shown(tmp_path: Path, kind: str) -> None:
    second = Image.new("RGB", (400, 300), (0, 0, 255))
    path = written(tmp_path, halves((400, 300)), kind, save_all=True, append_images=[second])
    assert_red_above_green(thumbnail(path))


def test_a_changed_file_is_marked(tmp_path: Path) -> None:
    path = written(tmp_path, halves(), "PNG")
    plain, marked = thumbnail(path).convert("RGB"), thumbnail(path, changed=True).convert("RGB")
    assert plain.size == marked.size
    assert near(plain.getpixel((310, 235)), GREEN)
    assert near(marked.getpixel((310, 235)), (180, 35, 24))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a picture",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"\xff\xd8\xff broken",
        b"\x89PNG\r\n\x1a\n" + b"\x00" * 40,
    ],
)
def test_bytes_that_are_no_picture_say_so(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(data)
    with pytest.raises(NotAPictureError):
        thumbnail(path)


def test_a_large_photograph_is_decoded_at_a_fraction_of_its_size(tmp_path: Path) -> None:
    assert thumbnail(written(tmp_path, Image.new("RGB", (8000, 6000), RED), "JPEG")).size == (320, 240)


@pytest.mark.parametrize(
    ("kind", "mode", "save"),
    [
        ("PNG", "1", {}),
        ("WEBP", "L", {"lossless": True}),
        ("WEBP", "RGB", {"quality": 1, "method": 0}),
        ("WEBP", "RGBA", {"lossless": True}),
    ],
)
def test_too_many_pixels_are_refused_before_they_are_decoded(
    tmp_path: Path, kind: str, mode: str, save: dict[str, Any]
) -> None:
    with pytest.raises(NotAPictureError, match="6,000 × 5,000 pixels"):
        thumbnail(written(tmp_path, Image.new(mode, (6000, 5000)), kind, **save))
