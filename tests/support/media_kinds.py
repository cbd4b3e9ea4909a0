"""Media of many kinds, made of one photograph of a cup of espresso, and what becomes of each.

``python tests/support/media_kinds.py`` writes ``docs/media-kinds.md``; a test compares the two.
"""

from __future__ import annotations

import io
import json
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from airflow_provider_mediabatch.core.media_types import media_type
from airflow_provider_mediabatch.demo import media, models
from airflow_provider_mediabatch.review.thumbnails import NotAPictureError, write_thumbnail

DOCUMENT = Path(__file__).parents[2] / "docs" / "media-kinds.md"
_TURNED = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
"""How to turn a picture so that the orientation turns it back."""


def espresso() -> Image.Image:
    """The photograph."""
    path = next(path for path in media.photographs() if path.name == "coffee.png")
    return Image.open(path).convert("RGB")


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """The picture as a file."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def turned(orientation: int, *, damaged: bool = False) -> bytes:
    """A JPEG that is stored turned, as phones store it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Maker"
    picture = espresso()
    if orientation in _TURNED:
        picture = picture.transpose(Image.Transpose(_TURNED[orientation]))
    block = exif.tobytes()
    if damaged:  # the type of the tag Make becomes BYTE with an offset that leads nowhere
        block = block.replace(struct.pack("<HH", 0x010F, 2), struct.pack("<HH", 0x011A, 1))
    return saved(picture, "JPEG", exif=block)


def pictures() -> Iterator[tuple[str, bytes]]:
    """Name of the kind, and the file."""
    rgb = espresso()
    grey = np.asarray(rgb.convert("L"))
    alpha = rgb.copy()
    alpha.putalpha(200)
    yield "JPEG", saved(rgb, "JPEG")
    yield "JPEG, progressive", saved(rgb, "JPEG", progressive=True)
    yield "JPEG, 4:4:4", saved(rgb, "JPEG", subsampling=0)
    yield "JPEG, CMYK", saved(rgb.convert("CMYK"), "JPEG")
    yield "JPEG, grey", saved(rgb.convert("L"), "JPEG")
    for orientation in range(1, 9):
        yield f"JPEG, EXIF orientation {orientation}", turned(orientation)
    yield "JPEG, EXIF orientation 6 and a damaged tag", turned(6, damaged=True)
    yield "JPEG, EXIF that is no EXIF", saved(rgb, "JPEG", exif=b"Exif\0\0garbage")
    yield "JPEG, truncated", saved(rgb, "JPEG")[:20_000]
    yield "MPO (two pictures)", saved(rgb, "MPO", save_all=True, append_images=[rgb])
    yield "PNG", saved(rgb, "PNG")
    yield "PNG, grey", saved(rgb.convert("L"), "PNG")
    yield "PNG, with alpha", saved(alpha, "PNG")
    yield "PNG, grey with alpha", saved(alpha.convert("LA"), "PNG")
    yield "PNG, palette", saved(rgb.quantize(256), "PNG")
    yield "PNG, palette with alpha", saved(rgb.quantize(255), "PNG", transparency=b"\xc8" * 255)
    yield "PNG, palette with a transparent colour", saved(rgb.quantize(255), "PNG", transparency=0)
    yield "PNG, 16 bit grey", saved(Image.fromarray(grey.astype(np.uint16) * 257), "PNG")
    yield "PNG, animated", saved(rgb, "PNG", save_all=True, append_images=[rgb.convert("L").convert("RGB")])
    yield "PNG, truncated", saved(rgb, "PNG")[:20_000]
    yield "GIF", saved(rgb, "GIF")
    yield "GIF, animated", saved(rgb, "GIF", save_all=True, append_images=[rgb.rotate(180)])
    yield "BMP", saved(rgb, "BMP")
    yield "WebP", saved(rgb, "WEBP")
    yield "WebP, lossless", saved(rgb, "WEBP", lossless=True)
    yield "WebP, with alpha", saved(alpha, "WEBP")
    yield "WebP, animated", saved(rgb, "WEBP", save_all=True, append_images=[rgb.rotate(180)])
    yield "AVIF", saved(rgb, "AVIF")
    yield "JPEG 2000", saved(rgb, "JPEG2000")
    yield "TIFF", saved(rgb, "TIFF")
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"):
        yield f"TIFF, {compression.removeprefix('tiff_')}", saved(rgb, "TIFF", compression=compression)
    yield "TIFF, CMYK", saved(rgb.convert("CMYK"), "TIFF")
    yield "TIFF, palette", saved(rgb.quantize(256), "TIFF")
    yield "TIFF, 16 bit grey", saved(Image.fromarray(grey.astype(np.uint16) * 257), "TIFF")
    yield "TIFF, 32 bit grey", saved(Image.fromarray(grey.astype(np.int32) * 257), "TIFF")
    yield "TIFF, floats from 0 to 1", saved(Image.fromarray(grey.astype(np.float32) / 255), "TIFF")
    yield "TIFF, floats from 0 to 255", saved(Image.fromarray(grey.astype(np.float32)), "TIFF")
    yield "TIFF, two pages", saved(rgb, "TIFF", save_all=True, append_images=[rgb.rotate(180)])
    yield "TIFF, big", saved(rgb, "TIFF", big_tiff=True)
    yield "HEIC", b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(100)
    yield "JPEG XL", b"\xff\x0a" + bytes(100)
    yield "HTML under a picture's name", b"<html>404 Not Found</html>"


def video(
    container: str, codec: str = "libx264", *, frames: int = 20, start: int = 0, uneven: bool = False, turn: int = 0
) -> bytes:
    """A video that shows the cup of espresso.

    :param frames: how many, at 10 a second.
    :param start: seconds at which the first one is shown.
    :param uneven: whether the second half is shown at a fifth of the rate.
    :param turn: degrees, counter-clockwise, by which the pictures are stored turned.
    """
    import av

    picture = espresso().resize((320, 240)).rotate(turn, expand=True)
    buffer = io.BytesIO()
    options = {"movflags": "+empty_moov"} if container in ("mp4", "mov") else {}
    with av.open(buffer, "w", format=container, container_options=options) as out:
        stream = out.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = *picture.size, "yuv420p"
        for number in range(frames):
            frame = av.VideoFrame.from_image(picture)
            late = max(0, number - frames // 2) * 4 if uneven else 0
            frame.pts, frame.time_base = start * 10 + number + late, Fraction(1, 10)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return buffer.getvalue()


def rotated(data: bytes) -> bytes:
    """An MP4 with the turn by 90 degrees in its header that phones write."""
    at = data.index(b"tkhd") + 4 + 40
    matrix = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
    return data[:at] + matrix + data[at + 36 :]


def sound_only() -> bytes:
    """An MP4 without pictures."""
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return buffer.getvalue()


def videos() -> Iterator[tuple[str, bytes, float]]:
    """Name of the kind, the file, and its seconds."""
    yield "MP4, H.264", video("mp4"), 2.0
    yield "QuickTime, H.264", video("mov"), 2.0
    yield "Matroska, H.264", video("matroska"), 2.0
    yield "WebM, VP8", video("webm", "libvpx"), 2.0
    yield "AVI, MPEG-4", video("avi", "mpeg4"), 2.0
    yield "MPEG-TS, H.264", video("mpegts"), 2.0
    yield "Matroska that begins at 100 s", video("matroska", start=100), 2.0
    yield "MPEG-TS that begins at 100 s", video("mpegts", start=100), 2.0
    yield "MP4, one frame", video("mp4", frames=1), 0.1
    yield "MP4, variable frame rate", video("mp4", uneven=True), 6.0
    yield "MP4, turned by 90 degrees", rotated(video("mp4", turn=90)), 2.0
    yield "H.264 without a container", video("h264"), 0.8  # no rate is stored: 25 a second are assumed
    yield "MP4 with sound only", sound_only(), 0.0


def _thumbnail(data: bytes, folder: Path) -> str:
    (folder / "file").write_bytes(data)
    try:
        write_thumbnail(folder / "file", folder / "small")
    except NotAPictureError as error:
        return str(error)
    with Image.open(folder / "small") as small:
        mean = float(np.asarray(small.convert("L")).mean())
    return "yes" if 40 < mean < 200 else f"of brightness {mean:.0f}"


def outcomes() -> list[tuple[str, str, str, str]]:
    """Kind, type by its bytes, what the model says, what the review page shows; one for each kind."""
    rows: list[tuple[str, str, str, str]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, _ = models.image_classifier(folder).make()
        for kind, data in pictures():
            (found,) = model.predict(pd.DataFrame({"IMAGE": [data]})).itertuples()
            label = found.LABEL if found.MB_ERROR is None else found.MB_ERROR.split(":")[0]
            rows.append((kind, str(media_type(data)), label, _thumbnail(data, folder)))
        clips, _ = models.video_classifier(folder).make()
        for kind, data, seconds in videos():
            (found,) = clips.predict(pd.DataFrame({"VIDEO": [data]})).itertuples()
            if found.MB_ERROR is None:
                frames = json.loads(found.FRAMES)
                label = ", ".join(sorted({frame["label"] for frame in frames}))
                inside = all(0 <= frame["second"] <= found.SECONDS for frame in frames)
                right = abs(found.SECONDS - seconds) < 0.15 and inside
                label += f" ({len(frames)} of 4 frames)" + ("" if right else f", {found.SECONDS} s at {frames}")
            else:
                label = found.MB_ERROR
            rows.append((kind, str(media_type(data)), label, "–"))
    return rows


def document(rows: list[tuple[str, str, str, str]]) -> str:
    """The page."""
    lines = [
        "# Kinds of media",
        "",
        "A photograph of a cup of espresso in many kinds, what the demo's classifiers say of each, and whether the",
        "review page has a thumbnail of it (videos have a player instead). `python tests/support/media_kinds.py` makes",
        "this page, and a test compares it with the code.",
        "",
        "| Kind | By its first bytes | The model says | Thumbnail |",
        "|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    write: Callable[[str], Any] = DOCUMENT.write_text
    write(document(outcomes()))
    sys.stdout.write(f"{DOCUMENT} is written\n")
