"""Markdown for Airflow's approval form.

Anybody may have written a file name or a model's output. Airflow's form turns bare URLs into links even where every
character is escaped, and fetches images from any host. So such text is only ever put into code spans, where Markdown
has no meaning.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

_BACKTICKS = re.compile("`+")
_BREAKING = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, bidirectional overrides, lone surrogates, line separators

MAX_CELL = 160


def plain(value: Any, limit: int | None = MAX_CELL) -> str:
    """A value as one line of visible characters, cut to ``limit``."""
    text = "" if value is None else str(value)
    if limit is not None and len(text) > limit * 4:
        text = text[: limit * 4]
    text = "".join(" " if unicodedata.category(char) in _BREAKING else char for char in text)
    text = " ".join(text.split())
    return text if limit is None or len(text) <= limit else text[: limit - 1] + "…"


def code(value: Any, limit: int | None = MAX_CELL) -> str:
    """A value as a code span that is safe in a table cell.

    A vertical bar would end the cell even inside a code span, so it is replaced by ``│``.
    """
    text = plain(value, limit).replace("|", "│")
    if not text:
        return ""
    fence = "`" * (max((len(run) for run in _BACKTICKS.findall(text)), default=0) + 1)
    pad = " " if text[0] == "`" or text[-1] == "`" else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in GitHub's Markdown. The cells are Markdown already."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def image(url: str, alt: str) -> str:
    """An image of this site.

    :param url: a path on this site, made with :func:`airflow_provider_mediabatch.review.addresses.segments`.
    :param alt: the text alternative, of which letters, digits, spaces, dots, dashes and underscores are kept. Where
        nothing is left it is "picture", because an image without a text counts as decoration.
    :raises ValueError: for an address of another site.
    """
    if not url.startswith("/") or url.startswith("//"):
        raise ValueError("a form shows only images of this site")
    kept = "".join(char for char in plain(alt, 60) if char.isalnum() or char in " ._-").strip()
    return f"![{kept or 'picture'}]({url})"


def link(url: str, text: str) -> str:
    """A link within this site.

    :param url: as of :func:`image`.
    :param text: Markdown: words of ours, and code spans.
    :raises ValueError: for an address of another site.
    """
    if not url.startswith("/") or url.startswith("//"):
        raise ValueError("a form has only links within this site")
    return f"[{text}]({url})"


def checks_table(checks: Sequence[Mapping[str, Any]]) -> str:
    """The checks with their findings."""
    rows = [
        (code(check["name"]), "passed" if check["passed"] else "**failed**", code(check.get("detail", "")))
        for check in checks
    ]
    return table(("Check", "Result", "Finding"), rows)
