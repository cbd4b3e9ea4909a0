"""The session parameters that the provider's statements depend on, set at every login.

An account, a user or a connection may set each of them otherwise. Snowflake's order is session over user over account,
so a value given at login holds. Source of names, values and defaults: Snowflake's reference, page "Parameters".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REQUIRED: Mapping[str, Any] = {
    # An UPDATE of the ledger outside a transaction must be committed when its statement ends.
    "AUTOCOMMIT": True,
    # Manifests, previews and LIST results are read by quoted names such as "name" and "IMG".
    "QUOTED_IDENTIFIERS_IGNORE_CASE": False,
    # The submitting statement goes on while an image is built, after the task has logged out.
    "ABORT_DETACHED_QUERY": False,
    # A MERGE with two source rows for one key is an error, not one of the two at random.
    "ERROR_ON_NONDETERMINISTIC_MERGE": True,
    # Moments are written into statements as text, and TIMESTAMP without a variant means TIMESTAMP_NTZ.
    "TIMESTAMP_INPUT_FORMAT": "AUTO",
    "TIMESTAMP_TYPE_MAPPING": "TIMESTAMP_NTZ",
    "TIMEZONE": "UTC",
    # Unloading to Parquet keeps a column's type instead of the smallest that holds the values at hand.
    "ENABLE_UNLOAD_PHYSICAL_TYPE_OPTIMIZATION": False,
}
"""Parameter name to the value that every session of the provider has."""


def with_required(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """The session parameters of a login: those of the connection, with the required values over them.

    :param given: the connection's own ``session_parameters``; names in any case.
    """
    return {str(name).upper(): value for name, value in (given or {}).items()} | dict(REQUIRED)
