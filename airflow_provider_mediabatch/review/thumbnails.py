"""Small pictures of large ones."""

from __future__ import annotations

import io
from pathlib import Path

from airflow_provider_mediabatch.review.media_types import media_type

EDGE = 320
SMALL_EDGE = 160
MAX_PIXELS = 100_000_000


class NotAPictureError(Exception):
    """No thumbnail can be made; the text says why and is fit for a page."""


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
