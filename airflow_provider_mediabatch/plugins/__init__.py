"""Airflow's UI plugin: the review page of samples and batches, and its addresses."""

from __future__ import annotations

from urllib.parse import urlsplit

URL_PREFIX = "/mediabatch"
"""Where the page is mounted in Airflow's API server."""


def site_prefix() -> str:
    """The path below which Airflow is served, from ``[api] base_url``: empty, or like ``/airflow``."""
    from airflow.configuration import conf

    return urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")
