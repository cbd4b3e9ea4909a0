"""The drawing that is shown in place of a file that cannot be shown."""

from __future__ import annotations

from html import escape


def placeholder(reason: str) -> str:
    """A small drawing that says why there is no picture, as SVG."""
    words, lines = reason.split(), [""]
    for word in words:
        if len(lines[-1]) + len(word) > 28:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    texts = "".join(
        f'<text x="120" y="{92 + 18 * index}" text-anchor="middle">{escape(line)}</text>'
        for index, line in enumerate(lines[:4])
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 180" width="240" height="180" '
        'font-family="sans-serif" font-size="13" fill="#667085"><rect x="1" y="1" width="238" height="178" rx="6" '
        'fill="none" stroke="#98a2b3" stroke-dasharray="5 4"/>'
        f'<path d="M105 36h30v30h-30z M105 66l30-30" fill="none" stroke="#98a2b3"/>{texts}</svg>'
    )
