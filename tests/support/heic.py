"""A real HEIC file: one picture in HEVC, as FFmpeg encodes it, in the smallest container that ISO/IEC 23008-12 allows.

Neither Pillow nor FFmpeg writes such a container, so its boxes are written here. FFmpeg reads it, which a test asserts.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of ISO's base format."""
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def full_box(kind: bytes, version: int, *parts: bytes) -> bytes:
    """A box with a version, and no flags."""
    return box(kind, struct.pack(">B3x", version), *parts)


def found_box(data: bytes, kind: bytes) -> bytes:
    """A whole box out of a file that has one of this kind."""
    at = data.index(kind) - 4
    return data[at : at + int.from_bytes(data[at : at + 4])]


def _encoded(picture: Image) -> tuple[bytes, bytes]:
    """The decoder's configuration, as a box, and the picture's HEVC data."""
    import av

    buffer = io.BytesIO()
    options: dict[str, Any] = {"x265-params": "log-level=none:keyint=1", "tag": "hvc1"}
    with av.open(buffer, "w", format="mp4") as out:
        stream = out.add_stream("libx265", rate=1, options=options)
        stream.width, stream.height, stream.pix_fmt = *picture.size, "yuv420p"
        out.mux(stream.encode(av.VideoFrame.from_image(picture)))
        out.mux(stream.encode())
    video = buffer.getvalue()
    return found_box(video, b"hvcC"), found_box(video, b"mdat")[8:]


def heic(picture: Image, *, major: bytes = b"heic", others: tuple[bytes, ...] = (b"mif1", b"heic")) -> bytes:
    """The picture as a HEIC file.

    :param picture: in RGB, with even width and height.
    :param major: the file's major brand.
    :param others: its compatible brands.
    """
    configuration, data = _encoded(picture)
    start = box(b"ftyp", major, bytes(4), *others)

    def meta(offset: int) -> bytes:
        handler = full_box(b"hdlr", 0, bytes(4), b"pict", bytes(12), b"\0")
        primary = full_box(b"pitm", 0, struct.pack(">H", 1))
        place = full_box(b"iloc", 0, struct.pack(">BBHHHHII", 0x44, 0, 1, 1, 0, 1, offset, len(data)))
        item = full_box(b"infe", 2, struct.pack(">HH", 1, 0), b"hvc1", b"\0")
        items = full_box(b"iinf", 0, struct.pack(">H", 1), item)
        size = full_box(b"ispe", 0, struct.pack(">II", *picture.size))
        uses = full_box(b"ipma", 0, struct.pack(">IHBBB", 1, 1, 2, 0x80 | 1, 2))
        properties = box(b"iprp", box(b"ipco", configuration, size), uses)
        return full_box(b"meta", 0, handler, primary, place, items, properties)

    return start + meta(len(start) + len(meta(0)) + 8) + box(b"mdat", data)
