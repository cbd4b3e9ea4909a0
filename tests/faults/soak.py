"""``make soak``: pairs of runs of the whole DAG over the same files while everything fails. Each file ends up once.

The schedule follows from ``--seed``, which is printed: the runs, late arrivals, clears, back-fills and abandoned runs,
when workers are killed (:mod:`.schedule`), and the fault plan's chances. Which statement meets which fault also depends
on how the machine's processes interleave.
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

from faults.driver import History, Place, run_task, task
from faults.schedule import Pair, Run, kills, schedule

SCHEMA = "SOAK"
WORK = "@MEDIA.PUBLIC.FAULT_WORK/soak"
ENDED = ("DONE", "FAILED", "INTERNAL_ERROR", "CANCELLED")
LEDGER = f"MEDIA.{SCHEMA}.LEDGER"
RESULTS = f"MEDIA.{SCHEMA}.RESULTS"
MAX_TRIES = 20
FAULTS_END = 0.7
"""Share of the time after which nothing fails any more and no pair begins."""
SWEEPS = 20
EXISTS = {"action": "error", "code": 2002, "sqlstate": "42710", "message": "Object already exists.", "after": True}
WAITERS = {"action": "error", "code": 625, "sqlstate": "57014", "message": "the limit of 20 statements for this lock"}
SUBMIT = "^EXECUTE INFERENCE"
RULES: list[dict[str, Any]] = [
    {"match": SUBMIT, "probability": 0.04, **EXISTS},
    {"match": SUBMIT, "probability": 0.04, **EXISTS, "where": "status"},
    {"match": SUBMIT, "probability": 0.08, "action": "lost_reply"},
    {"match": "^(UPDATE|MERGE|DELETE)", "probability": 0.05, **WAITERS},
    {"match": "^COMMIT", "probability": 0.03, "action": "lost_reply"},
    {"probability": 0.01, "action": "http_503"},
    {"probability": 0.005, "action": "drop"},
    {"probability": 0.005, "action": "lost_reply"},
    {"probability": 0.005, "action": "session_expired"},
    {"probability": 0.005, "action": "session_gone"},
    {"probability": 0.01, "action": "delay", "seconds": 1},
    {"endpoint": "monitor", "probability": 0.03, "action": "http_503"},
    {"endpoint": "login", "probability": 0.02, "action": "drop"},
    {"endpoint": "login", "probability": 0.02, "action": "http_503"},
    {"job": "^MB_", "probability": 0.03, "action": "job_failed"},
    {"job": "^MB_", "probability": 0.02, "action": "job_internal_error"},
]


class Weather:
    """What goes wrong, until it is asked to end.

    :param place: the engine that is killed now and then, and given its plan again.
    :param engine_kills: how often.
    """

    def __init__(self, place: Place, seed: int, engine_kills: int) -> None:
        self._place, self._seed = place, seed
        self._lock = threading.Lock()
        self.kills, self.restarts, self._engine_kills = Counter[str](), 0, engine_kills
        self.is_over = False
        self._plan()

    def _plan(self) -> None:
        self._place.plan_faults(RULES, seed=self._seed + self.restarts)

    def killer(self, run: str, name: str) -> Callable[[], Callable[[], bool]]:
        """For one task: gives each of its steps a condition to be killed by."""
        next_kill = kills(self._seed, run, name)

        def next_step() -> Callable[[], bool]:
            seconds, began = next_kill(), time.monotonic()

            def ask() -> bool:
                if seconds is None or self.is_over or time.monotonic() < began + seconds:
                    return False
                self.note_kill(name)
                return True

            return ask

        return next_step

    def note_kill(self, name: str) -> None:
        """Count a killed process of a task."""
        with self._lock:
            self.kills[name] += 1

    def progress(self, share: float) -> None:
        """Kill the engine when its share of the work is done."""
        with self._lock:
            if self.is_over or self.restarts >= self._engine_kills:
                return
            if share < (self.restarts + 1) / (self._engine_kills + 1):
                return
            self.restarts += 1
            self._place.kill_engine()
            self._plan()

    def end(self) -> None:
        """No more faults."""
        with self._lock:
            if not self.is_over:
                self.is_over = True
                self._place.plan_faults([])


class Abandoned(Exception):  # noqa: N818
    """A run's worker was killed for good."""


class Soak:
    """Runs of the DAG, each task through the driver.

    :param place: the engine.
    :param shard: files of a shard, at most.
    """

    def __init__(self, place: Place, weather: Weather, shard: int) -> None:
        self._place, self._weather, self._shard = place, weather, shard
        self.over: list[str] = []
        self.tries = Counter[str]()

    def run(self, run: Run, *, is_clear: bool = False) -> dict[str, Any]:
        """List, claim, validate, sample, full, load; the value of the last.

        :param is_clear: the whole run once more, with nobody's leave to abandon it.
        :raises Abandoned: as scheduled.
        """
        abandoned_at = None if is_clear or self._weather.is_over else run.abandoned_at
        return self._tasks(run, abandoned_at)

    def _tasks(self, run: Run, abandoned_at: str | None) -> dict[str, Any]:
        def do(operator: str, task_id: str = "", **arguments: Any) -> Any:
            return self._task(run, operator, task_id or operator, operator == abandoned_at, arguments)

        waiting = {"deferrable": run.deferrable, "poll_interval": 0.5, "timeout": 60, "defer_after": 1}
        manifests = do(
            "list",
            stage_path="@MEDIA.PUBLIC.FAULT_FILES/",
            manifest_location=f"{WORK}/manifests/",
            column_name="IMG",
            select="all" if run.reprocess else "new",
            reprocess=run.reprocess,
            model_name="MEDIA.PUBLIC.FAULT_MODEL",
            ledger=LEDGER,
            take_over_after=0,
            max_files_per_shard=self._shard,
            if_empty="succeed",
        )
        plan = do(
            "validate",
            manifest=manifests,
            model_name="MEDIA.PUBLIC.FAULT_MODEL",
            compute_pool="LOCAL_POOL",
            output_location=f"{WORK}/out/",
            job_schema=f"MEDIA.{SCHEMA}",
        )
        do("sample", manifest=manifests, plan=plan, output_location=f"{WORK}/samples/", **waiting)
        results = [
            do("full", f"full_{number}", manifest=manifest, plan=plan, **waiting)
            for number, manifest in enumerate(manifests)
        ]
        loaded: dict[str, Any] = do("load", results=results, table=RESULTS)
        return loaded

    def _task(self, run: Run, operator: str, task_id: str, abandon: bool, arguments: dict[str, Any]) -> Any:
        folder = self._place.workers.folder / run.name
        folder.mkdir(exist_ok=True)
        request = task(folder, operator, task_id, run_id=run.name, **arguments) | {
            "over": self.over,
            "max_tries": MAX_TRIES,
        }
        killer = self._weather.killer(run.name, operator)
        history: History = run_task(self._place.workers, request, killer, max_tries=1 if abandon else MAX_TRIES)
        self.tries[operator] += history.tries
        if abandon:
            # Whether its last try was killed or came to its end: nobody goes on with the run.
            raise Abandoned(run.name)
        if history.value is None:
            raise RuntimeError(f"{operator} of {run.name} never ended well: {history.events}")
        return history.value


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0 when every file was done, recorded and loaded exactly once."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="the schedule; printed")
    parser.add_argument("--pairs", type=int, default=24, help="pairs of runs over the same files")
    parser.add_argument("--files", type=int, default=2400, help="half of them come late")
    parser.add_argument("--engine-kills", type=int, default=3)
    parser.add_argument("--at-once", type=int, default=2, help="pairs at a time")
    parser.add_argument("--minutes", type=float, default=10, help="at most; nothing fails in the last third")
    given = parser.parse_args(arguments)
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    print(f"{given.files} files, {given.pairs} pairs of runs, --seed {seed}", flush=True)
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="mediabatch-soak-"))
    place = Place(folder, given.files // 2)
    try:
        place.query(f"CREATE SCHEMA MEDIA.{SCHEMA}", "ALTER ACCOUNT SET MEDIABATCH_IDLE_TRANSACTION_SECONDS = 2")
        problems = soak(place, given, seed, began)
    finally:
        place.close()
    for problem in problems:
        print(f"WRONG: {problem}")
    if problems:
        print(f"kept for a look: {folder}; again: make soak ARGS='--seed {seed} …' with the same other arguments")
        return 1
    shutil.rmtree(folder)
    return 0


def soak(place: Place, given: argparse.Namespace, seed: int, began: float) -> list[str]:
    """Run the schedule; what the engine's record has against it."""
    early = given.files // 2
    pairs = schedule(seed, given.pairs, given.files - early)
    late = iter([f"late{number:05}.bin" for number in range(given.files - early)])
    weather = Weather(place, seed, given.engine_kills)
    ending = threading.Timer(given.minutes * 60 * FAULTS_END - (time.monotonic() - began), weather.end)
    ending.daemon = True
    ending.start()
    runs = Soak(place, weather, max(2, given.files // given.pairs // 2))
    finished: list[Pair] = []

    def run_pair(pair: Pair) -> list[Run]:
        names = [next(late) for _ in range(pair.late)]
        if weather.is_over:
            place.add_files(names)  # The sweep takes them.
            return []
        timer = threading.Timer(pair.wait, place.add_files, [names])
        timer.start()
        with ThreadPoolExecutor(2) as two:
            left = [run for run in two.map(lambda run: _to_its_end(runs, run), pair.runs) if run is not None]
        timer.join()
        finished.append(pair)
        print(f"{len(finished)} pairs after {time.monotonic() - began:.0f} s", flush=True)
        weather.progress(len(finished) / len(pairs))
        return left

    try:
        with ThreadPoolExecutor(given.at_once) as pool:
            abandoned = [run for left in pool.map(run_pair, pairs) for run in left]
    except RuntimeError as error:
        return [str(error)]
    finally:
        ending.cancel()
        weather.end()
    _sweep(place, runs, abandoned)
    took = time.monotonic() - began
    _report(place, weather, runs, finished, took)
    late_end = [f"it took {took:.0f} s"] if took > given.minutes * 60 else []
    return _against(place, given) + late_end


def _to_its_end(runs: Soak, run: Run) -> Run | None:
    """Run it, and clear it as scheduled; the run if it was abandoned."""
    try:
        runs.run(run)
        if run.cleared:
            runs.run(run, is_clear=True)
    except Abandoned:
        return run
    finally:
        runs.over.append(run.name)
    return None


def _sweep(place: Place, runs: Soak, abandoned: Sequence[Run]) -> None:
    """What happens in the days after: a run takes what is left, until nothing is, and lost runs are cleared."""
    for number in range(SWEEPS):
        _to_its_end(runs, Run(f"sweep{number}", False, False, None, False))
        if all(state == "done" for _, state in place.ledger(LEDGER)):
            break
        time.sleep(1)
    for run in abandoned:
        runs.run(run, is_clear=True)


def _report(place: Place, weather: Weather, runs: Soak, finished: Sequence[Pair], took: float) -> None:
    count = Counter(
        what
        for pair in finished
        for run in pair.runs
        for what in ("cleared" * run.cleared, "reprocessed" * run.reprocess, "abandoned" * bool(run.abandoned_at))
        if what
    )
    faults = Counter(place.fault_actions())

    def listed(counter: Counter[str]) -> str:
        return ", ".join(f"{name} {number}" for name, number in counter.most_common()) or "none"

    print(
        f"{len(finished)} pairs in {took:.0f} s ({listed(count)}). Tries: {listed(runs.tries)}. Killed: "
        f"{listed(weather.kills)}, engine {weather.restarts}. Faults: {listed(faults)}",
        flush=True,
    )


def _against(place: Place, given: argparse.Namespace) -> list[str]:
    """Every file exactly once in ledger, results and the output of jobs that are DONE; again for each reprocessing."""
    early = given.files // 2
    names = [f"f{number:05}.bin" for number in range(early)]
    names += [f"late{number:05}.bin" for number in range(given.files - early)]
    problems = []
    if still := [job.status for job in place.jobs(SCHEMA) if job.status not in ENDED]:
        problems.append(f"jobs that are not over: {still}")
    if place.ledger(LEDGER) != [(name, "done") for name in names]:
        problems.append(f"ledger: {Counter(state for _, state in place.ledger(LEDGER))}")
    if place.results(RESULTS) != names:
        problems.append("the results table does not hold every file once")
    wanted = {name: 1 + generation for name, generation in place.generations(LEDGER).items()}
    # A job that the fault plan fails may have written rows before, and its files run again.
    done = [job.output for job in place.jobs(SCHEMA) if job.status == "DONE" and job.output.startswith(f"{WORK}/out/")]
    if (computed := Counter(name for output in done for name in place.inferred(output))) != wanted:
        wrong = {name: (computed[name], wanted.get(name)) for name in names if computed[name] != wanted.get(name)}
        problems.append(
            f"{len(wrong)} files computed more or less than once, as {list(wrong.items())[:5]} (found, wanted)"
        )
    return problems


if __name__ == "__main__":
    sys.exit(main())
