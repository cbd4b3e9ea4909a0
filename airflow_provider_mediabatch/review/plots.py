"""Small plots, drawn on the server, because the page has no script. Each bar is a link that filters by it.

The style sheet sets the colours. The page's Content-Security-Policy allows no style in an element, so lengths are
attributes of SVG elements.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

from airflow_provider_mediabatch.review.visible_text import visible

WIDTH = 560
HEIGHT = 150


def bars(counts: Sequence[tuple[str, int]], link: Callable[[str], str]) -> str:
    """A list of labels with horizontal bars.

    :param counts: label and count, drawn in the order given.
    :param link: makes the address that filters by a label.
    """
    top = max((count for _, count in counts), default=0) or 1
    items = (
        f'<li><a href="{escape(link(label))}"><span class="label">{escape(visible(label)) or "(empty)"}</span>'
        f'<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="bar" width="{max(1.0, 100 * count / top):.1f}" height="10"/></svg>'
        f'<span class="count">{count:,}</span></a></li>'
        for label, count in counts
    )
    return f'<ul class="bars">{"".join(items)}</ul>'


def histogram(
    counts: Sequence[int], low: float, high: float, *, title: str, link: Callable[[float, float], str]
) -> str:
    """Upright bars of equal width between two values.

    :param counts: one for each bin, from ``low`` to ``high``.
    :param title: what it shows, for those who do not see it.
    :param link: makes the address that filters by a range.
    """
    top = max(counts, default=0) or 1
    step = WIDTH / max(1, len(counts))
    width = (high - low) / max(1, len(counts))
    parts = [
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT + 28}" role="group" aria-label="{escape(visible(title))}">'
    ]
    for index, count in enumerate(counts):
        if not count:
            continue
        height = max(1.5, HEIGHT * count / top)
        begin = low + index * width
        end = high if index == len(counts) - 1 else begin + width
        name = f"{number(begin)} to {number(end)}: {count:,} {'row' if count == 1 else 'rows'}"
        # The whole height can be pressed, however low the bar is.
        parts.append(
            f'<a href="{escape(link(begin, end))}" aria-label="{escape(name)}"><title>{escape(name)}</title>'
            f'<rect class="press" x="{index * step:.1f}" y="0" width="{step:.1f}" height="{HEIGHT}"/>'
            f'<rect class="bar" x="{index * step + 1:.1f}" y="{HEIGHT - height:.1f}" width="{step - 2:.1f}" '
            f'height="{height:.1f}"/></a>'
        )
    parts.append(f'<line class="axis" x1="0" y1="{HEIGHT}" x2="{WIDTH}" y2="{HEIGHT}"/>')
    middle = low + (high - low) / 2
    for x, anchor, value in ((2, "start", low), (WIDTH / 2, "middle", middle), (WIDTH - 2, "end", high)):
        parts.append(
            f'<text class="label" x="{x:g}" y="{HEIGHT + 22}" text-anchor="{anchor}">{escape(number(value))}</text>'
        )
    return "".join(parts) + "</svg>"


def number(value: float | int) -> str:
    """A float with at most four significant digits. Whole numbers are complete, with separators.

    A float of 10**15 or more is not taken for a whole number, because most of its digits would have no meaning.
    """
    if isinstance(value, int):
        return f"{value:,}"
    if not math.isfinite(value):
        return str(value)
    if abs(value) < 1e15 and value == int(value):
        return f"{int(value):,}"
    return f"{value:.4g}"
