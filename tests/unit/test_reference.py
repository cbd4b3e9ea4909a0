"""What the site's reference adds to the docstrings: the template fields of operators and sensors."""

from __future__ import annotations

import importlib
import runpy
from typing import Any

import pytest
from airflow_env import REPOSITORY

from airflow_provider_mediabatch.get_provider_info import get_provider_info

CONF = runpy.run_path(str(REPOSITORY / "docs" / "conf.py"))
INFO = get_provider_info()
MODULES = [module for kind in ("operators", "sensors") for group in INFO[kind] for module in group["python-modules"]]


def templated_class(module: str) -> Any:
    """The operator or sensor of a module."""
    (found,) = [
        each
        for each in vars(importlib.import_module(module)).values()
        if isinstance(each, type) and each.__module__ == module and hasattr(each, "template_fields")
    ]
    return found


@pytest.mark.parametrize("module", MODULES)
def test_the_reference_lists_the_template_fields(module: str) -> None:
    cls = templated_class(module)
    lines = [f"{cls.__doc__}"]
    CONF["add_template_fields"](None, "class", cls.__name__, cls, None, lines)
    text = "\n".join(lines)
    assert "**Template fields:**" in text
    assert [name for name in cls.template_fields if f"``{name}``" not in text.partition("**Template")[2]] == []


def test_other_objects_stay_as_they_are() -> None:
    lines = ["text"]
    CONF["add_template_fields"](None, "class", "str", str, None, lines)
    CONF["add_template_fields"](None, "method", "execute", templated_class(MODULES[0]).execute, None, lines)
    assert lines == ["text"]


@pytest.mark.parametrize("module", MODULES)
def test_the_reference_has_what_an_execution_returns_and_raises(module: str) -> None:
    doc = str(templated_class(module).execute.__doc__)
    assert ":return:" in doc
    assert ":raises" in doc
