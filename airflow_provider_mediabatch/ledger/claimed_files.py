"""The files of a listing that a run's claim in the ledger holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.exceptions import InvalidInputError
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
    :raises snowflake.connector.errors.ProgrammingError: for an expression that fails for a file; no file is held then.
    :raises InvalidInputError: when listed once more the claimed rows are other ones: by an identity that is another one
        at each evaluation.
    """
    from snowflake.connector.errors import ProgrammingError

    table = Ledger(connection, ledger)
    claim = table.claim(
        listing.relation,
        owner=owner,
        subject=subject,
        limit=limit,
        reprocess=reprocess,
        take_over_after=take_over_after,
        rule=rule,
    )
    try:
        whole = next(iter(summarize(connection, claim.relation)), None)
    except ProgrammingError:
        table.release(claim.claim_id, "the listed files could not be summed up")
        raise
    listed = whole.rows if whole is not None else 0
    if listed != claim.rows:
        table.release(claim.claim_id, "identity_columns= have other values at each evaluation")
        raise InvalidInputError(
            f"{claim.rows:,} rows were claimed in {claim.ledger}, and {listed:,} of them have the same identity when "
            "they are listed again: identity_columns= names an expression that is another value at each evaluation, "
            "such as CURRENT_TIMESTAMP() or RANDOM(). The claim was given back"
        )
    return SelectedFiles(
        claim.relation,
        listing,
        whole=whole,
        skipped=claim.skipped,
        generation=claim.generation,
        adopted=claim.adopted,
        waiting=claim.waiting,
        subject={**described, "ledger": claim.ledger, "claim_id": claim.claim_id},
    )
