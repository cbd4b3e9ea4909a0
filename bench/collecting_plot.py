"""The plot of docs/cost.md: cost of 1,000 files against the wait of the first file, as SVG, out of the page's table.

``python -m bench.collecting_plot`` writes it again after the table has changed.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "cost.md"
PLOT = PAGE.parent / "images" / "collecting.svg"
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 640, 360, 70, 50
_UNITS = {"s": 1, "min": 60, "h": 3600}
_X = ((10, "10 s"), (60, "1 min"), (600, "10 min"), (3600, "1 h"), (36_000, "10 h"))
_Y = ((0.001, "0.001"), (0.01, "0.01"), (0.1, "0.1"), (1, "1"))


def read_points(page: str) -> list[tuple[int, float, float]]:
    """The table's rows: files in one job, the cost of 1,000 files in USD, the first file's wait in seconds."""
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| [^|]+ \| ([\d.]+) USD \| (\d+) (s|min|h) \|$", page, flags=re.MULTILINE)
    return [(int(files), float(cost), int(wait) * _UNITS[unit]) for files, cost, wait, unit in rows]


def _x(seconds: float) -> float:
    low, high = math.log10(10), math.log10(50_000)
    return round(_LEFT + (math.log10(seconds) - low) / (high - low) * (_WIDTH - _LEFT - 30), 1)


def _y(cost: float) -> float:
    low, high = math.log10(0.001), math.log10(4)
    return round(_HEIGHT - _BOTTOM - (math.log10(cost) - low) / (high - low) * (_HEIGHT - _BOTTOM - 20), 1)


def plot(points: list[tuple[int, float, float]]) -> str:
    """Both axes are logarithmic."""
    base, text = _HEIGHT - _BOTTOM, 'font-family="sans-serif" font-size="12" fill="#555"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" {text}>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
    ]
    for seconds, label in _X:
        lines.append(f'<path d="M{_x(seconds)} 20V{base}" stroke="#ddd"/>')
        lines.append(f'<text x="{_x(seconds)}" y="{base + 18}" text-anchor="middle">{label}</text>')
    for cost, label in _Y:
        lines.append(f'<path d="M{_LEFT} {_y(cost)}H{_WIDTH - 30}" stroke="#ddd"/>')
        lines.append(f'<text x="{_LEFT - 8}" y="{_y(cost) + 4}" text-anchor="end">{label}</text>')
    path = "L".join(f"{_x(wait)} {_y(cost)}" for _, cost, wait in points)
    lines.append(f'<path d="M{path}" fill="none" stroke="#0b7285" stroke-width="2"/>')
    for files, cost, wait in points:
        lines.append(f'<circle cx="{_x(wait)}" cy="{_y(cost)}" r="4" fill="#0b7285"/>')
        end = ' text-anchor="end"' if wait == points[-1][2] else ""
        lines.append(f'<text x="{_x(wait) + (0 if end else 8)}" y="{_y(cost) - 9}"{end}>{files} in one job</text>')
    middle = (_LEFT + _WIDTH - 30) // 2
    lines.append(f'<text x="{middle}" y="{_HEIGHT - 10}" text-anchor="middle">the first file is done after</text>')
    lines.append(f'<text x="16" y="{base // 2}" transform="rotate(-90 16 {base // 2})" text-anchor="middle">')
    lines += ["USD for 1,000 files</text>", "</svg>"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PLOT.write_text(plot(read_points(PAGE.read_text())))
