"""What kind of medium a file is.

The bytes decide what is served inline. A name or a model's output is never believed. SVG and HTML can hold scripts and
are never served inline.
"""

from __future__ import annotations

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
