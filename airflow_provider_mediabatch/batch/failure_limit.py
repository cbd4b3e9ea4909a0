"""How many files of a batch may be quarantined before its task fails. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.exceptions import TooManyQuarantinedError

if TYPE_CHECKING:
    from airflow_provider_mediabatch.core.batch_result import BatchResult

_NAMED = 10


def apply_failure_limit(result: BatchResult, *, max_failed_fraction: float, max_jobs: int, log: Any) -> BatchResult:
    """The result, unless too many of its files are quarantined. The other files are recorded either way.

    A single file is never too many, unless none may fail: it would fail every small batch.

    :param max_failed_fraction: the largest share of rows that may fail.
    :param max_jobs: for the message.
    :param log: the task's log.
    :raises TooManyQuarantinedError: above the share.
    """
    count, rows = result.quarantined_count, result.good_rows + result.quarantined_count
    if not count:
        return result
    names = "\n".join(f"- {item['path']}: {item['error'].splitlines()[0]}" for item in result.quarantined[:_NAMED])
    if count > _NAMED:
        names += f"\n- and {count - _NAMED:,} more"
    what = f"The model could not process {count:,} of {rows:,} rows"
    if count > max_failed_fraction * rows and (count > 1 or max_failed_fraction == 0):
        isolated = count > result.failed_rows
        again = f", with more than max_isolation_jobs={max_jobs} it isolates again" if isolated else ""
        raise TooManyQuarantinedError(
            f"{what}, more than max_failed_fraction={max_failed_fraction:g} allows:\n{names}\nThe other "
            f"{result.good_rows:,} rows are whole in {result.location}, and are done in the ledger, if there is one.",
            running="Its jobs have all ended and incur no more cost."
            if isolated
            else "Its job has ended and incurs no more cost.",
            retry=f"A retry finds the same {'jobs' if isolated else 'job'} and starts none: with a larger "
            f"max_failed_fraction the cleared task takes this result as it is{again}.",
        )
    log.warning("%s. They are quarantined:\n%s", what, names)
    return result
