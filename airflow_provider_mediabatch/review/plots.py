"""Small plots as SVG, drawn on the server, because the page has no script.

Each plot has a text alternative, and the page lists its numbers below it. The style sheet sets the colours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

WIDTH = 560
ROW = 30
LABELS = 240
HEIGHT = 150


def bars(counts: Sequence[tuple[str, int]], *, title: str) -> str:
    """Horizontal bars, one for each label.

    :param counts: label and count, drawn in the order given.
    :param title: the text alternative.
    """
    top = max((count for _, count in counts), default=0) or 1
    parts = [_open(WIDTH, ROW * max(1, len(counts)) + 4, title)]
    for index, (label, count) in enumerate(counts):
        y = index * ROW + 2
        width = max(1.0, (WIDTH - LABELS - 90) * count / top)
        shown = label if len(label) <= 22 else label[:21] + "…"
        parts.append(f'<text class="label" x="{LABELS - 8}" y="{y + 21}" text-anchor="end">{escape(shown)}</text>')
        parts.append(f'<rect class="bar" x="{LABELS}" y="{y + 3}" width="{width:.1f}" height="{ROW - 6}" rx="2"/>')
        parts.append(f'<text class="count" x="{LABELS + width + 6:.1f}" y="{y + 21}">{count:,}</text>')
    return "".join(parts) + "</svg>"


def histogram(counts: Sequence[int], low: float, high: float, *, title: str) -> str:
    """Upright bars of equal width between two values.

    :param counts: one for each bin, from ``low`` to ``high``.
    :param title: the text alternative.
    """
    top = max(counts, default=0) or 1
    step = WIDTH / max(1, len(counts))
    parts = [_open(WIDTH, HEIGHT + 28, title)]
    for index, count in enumerate(counts):
        height = 0.0 if not count else max(1.5, HEIGHT * count / top)
        parts.append(
            f'<rect class="bar" x="{index * step + 1:.1f}" y="{HEIGHT - height:.1f}" width="{step - 2:.1f}" '
            f'height="{height:.1f}"><title>{count:,}</title></rect>'
        )
    parts.append(f'<line class="axis" x1="0" y1="{HEIGHT}" x2="{WIDTH}" y2="{HEIGHT}"/>')
    parts.append(f'<text class="label" x="2" y="{HEIGHT + 22}">{escape(number(low))}</text>')
    parts.append(
        f'<text class="label" x="{WIDTH - 2}" y="{HEIGHT + 22}" text-anchor="end">{escape(number(high))}</text>'
    )
    return "".join(parts) + "</svg>"


def number(value: float | int) -> str:
    """A number with at most four significant digits. Whole numbers are complete, with separators."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:.4g}"


def _open(width: int, height: int, title: str) -> str:
    return (
        f'<svg class="plot" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>"
    )
