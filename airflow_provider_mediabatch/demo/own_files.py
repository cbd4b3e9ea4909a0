"""Which of a user's own files a demo takes. What it does not take, it names with the reason."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.core.media_types import HEAD_BYTES, expected_kind, media_type
from airflow_provider_mediabatch.files.media_patterns import IMAGES, RECORDINGS

if TYPE_CHECKING:
    from snowflake.snowpark import Session

_UPLOADED_TOGETHER = 200
_NAME_BYTES, _DIGITS = 255, 8
"""The longest name of a file on Linux, and the hexadecimal digits that distinguish shortened names."""
_UNREAD = {
    "image/heic": "HEIC, which Pillow reads only with the plugin pillow-heif, and the demo's model does not have it",
    "image/heif": "HEIF, which Pillow does not read",
    "image/jxl": "JPEG XL, which Pillow does not read",
    "image/x-canon-cr3": "a camera's raw file, which Pillow does not read",
}
_SUFFIX_OF = {
    "image/jpeg": "jpg",
    "image/tiff": "tif",
    "image/vnd.adobe.photoshop": "psd",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/x-caf": "caf",
    "video/quicktime": "mov",
    "video/x-matroska": "mkv",
    "video/x-msvideo": "avi",
    "video/x-flv": "flv",
    "video/x-ms-asf": "wmv",
    "video/mpeg": "mpg",
    "video/mp2t": "mts",
    "video/3gpp": "3gp",
    "video/ogg": "ogv",
}


class LeftOutError(Exception):
    """A file that is not taken. The text is the reason."""


@dataclass(frozen=True)
class MediaRule:
    """What a demo takes for its media.

    :param what: the media in a word for messages.
    :param kinds: kinds of media types, ``image``, ``audio`` or ``video``.
    :param pattern: the pattern of the DAG that lists them.
    """

    what: str
    kinds: tuple[str, ...]
    pattern: str

    def name_on_stage(self, path: Path) -> str:
        """The name that a file gets on the stage, which the DAG's pattern matches.

        Its bytes say what it is. Where they say nothing known, its name does, and the model has the last word. A file
        whose name does not say what it is gets an extension.

        :raises LeftOutError: with the reason, for a file that is not taken.
        """
        name = path.name
        if not printable(name):
            raise LeftOutError("its name has a line break or another control character, or is no text")
        if path.is_dir():
            raise LeftOutError("a folder: only files directly in the given folder are read")
        if name.startswith("."):
            raise LeftOutError("a hidden file")
        found = media_type(_head(path))
        if found in _UNREAD:
            raise LeftOutError(_UNREAD[found])
        if found is None and expected_kind(name) not in self.kinds:
            raise LeftOutError(f"no {self.what}, by its name and by its first bytes")
        if found is not None and found.split("/")[0] not in self.kinds:
            raise LeftOutError(f"{found}, which is no {self.what}")
        if found is None or re.fullmatch(self.pattern, name):
            return name
        return _with_suffix(name, _SUFFIX_OF.get(found) or found.split("/")[1].removeprefix("x-"))


PICTURES = MediaRule("picture", ("image",), IMAGES)
SOUND = MediaRule("recording", ("audio", "video"), RECORDINGS)


def _with_suffix(name: str, suffix: str) -> str:
    """The name with an extension, shortened where a file may not have so long a one."""
    stem = name
    while len(os.fsencode(f"{stem}.{suffix}")) > _NAME_BYTES:
        kept = stem if stem == name else stem[: -_DIGITS - 1]
        stem = f"{kept[:-1]}~{hashlib.sha256(os.fsencode(name)).hexdigest()[:_DIGITS]}"
    return f"{stem}.{suffix}"


def _head(path: Path) -> bytes:
    """The first bytes of a file.

    :raises LeftOutError: for a file without any, and what cannot be read.
    """
    try:
        if not path.is_file():
            raise LeftOutError("neither a file nor a folder")
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise LeftOutError(f"it cannot be read: {error.strerror}") from error
    if not head:
        raise LeftOutError("an empty file")
    return head


@dataclass(frozen=True)
class OwnFiles:
    """A folder's files.

    :param taken: name on the stage to file, in the order of names.
    :param left_out: name of each other entry to the reason.
    """

    taken: dict[str, Path]
    left_out: dict[str, str]


def sort_files(paths: Iterable[Path], rule: MediaRule) -> OwnFiles:
    """Take files by the rule, in the order of their names.

    :param paths: entries of one folder.
    :param rule: what is taken.
    """
    names: dict[Path, str] = {}
    left_out: dict[str, str] = {}
    for path in sorted(paths):
        try:
            names[path] = rule.name_on_stage(path)
        except LeftOutError as error:
            left_out[path.name] = str(error)
    own = {path.name for path, name in names.items() if path.name == name}
    for path, name in names.items():
        if path.name != name and name in own:
            left_out[path.name] = f"its name on the stage would be {name}, which is another file's"
    return OwnFiles({name: path for path, name in names.items() if path.name not in left_out}, left_out)


def upload(
    session: Session, files: Mapping[str, Path], target: str, progress: Callable[[int], None] = lambda done: None
) -> dict[str, str]:
    """Put files on a stage under the given names, many with one PUT.

    :param session: the session that uploads.
    :param files: name on the stage to file.
    :param target: the stage's folder, ``@STAGE/folder``.
    :param progress: called with the number of files that are on the stage.
    :return: the files that cannot be read any more, name on the stage to the reason. They are not there.
    """
    names = list(files)
    lost: dict[str, str] = {}
    for start in range(0, len(names), _UPLOADED_TOGETHER):
        together = names[start : start + _UPLOADED_TOGETHER]
        lost |= _put(session, {name: files[name] for name in together}, target)
        progress(start + len(together) - len(lost))
    return lost


def _put(session: Session, files: Mapping[str, Path], target: str) -> dict[str, str]:
    """Files with one PUT, and again without those that were lost meanwhile."""
    lost: dict[str, str] = {}
    while len(lost) < len(files):
        # Links in a folder of their own: they have the names on the stage, and a name is no pattern of PUT's there.
        with tempfile.TemporaryDirectory(prefix="mediabatch-") as folder:
            for name, path in files.items():
                if name not in lost:
                    (Path(folder) / name).symlink_to(path.absolute())
            try:
                session.file.put(f"{folder}/*", target, auto_compress=False, overwrite=True)
                return lost
            except Exception:
                gone = {name: reason for name, path in files.items() if (reason := _unreadable(path)) is not None}
                if gone.keys() <= lost.keys():
                    raise
                lost |= gone
    return lost


def _unreadable(path: Path) -> str | None:
    """Why a file that was there cannot be read any more; None when it can."""
    try:
        with path.open("rb"):
            return None
    except OSError as error:
        return f"it was there, and could not be read when it was uploaded: {error.strerror}"


def printable(name: str) -> bool:
    """Whether a name is text on one line. Spaces of every width are: screenshots of macOS have them in their names."""
    return not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in name)


def named(reasons: Mapping[str, str], most: int = 20, more: str = "") -> Sequence[str]:
    """Lines that name files with their reasons.

    :param reasons: name to reason.
    :param most: how many are named; the others are counted.
    :param more: what is said behind their number.
    """
    lines = [f"  {name if printable(name) else ascii(name)}: {reason}" for name, reason in list(reasons.items())[:most]]
    if len(reasons) > most:
        lines.append(f"  and {len(reasons) - most:,} more" + (f": {more}" if more else ""))
    return lines
