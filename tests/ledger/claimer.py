"""One of several processes that list and claim at once: prints how many rows it holds, or the error.

Arguments: connection parameters and the task as JSON.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta

import snowflake.connector

from airflow_provider_mediabatch.hooks import listing
from airflow_provider_mediabatch.hooks.ledger import Ledger, Owner
from airflow_provider_mediabatch.hooks.listing_sql import Source


def main() -> None:
    parameters, task = (json.loads(text) for text in sys.argv[1:])
    with snowflake.connector.connect(**parameters) as connection:
        path = listing.stage_path(connection, task["stage_path"])
        listed = listing.list_sources(
            connection,
            [Source("IMG", path, task["pattern"])],
            directory=False,
            manifest_location=listing.stage_path(connection, "@NOWHERE/m"),
            keep_unmatched=True,
        )
        owner = Owner("dag", "list", task["run_id"], -1, lambda dag_id, run_id: False)
        claim = Ledger(connection, task["ledger"]).claim(
            listed.relation,
            owner=owner,
            model="DB.SC.MODEL",
            version="V1",
            function="predict",
            limit=task.get("limit"),
            take_over_after=timedelta(hours=1),
        )
        (part,) = listing.summarise(connection, claim.relation) or [None]
        print(json.dumps({"claim_id": claim.claim_id, "rows": part.rows if part else 0, "skipped": claim.skipped}))


if __name__ == "__main__":
    main()
