"""``python -m bench``: run the comparisons and write a table and JSON. ``make bench`` is this with its defaults."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from bench import listing, parsing
from bench.measure import Comparison, machine
from bench.scene import scene


def table(results: list[Comparison]) -> str:
    """Markdown: the ratios are medians of the other way over ours, so above 1 ours is lower."""
    lines = ["| what | against | wall | CPU | peak memory | counts (ours, other) |", "|---|---|---|---|---|---|"]
    for result in results:
        ratios = [f"{result.ratio(figure)}×" for figure in ("wall", "cpu", "peak_mb")]
        facts = "; ".join(f"{name} {ours} / {other}" for name, (ours, other) in result.facts.items())
        lines.append(f"| {result.name} | {result.against} | {' | '.join(ratios)} | {facts} |")
    return "\n".join(lines)


def main() -> None:
    """Parse the sizes, run, print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--files", type=int, nargs="+", default=[100, 10_000, 100_000], help="numbers of listed files")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each side, in turn")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="where the figures are written")
    arguments = parser.parse_args()
    before = machine()
    results = list(parsing.compare(arguments.repeats))
    with tempfile.TemporaryDirectory() as folder, scene(Path(folder)) as prepared:
        for result in listing.compare(prepared, arguments.files, arguments.repeats):
            results.append(result)
            print(f"{result.name}: done", flush=True)
    figures = {"machine": before, "results": [result.as_json() for result in results]}
    arguments.json.write_text(json.dumps(figures, indent=1))
    print(table(results))
    print(
        f"\n{before['cores']} cores, {before['memory_gib']} GiB, Python {before['python']}; a fixed loop varied by",
        end=" ",
    )
    print(f"a factor of {before['noise']}. All figures: {arguments.json}")


if __name__ == "__main__":
    main()
