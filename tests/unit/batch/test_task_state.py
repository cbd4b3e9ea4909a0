"""What a task notes for its next try, and which generation a cleared task starts with."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from airflow_provider_mediabatch.batch.submission import Attempt, JobRequest
from airflow_provider_mediabatch.batch.task_state import DONE_NOTE, JOB_NOTE, RunningJobs, TaskState
from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.manifest import Manifest

MANIFEST = Manifest("@DB.SC.WORK/m/", {"IMG": "VARCHAR"}, ("IMG",), 2, 2, 20, "d" * 32)
PLAN = InferencePlan("DB.SC.M", "V1", "predict", {}, {}, {}, "P", "DB.SC", "@DB.SC.OUT/x/")
REQUEST = JobRequest("MB_X", "print", MANIFEST, PLAN, PLAN.output_location)
DONE = {"fingerprint": "print", "generation": 0, "max_tries": 1}


class Store(dict[str, Any]):
    """A task state store: Airflow's has ``get`` and ``set``."""

    def set(self, key: str, value: Any) -> None:
        self[key] = value


class Instance:
    """A task instance whose ``max_tries`` a clearing raises."""

    def __init__(self, max_tries: int, try_number: int) -> None:
        self.max_tries = max_tries
        self.try_number = try_number


def state(store: Store | None, max_tries: int = 3, try_number: int = 1) -> TaskState:
    context: Any = {"ti": Instance(max_tries, try_number), "task_state_store": store}
    return TaskState(context, RunningJobs(), logging.getLogger(__name__))


@pytest.mark.parametrize(
    ("notes", "first"),
    [
        ({}, 0),
        ({DONE_NOTE: DONE}, 1),
        ({DONE_NOTE: {**DONE, "fingerprint": "changed"}}, 0),
        ({DONE_NOTE: {**DONE, "max_tries": None}}, 1),
        # Airflow retries because it did not hear of the success.
        ({DONE_NOTE: {**DONE, "max_tries": 3}}, 0),
        # A retry of the cleared task: its own job is looked for, and no third one is started.
        ({DONE_NOTE: DONE, JOB_NOTE: {"generation": 1}}, 1),
        ({DONE_NOTE: "damaged"}, 0),
    ],
)
def test_only_a_cleared_task_starts_after_its_finished_job(notes: dict[str, Any], first: int) -> None:
    assert state(Store(notes)).first_generation(REQUEST) == first


def test_the_next_try_reads_what_was_noted() -> None:
    store = Store()
    attempt = Attempt("DB.SC.MB_X_2", 2, "running", 5.0, "q")
    state(store).note_job(REQUEST, attempt)
    state(store).note_done(REQUEST, attempt)
    again = state(store, max_tries=5)
    assert again.noted_job() == {
        "fingerprint": "print",
        "generation": 2,
        "query_id": "q",
        "job": "DB.SC.MB_X_2",
        "started": 5.0,
        "role": None,
    }
    assert again.first_generation(REQUEST) == 3


def test_a_rounds_notes_replace_those_of_the_round_before() -> None:
    store = Store()
    state(store).note_round(1, {"MB_R1_R2_A": {"generation": 0}})
    assert state(store).noted_round(1) == {"MB_R1_R2_A": {"generation": 0}}
    assert state(store).noted_round(2) == {}
    state(store).note_round(2, {"MB_B": {"generation": 1}})
    assert state(store).noted_round(1) == {}


@pytest.mark.parametrize(
    ("try_number", "max_tries", "last"),
    # Two retries: tries 1 to 3. Clearing after the third gives tries 4 to 6.
    [(1, 2, False), (3, 2, True), (4, 5, False), (5, 5, False), (6, 5, True), (1, 0, True)],
)
def test_tries_are_counted_since_the_last_clearing(try_number: int, max_tries: int, last: bool) -> None:
    assert state(None, max_tries, try_number).is_last_try is last


def test_without_a_store_nothing_is_noted() -> None:
    without = state(None)
    without.note_job(REQUEST, Attempt("J", 0, None, 0.0))
    assert without.noted_job() == {}
    assert without.first_generation(REQUEST) == 0


def test_running_jobs_are_named() -> None:
    running = RunningJobs()
    assert not running
    running.replace([("A", None), ("B", "q")])
    assert (str(running), running.to_list()) == ("A, B", [["A", None], ["B", "q"]])
    running.add("A", "p")
    assert running.to_list() == [["B", "q"], ["A", "p"]]
