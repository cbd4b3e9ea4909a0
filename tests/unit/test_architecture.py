"""docs/architecture.md names what exists, in the order that is asserted."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

import pytest
from documents import Document
from unit.test_rooms import NAME, PACKAGE, ROOMS

from airflow_provider_mediabatch.ledger import claim_statements, conditions, job_statements, state_statements
from airflow_provider_mediabatch.ledger.claimed_rows import ClaimedRows
from airflow_provider_mediabatch.ledger.ledger import Ledger

ARCHITECTURE = Document("docs/architecture.md")
NAMED = sorted(set(re.findall(rf"`((?:{'|'.join(ROOMS)})(?:\.\w+)+)`", ARCHITECTURE.text)))
"""Modules, classes, functions and constants in backticks: ``core.job_names.stem``."""


def resolve(name: str) -> Any:
    """The module, or what it has by this name."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        path = PACKAGE.joinpath(*parts[:length])
        if path.is_dir() or path.with_suffix(".py").exists():
            found: Any = importlib.import_module(".".join([NAME, *parts[:length]]))
            for part in parts[length:]:
                found = getattr(found, part)
            return found
    raise AttributeError(name)


def test_the_table_of_rooms_has_their_order() -> None:
    assert tuple(re.findall(r"^\| `(\w+)` \|", ARCHITECTURE.text, flags=re.MULTILINE)) == ROOMS


def test_names_are_found_in_the_text() -> None:
    assert len(NAMED) >= 50


@pytest.mark.parametrize("name", NAMED)
def test_a_named_function_exists(name: str) -> None:
    resolve(name)


CLASSES = {"Ledger": Ledger, "ClaimedRows": ClaimedRows}
STATEMENTS = {
    name: function
    for module in (claim_statements, job_statements, state_statements)
    for name, function in inspect.getmembers(module, inspect.isfunction)
    if function.__module__ == module.__name__
}
"""The functions that make the ledger's statements."""


def claim_moves() -> list[tuple[str, str, str]]:
    """The arrows of the diagram: from, to, and class and method."""
    (diagram,) = ARCHITECTURE.blocks("mermaid")
    found = re.findall(r"^    (\S+) --> (\w+): .*\((\w+\.\w+)\)$", diagram, flags=re.MULTILINE)
    assert len(found) == diagram.count("-->")
    return found


def statements_of(name: str) -> list[str]:
    """The text of the functions that a method calls for its statements, itself or through another, with the parts of
    statements that several of them share.

    :param name: of class and method.
    """
    owner = CLASSES[name.partition(".")[0]]
    source = inspect.getsource(getattr(owner, name.partition(".")[2]))
    source += "".join(inspect.getsource(getattr(owner, name)) for name in re.findall(r"self\.(_\w+)\(", source))
    called = [inspect.getsource(STATEMENTS[name]) for name in re.findall(r"\w+_statements\.(\w+_sql)\(", source)]
    return [with_parts(text) for text in called]


def with_parts(text: str) -> str:
    """A statement's source with the parts that several statements share in place of their names."""
    text = text.replace("{give_back_sql(", f"{conditions.give_back_sql()}{{give_back_sql(")
    return re.sub(r"\{([A-Z_]+)\}", lambda part: str(getattr(conditions, part[1], part[0])), text)


def sets_state(source: str) -> bool:
    return "SET STATE" in source or '"STATE":' in source


def test_the_states_of_a_claim_are_those_of_the_ledgers_statements() -> None:
    modules = (claim_statements, conditions, job_statements, state_statements)
    lines = [line for module in modules for line in inspect.getsource(module).splitlines() if "STATE" in line]
    states = set(re.findall(r"'([a-z]+)'", "\n".join(lines)))
    drawn = {state for start, end, _ in claim_moves() for state in (start, end)} - {"[*]"}
    table = ARCHITECTURE.text.partition("| State |")[2].partition("\n\n")[0]
    assert drawn == states
    assert set(re.findall(r"^\| ([a-z]+) \|", table, flags=re.MULTILINE)) == states


@pytest.mark.parametrize("move", claim_moves(), ids=" ".join)
def test_a_move_of_a_claim_is_made_by_its_method(move: tuple[str, str, str]) -> None:
    _, end, method = move
    assert any(sets_state(source) and f"'{end}'" in source for source in statements_of(method))


def test_every_statement_that_moves_a_claim_is_drawn() -> None:
    written = [name for name, function in STATEMENTS.items() if sets_state(with_parts(inspect.getsource(function)))]
    drawn = [source for method in {method for _, _, method in claim_moves()} for source in statements_of(method)]
    assert [name for name in written if not any(source.startswith(f"def {name}(") for source in drawn)] == []


def test_links_lead_to_files() -> None:
    assert ARCHITECTURE.broken_links() == []
