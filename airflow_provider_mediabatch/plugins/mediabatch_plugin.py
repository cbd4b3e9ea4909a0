"""Airflow's plugin: the review page, the views that open it, a macro for mail, and a listener that cancels jobs."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from airflow_provider_mediabatch.notifications.runs_mail import runs_html
from airflow_provider_mediabatch.plugins import cancel_on_manual_state_change
from airflow_provider_mediabatch.review.addresses import URL_PREFIX, site_prefix
from airflow_provider_mediabatch.review.lazy_app import LazyApp

_RUN_PAGE = f"{site_prefix()}{URL_PREFIX}/{{DAG_ID}}/{{RUN_ID}}"


class MediaBatchPlugin(AirflowPlugin):
    """Adds *Batch reviews* to DAG runs and *Media batches* to the menu, and cancels jobs of tasks that a user marks.

    Airflow shows a view of a task instance on every task of every DAG. So *Batch review* is a link of our operators
    (:class:`~airflow_provider_mediabatch.links.review.ReviewLink`), which no other task has. A view of a DAG run is on
    every run of every DAG too, and a run has no links of its own. Airflow's ``ExternalViewResponse`` has a destination
    and no condition, so the page of a run without batches says that it has none.
    """

    name = "mediabatch"
    listeners = [cancel_on_manual_state_change]  # noqa: RUF012
    macros = [runs_html]  # noqa: RUF012
    fastapi_apps = [{"app": LazyApp(), "url_prefix": URL_PREFIX, "name": "Media batch review"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        {
            "name": "Batch reviews",
            "href": _RUN_PAGE,
            "destination": "dag_run",
            "url_route": "batch-reviews",
        },
        {
            "name": "Media batches",
            "href": f"{site_prefix()}{URL_PREFIX}/",
            "destination": "nav",
            "category": "browse",
            "url_route": "media-batches",
        },
    ]
