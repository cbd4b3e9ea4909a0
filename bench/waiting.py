"""Waiting for many jobs: this provider's trigger against Apache's, on jobs that stay PENDING."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from airflow_provider_mediabatch.local import faults
from bench.measure import Figure, run_child
from bench.scene import MODEL, Scene, execute

SECTION = "Waiting"
AGAINST = "SnowparkContainerJobTrigger"
BUDGET_FROM = 1_000
NOTE = "its hook given `protocol` by this provider's subclass"


def _jobs(scene: Scene, count: int) -> str:
    """A schema with so many jobs that are stuck."""
    schema = f"WAIT_{count}"
    stage = scene.stage_of(100)
    scene.sql(f"CREATE SCHEMA IF NOT EXISTS MEDIA.{schema}")
    faults.install(scene.state_dir, json.dumps({"rules": [{"job": "^MB_STUCK", "action": "job_stuck_pending"}]}))
    try:
        with scene.cursor() as cursor:
            query = f"SELECT ''{stage}0000/0000000.jpg'' AS IMAGE".replace("''", "'")
            for number in range(count):
                cursor.execute(execute(f"MEDIA.{schema}.MB_STUCK_{count}_{number}", f"MEDIA.PUBLIC.{MODEL}", query))
    finally:
        faults.install(scene.state_dir, None)
    return f"MEDIA.{schema}"


def figures(scene: Scene, sizes: Sequence[int], intervals: int, interval: float = 1.0) -> Iterator[Figure]:
    """For each number of jobs: what a triggerer's process spends in so many intervals of ``interval`` seconds.

    Apache's polls each job by itself with a login of its own. It does not reach all jobs in an interval when they are
    many, so from 100 jobs on it is stopped when each of its triggers has polled once. CPU is divided by the polls that
    were really made, on both sides, and its counts are put to one poll of each job in each interval.
    """
    for jobs in sizes:
        schema = _jobs(scene, jobs)
        polls = intervals if jobs < 100 else 1
        answers, counts = {}, {}
        for side, times in (("ours", intervals), ("apache", polls)):
            with scene.counted() as (through, traffic):
                arguments = ("--side", side, "--schema", schema, "--jobs", str(jobs), "--intervals", str(times))
                run = run_child(
                    "bench.children.waiting", *arguments, "--interval", str(interval), environment=through.environment
                )
            answers[side], counts[side] = run.answer, traffic
        ours, apache = counts["ours"], counts["apache"]
        listings = sum(text.startswith("SHOW JOB SERVICES") for _, text in ours.statements)
        # One more than the intervals: the first look and the last moment may both fall in.
        if ours.logins != 1 or not 0 < listings <= intervals + 1:
            raise RuntimeError(f"{ours.logins} logins and {listings} listings for {jobs} jobs in {intervals} intervals")
        if apache.logins < jobs * polls:
            raise RuntimeError(f"Apache's trigger polled {apache.logins} times for {jobs} jobs, {polls} times each")
        its_polls = apache.logins / jobs
        scale = intervals / its_polls
        what = f"{jobs:,} jobs, {intervals} intervals"
        note = f"{NOTE}; polls of a job: {listings} and {its_polls:.3g}"
        logins, statements = [ours.logins], [len(ours.statements)]
        its_logins, its_statements = [apache.logins * scale], [len(apache.statements) * scale]
        yield Figure(SECTION, f"{what}: logins", "", logins, its_logins, AGAINST, at_most=1, note=note)
        most = intervals + 1
        yield Figure(SECTION, f"{what}: statements", "", statements, its_statements, AGAINST, at_most=most, note=note)
        made = {"ours": listings, "apache": its_polls}
        cpu = [[1000 * answers[side]["cpu"] / jobs / made[side]] for side in made]
        budget = 100 if jobs >= BUDGET_FROM else None
        yield Figure(SECTION, f"{what}: CPU of a job's poll", "ms", *cpu, AGAINST, budget, note=note)
        memory = [[answers[side]["memory_mb"]] for side in made]
        yield Figure(SECTION, f"{what}: memory above imports", "MB", *memory, AGAINST, note=note)
