"""Listing and submitting: ours against the seed document's own way, both through the real clients on one engine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from bench.measure import Comparison, in_turn, run_child
from bench.scene import MODEL, VERSION, Scene

BUDGET = "at 100,000 files at least 10 times less wall time and 5 times less memory above the imports' own"


def compare(scene: Scene, sizes: Sequence[int], repeats: int) -> Iterator[Comparison]:
    """One comparison for each number of files; both sides must have seen every file.

    ``facts`` has the seconds inside the process after its imports, and the megabytes above what the imports alone take.
    """
    common = ("--output", "@MEDIA.PUBLIC.WORK/out/", "--model", MODEL, "--version", VERSION)
    for files in sizes:
        stage = scene.stage_of(files)
        scene.sql(f"LIST {stage}")  # the engine hashes each file once: neither side pays for it
        ours = ("bench.children.our_listing", "--stage", stage, "--manifests", "@MEDIA.PUBLIC.WORK/manifests/", *common)
        seed = ("bench.children.seed_listing", "--parameters", json.dumps(scene.parameters), "--stage", stage, *common)
        made = Comparison(f"list and submit {files:,} files", "the seed's way", BUDGET)
        in_turn(made, repeats, ours, seed, scene.environment)
        for run in (*made.ours, *made.other):
            if run.answer["rows"] != files:
                raise RuntimeError(f"{made.name}: {run.answer['rows']} rows were submitted for {files} files")
        idle = [run_child(*side, "--import-only", environment=scene.environment).peak_mb for side in (ours, seed)]
        made.facts = {
            "seconds": made.medians("seconds"),
            "megabytes above the imports": [
                round(min(run.peak_mb for run in side) - base, 1)
                for side, base in zip((made.ours, made.other), idle, strict=True)
            ],
        }
        yield made
