"""One model of the registry, and one version of it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from airflow_provider_mediabatch.core.sql import qualified, split
from airflow_provider_mediabatch.local.stores.stages.stage import Stage

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Model:
    """One model.

    :param owner: the role that created it; snowflake-ml loads a model only where it equals CURRENT_ROLE().
    :param default_version: id of its default version.
    """

    id: int
    database: str
    schema: str
    name: str
    comment: str
    owner: str
    created_on: float
    default_version: int

    @property
    def full_name(self) -> str:
        """``DB.SCHEMA.MODEL``, quoted where SQL needs it."""
        return qualified(self.database, self.schema, self.name)


@dataclass(frozen=True)
class ModelVersion:
    """One version of a model.

    :param dir: folder with ``MANIFEST.yml``, ``model/``, ``functions/`` and ``runtimes/``.
    :param aliases: every alias: DEFAULT, FIRST, LAST where they fit, then the user's own.
    """

    id: int
    model: Model
    name: str
    comment: str
    metadata: str
    dir: Path
    created_on: float
    aliases: tuple[str, ...] = ()

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """``MANIFEST.yml``."""
        loaded: dict[str, Any] = yaml.safe_load((self.dir / "MANIFEST.yml").read_text(encoding="utf-8"))
        return loaded

    @cached_property
    def model_spec(self) -> str:
        """The text of ``model/model.yaml``, which holds the signatures; empty for a model that has none."""
        path = self.dir / "model" / "model.yaml"
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    @cached_property
    def spec(self) -> dict[str, Any]:
        """:attr:`model_spec`, parsed."""
        return yaml.safe_load(self.model_spec) or {}

    @property
    def functions(self) -> list[dict[str, Any]]:
        """The manifest's methods: each with ``name`` as SQL has it, ``type``, ``inputs``, ``outputs``, ``handler``."""
        return [{**method, "name": _resolved(str(method["name"]))} for method in self.manifest.get("methods", [])]

    def link(self, folder: Path) -> None:
        """Make ``folder`` one of the version's files, which outlives the version: by hard links, where there are any.

        Snowflake runs a job from an image, which is built when the job is submitted.
        """
        shutil.copytree(self.dir, folder, symlinks=True, copy_function=_link)

    def stage(self) -> Stage:
        """Its files as a stage to LIST and GET."""
        return Stage(
            id=f"model_{self.id}",
            database=self.model.database,
            schema=self.model.schema,
            name=self.model.name,
            kind="internal",
            root=self.dir,
            url_prefix=f"versions/{self.name}/",
            owner=self.model.owner,
            object_kind="MODEL",
        )

    @property
    def is_default(self) -> bool:
        """Whether it is the version that its model's name alone refers to."""
        return self.id == self.model.default_version

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(path.stat().st_size for path in self.dir.rglob("*") if path.is_file())


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links, or too many of one file
        shutil.copy2(source, target)


def _resolved(name: str) -> str:
    try:
        return split(name)[-1]
    except ValueError:
        return name
