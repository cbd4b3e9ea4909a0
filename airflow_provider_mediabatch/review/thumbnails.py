"""Small pictures of large ones, as Pillow makes them. Runs in a process of its own (:mod:`.thumbnail_worker`)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.core.media_types import HEAD_BYTES
from airflow_provider_mediabatch.review.media_types import media_type

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

EDGE = 320
SMALL_EDGE = 160
LARGE_EDGE = 1600
MAX_PIXELS = 25_000_000
MAX_JPEG_PIXELS = 200_000_000
"""A JPEG is decoded at a fraction of its size, so that more pixels cost no more memory."""
CHANGED_TEXT = "changed since"
UNREAD = {
    "image/heic": "HEIC",
    "image/heif": "HEIF",
    "image/jxl": "JPEG XL",
    "image/x-canon-cr3": "a raw file of a camera",
}
"""Kinds of pictures that Pillow itself does not read."""

_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
"""EXIF's orientation to Pillow's ``Transpose``, as in ``ImageOps.exif_transpose``."""
_WIDE = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
_NO_DATA = 1e38
"""From here on, and where there is no number, a pixel has no value: maps have the lowest float there."""


class NotAPictureError(Exception):
    """No thumbnail can be made. The text gives the reason and may be shown to a reader."""


def write_thumbnail(source: Path, target: Path, *, edge: int = EDGE, changed: bool = False) -> None:
    """Write a picture of at most ``edge`` pixels each way, upright and without metadata.

    The first frame of an animated picture is taken. A picture with transparency becomes a PNG, any other a JPEG.

    :param source: the fetched file.
    :param target: the file to write.
    :param edge: the longest edge in pixels.
    :param changed: whether a bar with the words "changed since" is drawn across the picture.
    :raises NotAPictureError: the bytes are no picture, the picture is damaged, or it has too many pixels.
    :raises MemoryError: the picture needs more memory than this process may use.
    """
    with source.open("rb") as file:
        head = file.read(HEAD_BYTES)
    found = media_type(head)
    if found is None or not found.startswith("image/"):
        raise NotAPictureError("the bytes are not a picture")
    if found in UNREAD:
        raise NotAPictureError(f"the picture is {UNREAD[found]}, which is not shown here")
    if found == "image/webp":
        _check_pixels(*_webp_size(head))  # Pillow allocates memory for the picture when it opens the file
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None  # the limits here are lower, and depend on the format
    try:
        with Image.open(source) as picture:
            small = _scaled(picture, edge)
            if changed:
                _mark(small)
            if small.mode == "RGBA":
                small.save(target, "PNG")
            else:
                small.save(target, "JPEG", quality=80)
    except MemoryError:
        raise
    except UnidentifiedImageError as error:
        raise NotAPictureError("the picture is damaged, or of a kind that is not shown here") from error
    except NotAPictureError:
        raise
    except Exception as error:  # Pillow's plugins raise many kinds of errors for damaged files
        raise NotAPictureError("the picture is damaged") from error


def _scaled(picture: Any, edge: int) -> Picture:
    from PIL.Image import Transpose

    pixels = picture.width * picture.height
    is_jpeg = picture.format in ("JPEG", "MPO")
    if pixels > (MAX_JPEG_PIXELS if is_jpeg else MAX_PIXELS):
        raise NotAPictureError(f"the picture has {picture.width:,} × {picture.height:,} pixels: too many to scale here")
    if is_jpeg:
        picture.draft(None, (edge * 2, edge * 2))
        _check_pixels(picture.width, picture.height)
    flat = _flat(picture)
    turn = _TURNS.get(
        _orientation(picture)
    )  # asked now, because Pillow turns a TIFF, and no other kind, as it reads it
    flat.thumbnail((edge, edge))
    return flat if turn is None else flat.transpose(Transpose(turn))


def _check_pixels(width: int, height: int, limit: int = MAX_PIXELS) -> None:
    if width * height > limit:
        raise NotAPictureError(f"the picture has {width:,} × {height:,} pixels, which is too many to scale here")


def _webp_size(head: bytes) -> tuple[int, int]:
    """Width and height by the first chunk (Google's "WebP Container Specification")."""
    chunk, data = head[12:16], head[20:]
    if chunk == b"VP8X":
        return 1 + int.from_bytes(data[4:7], "little"), 1 + int.from_bytes(data[7:10], "little")
    if chunk == b"VP8L":
        bits = int.from_bytes(data[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF


def _orientation(picture: Any) -> int:
    try:
        return int(picture.getexif().get(0x0112, 1))
    except Exception:  # damaged EXIF is no reason not to show the picture
        return 1


def _flat(picture: Any) -> Picture:
    """The first frame in 8 bits: RGBA where it has transparency, else RGB."""
    if picture.mode in _WIDE:
        return _eight_bits(picture).convert("RGB")
    has_alpha = picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info
    flat: Picture = picture.convert("RGBA" if has_alpha else "RGB")
    return flat


def _eight_bits(picture: Any) -> Picture:
    """A picture of 16 or 32 bits or of floats, in 8 bits: the smallest usual range that holds its values is kept."""
    wide = picture.convert("F")
    low, high = wide.getextrema()
    if not (abs(low) < _NO_DATA and abs(high) < _NO_DATA):  # as of no number, too
        wide, low, high = _without_gaps(wide)
    usual = (65535.0,) if picture.mode.startswith("I;16") else (1.0, 255.0, 65535.0)
    top = next((top for top in usual if low >= 0 and high <= top), None)
    low, high = (low, high) if top is None else (0.0, top)
    scale = 255.0 / (high - low) if high > low else 0.0
    shown: Picture = wide.point(lambda value: value * scale + (-low * scale)).convert("L")
    return shown


def _without_gaps(wide: Any) -> tuple[Any, float, float]:
    """A picture of floats whose pixels without a value have the lowest value, and its lowest and highest value."""
    from PIL import Image, ImageMath

    inside = ImageMath.lambda_eval(lambda images: abs(images["wide"]) < _NO_DATA, wide=wide)
    known = inside.point(lambda value: value * 255).convert("L")
    filled: list[Any] = [Image.composite(wide, Image.new("F", wide.size, gap), known) for gap in (_NO_DATA, -_NO_DATA)]
    low, high = filled[0].getextrema()[0], filled[1].getextrema()[1]
    return Image.composite(wide, Image.new("F", wide.size, low), known), low, high


def _mark(picture: Picture) -> None:
    from PIL import ImageDraw

    height = max(14, picture.height // 10)
    draw = ImageDraw.Draw(picture)
    top = picture.height - height
    draw.rectangle((0, top, picture.width, picture.height), fill=(180, 35, 24))
    draw.text((4, top + 1), CHANGED_TEXT, fill=(255, 255, 255), font_size=height - 4)
