"""Several processes that list and claim at once; each prints a line of JSON: what it holds.

Arguments: connection parameters, or the id of an Airflow connection, and the processes' tasks, as JSON. The modules are
imported once, before the forks.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from typing import Any

import snowflake.connector

from airflow_provider_mediabatch.client.stages import resolve_stage_path
from airflow_provider_mediabatch.files.list_output import StageSource
from airflow_provider_mediabatch.files.manifest_files import summarize
from airflow_provider_mediabatch.files.stage_listing import list_stages
from airflow_provider_mediabatch.ledger.claims import ClaimOwner, LedgerSubject
from airflow_provider_mediabatch.ledger.ledger import Ledger


def opened(parameters: dict[str, Any] | str) -> Any:
    """A connection: as the parameters say, or through Airflow's hook as the operators'."""
    if isinstance(parameters, str):
        from airflow_provider_mediabatch.hooks.mediabatch import MediaBatchHook

        return MediaBatchHook(snowflake_conn_id=parameters).get_conn()
    return snowflake.connector.connect(**parameters)


def claim(parameters: dict[str, Any] | str, task: dict[str, Any]) -> None:
    with opened(parameters) as connection:
        path = resolve_stage_path(connection, task["stage_path"], "stage_path")
        listed = list_stages(
            connection,
            [StageSource("IMG", path, task["pattern"])],
            directory=False,
            keep_unmatched=True,
        )
        owner = ClaimOwner("dag", "list", task["run_id"], -1, lambda dag_id, run_id: False)
        held = Ledger(connection, task["ledger"]).claim(
            listed.relation,
            owner=owner,
            subject=LedgerSubject("DB.SC.MODEL", "V1", "2026-11-28 10:00:00.123000", "predict"),
            limit=task.get("limit"),
            take_over_after=timedelta(hours=1),
        )
        (part,) = summarize(connection, held.relation) or [None]
        line = json.dumps({"claim_id": held.claim_id, "rows": part.rows if part else 0, "skipped": held.skipped})
        os.write(1, f"{line}\n".encode())


def main() -> None:
    parameters, tasks = (json.loads(text) for text in sys.argv[1:])
    children = []
    for task in tasks:
        child = os.fork()
        if not child:
            claim(parameters, task)
            os._exit(0)
        children.append(child)
    sys.exit(any(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))


if __name__ == "__main__":
    main()
