"""The engine's own settings: how long what it simulates takes, and what stages do not know.

ALTER ACCOUNT sets them, and they are kept until they are set again.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.catalog import Catalog

IMAGE_BUILD_SECONDS = "MEDIABATCH_IMAGE_BUILD_SECONDS"
JOB_START_SECONDS = "MEDIABATCH_JOB_START_SECONDS"
IDLE_TRANSACTION_SECONDS = "MEDIABATCH_IDLE_TRANSACTION_SECONDS"
NO_MD5_ABOVE_BYTES = "MEDIABATCH_NO_MD5_ABOVE_BYTES"
DEFAULTS = {
    IMAGE_BUILD_SECONDS: 0.0,
    JOB_START_SECONDS: 0.0,
    IDLE_TRANSACTION_SECONDS: 300.0,
    NO_MD5_ABOVE_BYTES: math.inf,
}
_SCHEMA = "CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value REAL NOT NULL)"


class Settings:
    """The settings by name; one that is not set has its default.

    :param catalog: where they are kept.
    """

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        catalog.connect().executescript(_SCHEMA)

    def set(self, name: str, value: float) -> None:
        """Set one of :data:`DEFAULTS`."""
        self.catalog.connect().execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, float(value)))

    @property
    def image_build_seconds(self) -> float:
        """How long the first use of a model version takes before its statement returns."""
        return self._get(IMAGE_BUILD_SECONDS)

    @property
    def job_start_seconds(self) -> float:
        """How long the containers of a job take to start: the job is PENDING that long, and has its nodes."""
        return self._get(JOB_START_SECONDS)

    @property
    def idle_transaction_seconds(self) -> float:
        """After how many seconds without a statement a transaction that blocks another one is aborted.

        Snowflake's documentation on transactions, "Aborting transactions": five minutes.
        """
        return self._get(IDLE_TRANSACTION_SECONDS)

    @property
    def no_md5_above_bytes(self) -> float:
        """Files of more bytes than this are listed without an MD5, as multi-part uploads to Azure are."""
        return self._get(NO_MD5_ABOVE_BYTES)

    def _get(self, name: str) -> float:
        row = self.catalog.connect().execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return float(row["value"]) if row else DEFAULTS[name]
