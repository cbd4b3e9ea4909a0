"""What a file costs, and how long it waits, when so many of them share one job whose containers take time to start."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.engine import run_job
from bench.measure import Figure, number
from bench.scene import Scene

SECTION = "Collecting small arrivals"
PRICE_PER_HOUR = 0.33
"""Of one node, as in docs/cost.md: 0.11 credits an hour at 3 USD."""
SECONDS_APART = 60


def figures(scene: Scene, sizes: Sequence[int], start_seconds: float) -> Iterator[Figure]:
    """For each number of files: the job's seconds for each file, with the cost and the longest wait in the note.

    The model burns two milliseconds of CPU an image; a file arrives a minute.

    :param start_seconds: how long the engine has containers take to start.
    """
    stage = scene.stage_of(max(sizes), 10_000).strip("@/").rsplit(".", 1)[1]
    scene.sql(
        "CREATE FILE FORMAT IF NOT EXISTS BENCH_PARQUET TYPE = PARQUET",
        f"ALTER ACCOUNT SET MEDIABATCH_JOB_START_SECONDS = {start_seconds:f}",
    )
    try:
        for files in sizes:
            seconds = run_job(scene, "BUSY", stage, 1, 64, limit=files)
            cost = 1000 * seconds / files * PRICE_PER_HOUR / 3600
            waited = (files - 1) * SECONDS_APART + seconds
            note = f"{number(cost)} USD for 1,000 files; the first of a file a minute waits {number(waited)} s"
            yield Figure(
                SECTION, f"{files:,} file{'s' * (files > 1)} in one job: a file", "s", [seconds / files], note=note
            )
    finally:
        scene.sql("ALTER ACCOUNT UNSET MEDIABATCH_JOB_START_SECONDS")
