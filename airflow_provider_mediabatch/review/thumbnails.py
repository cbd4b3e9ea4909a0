"""What a file is, by its own bytes, and small pictures of it.

Names and a model's claims are not believed: only bytes that are a known image, sound or video are ever served inline.
SVG and HTML never are: they can hold scripts.
"""

from __future__ import annotations

import io
from html import escape
from pathlib import Path

EDGE = 320
SMALL_EDGE = 160
MAX_PIXELS = 100_000_000

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf3", "audio/mpeg"),
    (0, b"\xff\xf2", "audio/mpeg"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
)

_BY_SUFFIX = {
    "image": ("jpg", "jpeg", "png", "gif", "bmp", "webp", "tif", "tiff", "avif"),
    "audio": ("wav", "mp3", "flac", "ogg", "oga", "opus", "m4a", "aac"),
    "video": ("mp4", "m4v", "mov", "webm", "mkv", "avi"),
}


class NotAPictureError(Exception):
    """No thumbnail can be made; the text says why and is fit for a page."""


def media_type(head: bytes) -> str | None:
    """The type of a file from its first 16 bytes, or None for one that is not shown inline."""
    for offset, magic, found in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return None if offset == 8 and head[:4] != b"RIFF" else found
    return None


def expected_kind(path: str) -> str:
    """``image``, ``audio``, ``video`` or ``file``, from the name: which element the page uses."""
    suffix = path.rsplit(".", 1)[-1].lower() if "." in path.rsplit("/", 1)[-1] else ""
    return next((kind for kind, suffixes in _BY_SUFFIX.items() if suffix in suffixes), "file")


def thumbnail(source: Path, *, edge: int = EDGE) -> tuple[bytes, str]:
    """A picture of at most ``edge`` pixels each way, upright, without metadata, and its media type.

    :param source: the fetched file.
    :raises NotAPictureError: the bytes are no picture, or one of more than 100 million pixels.
    """
    with source.open("rb") as file:
        found = media_type(file.read(16))
    if found is None or not found.startswith("image/"):
        raise NotAPictureError("the bytes are not a picture")
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError:
        # Without Pillow the original is sent and the browser scales it.
        return source.read_bytes(), found
    try:
        with Image.open(source) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise NotAPictureError(
                    f"the picture has {picture.width:,} × {picture.height:,} pixels: too many to scale here"
                )
            picture.draft("RGB", (edge * 2, edge * 2))
            upright = ImageOps.exif_transpose(picture)
            has_alpha = upright.mode in ("RGBA", "LA", "P") or "transparency" in upright.info
            small = upright.convert("RGBA" if has_alpha else "RGB")
            small.thumbnail((edge, edge))
            out = io.BytesIO()
            if has_alpha:
                small.save(out, "PNG")
                return out.getvalue(), "image/png"
            small.save(out, "JPEG", quality=80)
            return out.getvalue(), "image/jpeg"
    except Image.DecompressionBombError as error:
        raise NotAPictureError("the picture has too many pixels to scale here") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise NotAPictureError("the picture is damaged") from error


def placeholder(reason: str) -> str:
    """A small drawing that says why there is no picture, as SVG."""
    words, lines = reason.split(), [""]
    for word in words:
        if len(lines[-1]) + len(word) > 28:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    texts = "".join(
        f'<text x="120" y="{92 + 18 * index}" text-anchor="middle">{escape(line)}</text>'
        for index, line in enumerate(lines[:4])
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 180" width="240" height="180" '
        'font-family="sans-serif" font-size="13" fill="#667085"><rect x="1" y="1" width="238" height="178" rx="6" '
        'fill="none" stroke="#98a2b3" stroke-dasharray="5 4"/>'
        f'<path d="M105 36h30v30h-30z M105 66l30-30" fill="none" stroke="#98a2b3"/>{texts}</svg>'
    )
