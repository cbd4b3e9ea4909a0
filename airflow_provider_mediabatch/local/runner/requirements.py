"""What a packaged model requires and this environment lacks. Snowflake installs it when it builds the model's image.

Logging a model and starting its job both ask here, because the engine runs models in its own environment.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import InvalidRequirement, Requirement

_PIP_NAMES = {"pytorch": "torch"}
"""Packages that conda calls otherwise than pip, as snowflake-ml knows them."""


def missing_requirements(folder: Path) -> list[str]:
    """A text for each requirement, of pip or conda, that is not installed here in a version that fits.

    :param folder: the packaged model, with ``model.yaml``; a folder without one requires nothing.
    """
    found = []
    for text in _requirements(folder):
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue  # an option of pip, or a version as only conda writes it
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        try:
            there = metadata.version(_PIP_NAMES.get(requirement.name, requirement.name))
        except metadata.PackageNotFoundError:
            found.append(f"the model's requirement {text} is not installed here")
            continue
        if not requirement.specifier.contains(there, prereleases=True):
            found.append(f"the model's requirement {text} is not met here, where {there} is installed")
    return found


def _requirements(folder: Path) -> Iterator[str]:
    try:
        environment = yaml.safe_load((folder / "model.yaml").read_text("utf-8")).get("env") or {}
    except (OSError, yaml.YAMLError, AttributeError):
        return
    if text := _read(folder, environment.get("pip")):
        yield from (line.strip() for line in text.splitlines() if line.strip())
    if text := _read(folder, environment.get("conda")):
        for item in (yaml.safe_load(text) or {}).get("dependencies") or []:
            # A dict holds what conda has pip install.
            yield from item.get("pip", ()) if isinstance(item, dict) else _without_python(str(item))


def _without_python(text: str) -> Iterator[str]:
    name = text.rpartition("::")[2]
    if not name.startswith("python="):
        yield name


def _read(folder: Path, path: Any) -> str:
    """The text of a file that ``model.yaml`` names; "" where it is not there."""
    try:
        return (folder / str(path)).read_text("utf-8") if path else ""
    except OSError:
        return ""
