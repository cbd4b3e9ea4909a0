"""The connection to Snowflake: Apache's hook and connection type, with the parameters that it leaves out.

The modules of ``client``, ``files``, ``ledger`` and ``batch`` send the statements. Each takes an open connection, so
that a task logs in once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook

from airflow_provider_mediabatch.hooks.session_parameters import with_required

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection


_CONNECTOR = logging.getLogger("snowflake.connector.connection")


@contextmanager
def _quiet_login() -> Iterator[None]:
    """Leave the connector's two lines about each login out of a task's log.

    A level that was set for the connector's logger counts, for example by Airflow's ``[logging] namespace_levels``. So
    does DEBUG for all loggers.
    """
    quiet = _CONNECTOR.level == logging.NOTSET and not _CONNECTOR.isEnabledFor(logging.DEBUG)
    if quiet:
        _CONNECTOR.setLevel(logging.WARNING)
    try:
        yield
    finally:
        if quiet:
            _CONNECTOR.setLevel(logging.NOTSET)


class MediaBatchHook(SnowflakeHook):
    """Apache's Snowflake hook with what the provider's statements need.

    It passes ``protocol`` on, skips the connector's platform detection, and sets the session parameters that the
    statements depend on (:mod:`.session_parameters`).

    It uses Apache's connection type ``snowflake``. A connection whose extra has ``protocol`` = ``http`` (with ``host``
    and ``port``) reaches the local engine; any other reaches a Snowflake account.

    :param snowflake_conn_id: a connection of Apache's type ``snowflake``.
    :param network_timeout: seconds after which the connector gives up a request; without it the connector's own
        default holds, which is to retry without limit.
    :param socket_timeout: seconds without an answer after which the connector gives up one attempt; 60 by default.
    """

    def __init__(
        self, *args: Any, network_timeout: int | None = None, socket_timeout: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._timeouts = {"network_timeout": network_timeout, "socket_timeout": socket_timeout}

    def _get_conn_params(self) -> dict[str, str | None]:
        """Connector parameters; ``platform_detection_timeout_seconds=0`` saves up to 150 ms of cloud probes."""
        params: dict[str, Any] = super()._get_conn_params()
        extra = self.get_connection(self.get_conn_id()).extra_dejson
        if protocol := self._get_field(extra, "protocol"):  # type: ignore[no-untyped-call]
            params["protocol"] = protocol
        params.setdefault("platform_detection_timeout_seconds", 0)
        params["session_parameters"] = with_required(params.get("session_parameters"))
        for name, seconds in self._timeouts.items():
            if seconds is not None:
                params.setdefault(name, seconds)
        return params

    @contextmanager
    def connect(self) -> Iterator[SnowflakeConnection]:
        """One login for a task. Closing leaves unfinished asynchronous statements running: the connector's rule."""
        with _quiet_login():
            connection = self.get_conn()
        try:
            yield connection
        finally:
            connection.close()
