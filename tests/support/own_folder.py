"""A folder as people have them: media of every kind that tests make, odd names, and what is no file."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

import media_kinds
from PIL import Image

ODD_NAMES = (
    "it's.jpg", '"quoted".jpg', "-rf.jpg", "--help.jpg", "*.jpg", "?.jpg", "[a-z].jpg", "{a,b}.jpg", "$(date).jpg",
    "`date`.jpg", "a;b&c|d.jpg", "50%.jpg", "%41.jpg", "a\\b.jpg", "#1.jpg", "~.jpg", "a=b+c.jpg", "@stage.jpg",
    "[red]x.jpg", " before.jpg", "two  spaces.jpg", "behind .jpg", "NULL.jpg", "MB_1.jpg", "_SUCCESS.jpg",
    "caf\u00e9.jpg", "cafe\u0301.jpg", "\u0645\u0631\u062d.jpg", "\U0001f469\u200d\U0001f4bb.jpg", "\u65e5\u672c.jpg",
    "photo.JPG_large", "photo.jpeg~", "IMG_1.jpg.download", "IMG_1.JpEg", "IMG_1.PNG", "IMG_1.heic", "IMG_1.MOV",
    "dot.", "\u00e9" * 123 + ".jpg", "x" * 251 + ".jpg", "y" * 255, "\u65e5" * 84,
)  # fmt: skip
"""Names of good pictures. Some have an extension of another kind, or none."""
LEFT_OUT = ("two\nlines.jpg", "tab\t.jpg", "\u2028.jpg", ".hidden.jpg")
"""Names for which a picture is left out."""
NO_UTF8 = b"\xff\xfe.jpg"


def write_folder(
    folder: Path, kinds: Iterable[tuple[str, bytes]], others: Iterable[tuple[str, bytes]], suffix: str = ".jpg"
) -> None:
    """A folder with one file of each kind, and everything that is not media of this kind.

    :param folder: made.
    :param kinds: kind and content; half of them get an extension.
    :param others: of other media.
    :param suffix: the extension.
    """
    folder.mkdir()
    for number, (kind, data) in enumerate(kinds):
        (folder / f"{kind}{suffix if number % 2 or not _says_what_it_is(data) else ''}").write_bytes(data)
    for kind, data in others:
        (folder / f"{kind}.other").write_bytes(data)
    (folder / "notes.txt").write_text("no media at all")
    (folder / "empty.txt").touch()
    (folder / "folder.jpg").mkdir()
    (folder / "folder.jpg" / "inner.jpg").write_bytes(b"not looked at")
    (folder / "loop.jpg").symlink_to("loop.jpg")
    (folder / "lost.jpg").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.open(folder, os.O_RDONLY)
        server.bind(f"/proc/self/fd/{here}/socket.jpg")  # a socket's path has about 100 bytes at most
        os.close(here)


def write_pictures(folder: Path, names: Iterable[str | bytes], size: tuple[int, int] = (320, 240)) -> None:
    """The photograph of a cup of espresso under each name."""
    data = media_kinds.saved(media_kinds.espresso().resize(size, Image.Resampling.LANCZOS), "JPEG", quality=90)
    for name in names:
        (folder / os.fsdecode(name)).write_bytes(data)


def counted(document: Mapping[str, object]) -> list[str]:
    """The names of all files that a demo's JSON tells of, in order, each as often as it does."""
    predictions, failed, left_out = (document[name] for name in ("predictions", "failed", "left_out"))
    assert isinstance(predictions, list)
    assert isinstance(failed, dict)
    assert isinstance(left_out, dict)
    return sorted([*(row["file"] for row in predictions), *failed, *left_out])


def _says_what_it_is(data: bytes) -> bool:
    from airflow_provider_mediabatch.core.media_types import media_type

    return media_type(data) is not None
