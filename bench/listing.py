"""Listing and submitting: ours against the seed document's own way, both through the real clients on one engine."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence

from bench.measure import Figure, Run, middle, number, run_child
from bench.scene import MODEL, VERSION, Scene

SECTION = "Listing and submitting"
AGAINST = "list_stage_files, run_batch(X=df)"
BUDGET_FROM = 100_000
MOST_OVER_LIST = 1.3
"""Of the engine's ``LIST`` alone, which nothing of ours can make shorter."""
COMMON = ("--output", "@MEDIA.PUBLIC.WORK/out/", "--model", MODEL, "--version", VERSION)


def _ours(scene: Scene, stage: str, *more: str) -> Run:
    arguments = ("--stage", stage, "--manifests", "@MEDIA.PUBLIC.WORK/manifests/", *COMMON, *more)
    return run_child("bench.children.our_listing", *arguments, environment=scene.environment)


def _seed(scene: Scene, stage: str, *more: str) -> Run:
    arguments = ("--parameters", json.dumps(scene.parameters), "--stage", stage, *COMMON, *more)
    return run_child("bench.children.seed_listing", *arguments, environment=scene.environment)


def _bare_list(scene: Scene, stage: str) -> float:
    """Seconds of the engine's ``LIST`` alone, whose rows nobody fetches."""
    with scene.cursor() as cursor:
        started = time.perf_counter()
        cursor.execute(f"LIST {stage}")
        return time.perf_counter() - started


def figures(scene: Scene, sizes: Sequence[int], repeats: int) -> Iterator[Figure]:
    """For each number of files: seconds after the imports, megabytes above what the imports alone take, and what went
    over the wire, counted in a run of its own. Both sides must have seen every file.
    """
    statements: set[int] = set()
    for files in sizes:
        stage = scene.stage_of(files)
        scene.sql(f"LIST {stage}")  # the engine hashes each file once: neither side pays for it
        runs: dict[str, list[Run]] = {"ours": [], "seed": []}
        bare: list[float] = []
        for _ in range(repeats):
            bare.append(_bare_list(scene, stage))
            runs["ours"].append(_ours(scene, stage))
            runs["seed"].append(_seed(scene, stage))
        with scene.counted() as (through, ours):
            runs["ours"].append(_ours(through, stage))
        with scene.counted() as (through, seed):
            runs["seed"].append(_seed(through, stage))
        for run in (*runs["ours"], *runs["seed"]):
            if run.answer["rows"] != files:
                raise RuntimeError(f"{run.answer['rows']} rows were submitted for {files} files")
        statements.add(len(ours.statements))
        if len(statements) > 1:
            raise RuntimeError(f"the number of statements depends on the number of files: {sorted(statements)}")
        large = files >= BUDGET_FROM
        seconds = [[run.answer["seconds"] for run in side[:repeats]] for side in runs.values()]
        above = [
            [
                run.answer["peak_mb"] - side(scene, stage, "--import-only").answer["peak_mb"]
                for run in runs[name][:repeats]
            ]
            for name, side in (("ours", _ours), ("seed", _seed))
        ]
        what = f"{files:,} files"
        yield Figure(SECTION, f"{what}: wall", "s", *seconds, AGAINST, 10 if large else None)
        listed = [run.answer["listed"] for run in runs["ours"][:repeats]]
        over = [run / alone for run, alone in zip(listed, bare, strict=True)]
        note = f"the task takes {number(middle(listed))} s with its login, LIST alone {number(middle(bare))} s"
        most = MOST_OVER_LIST if large else None
        yield Figure(
            SECTION, f"{what}: the listing task over the engine's LIST alone", "×", over, at_most=most, note=note
        )
        yield Figure(SECTION, f"{what}: memory above imports", "MB", *above, AGAINST, 5 if large else None)
        counted = ([len(side.statements)] for side in (ours, seed))
        yield Figure(SECTION, f"{what}: statements", "", *counted, AGAINST)
        yield Figure(SECTION, f"{what}: rows through the client", "", [ours.rows], [seed.rows], AGAINST)
        yield Figure(SECTION, f"{what}: received", "kB", [ours.received / 1e3], [seed.received / 1e3], AGAINST)
