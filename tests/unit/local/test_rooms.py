"""The local engine's rooms have an order, and the engine needs two pure modules of the package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import airflow_provider_mediabatch

PACKAGE = "airflow_provider_mediabatch"
LOCAL = Path(airflow_provider_mediabatch.__file__).parent / "local"
ROOMS = [
    {"errors", "defaults", "lexer", "statement_result", "faults", "lifecycle", "move_file"},
    {"runner"},
    {"catalog"},
    {"stores"},
    {"session"},
    {"sql"},
    {"statements"},
    {"dispatch"},
    {"protocol"},
    {"server_process"},
]
"""From the lowest to the highest: a room imports itself and those before it."""
OUTSIDE = {f"{PACKAGE}.core.sql", f"{PACKAGE}.core.media_types"}
MODULES = {path.relative_to(LOCAL): path for path in sorted(LOCAL.rglob("*.py"))}


def dotted(path: Path) -> str:
    """The module's name."""
    parts = path.with_suffix("").parts
    return ".".join((PACKAGE, "local", *(parts[:-1] if parts[-1] == "__init__" else parts)))


NAMES = {dotted(path) for path in MODULES}


def imported(path: Path, *, for_types: bool) -> Iterator[str]:
    """The package's modules that a module imports, inside functions too.

    :param for_types: whether imports below ``if TYPE_CHECKING`` count.
    """
    tree = ast.parse(path.read_text())
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test) and not for_types:
            skipped |= {inner for statement in node.body for inner in ast.walk(statement)}
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            if (node.module or "").split(".")[0] == PACKAGE:
                for alias in node.names:
                    full = f"{node.module}.{alias.name}"
                    yield full if full in NAMES else str(node.module)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == PACKAGE)


def room(module: str) -> int:
    """The room of a module of the engine, as its place in the order."""
    name = module.removeprefix(f"{PACKAGE}.local.").split(".")[0]
    return next(number for number, names in enumerate(ROOMS) if name in names)


def test_every_module_has_a_room() -> None:
    known = set().union(*ROOMS) | {"__init__"}
    assert {path.parts[0].removesuffix(".py") for path in MODULES} == known


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_go_down(path: Path) -> None:
    if path.name == "__init__.py" and len(path.parts) == 1:
        return
    own = dotted(path)
    for other in imported(MODULES[path], for_types=True):
        if not other.startswith(f"{PACKAGE}.local."):
            assert other in OUTSIDE, f"{own} imports {other}: the engine imports nothing else of the package"
            continue
        assert room(other) <= room(own), f"{own} imports {other}, whose room is above its own"


def test_no_import_cycles() -> None:
    graph = {dotted(path): set(imported(file, for_types=False)) for path, file in MODULES.items()}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"an import cycle: {' -> '.join(error.args[1])}")
