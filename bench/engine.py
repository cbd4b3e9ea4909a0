"""The engine's jobs against the same model in a bare loop with as many processes, and how long a job takes to start."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from bench.measure import Figure, middle, run_child
from bench.scene import MODEL, Scene, execute

SECTION = "The local engine"
AGAINST = "a bare loop"
WARM_SECONDS = 1.5
# The job may take 10 % longer than the bare loop.
RATIO = 1 / 1.1
# Bytes, name, how many times fewer of them, and (workers, rows of a batch). Large files come in small batches: the bare
# loop holds a batch in memory.
SIZES = (
    (10_000, "10 kB", 1, ((1, 16), (1, 256), (2, 64))),
    (1_000_000, "1 MB", 2, ((1, 16), (2, 16))),
    (20_000_000, "20 MB", 10, ((1, 2), (2, 2))),
)


def run_job(scene: Scene, model: str, stage: str, workers: int, batch: int, limit: int | None = None) -> float:
    """Seconds of a whole job, from the statement to its end; its output must have every row."""
    name = f"MEDIA.PUBLIC.BENCH_{uuid.uuid4().hex.upper()}"
    files = f"SELECT '@MEDIA.PUBLIC.{stage}/' || SUBSTR(\"name\", {len(f's3://bench/{stage}/') + 1}) AS IMAGE"
    with scene.cursor() as cursor:
        cursor.execute(f"LIST @{stage}")
        expected = min(cursor.rowcount, limit or cursor.rowcount)
        query = f"{files} FROM TABLE(RESULT_SCAN('{cursor.sfqid}')) ORDER BY 1" + (f" LIMIT {limit}" if limit else "")
        specification = [f"inference: {{num_workers: {workers}, max_batch_rows: {batch}}}"]
        started = time.perf_counter()
        cursor.execute(execute(name, f"MEDIA.PUBLIC.{model}", query, specification, waits=True))
        seconds = time.perf_counter() - started
        folder = f"@MEDIA.PUBLIC.WORK/out/{name.rsplit('.', 1)[1]}/"
        cursor.execute(f"SELECT COUNT(*) FROM {folder} (PATTERN => '.*[.]parquet', FILE_FORMAT => 'BENCH_PARQUET')")
        (rows,) = cursor.fetchone()
    if rows != expected:
        raise RuntimeError(f"the job wrote {rows} rows for {expected} files")
    return seconds


def _bare(scene: Scene, model: str, stage: str, workers: int, batch: int) -> float:
    folder: Path = scene.paths(stage)[0].parents[1]
    arguments = ("--model", model, "--folder", str(folder), "--workers", str(workers), "--batch", str(batch))
    return float(run_child("bench.children.bare_loop", *arguments).answer["seconds"])


def figures(scene: Scene, images: int, repeats: int) -> Iterator[Figure]:
    """Job start cold and warm; images per second by size of file, workers and batch, the start taken off.

    The model burns two milliseconds of CPU an image, as a small network does.
    """
    scene.sql("CREATE FILE FORMAT IF NOT EXISTS BENCH_PARQUET TYPE = PARQUET")
    small = scene.stage_of(images, 10_000).strip("@/").rsplit(".", 1)[1]
    cold = run_job(scene, MODEL, small, 1, 64, limit=1)
    start = [run_job(scene, MODEL, small, 1, 64, limit=1) for _ in range(max(5, repeats))]
    yield Figure(SECTION, "job of one image: first of an engine", "s", [cold])
    yield Figure(SECTION, "job of one image: warm, submission to end", "s", start, at_most=WARM_SECONDS)
    for size, label, share, plans in SIZES:
        count = max(images // share, 2)
        stage = scene.stage_of(count, size).strip("@/").rsplit(".", 1)[1]
        for workers, batch in plans:
            ours, bare = [], []
            for _ in range(repeats):
                begin = run_job(scene, "BUSY", stage, workers, batch, limit=1)
                ours.append(run_job(scene, "BUSY", stage, workers, batch) - begin)
                bare.append(_bare(scene, "BUSY", stage, workers, batch))
            what = f"{count:,} × {label}, {workers} worker{'s' * (workers > 1)}, batches of {batch}"
            if min(ours) <= 0:
                yield Figure(SECTION, what, "s", ours, note="too few images to tell from the start of a job")
                continue
            note = f"{count / middle(ours):,.0f} and {count / middle(bare):,.0f} images/s"
            yield Figure(SECTION, what, "s", ours, bare, AGAINST, ratio_at_least=RATIO, note=note)
        scene.drop(f"@MEDIA.PUBLIC.{stage}/")
