"""The files of a listing that a run's claim in the ledger holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.files.manifest_files import summarize
from airflow_provider_mediabatch.files.selected_files import SelectedFiles
from airflow_provider_mediabatch.ledger.ledger import Ledger

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.files.stage_listing import FileListing
    from airflow_provider_mediabatch.files.start_rule import StartRule
    from airflow_provider_mediabatch.ledger.claims import ClaimOwner, LedgerSubject


def claim_files(
    connection: SnowflakeConnection,
    ledger: str,
    listing: FileListing,
    *,
    owner: ClaimOwner,
    subject: LedgerSubject,
    limit: int | None,
    reprocess: bool,
    take_over_after: timedelta,
    rule: StartRule | None,
    described: Mapping[str, Any],
) -> SelectedFiles:
    """Claim what is open. The parameters are those of :meth:`~.ledger.Ledger.claim`.

    :param ledger: the table as a user writes it.
    :param described: what the manifest says besides.
    """
    claim = Ledger(connection, ledger).claim(
        listing.relation,
        owner=owner,
        subject=subject,
        limit=limit,
        reprocess=reprocess,
        take_over_after=take_over_after,
        rule=rule,
    )
    return SelectedFiles(
        claim.relation,
        listing,
        whole=next(iter(summarize(connection, claim.relation)), None),
        skipped=claim.skipped,
        generation=claim.generation,
        adopted=claim.adopted,
        waiting=claim.waiting,
        subject={**described, "ledger": claim.ledger, "claim_id": claim.claim_id},
    )
