"""``make soak``: many mapped batches while requests, jobs, workers and the engine fail. Each file ends up once.

What fails follows from ``--seed``, which is printed: the fault plan's chances, each task's mode, when its processes are
killed, and when the engine is. Which statement meets which fault also depends on how the machine's processes
interleave, so a replay is the same weather, not the same lightning.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from faults.driver import History, Place, plan, run_task, task

SCHEMA = "SOAK"
WORK = "@MEDIA.PUBLIC.FAULT_WORK/soak"
ENDED = ("DONE", "FAILED", "INTERNAL_ERROR", "CANCELLED")
LEDGER = f"MEDIA.{SCHEMA}.LEDGER"
RESULTS = f"MEDIA.{SCHEMA}.RESULTS"
KILLED = 0.25
"""Share of the tasks' processes that are killed."""
MAX_KILLS = 3
EXISTS = {"action": "error", "code": 2002, "sqlstate": "42710", "message": "Object already exists.", "after": True}
SUBMIT = "^EXECUTE INFERENCE"
RULES: list[dict[str, Any]] = [
    {"match": SUBMIT, "probability": 0.04, **EXISTS},
    {"match": SUBMIT, "probability": 0.04, **EXISTS, "where": "status"},
    {"match": SUBMIT, "probability": 0.08, "action": "lost_reply"},
    {"probability": 0.01, "action": "http_503"},
    {"probability": 0.005, "action": "drop"},
    {"probability": 0.005, "action": "lost_reply"},
    {"probability": 0.005, "action": "session_expired"},
    {"probability": 0.005, "action": "session_gone"},
    {"probability": 0.01, "action": "delay", "seconds": 1},
    {"endpoint": "monitor", "probability": 0.03, "action": "http_503"},
    {"endpoint": "login", "probability": 0.02, "action": "drop"},
    {"job": "^MB_", "probability": 0.03, "action": "job_failed"},
    {"job": "^MB_", "probability": 0.02, "action": "job_internal_error"},
    {"job": "^MB_", "probability": 0.01, "action": "job_stuck_pending"},
]


class Weather:
    """What goes wrong, and when; until it is told to end.

    :param place: the engine that is killed now and then, and given its plan again.
    :param engine_kills: how often.
    """

    def __init__(self, place: Place, seed: int, engine_kills: int) -> None:
        self._place, self._seed = place, seed
        self._lock = threading.Lock()
        self.kills, self.restarts, self._engine_kills = 0, 0, engine_kills
        self._fair = False
        self._plan()

    def _plan(self) -> None:
        self._place.plan_faults(RULES, seed=self._seed + self.restarts)

    def killer(self, rng: random.Random) -> Callable[[], Callable[[], bool]]:
        """For one task: gives each of its steps a condition to be killed by."""
        left = [MAX_KILLS]

        def next_step() -> Callable[[], bool]:
            doomed = rng.random() < KILLED and left[0] > 0
            moment = time.monotonic() + rng.expovariate(1 / 0.6)

            def ask() -> bool:
                if not doomed or self._fair or time.monotonic() < moment:
                    return False
                with self._lock:
                    self.kills += 1
                left[0] -= 1
                return True

            return ask

        return next_step

    def progress(self, share: float) -> None:
        """Kill the engine when its share of the work is done."""
        with self._lock:
            if self._fair or self.restarts >= self._engine_kills:
                return
            if share < (self.restarts + 1) / (self._engine_kills + 1):
                return
            self.restarts += 1
            self._place.kill_engine()
            self._plan()

    def end(self) -> None:
        """No more faults."""
        with self._lock:
            if not self._fair:
                self._fair = True
                self._place.plan_faults([])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0 when every file was done, recorded and loaded exactly once."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="what goes wrong; printed")
    parser.add_argument("--batches", type=int, default=200)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--engine-kills", type=int, default=3)
    parser.add_argument("--at-once", type=int, default=6, help="tasks at a time")
    parser.add_argument("--minutes", type=float, default=10, help="at most; after two thirds nothing fails any more")
    given = parser.parse_args(arguments)
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    print(f"{given.files} files, {given.batches} batches, --seed {seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="mediabatch-soak-"))
    place = Place(folder, given.files)
    try:
        place.query(f"CREATE SCHEMA MEDIA.{SCHEMA}")
        problems = soak(place, given, seed)
    finally:
        place.close()
    for problem in problems:
        print(f"WRONG: {problem}")
    if problems:
        print(f"kept for a look: {folder}; again: make soak ARGS='--seed {seed} --batches … --files …'")
        return 1
    shutil.rmtree(folder)
    return 0


def soak(place: Place, given: argparse.Namespace, seed: int) -> list[str]:
    """List, run every batch, load; what the engine's record has against it."""
    began = time.monotonic()
    weather = Weather(place, seed, given.engine_kills)
    ending = threading.Timer(given.minutes * 40, weather.end)
    ending.daemon = True
    ending.start()
    try:
        manifests = _list(place, given, weather, random.Random(f"{seed}/list"))
        print(f"{len(manifests)} batches listed and claimed after {time.monotonic() - began:.0f} s", flush=True)
        finished: list[History] = []

        def run(index: int) -> History:
            history = _full(place, manifests[index], index, weather, random.Random(f"{seed}/{index}"))
            finished.append(history)
            if len(finished) % max(1, len(manifests) // 10) == 0:
                print(f"{len(finished)} batches after {time.monotonic() - began:.0f} s", flush=True)
            weather.progress(len(finished) / len(manifests))
            return history

        with ThreadPoolExecutor(given.at_once) as pool:
            histories = list(pool.map(run, range(len(manifests))))
    finally:
        ending.cancel()
        weather.end()
    failed = [history.events for history in histories if history.value is None]
    if failed:
        return [f"{len(failed)} batches never ended well; the first: {failed[0]}"]
    loading = task(
        place.workers.folder, "load", "load", results=[history.value for history in histories], table=RESULTS
    )
    for _ in range(2):
        answer = place.workers.run({**loading, "step": "execute"}, seconds=given.minutes * 60)
        if answer["state"] != "success":
            return [f"loading: {answer}"]
    took = time.monotonic() - began
    _report(place, weather, histories, took)
    late = [f"it took {took:.0f} s"] if took > given.minutes * 60 else []
    return _against(place, given, histories) + late


def _list(place: Place, given: argparse.Namespace, weather: Weather, rng: random.Random) -> list[dict[str, Any]]:
    request = task(
        place.workers.folder,
        "list",
        "list",
        stage_path="@MEDIA.PUBLIC.FAULT_FILES/",
        manifest_location=f"{WORK}/manifests/",
        column_name="IMG",
        select="new",
        model_name="MEDIA.PUBLIC.FAULT_MODEL",
        ledger=LEDGER,
        max_files_per_shard=-(-given.files // given.batches),
    )
    history = run_task(place.workers, request, weather.killer(rng), max_tries=20)
    assert history.value is not None, history.events
    listed: Any = history.value
    return list(listed)


def _full(place: Place, manifest: Any, index: int, weather: Weather, rng: random.Random) -> History:
    request = task(
        place.workers.folder,
        "full",
        f"soak_{index}",
        manifest=manifest,
        plan=plan(f"MEDIA.{SCHEMA}", f"{WORK}/out/"),
        deferrable=rng.random() < 0.5,
        poll_interval=0.5,
        timeout=45,
    )
    return run_task(place.workers, request, weather.killer(rng), max_tries=20)


def _report(place: Place, weather: Weather, histories: list[History], took: float) -> None:
    faults = Counter(action for action in place.fault_actions())
    tries = sum(history.tries for history in histories)
    print(
        f"{len(histories)} batches in {took:.0f} s: {tries} tries, {weather.kills} processes and {weather.restarts} "
        f"engines killed; faults: {', '.join(f'{action} {count}' for action, count in faults.most_common())}",
        flush=True,
    )


def _against(place: Place, given: argparse.Namespace, histories: list[History]) -> list[str]:
    """Every file exactly once: in the jobs' output, in the ledger, in the results; no job beside the needed ones."""
    names = [f"f{number:05}.bin" for number in range(given.files)]
    jobs = place.jobs(SCHEMA)
    done = [job.output for job in jobs if job.status == "DONE"]
    taken = {str(history.value["location"]).rstrip("/") for history in histories if history.value}
    problems = []
    if len(done) != len(histories):
        problems.append(f"{len(done)} jobs are DONE for {len(histories)} batches")
    if {output.rstrip("/") for output in done} != taken:
        problems.append("the results are not those of the jobs that are DONE")
    if still := [job.status for job in jobs if job.status not in ENDED]:
        problems.append(f"jobs that are not over: {still}")
    if (rows := sum(int(history.value["rows"]) for history in histories if history.value)) != len(names):
        problems.append(f"{rows} rows of {len(names)} files")
    inferred = Counter(place.inferred(f"{WORK}/out/"))
    if missing := [name for name in names if not inferred[name]]:
        problems.append(f"never inferred: {missing[:5]} and so on, {len(missing)}")
    if place.ledger(LEDGER) != [(name, "done") for name in names]:
        problems.append(f"ledger: {Counter(state for _, state in place.ledger(LEDGER))}")
    if place.results(RESULTS) != names:
        problems.append("the results table does not hold every file once")
    return problems


if __name__ == "__main__":
    sys.exit(main())
