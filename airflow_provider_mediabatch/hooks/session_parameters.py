"""The session parameters that the provider's statements depend on and are known by, set at every login.

An account, a user or a connection may set each of them otherwise. Snowflake's order is session over user over account,
so a value given at login holds. Source of names, values and defaults: Snowflake's reference, page "Parameters".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

LOCK_TIMEOUT = 400
"""Seconds that a statement waits for a lock. Snowflake rolls the idle transaction of a lost session back after 300
(Transactions, "Aborting transactions"), so that a worker that was killed in a transaction makes the others wait, not
fail. Snowflake's default is 12 hours."""

REQUIRED: Mapping[str, Any] = {
    # An UPDATE of the ledger outside a transaction must be committed when its statement ends.
    "AUTOCOMMIT": True,
    # A statement that was given no lock is sent again in its transaction.
    "TRANSACTION_ABORT_ON_ERROR": False,
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
    # A listing is read with RESULT_SCAN, which has the rows of the result set.
    "ROWS_PER_RESULTSET": 0,
    # The files of a stage are no table data, whose change alone is documented to end the reuse of a result.
    "USE_CACHED_RESULT": False,
    # Rows are numbered in one order in each try, with NULL last.
    "DEFAULT_NULL_ORDERING": "LAST",
    # Unloading to Parquet keeps a column's type instead of the smallest that holds the values at hand.
    "ENABLE_UNLOAD_PHYSICAL_TYPE_OPTIMIZATION": False,
    # A statement that meets a lock ends in a known time, and not after hours.
    "LOCK_TIMEOUT": LOCK_TIMEOUT,
}
"""Parameter name to the value that every session of the provider has."""


APP = "airflow-provider-mediabatch"
"""The ``app`` of every query tag."""


def with_required(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """The session parameters of a login: those of the connection, with the required values over them.

    A QUERY_TAG of the connection's own stands, because costs may be accounted by it. Otherwise it is :func:`query_tag`.

    :param given: the connection's own ``session_parameters``; names in any case.
    """
    own = {str(name).upper(): value for name, value in (given or {}).items()}
    return {"QUERY_TAG": query_tag()} | own | dict(REQUIRED)


def query_tag() -> str:
    """JSON that names the task instance for QUERY_HISTORY: ``app``, ``dag``, ``task``, ``run``, ``map_index``, ``try``.

    The session of a triggerer or of the web server serves many tasks and names the app only. Airflow's ids have at most
    250 characters each, so the tag is shorter than Snowflake's limit of 2,000.
    """
    from airflow.sdk import get_current_context

    try:
        ti = get_current_context()["ti"]
    except RuntimeError:  # not in a task
        return json.dumps({"app": APP})
    names = {
        "app": APP,
        "dag": ti.dag_id,
        "task": ti.task_id,
        "run": ti.run_id,
        "map_index": ti.map_index,
        "try": ti.try_number,
    }
    return json.dumps(names, ensure_ascii=False)
