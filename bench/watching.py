"""What a poll of a watched stage costs while nothing comes: of a stream against a LIST, both ours, on one engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.measure import Figure, Run, middle, run_child
from bench.scene import Scene

SECTION = "Watching a stage"
AGAINST = "LIST"
POLLS = 3


def _polls(scene: Scene, stage: str, *stream: str, polls: int = POLLS) -> Run:
    arguments = ("--stage", stage, "--polls", str(polls), *stream)
    return run_child("bench.children.watching", *arguments, environment=scene.environment)


def figures(scene: Scene, sizes: Sequence[int], repeats: int) -> Iterator[Figure]:
    """For each number of files on the stage: seconds, the triggerer's CPU, and what went over the wire, of one poll."""
    for files in sizes:
        stage = scene.stage_of(files)
        name = stage.strip("@/")
        stream = ("--stream", f"{name}_CHANGES")
        scene.sql(
            f"ALTER STAGE {name} SET DIRECTORY = (ENABLE = TRUE)",
            f"ALTER STAGE {name} REFRESH",
            f"CREATE OR REPLACE STREAM {name}_CHANGES ON STAGE {name}",
            f"LIST {stage}",  # the engine hashes each file once: neither side pays for it
        )
        ours, other = [], []
        for _ in range(repeats):
            ours.append(_polls(scene, stage, *stream))
            other.append(_polls(scene, stage))
        counted = []
        for arguments in (stream, ()):
            traffic = []
            for polls in (1, 2):  # the difference is one poll, without the login and the first LIST
                with scene.counted() as (through, seen):
                    _polls(through, stage, *arguments, polls=polls)
                traffic.append(seen)
            fewer, more = traffic
            counted.append((len(more.statements) - len(fewer.statements), (more.received - fewer.received) / 1e3))
        for what, unit, key, factor in (("wall", "ms", "seconds", 1e3), ("the triggerer's CPU", "ms", "cpu", 1e3)):
            sides = [[factor * middle(run.answer[key]) for run in runs] for runs in (ours, other)]
            yield Figure(SECTION, f"{files:,} files, one poll: {what}", unit, *sides, AGAINST)
        sent, received = ([side[index] for side in counted] for index in (0, 1))
        yield Figure(SECTION, f"{files:,} files, one poll: statements", "", *([number] for number in sent), AGAINST)
        yield Figure(SECTION, f"{files:,} files, one poll: received", "kB", *([number] for number in received), AGAINST)
        scene.sql(f"DROP STREAM {name}_CHANGES")
        scene.drop(stage)
