"""What kind of medium a file is, by its first bytes and by its name. Pure.

The bytes are asked first wherever they are at hand: people's files have names of other kinds, or none.
"""

from __future__ import annotations

HEAD_BYTES = 512
"""The first bytes of a file that :func:`media_type` needs."""

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"II+\x00", "image/tiff"),
    (0, b"MM\x00+", "image/tiff"),
    (0, b"\x00\x00\x00\x0cjP  \r\n\x87\n", "image/jp2"),
    (0, b"\xff\x4f\xff\x51", "image/jp2"),
    (0, b"\x00\x00\x00\x0cJXL \r\n\x87\n", "image/jxl"),
    (0, b"\xff\x0a", "image/jxl"),
    (0, b"8BPS", "image/vnd.adobe.photoshop"),
    (0, b"fLaC", "audio/flac"),
    (0, b"ID3\x02", "audio/mpeg"),
    (0, b"ID3\x03", "audio/mpeg"),
    (0, b"ID3\x04", "audio/mpeg"),
    (0, b"#!AMR", "audio/amr"),
    (0, b"ADIF", "audio/aac"),
    (0, b"caff", "audio/x-caf"),
    (0, b"FLV\x01", "video/x-flv"),
    (0, b"\x00\x00\x01\xba", "video/mpeg"),
    (0, b"\x00\x00\x01\xb3", "video/mpeg"),
    (0, b"0&\xb2u\x8ef\xcf\x11", "video/x-ms-asf"),
    (0, b"%PDF-", "application/pdf"),
)
_RIFF = {b"WAVE": "audio/wav", b"WEBP": "image/webp", b"AVI ": "video/x-msvideo"}
_AIFF = {b"AIFF", b"AIFC"}
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_HEIF = {b"mif1", b"msf1", b"mif2"}
"""Brands that say "a picture" and leave the codec to the brands that follow."""
_ISO_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"crx ": "image/x-canon-cr3",
    b"qt  ": "video/quicktime",
    b"3gp4": "video/3gpp",
    b"3gp5": "video/3gpp",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
}


def media_type(head: bytes) -> str | None:
    """The media type that the bytes tell, or None when they tell none.

    :param head: the file's first :data:`HEAD_BYTES` bytes; more do no harm.
    """
    for offset, magic, found in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return found
    if head[:2] == b"BM" and head[6:10] == b"\x00\x00\x00\x00":  # two letters alone begin texts too
        return "image/bmp"
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[:4] == b"FORM" and head[8:12] in _AIFF:
        return "audio/aiff"
    if head[:4] == b"OggS":
        # Each stream of an Ogg file begins with a page of its own before any data (RFC 3533, RFC 5334).
        return "video/ogg" if b"\x80theora" in head[:HEAD_BYTES] else "audio/ogg"
    if head[4:8] == b"ftyp":
        return _iso_type(head)
    if head[:4] == b"\x1aE\xdf\xa3":
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    return _frame_type(head)


def _iso_type(head: bytes) -> str:
    """The type of a file of ISO's base format, by its brand (ISO/IEC 14496-12 and 23008-12)."""
    brand, size = head[8:12], min(int.from_bytes(head[:4]), len(head))
    others = {head[at : at + 4] for at in range(16, size, 4)}
    if brand in _ISO_BRANDS:
        return _ISO_BRANDS[brand]
    brands = {brand, *others}  # those of a profile may come first, as MiHB of HEIC and MA1B of AVIF
    if brands & _HEIC:
        return "image/heic"
    if brands & {b"avif", b"avis"}:
        return "image/avif"
    return "image/heif" if brands & _HEIF else "video/mp4"


def _frame_type(head: bytes) -> str | None:
    """The type of a stream without a header of its own: frames of MPEG audio or AAC, packets of MPEG, H.264.

    The byte order mark of a text in UTF-16 looks like a frame of Layer I, which nobody uses.
    """
    if len(head) > 2 and head[0] == 0xFF:
        if head[1] & 0xF6 == 0xF0:
            return "audio/aac"
        is_layer = head[1] & 0xE0 == 0xE0 and head[1] & 0x18 != 0x08 and head[1] & 0x06 in (0x02, 0x04)
        if is_layer and head[2] >> 4 != 0xF and head[2] >> 2 & 3 != 3:
            return "audio/mpeg"
    for first in (0, 4):  # packets of 188 bytes; cameras put a time of 4 bytes before each
        if len(head) > 400 and all(head[first + number * (188 + first)] == 0x47 for number in (0, 1)):
            return "video/mp2t"
    if head[:4] == b"\x00\x00\x00\x01" and len(head) > 4 and head[4] & 0x1F in (7, 9):
        return "video/h264"
    return None


SUFFIXES: dict[str, tuple[str, ...]] = {
    "image": (
        "jpg",
        "jpeg",
        "jpe",
        "jfif",
        "png",
        "gif",
        "bmp",
        "webp",
        "tif",
        "tiff",
        "avif",
        "jp2",
        "psd",
        "heic",
        "heif",
    ),
    "audio": ("wav", "mp3", "flac", "ogg", "oga", "opus", "m4a", "aac", "aif", "aiff", "amr", "caf", "wma"),
    "video": (
        "mp4",
        "m4v",
        "mov",
        "webm",
        "mkv",
        "avi",
        "mpg",
        "mpeg",
        "3gp",
        "mts",
        "m2ts",
        "wmv",
        "flv",
        "ogv",
        "h264",
    ),
}
"""What the names of media end with, by kind."""


def suffix_of(name: str) -> str:
    """The last extension of a file's name or path in lower case, without its dot; "" for none.

    Dots at a name's beginning begin no extension, as :func:`~.files.file_names.stem_sql` has it.
    """
    stem, _, suffix = name.rsplit("/", 1)[-1].rpartition(".")
    return suffix.lower() if stem.strip(".") else ""


def expected_kind(path: str) -> str:
    """``image``, ``audio``, ``video`` or ``file``, by what the name ends with."""
    suffix = suffix_of(path)
    return next((kind for kind, suffixes in SUFFIXES.items() if suffix in suffixes), "file")
