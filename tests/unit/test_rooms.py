"""The order of rooms: a module imports from its own room and from rooms below it, inside functions too."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

import airflow_provider_mediabatch

PACKAGE = Path(airflow_provider_mediabatch.__file__).parent
NAME = PACKAGE.name
ROOMS = (
    "core",
    "exceptions",
    "hooks",
    "client",
    "files",
    "ledger",
    "validation",
    "batch",
    "review",
    "links",
    "triggers",
    "sensors",
    "assets",
    "notifications",
    "operators",
    "plugins",
    "media_batch_group",
    "preload",
    "get_provider_info",
    "demo",
    "cli",
)
"""The package's rooms from the bottom up. A room is a package or a module beside them."""
ENGINE = "local"
"""The engine is no room of the provider: it stands beside them."""
ENGINE_MAY_IMPORT = {f"{NAME}.core.sql", f"{NAME}.core.media_types"}
"""Identifiers and literals are quoted by the same code on both sides."""
ENGINE_USERS = {ENGINE, "demo", "cli"}
ENTRY_POINTS = {"demo", "cli", "get_provider_info", "media_batch_group", "preload"}
"""What users or Airflow call; no other room imports one, whatever its place."""
EXAMPLES = "example_dags"
"""Users' DAGs and no room. They are in an installed package; in a checkout a link to the folder beside it."""


def imports(source: str, module: str) -> set[str]:
    """Modules of the package that a module imports, anywhere in it: ``from package.room import module`` included.

    :param source: the module's text.
    :param module: its dotted name, which relative imports start from.
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*module.split(".")[: -node.level], *([base] if base else [])])
            found.update(f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and _called(node) in {"import_module", "__import__", "import_string"}:
            found.update(str(argument.value) for argument in node.args if isinstance(argument, ast.Constant))
    return {name for name in found if name == NAME or name.startswith(f"{NAME}.")}


def _called(node: ast.Call) -> str:
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def room(module: str) -> str:
    """The room of a module or of a name in it; the package itself has none."""
    return module.split(".")[1] if "." in module else ""


def modules(room_name: str = "**") -> dict[str, Path]:
    """The package's modules by dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = [NAME, *path.relative_to(PACKAGE).with_suffix("").parts]
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if room_name in ("**", room(name)) and room(name) != EXAMPLES:
            found[name] = path
    return found


@functools.cache
def imported(name: str, path: Path) -> set[str]:
    """What a module of the package imports of the package."""
    return imports(path.read_text(), f"{name}.__init__" if path.stem == "__init__" else name)


def test_every_room_has_a_place() -> None:
    assert {room(name) for name in modules()} - {""} == {*ROOMS, ENGINE}


def test_unit_tests_mirror_the_rooms() -> None:
    tests = Path(__file__).parent
    assert {path.name for path in tests.iterdir() if path.is_dir() and any(path.glob("test_*.py"))} <= {*ROOMS, ENGINE}
    # Constants, a class without code, and a form whose reading and writing are in test_xcom.py.
    untested = {"__init__", "xcom_keys", "user_error", "batch_result"}
    core = {path.stem for path in (PACKAGE / "core").glob("*.py")} - untested
    assert core <= {path.stem.removeprefix("test_") for path in (tests / "core").glob("test_*.py")}


def test_rooms_import_only_from_below() -> None:
    upward = {
        f"{name} imports {other}"
        for name, path in modules().items()
        if room(name) in ROOMS
        for other in sorted(imported(name, path))
        if room(other) in ROOMS and ROOMS.index(room(other)) > ROOMS.index(room(name))
    }
    assert upward == set()


def test_only_faces_import_an_entry_point() -> None:
    found = {
        (room(name), room(other))
        for name, path in modules().items()
        for other in imported(name, path)
        if room(other) in ENTRY_POINTS and room(other) != room(name)
    }
    assert found <= {("cli", "demo")}


def test_the_engine_imports_only_the_quoting() -> None:
    outside = {
        f"{name} imports {other}"
        for name, path in modules(ENGINE).items()
        for other in imported(name, path)
        if room(other) != ENGINE
        and other not in ENGINE_MAY_IMPORT
        and other.rpartition(".")[0] not in ENGINE_MAY_IMPORT
    }
    assert outside == set()


def test_no_task_imports_snowflake_ml() -> None:
    """Its import takes seconds and 100 MB, and it is an extra of this package."""
    found = {}
    for module, path in modules().items():
        if room(module) not in ENGINE_USERS and re.search(r"(from|import) snowflake\.ml\b", path.read_text()):
            found[module] = path
    assert found == {}


def test_only_demo_and_cli_import_the_engine() -> None:
    users = {room(name) for name, path in modules().items() for other in imported(name, path) if room(other) == ENGINE}
    assert users <= ENGINE_USERS


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (f"import {NAME}.core.sql", {f"{NAME}.core.sql"}),
        (f"from {NAME} import core", {f"{NAME}.core"}),
        (f"def f():\n    from {NAME}.core.sql import quoted", {f"{NAME}.core.sql.quoted"}),
        ("from .. import core", {f"{NAME}.core"}),
        ("from ..core import sql", {f"{NAME}.core.sql"}),
        ("from . import batch_job", {f"{NAME}.links.batch_job"}),
        (f"import_module('{NAME}.core')", {f"{NAME}.core"}),
        ("import airflow, snowflake.connector", set()),
    ],
)
def test_imports_of_any_form_are_found(source: str, expected: set[str]) -> None:
    assert imports(source, f"{NAME}.links.location") == expected
