"""docs/architecture.md names what exists, in the order that is asserted."""

from __future__ import annotations

import importlib
import re
from typing import Any

import pytest
from documents import Document
from unit.test_rooms import NAME, PACKAGE, ROOMS

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


def test_every_move_of_a_claim_is_a_method_of_the_ledger() -> None:
    (diagram,) = ARCHITECTURE.blocks("mermaid")
    moves = re.findall(r"^    \S+ --> \w+: .*\(Ledger\.(\w+)\)$", diagram, flags=re.MULTILINE)
    assert len(moves) == diagram.count("-->")
    assert [name for name in moves if not callable(getattr(Ledger, name, None))] == []


def test_links_lead_to_files() -> None:
    assert ARCHITECTURE.broken_links() == []
