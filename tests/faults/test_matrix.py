"""Every fault at every kind of request of every task: one job for each piece of work, each file done, recorded and
loaded once.

The engine's own record is asked: its jobs, what they wrote, the ledger, the results table. How the work came to its end
is the table in docs/faults.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from documents import Document
from faults import matrix
from faults.cells import FAULTS, MODES, TASKS, quick, whole
from faults.driver import Place
from faults.phases import LOGIN, MONITOR, QUERY, SUBMIT, find_phases

DOCUMENT = Document("docs/faults.md")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.close()


def documented() -> dict[tuple[str, str], str]:
    """The table of the documentation: how tasks come to their ends by fault and task, and the number of jobs."""
    (text,) = re.findall(r"^\| fault \|.*?\n\n", DOCUMENT.text, flags=re.MULTILINE | re.DOTALL)
    rows = [[item.strip() for item in line.strip("|").split("|")] for line in text.strip().splitlines()]
    return {(row[0], column): item for row in rows[2:] for column, item in zip(rows[0][1:], row[1:], strict=True)}


def is_unmet(problem: str) -> bool:
    """Whether a cell's request never came, so that its fault was not produced."""
    return problem.endswith("did not fire")


def check(outcomes: Sequence[matrix.Outcome]) -> None:
    """No cell has anything against it, and each came to its end as the documentation says.

    How often a task polls depends on the machine, so that a few cells may wait for a request that does not come.
    """
    print(matrix.table(outcomes))
    met = [found for found in outcomes if not (found.problems and all(map(is_unmet, found.problems)))]
    assert len(outcomes) - len(met) <= len(outcomes) // 100, [found.cell for found in outcomes if found not in met]
    wrong = [f"{found.cell}: {found.problems} {found.history.events}" for found in met if found.problems]
    assert not wrong, "\n".join(wrong)
    expected = documented()
    others = [
        f"{found.cell}: {found.label}, {found.jobs} jobs"
        for found in met
        if found.label not in expected[found.cell.fault, found.cell.task].split(", ")
        or found.jobs > int(expected[found.cell.fault, "jobs"])
    ]
    assert not others, "\n".join(others)


def check_phases(found: str) -> None:
    """The documented requests are those found, but for polls that a job which ends soon may not see."""
    polls = {"SHOW JOB SERVICES", "DESCRIBE SERVICE (first poll)"}
    (text,) = re.findall(r"^\| task \| requests at which.*?\n\n", DOCUMENT.text, flags=re.MULTILINE | re.DOTALL)
    for documented_row, row in zip(text.strip().splitlines(), found.strip().splitlines(), strict=True):
        task, requests = (item.strip() for item in row.strip("|").split("|"))
        documented_task, documented_requests = (item.strip() for item in documented_row.strip("|").split("|"))
        assert task == documented_task
        assert set(requests.split(", ")) ^ set(documented_requests.split(", ")) <= polls, f"{task}: {requests}"


def test_the_documented_table_is_of_every_fault_and_task() -> None:
    assert set(documented()) == {(fault, column) for fault in FAULTS for column in (*TASKS, "jobs")}


def test_the_documents_ask_for_the_retries_that_the_matrix_allows() -> None:
    for document in (DOCUMENT, Document("README.md"), Document("docs/limits.md")):
        assert re.findall(r"`retries` of at least (\d+)", document.text) == [str(matrix.RETRIES)], document


def test_phases_are_found_by_verb_at_their_first_and_last_time() -> None:
    sent = ["SELECT 1", "UPDATE A", "SELECT 2", "SELECT 3", SUBMIT, "DESCRIBE SERVICE J", "DESCRIBE SERVICE J"]
    record = [(LOGIN, ""), *((QUERY, text) for text in sent), (MONITOR, SUBMIT)]
    found = ["login", "SELECT", "UPDATE", "SELECT (last)", SUBMIT, "DESCRIBE SERVICE", "DESCRIBE SERVICE (first poll)"]
    found += [f"status of {SUBMIT}", f"{SUBMIT} (sent again)"]
    assert list(map(str, find_phases(record))) == found
    assert list(map(str, find_phases(record, after_submission=True))) == found[4:]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_cell_for_each_fault_and_each_task(place: Place) -> None:
    course, phases = matrix.find(place)
    check_phases(matrix.phase_table(phases))
    cells = quick(phases)
    assert {cell.fault for cell in cells} == set(FAULTS)
    assert {(cell.task, cell.deferrable) for cell in cells} == set(MODES)
    check(matrix.run_cells(course, cells))


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_whole_matrix(place: Place) -> None:
    course, phases = matrix.find(place)
    check(matrix.run_cells(course, whole(phases)))
