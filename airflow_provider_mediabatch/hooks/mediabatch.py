"""The connection to Snowflake: Apache's hook and connection type, with the two parameters that it leaves out.

Rooms beside this one (``listing``, ``registry``, ``jobs``, ``ledger``, ``results``) hold the statements; each takes an
open connection, so that a task logs in once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection


class MediaBatchHook(SnowflakeHook):
    """Apache's Snowflake hook, which also passes ``protocol`` on and skips the connector's platform detection.

    A connection whose extra has ``protocol`` = ``http`` reaches the local engine; any other is a real account.

    :param snowflake_conn_id: a connection of Apache's type ``snowflake``, or of ours, ``mediabatch``, whose form also
        shows host, port and protocol.
    :param network_timeout: seconds after which the connector gives up on a request; None: its own default, never.
    """

    conn_type = "mediabatch"
    hook_name = "Snowflake (media batch)"

    def __init__(self, *args: Any, network_timeout: int | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._network_timeout = network_timeout

    def _get_conn_params(self) -> dict[str, str | None]:
        """Connector parameters; ``platform_detection_timeout_seconds=0`` saves up to 150 ms of cloud probes."""
        params: dict[str, Any] = super()._get_conn_params()
        connection = self.get_connection(self.get_conn_id())
        protocol = self._get_field(connection.extra_dejson, "protocol")  # type: ignore[no-untyped-call]
        if protocol:
            params["protocol"] = protocol
            for name in (
                "host",
                "port",
            ):  # Apache's hook reads them from the extra only; the form has fields of its own
                if getattr(connection, name):
                    params.setdefault(name, getattr(connection, name))
        params.setdefault("platform_detection_timeout_seconds", 0)
        if self._network_timeout is not None:
            params.setdefault("network_timeout", self._network_timeout)
        return params

    @contextmanager
    def connect(self) -> Iterator[SnowflakeConnection]:
        """One login for a task. Closing leaves unfinished asynchronous statements running: the connector's rule."""
        connection = self.get_conn()
        try:
            yield connection
        finally:
            connection.close()


def rows(connection: SnowflakeConnection, statement: str, params: Sequence[Any] | None = None) -> list[dict[str, Any]]:
    """Run one statement and return its rows as dicts, column names as Snowflake gives them."""
    from snowflake.connector import DictCursor

    with connection.cursor(DictCursor) as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())
