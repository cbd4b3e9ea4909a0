"""Which logged versions require what is not installed, read from outside the engine."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from airflow_provider_mediabatch.core.sql import qualified
from airflow_provider_mediabatch.local.runner.requirements import missing_requirements


def unmet_requirements(state_dir: Path) -> Iterator[str]:
    """A sentence for each requirement of each version that this environment does not meet.

    :param state_dir: of an engine, which may be running.
    """
    with closing(sqlite3.connect(f"{(state_dir / 'catalog.sqlite').resolve().as_uri()}?mode=ro", uri=True)) as catalog:
        found = catalog.execute(
            "SELECT m.database, m.schema, m.name, v.name, v.folder FROM model_versions v "
            "JOIN models m ON m.id = v.model ORDER BY m.database, m.schema, m.name, v.id"
        ).fetchall()
    for database, schema, name, version, folder in found:
        for requirement in missing_requirements(state_dir / "models" / folder / "model"):
            yield f"Version {version} of model {qualified(database, schema, name)}: {requirement}"
