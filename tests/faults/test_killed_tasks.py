"""A task that gets SIGTERM, as when somebody marks it, goes on until SIGKILL. It starts no job then, and leaves none.

Airflow's handler of SIGTERM calls ``on_kill`` and returns. The tasks are real processes, and the engine's fault plan
holds a request of theirs back until the signal has come.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from faults.driver import Place, plan, run_task, task

pytestmark = pytest.mark.slow

WORK = "@MEDIA.PUBLIC.FAULT_WORK"
GRACE = 10.0
"""Seconds until SIGKILL: Airflow's five, and some more for a slow machine."""
BUILD_SECONDS = 4


class Kills:
    """Full batches of four files, each in a schema of its own.

    :param place: the engine and the workers.
    :param manifest: the files.
    """

    def __init__(self, place: Place, manifest: Any) -> None:
        self.place, self._manifest = place, manifest

    def task(self, name: str, *, mode: str = "endless", build: bool = False, **arguments: Any) -> dict[str, Any]:
        """A task that waits in place.

        :param name: of its schema, and of its sessions' tag.
        """
        self.place.query(f"CREATE SCHEMA MEDIA.{name}")
        job_plan = plan(f"MEDIA.{name}", f"{WORK}/{name}/out/", build=build, mode=mode)
        arguments |= {"manifest": self._manifest, "plan": job_plan, "poll_interval": 0.2, "deferrable": False}
        return task(self.place.workers.folder, "full", name, tag=name, **arguments) | {"max_tries": 2}

    def end_at(self, request: dict[str, Any], match: str, nth: int, *rules: dict[str, Any]) -> dict[str, Any]:
        """Run it, and end it as Airflow does at the nth statement of this kind; its answer.

        :param rules: further ones of the fault plan.
        """
        name = f"{request['tag']} {match} {nth}"
        held = {"name": name, "tag": f"^{request['tag']}$", "match": match, "nth": nth, "action": "delay", "seconds": 2}
        self.place.plan_faults([held, *rules])
        return self.place.workers.run({"step": "execute", **request}, partial(self.place.fired, name), grace=GRACE)

    def ends(self, name: str) -> list[str]:
        """How its jobs have ended, the first one first. One that does not end is ``OPEN``."""
        deadline = time.monotonic() + 20
        while "OPEN" in (found := [job.status for job in self.place.jobs(name)]) and time.monotonic() < deadline:
            time.sleep(0.1)
        return found


@pytest.fixture(scope="module")
def kills(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kills]:
    place = Place(tmp_path_factory.mktemp("kills"), files=4)
    try:
        listing = {"stage_path": "@MEDIA.PUBLIC.FAULT_FILES/", "manifest_location": f"{WORK}/manifests/"}
        model = {"model_name": "MEDIA.PUBLIC.FAULT_MODEL", "column_name": "IMG", "ledger": None}
        listed = run_task(place.workers, task(place.workers.folder, "list", "list", **listing, **model), max_tries=1)
        assert listed.value is not None, listed.events
        yield Kills(place, listed.value)
    finally:
        place.close()


def test_ended_during_the_checks_it_submits_nothing(kills: Kills) -> None:
    answer = kills.end_at(kills.task("CHECKS"), "^DESCRIBE SERVICE", 1)
    assert answer["kind"] == "TaskEndedError", answer
    assert "Nothing was started" in answer["error"]
    assert kills.ends("CHECKS") == []


@pytest.mark.parametrize("build", [False, True])
def test_ended_between_the_sending_and_the_reply_it_cancels_what_it_sent(kills: Kills, build: bool) -> None:
    """``on_kill`` finds no job of this name: there is none yet, and with an image to build not for long."""
    name = "BUILT" if build else "SENT"
    kills.place.query(f"ALTER ACCOUNT SET MEDIABATCH_IMAGE_BUILD_SECONDS = {BUILD_SECONDS}")
    answer = kills.end_at(kills.task(name, build=build), "^EXECUTE INFERENCE", 1)
    assert answer["kind"] == "TaskEndedError", answer
    assert "It was cancelled and incurs no more cost" in answer["error"]
    time.sleep(BUILD_SECONDS + 1)
    assert set(kills.ends(name)) <= {"CANCELLED"}


@pytest.mark.parametrize(
    ("name", "nth", "kind", "says"),
    [
        ("FINDING", 1, "TaskEndedError", "while it looked for job"),
        ("ATTACHED", 2, "JobFailedError", "ended as CANCELLED"),
    ],
)
def test_ended_with_an_earlier_trys_job_it_starts_no_other(
    kills: Kills, name: str, nth: int, kind: str, says: str
) -> None:
    """While it looks for that job, of which ``on_kill`` does not know yet, and while it waits for it."""
    request = kills.task(name)
    lost = kills.place.workers.run({"step": "execute", **request}, lambda: bool(kills.place.jobs(name)))
    assert lost == {"state": "killed"}
    answer = kills.end_at(request, "^DESCRIBE SERVICE", nth)
    assert answer["kind"] == kind, answer
    assert says in answer["error"]
    assert kills.ends(name) == ["CANCELLED"]


@pytest.mark.parametrize(
    ("name", "match", "nth", "says", "parts"),
    [
        ("BETWEEN", "^COPY INTO", 2, "It started no further job", 1),
        ("WITHIN", "^EXECUTE INFERENCE", 3, "It was cancelled", 2),
    ],
)
def test_ended_within_a_round_it_leaves_no_part(
    kills: Kills, name: str, match: str, nth: int, says: str, parts: int
) -> None:
    request = kills.task(name, mode="fail", isolate_failures=True, max_isolation_jobs=2)
    answer = kills.end_at(request, match, nth, {"job": "_R1_", "action": "job_stuck_pending"})
    assert answer["kind"] == "TaskEndedError", answer
    assert says in answer["error"]
    assert kills.ends(name) == ["FAILED", *["CANCELLED"] * parts]


@pytest.mark.parametrize(
    ("name", "max_tries", "says", "end"),
    [
        ("RETRIED", 2, "Jobs of the same round may still run and incur cost: MEDIA.RETRIED.", "OPEN"),
        ("LAST", 0, "The jobs of the same round were cancelled and incur no more cost: MEDIA.LAST.", "CANCELLED"),
    ],
)
def test_an_error_within_a_round_says_what_runs_and_nothing_runs_after_the_last_try(
    kills: Kills, name: str, max_tries: int, says: str, end: str
) -> None:
    """The connector's own error, of the statement that stages the second part."""
    request = kills.task(name, mode="fail", isolate_failures=True, max_isolation_jobs=2)
    error = {"tag": f"^{name}$", "match": "^COPY INTO", "nth": 2, "action": "error", "message": "internal error"}
    kills.place.plan_faults([error, {"job": "_R1_", "action": "job_stuck_pending"}])
    answer = kills.place.workers.run({"step": "execute", **request, "max_tries": max_tries})
    assert answer["kind"] == "MediaBatchError", answer
    assert "internal error" in answer["error"]
    assert says in answer["error"]
    assert [job.status for job in kills.place.jobs(name)] == ["FAILED", end]
