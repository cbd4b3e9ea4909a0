"""What all measures of an output have in common: its column of paths, and what an error says once the job is over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.client import errors
from airflow_provider_mediabatch.client.staged_parquet import find_column
from airflow_provider_mediabatch.exceptions import InvalidInputError

if TYPE_CHECKING:
    from airflow_provider_mediabatch.core.manifest import Manifest

ENDED = "The job has ended and incurs no more cost."
MEASURES_AGAIN = "The task is not retried. A cleared task finds the same job, starts none and measures again."


def find_key(manifest: Manifest, found: Mapping[str, str]) -> str:
    """The output's column of the manifest's full stage paths.

    :param found: the output's columns, name to type.
    """
    key = find_column(manifest.key_column, found)
    assert key is not None
    return key


@contextmanager
def explain_measuring(argument: str) -> Iterator[None]:
    """Say of an error that the job is over: what it is measured by may change while it runs.

    :param argument: the task's argument with its value, for the message.
    :raises InvalidInputError: for one that says that nothing was started, and for a statement that fails.
    """
    from snowflake.connector.errors import ProgrammingError

    retry = f"{MEASURES_AGAIN} Correct {argument.partition('=')[0]}= first."
    try:
        yield
    except InvalidInputError as error:
        raise InvalidInputError(error.what, running=ENDED, retry=retry) from None
    except ProgrammingError as error:
        if errors.missing_grant(error) is not None:
            raise
        raise InvalidInputError(
            f"{argument} cannot be compared with the output: {errors.error_text(error)}", running=ENDED, retry=retry
        ) from error
