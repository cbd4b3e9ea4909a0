"""The morning pages: the DAGs with batches, and the runs of one DAG over the last weeks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter
from fastapi.responses import Response

from airflow_provider_mediabatch.review.addresses import segments
from airflow_provider_mediabatch.review.label_shares import RunShares, read_shares
from airflow_provider_mediabatch.review.routes.access import DAG_PATH, READS_RESULTS
from airflow_provider_mediabatch.review.run_history import load_dags, load_history
from airflow_provider_mediabatch.review.run_line import DAYS, RunLine
from airflow_provider_mediabatch.review.run_texts import run_row
from airflow_provider_mediabatch.review.site import ReviewSite, Site

router = APIRouter()


@router.get("/")
async def dags_page(site: Site, user: GetUserDep) -> Response:
    """The DAGs with samples or batches that the reader may read."""
    # Airflow's own dependency for this reads the state of its app, which this mounted app does not have.
    readable = partial(get_auth_manager().get_authorized_dag_ids, user=user)
    return await site.page(lambda: render_dags(site, load_dags(readable())))


@router.get(DAG_PATH, dependencies=READS_RESULTS)
async def history_page(site: Site, dag_id: str) -> Response:
    """The runs of a DAG, one line each."""

    def build() -> Response:
        found = load_history(dag_id)
        shares = read_shares(found.lines, site.connections.run)
        return render_history(site, dag_id, found.lines, shares, more=found.more)

    return await site.page(build)


def render_dags(site: ReviewSite, dags: Sequence[tuple[str, datetime]]) -> Response:
    """The page of all DAGs.

    :param site: has the templates and makes the addresses.
    :param dags: each with the time of its latest run.
    """
    found = [(dag_id, f"{site.root}/{segments(dag_id)}", latest) for dag_id, latest in dags]
    return site.render("dags.html", title="Media batches", dags=found, days=DAYS)


def render_history(
    site: ReviewSite, dag_id: str, lines: Sequence[RunLine], shares: Sequence[RunShares], *, more: int = 0
) -> Response:
    """The page of a DAG's runs.

    :param site: has the templates and makes the addresses.
    :param dag_id: the DAG.
    :param lines: its runs, the newest first.
    :param shares: their labels, in the same order.
    :param more: how many older runs are left out.
    """
    return site.render(
        "history.html",
        title=f"Media batches of {dag_id}",
        dag_id=dag_id,
        days=DAYS,
        rows=[
            (run_row(line, labels), f"{site.root}/{segments(dag_id, line.run_id)}", line, labels)
            for line, labels in zip(lines, shares, strict=True)
        ],
        more=more,
        form_url=site.form_url,
        all_url=f"{site.root}/",
    )
