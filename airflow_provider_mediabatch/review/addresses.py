"""Addresses of the review page on this Airflow site, for links and the approval form."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from airflow_provider_mediabatch.review.reviewed_batch import TaskKey

URL_PREFIX = "/mediabatch"
"""Where the page is mounted in Airflow's API server."""


def site_prefix() -> str:
    """The path below which Airflow is served, from ``[api] base_url``: empty, or like ``/airflow``."""
    from airflow.configuration import conf

    return urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")


def task_path(key: TaskKey) -> str:
    """A task instance in Airflow's own pages, below the site's address."""
    mapped = f"/mapped/{key.map_index}" if key.map_index >= 0 else ""
    return f"/dags/{segments(key.dag_id)}/runs/{segments(key.run_id)}/tasks/{segments(key.task_id)}{mapped}"


def form_path(key: TaskKey) -> str:
    """An approval's form in Airflow, below the site's address."""
    return f"{task_path(key)}/required_actions"


def segments(*parts: str | int) -> str:
    """Path segments, percent-encoded and joined: nothing in them can end a URL, a link or an image."""
    # A browser removes "." and "..", encoded or not. No identifier of Airflow's is one of them.
    if any(str(part) in ("", ".", "..") for part in parts):
        raise ValueError(f"{parts!r} does not make a path")
    return "/".join(quote(str(part), safe="") for part in parts)
