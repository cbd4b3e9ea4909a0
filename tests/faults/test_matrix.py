"""Every fault in every phase: one job for each piece of work, each file done, recorded and loaded once.

The engine's own record is asked: its jobs, what they wrote, the ledger, the results table. How the work came to its end
is the table in docs/faults.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from faults import matrix
from faults.cells import FAULTS, PHASES, Cell, quick, whole
from faults.driver import Place

DOCUMENT = Path(__file__).parents[2] / "docs" / "faults.md"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path, matrix.FILES)
    yield made
    made.close()


def documented() -> dict[tuple[str, str, bool], str]:
    """The table of the documentation, by fault, phase and mode."""
    rows = [line.strip("|").split("|") for line in DOCUMENT.read_text().splitlines() if line.startswith("|")]
    head = [item.strip() for item in rows[0]]
    found = {}
    for row in rows[2:]:
        for phase, text in zip(head[1:], row[1:], strict=True):
            labels = [label.strip() for label in text.split("/")]
            found[row[0].strip(), phase, False] = labels[0]
            found[row[0].strip(), phase, True] = labels[-1]
    return found


def check(place: Place, cells: Sequence[Cell]) -> None:
    outcomes = matrix.run_cells(place, cells)
    labels = {(found.cell.fault, found.cell.phase, found.cell.deferrable): found.label for found in outcomes}
    print(matrix.table(labels))
    wrong = [f"{found.cell}: {found.problems} {found.history.events}" for found in outcomes if found.problems]
    assert not wrong, "\n".join(wrong)
    expected = documented()
    assert labels == {key: expected[key] for key in labels}


def test_the_documented_table_is_of_every_fault_and_phase() -> None:
    assert set(documented()) == {(fault, phase, mode) for fault in FAULTS for phase in PHASES for mode in (False, True)}


def test_the_documents_ask_for_the_retries_that_the_matrix_allows() -> None:
    for document in (DOCUMENT, DOCUMENT.parents[1] / "README.md"):
        assert re.findall(r"`retries` of at least (\d+)", document.read_text()) == [str(matrix.RETRIES)], document.name


def test_the_quick_cells_hold_every_pair() -> None:
    """Each fault in each mode, each phase in each mode, each kind of fault in each phase."""
    assert set().union(*(cell.pairs for cell in quick())) == set().union(*(cell.pairs for cell in whole()))


@pytest.mark.timeout(300)
def test_pairs(place: Place) -> None:
    check(place, quick())


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_whole_matrix(place: Place) -> None:
    check(place, whole())
