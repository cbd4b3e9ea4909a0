"""Texts from outside, as a page can show them.

A model's output, a file's name or an XCom may hold any character and be of any length. Jinja escapes what HTML would
take for markup. What is left are characters that change the order of the text around them, halves of characters that
cannot be encoded, and the length.
"""

from __future__ import annotations

import re
from typing import Any

from markupsafe import Markup, escape

MAX_TEXT = 200_000
"""No single text of a page is longer. The longest that a page shows is the end of a job's log."""
_HALVES = re.compile("[\ud800-\udfff]")
_HIDDEN = re.compile("[\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
"""Halves, and the characters that embed, override or isolate a direction (Unicode's annex 9, section 2)."""
_IN_PLACE = "\N{REPLACEMENT CHARACTER}"


def visible(value: Any) -> Any:
    """A value as it is printed, for Jinja's ``finalize``: a text without what nobody sees, and not too long.

    What is markup already, and what is no text, is returned as it is.
    """
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    text = value if len(value) <= MAX_TEXT else value[: MAX_TEXT - 1] + "…"
    return _HIDDEN.sub(_IN_PLACE, text)


def exact(value: str) -> Markup:
    """A text that a form sends back, for a template's attribute: escaped, and every character kept that can be sent."""
    return escape(_HALVES.sub(_IN_PLACE, value))


def shortened(value: str, limit: int) -> str:
    """A text cut to ``limit`` characters. The last one shows that it was cut."""
    return value if len(value) <= limit else value[: limit - 1] + "…"
