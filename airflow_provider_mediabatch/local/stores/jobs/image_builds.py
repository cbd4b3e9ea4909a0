"""Container images of model versions: the engine builds none, but can take as long as Snowflake does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.catalog import Catalog

_SCHEMA = """
CREATE TABLE IF NOT EXISTS job_images (model_version TEXT PRIMARY KEY, built REAL NOT NULL);
CREATE TABLE IF NOT EXISTS job_settings (name TEXT PRIMARY KEY, value REAL NOT NULL);
"""


class ImageBuilds:
    """Which model versions have their image, and how long a build takes."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        catalog.connect().executescript(_SCHEMA)

    @property
    def seconds(self) -> float:
        """How long the first use of a model version takes before its statement returns; 0 unless set."""
        row = (
            self.catalog.connect()
            .execute("SELECT value FROM job_settings WHERE name = 'image_build_seconds'")
            .fetchone()
        )
        return float(row["value"]) if row else 0.0

    @seconds.setter
    def seconds(self, seconds: float) -> None:
        self.catalog.connect().execute(
            "INSERT OR REPLACE INTO job_settings VALUES ('image_build_seconds', ?)", (float(seconds),)
        )

    def is_built(self, model_version: str) -> bool:
        """Whether the model version's image is there already."""
        found = self.catalog.connect().execute("SELECT 1 FROM job_images WHERE model_version = ?", (model_version,))
        return found.fetchone() is not None

    def record(self, model_version: str) -> None:
        """Note that the model version's image is built."""
        self.catalog.connect().execute("INSERT OR REPLACE INTO job_images VALUES (?, ?)", (model_version, time.time()))
