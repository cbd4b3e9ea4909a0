"""``python -m bench``: run the comparisons and write a table and JSON. ``make bench`` is this with its defaults."""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench import (
    collecting,
    engine,
    jobs_saved,
    ledger,
    listing,
    new_files,
    parsing,
    pipeline,
    predicted,
    review,
    waiting,
    watching,
)
from bench.measure import Figure, machine
from bench.scene import Scene, scene
from bench.table import headlines, markdown

REPOSITORY = Path(__file__).parents[1]
BEGIN, END = "<!-- bench: begin -->\n", "<!-- bench: end -->"


def numbers(text: str) -> list[int]:
    """Sizes as given: ``100,10000``."""
    return [int(part) for part in text.split(",")]


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", help=f"sections, with commas: {','.join(sections())}")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each side, in turn")
    parser.add_argument("--files", type=numbers, default=[100, 10_000, 100_000], help="listing: numbers of files")
    parser.add_argument("--jobs", type=numbers, default=[1, 100, 1000], help="waiting: numbers of jobs")
    parser.add_argument("--intervals", type=int, default=10, help="waiting: polls of each job")
    parser.add_argument("--images", type=int, default=1000, help="engine: images of 10 kB; of larger fewer")
    parser.add_argument("--collected", type=numbers, default=[1, 10, 60, 600], help="collecting: files of a job")
    parser.add_argument(
        "--start", type=float, default=20, help="collecting, jobs-saved: seconds that containers take to start"
    )
    parser.add_argument("--watched", type=numbers, default=[20_000], help="watching: numbers of files on the stage")
    parser.add_argument("--uploads", type=int, default=5, help="new-files: how many, one after the other")
    parser.add_argument("--arrivals", type=int, default=30, help="predicted: uploads, one after the other")
    parser.add_argument("--ledger-files", type=numbers, default=[100, 1_000_000], help="ledger: files of a claim")
    parser.add_argument("--results", type=int, default=1_000_000, help="review: rows of the job's output")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="where the figures are written")
    parser.add_argument("--publish", action="store_true", help="measure nothing; put --json into README.md and docs")
    return parser.parse_args(given)


def sections() -> dict[str, Callable[[Scene, argparse.Namespace], Iterator[Figure]]]:
    """By the name that ``--only`` takes, in the order they run."""
    return {
        "parsing": lambda _, given: parsing.figures(given.repeats),
        "listing": lambda where, given: listing.figures(where, given.files, given.repeats),
        "engine": lambda where, given: engine.figures(where, given.images, given.repeats),
        "pipeline": lambda where, given: pipeline.figures(where, given.repeats),
        "waiting": lambda where, given: waiting.figures(where, given.jobs, given.intervals),
        "ledger": lambda where, given: ledger.figures(where, given.ledger_files),
        "review": lambda where, given: review.figures(where, given.results),
        "collecting": lambda where, given: collecting.figures(where, given.collected, given.start),
        "jobs-saved": lambda where, given: jobs_saved.figures(where, given.repeats, given.start),
        "watching": lambda where, given: watching.figures(where, given.watched, given.repeats),
        "new-files": lambda where, given: new_files.figures(where, given.uploads),
        "predicted": lambda where, given: predicted.figures(where, given.arrivals),
    }


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Run the chosen sections. A section that fails is reported as such; the others still run."""
    known = sections()
    chosen = given.only.split(",") if given.only else list(known)
    if unknown := set(chosen) - set(known):
        raise SystemExit(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    before, started = machine(), time.monotonic()
    figures: list[dict[str, Any]] = []
    failures: dict[str, str] = {}
    for name in chosen:
        begun = time.monotonic()
        # An engine for each: what one leaves behind is not the next one's weight.
        with tempfile.TemporaryDirectory(prefix="bench-") as folder, scene(Path(folder) / "engine") as prepared:
            try:
                for figure in known[name](prepared, given):
                    figures.append(figure.as_json() | {"row": figure.as_row()})
                    print(f"[{time.monotonic() - started:4.0f} s] {figure.as_row()}", flush=True)
            except Exception as error:
                failures[name] = f"{type(error).__name__}: {error}"
                print(f"[{time.monotonic() - started:4.0f} s] {name} FAILED: {failures[name]}", flush=True)
        print(f"[{time.monotonic() - started:4.0f} s] {name}: {time.monotonic() - begun:.0f} s", flush=True)
    return {
        "machine": before | {"load_after": round(os.getloadavg()[0], 1), "seconds": round(time.monotonic() - started)},
        "command": " ".join(["make bench", *([f'ARGS="{" ".join(sys.argv[1:])}"'] if sys.argv[1:] else [])]),
        "figures": figures,
        "failures": failures,
    }


def publish(measured: dict[str, Any], repository: Path = REPOSITORY) -> None:
    """Put the headlines into the README and every figure onto the documents' page."""
    _put(headlines(measured), repository / "README.md")
    _put(markdown(measured), repository / "docs" / "performance.md")


def _put(text: str, path: Path) -> None:
    """Replace what stands between the two marks."""
    old = path.read_text()
    if BEGIN not in old or END not in old:
        raise SystemExit(f"{path} has no {BEGIN.strip()} … {END}")
    path.write_text(re.sub(f"{BEGIN}.*?{END}", lambda _: f"{BEGIN}{text}\n{END}", old, flags=re.DOTALL))


def main() -> None:
    """Measure, write JSON, print the table; or publish what an earlier run has measured."""
    logging.getLogger("snowflake").setLevel(logging.ERROR)
    given = arguments()
    if given.publish:
        publish(json.loads(given.json.read_text()))
        return
    measured = measure(given)
    given.json.write_text(json.dumps(measured, indent=1))
    print(f"\n{markdown(measured)}\n\nAll runs: {given.json}")
    if measured["failures"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
