"""One stage, and the paths on it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_provider_mediabatch.core.sql import qualified
from airflow_provider_mediabatch.local.errors import invalid_argument

IMPLICIT = "implicit-"
"""How the ids of the stages of tables and users begin."""


@dataclass(frozen=True)
class Stage:
    """One stage.

    :param id: the engine's own id, part of paths in the state directory.
    :param kind: ``internal`` or ``external``.
    :param root: the folder that the stage's paths are relative to.
    :param url_prefix: what LIST puts before a file's path: ``<name in lower case>/`` or the URL of an external stage.
    :param encryption: ``SNOWFLAKE_FULL``, ``SNOWFLAKE_SSE``; of an external stage ``NONE``, ``AWS_SSE_S3`` …
    :param directory_enabled: whether it has a directory table.
    :param file_format: the options of FILE_FORMAT = (…), upper-case keys.
    :param session: id of the session whose temporary stage it is, or None.
    :param object_kind: ``STAGE``, or ``MODEL`` for the files of a model version (``snow://model/…``).
    """

    id: str
    database: str
    schema: str
    name: str
    kind: str
    root: Path
    url_prefix: str
    encryption: str = "SNOWFLAKE_FULL"
    directory_enabled: bool = False
    file_format: dict[str, Any] = field(default_factory=dict)
    comment: str = ""
    owner: str = ""
    created_on: float = 0.0
    session: int | None = None
    url: str | None = None
    refreshed_on: float | None = None
    object_kind: str = "STAGE"

    @property
    def full_name(self) -> str:
        """``DB.SCHEMA.STAGE``, quoted where SQL needs it."""
        return qualified(self.database, self.schema, self.name)

    @property
    def implicit(self) -> bool:
        """Whether it is the stage of a table (``@%t``) or of the user (``@~``)."""
        return self.id.startswith(IMPLICIT)

    @property
    def encrypted_by_client(self) -> bool:
        """Whether clients encrypt its files before they upload them (SNOWFLAKE_FULL)."""
        return self.object_kind == "STAGE" and self.encryption == "SNOWFLAKE_FULL"

    def path(self, relative: str) -> Path:
        """The file or folder at a path of this stage.

        :raises SnowflakeError: where the path would leave the stage, by ``..`` or through a link.
        """
        parts = [part for part in relative.split("/") if part not in ("", ".")]
        target = self.root.joinpath(*parts)
        real_root = os.path.realpath(self.root)
        real = os.path.realpath(target)
        if ".." in parts or "\0" in relative or (real != real_root and not real.startswith(real_root + os.sep)):
            raise invalid_argument(f"invalid stage path '{relative}': it leads out of stage {self.full_name}")
        return target
