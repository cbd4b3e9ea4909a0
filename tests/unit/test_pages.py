"""The pages of docs/: each can be found, each link leads somewhere, and the reference has every argument."""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from airflow_env import REPOSITORY
from documents import Document
from pygments.lexers import get_lexer_by_name
from pygments.token import Error

from airflow_provider_mediabatch import exceptions
from airflow_provider_mediabatch.batch import drift_sql
from airflow_provider_mediabatch.batch.result_columns import BOOKKEEPING_COLUMNS
from airflow_provider_mediabatch.cli.main import parser
from airflow_provider_mediabatch.get_provider_info import get_provider_info
from airflow_provider_mediabatch.ledger import tables
from airflow_provider_mediabatch.review import feedback

PACKAGE = "airflow_provider_mediabatch"
PAGES = sorted(path.name for path in (REPOSITORY / "docs").glob("*.md"))
LINKED = [f"docs/{name}" for name in PAGES] + ["README.md", "CONTRIBUTING.md", "SECURITY.md"]
INDEX = Document("docs/index.md")
REFERENCE = re.findall(r"automodule:: ([\w.]+)", Document("docs/reference.md").text)


def anchors(name: str) -> set[str]:
    """The anchors of a page's headings, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.+)$", Document(name).prose, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def public(module: str) -> list[tuple[str, Callable[..., Any]]]:
    """The classes that a module of the reference shows, and its functions with keyword arguments."""
    found = importlib.import_module(module)
    return [
        (name, item)
        for name, item in vars(found).items()
        if not name.startswith("_") and (inspect.isclass(item) or has_keywords(item)) and item.__module__ == module
    ]


def has_keywords(item: object) -> bool:
    """Whether it is a function with arguments that are given by name."""
    kinds = [each.kind for each in inspect.signature(item).parameters.values()] if inspect.isfunction(item) else []
    return inspect.Parameter.KEYWORD_ONLY in kinds


def described(item: Callable[..., Any]) -> set[str]:
    """The parameters that the reference describes, a class's bases of this package included."""
    documented = [each for each in getattr(item, "__mro__", (item,)) if each.__module__ in REFERENCE]
    return set(re.findall(r":param (\w+):", "\n".join(str(each.__doc__) for each in documented)))


def arguments(item: Callable[..., Any]) -> set[str]:
    """The parameters that callers may give, those of the bases of this package included."""
    found = set()
    for each in getattr(item, "__mro__", (item,)):
        if each.__module__.startswith(PACKAGE) and (each is item or "__init__" in vars(each)):
            found |= set(inspect.signature(each).parameters)
    return found - {"self", "args", "kwargs", "context", "cls"}


@pytest.mark.parametrize("name", [name for name in PAGES if name not in ("index.md", "package-index.md")])
def test_a_page_is_in_the_index(name: str) -> None:
    listed = [line for block in INDEX.blocks("{toctree}") for line in block.splitlines()]
    assert name.removesuffix(".md") in listed


@pytest.mark.parametrize("name", LINKED)
def test_links_lead_somewhere(name: str) -> None:
    document = Document(name)
    assert document.broken_links() == []
    targets = re.findall(r"\]\(([^)#\s]*)#([^)]+)\)", document.prose)
    pages = {page: str((document.path.parent / page).relative_to(REPOSITORY)) if page else name for page, _ in targets}
    own = [(page, anchor) for page, anchor in targets if not page.startswith("http")]
    assert [(page, anchor) for page, anchor in own if anchor not in anchors(pages[page])] == []


@pytest.mark.parametrize("language", ["bash", "json", "python", "sql"])
def test_blocks_are_in_the_language_that_they_name(language: str) -> None:
    """The site's build refuses others."""
    lexer = get_lexer_by_name(language)
    blocks = [(name, block) for name in PAGES for block in Document(f"docs/{name}").blocks(language)]
    assert [name for name, block in blocks if any(kind is Error for kind, _ in lexer.get_tokens(block))] == []


@pytest.mark.parametrize("name", LINKED)
def test_calls_of_the_snippets_have_arguments_that_exist(name: str) -> None:
    known = {called: item for module in REFERENCE for called, item in public(module)}
    unknown = []
    for block in Document(name).blocks("python"):
        for call in ast.walk(ast.parse(block)):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in known:
                item = known[call.func.id]
                inits = [each.__init__ for each in item.__mro__] if inspect.isclass(item) else [item]
                taken = {parameter for each in inits for parameter in inspect.signature(each).parameters}
                unknown += [(call.func.id, word.arg) for word in call.keywords if word.arg and word.arg not in taken]
    assert unknown == []


def test_the_reference_has_every_module_of_the_provider() -> None:
    info = get_provider_info()
    modules = [
        module
        for kind in ("operators", "sensors", "hooks", "triggers")
        for group in info[kind]
        for module in group["python-modules"]
    ]
    assert [module for module in modules if module not in REFERENCE] == []


def test_the_page_of_the_operators_has_each_of_them() -> None:
    modules = [module for group in get_provider_info()["operators"] for module in group["python-modules"]]
    names = [name for module in modules for name, item in public(module) if name.endswith("Operator")]
    assert first_cells("docs/operators.md") == names


def test_the_page_of_the_examples_has_each_of_them() -> None:
    linked = re.findall(r"\]\(\.\./example_dags/(\w+\.py)\)", Document("docs/examples.md").text)
    assert sorted(linked) == sorted(path.name for path in (REPOSITORY / "example_dags").glob("*.py"))


@pytest.mark.parametrize("module", REFERENCE)
def test_the_reference_describes_every_argument(module: str) -> None:
    missing = {
        name: sorted(arguments(item) - described(item))
        for name, item in public(module)
        if not (inspect.isclass(item) and issubclass(item, BaseException))
    }
    assert {name: names for name, names in missing.items() if names} == {}


def first_cells(name: str, heading: str = "") -> list[str]:
    """The code spans in the first column of a page's tables.

    :param heading: only below this heading.
    """
    text = Document(name).text
    if heading:
        text = re.split(r"^## ", text.partition(heading)[2], flags=re.MULTILINE)[0]
    cells = re.findall(r"^\| (`.*?) \| ", text, flags=re.MULTILINE)
    return [span for cell in cells for span in re.findall(r"`([^`]+)`", cell)]


@pytest.mark.parametrize(
    ("page", "heading", "columns"),
    [
        ("docs/new-files.md", "## The ledger\n", tables.COLUMNS),
        ("docs/results.md", "## The results table\n", BOOKKEEPING_COLUMNS),
        ("docs/review.md", "## Right or wrong\n", feedback.COLUMNS),
        ("docs/drift.md", "## The table\n", drift_sql.COLUMNS),
    ],
)
def test_a_page_has_all_columns_of_its_table(page: str, heading: str, columns: dict[str, str]) -> None:
    assert sorted(first_cells(page, heading)) == sorted(columns)


def commands(found: argparse.ArgumentParser) -> Iterator[tuple[str, set[str]]]:
    """Each command that can be run, with its long options."""
    (subparsers,) = [each for each in found._actions if isinstance(each, argparse._SubParsersAction)] or [None]
    if subparsers is None:
        yield found.prog, {option for each in found._actions for option in each.option_strings if option != "--help"}
        return
    for each in subparsers.choices.values():
        yield from commands(each)


def test_the_command_line_page_has_every_command_and_option() -> None:
    rows = re.findall(
        r"^\| `(mediabatch [^`]+)` \| .* \| (.*) \|$", Document("docs/command-line.md").text, re.MULTILINE
    )
    described = {
        " ".join(word for word in command.split() if word.islower()): set(re.findall(r"`(--[a-z-]+)`", options))
        for command, options in rows
    }
    assert described == {name: options - {"-h"} for name, options in commands(parser())}


@pytest.fixture(scope="module")
def said() -> str:
    """Every text in the package's code."""
    texts = {
        node.value
        for path in (REPOSITORY / PACKAGE).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return "\n".join(texts)


def test_the_statements_of_other_runs_are_sent(said: str) -> None:
    text = Document("docs/statements.md").text.partition("Other runs send")[2].partition("To make the page again")[0]
    spans = [span for span in re.findall("`([^`]+)`", text) if span.split()[0].isupper()]
    begins = [re.split(r" ?[<@…('!]| FROM", span)[0] for span in spans]
    assert [begin for begin in begins if begin not in said] == []
    assert len(begins) >= 15


def test_the_messages_of_the_troubleshooting_page_are_said(said: str) -> None:
    parts = [part.strip() for message in first_cells("docs/troubleshooting.md") for part in message.split("…")]
    assert [part for part in parts if part not in said] == []
    assert len(parts) >= 25


def test_the_troubleshooting_page_has_every_class_of_error() -> None:
    raised = {
        name
        for name, item in vars(exceptions).items()
        if inspect.isclass(item) and issubclass(item, exceptions.MediaBatchError)
    }
    named = set(re.findall(r"`(\w+Error)`", Document("docs/troubleshooting.md").text))
    assert sorted(raised - named) == []
