"""A claim whose job runs is nobody else's, however old it is and whatever became of its run."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

from operators.work import make_work, until

from airflow_provider_mediabatch.hooks import jobs, listing, submission
from airflow_provider_mediabatch.hooks.ledger import Ledger, Owner
from airflow_provider_mediabatch.hooks.listing_sql import Source


def test_a_running_job_keeps_its_files(media: Any, connection: Any, conn_id: str) -> None:
    ledger = Ledger(connection, f"MEDIA.PUBLIC.LJ_{uuid.uuid4().hex}")
    path = listing.stage_path(connection, f"{media.files}f00")

    def claim(run_id: str) -> Any:
        listed = listing.list_sources(
            connection, [Source("IMG", path)], directory=False, manifest_location=path / "m", keep_unmatched=True
        )
        return ledger.claim(
            listed.relation,
            owner=Owner("dag", "list", run_id, -1, lambda dag_id, other: True),
            model=media.model,
            version="V1",
            function="predict",
            take_over_after=timedelta(0),
        )

    claimed = claim("one")
    work = make_work(media, connection, mode="endless")
    manifest = replace(work.manifest, row_count=1, ledger=claimed.ledger, claim_id=claimed.claim_id)
    job = work.job(0)
    ledger.check_owned(manifest, job, work.plan)
    submission.submit(connection, conn_id, work, 0)
    until(connection, job, "RUNNING")
    assert claim("two").skipped == {"claimed": 1}
    jobs.cancel(connection, job)
    until(connection, job, "CANCELLED")
    taken = claim("three")
    assert not taken.skipped
    assert ledger.ownership(replace(manifest, claim_id=taken.claim_id)).open == 1
