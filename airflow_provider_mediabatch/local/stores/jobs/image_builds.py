"""Container images of model versions: the engine builds none, but can take as long as Snowflake does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.catalog import Catalog

_SCHEMA = """
CREATE TABLE IF NOT EXISTS job_images (model_version TEXT PRIMARY KEY, built REAL NOT NULL);
"""


class ImageBuilds:
    """Which model versions have their image."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        catalog.connect().executescript(_SCHEMA)

    def is_built(self, model_version: str) -> bool:
        """Whether the model version's image is there already."""
        found = self.catalog.connect().execute("SELECT 1 FROM job_images WHERE model_version = ?", (model_version,))
        return found.fetchone() is not None

    def record(self, model_version: str) -> None:
        """Note that the model version's image is built."""
        self.catalog.connect().execute("INSERT OR REPLACE INTO job_images VALUES (?, ?)", (model_version, time.time()))
