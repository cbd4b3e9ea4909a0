"""Child: claim all rows of a table of files, twice. Prints seconds, rows held and memory above the imports."""

from __future__ import annotations

import argparse
import json
import time


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--parameters", required=True)
    parser.add_argument("--files", type=int, required=True)
    arguments = parser.parse_args()

    import snowflake.connector

    from airflow_provider_mediabatch.core.manifest import BOOKKEEPING
    from airflow_provider_mediabatch.files.manifest_files import summarize
    from airflow_provider_mediabatch.files.relation import Relation
    from airflow_provider_mediabatch.ledger.claims import ClaimOwner, LedgerSubject
    from airflow_provider_mediabatch.ledger.ledger import Ledger
    from bench.children.memory import peak_mb

    relation = Relation(
        f"SELECT * FROM MEDIA.PUBLIC.FILES_{arguments.files}", {"IMAGE": "VARCHAR", **dict(BOOKKEEPING)}, ("IMAGE",)
    )
    subject = LedgerSubject("MEDIA.PUBLIC.INSTANT", "V1", "2026-01-01 00:00:00.000000", "predict")
    owner = ClaimOwner("bench", "list_files", "run", -1, lambda dag_id, run_id: False)
    seconds, rows = [], []
    with snowflake.connector.connect(**json.loads(arguments.parameters)) as connection:
        before = peak_mb()
        for _ in range(2):
            started = time.perf_counter()
            held = Ledger(connection, f"MEDIA.PUBLIC.LEDGER_{arguments.files}").claim(
                relation, owner=owner, subject=subject
            )
            seconds.append(round(time.perf_counter() - started, 3))
            rows.append(sum(shard.rows for shard in summarize(connection, held.relation)))
    print(json.dumps({"seconds": seconds, "rows": rows, "memory_mb": round(peak_mb() - before, 1)}))


if __name__ == "__main__":
    main()
