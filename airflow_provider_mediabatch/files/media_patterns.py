"""Patterns of media files for ``pattern=``: names as cameras, phones and recorders write them, in any case.

LIST's patterns are Java's and the directory table's are POSIX's, so that no flag for "any case" works in both.
"""

from __future__ import annotations

import re

from airflow_provider_mediabatch.core.media_types import SUFFIXES


def any_case(*suffixes: str) -> str:
    """A pattern of names that end with one of these extensions, in upper, lower or mixed case.

    :param suffixes: extensions without their dot, of letters and digits.
    :raises ValueError: for another character, which would mean something else in a pattern.
    """
    for suffix in suffixes:
        if not re.fullmatch("[A-Za-z0-9]+", suffix):
            raise ValueError(f"{suffix!r} is not an extension: write letters and digits, without a dot")
    return f".*[.]({'|'.join(map(_any_case, suffixes))})"


def _any_case(suffix: str) -> str:
    return "".join(f"[{char.lower()}{char.upper()}]" if char.isalpha() else char for char in suffix)


IMAGES = any_case(*(suffix for suffix in SUFFIXES["image"] if suffix not in ("heic", "heif")))
"""Pictures that Pillow reads without a plugin."""
RECORDINGS = any_case(*SUFFIXES["audio"], *SUFFIXES["video"])
"""Sound, with or without a picture, as models that use FFmpeg read it."""
VIDEOS = any_case(*SUFFIXES["video"])
"""Videos."""
