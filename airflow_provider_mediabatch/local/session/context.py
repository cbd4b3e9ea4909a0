"""What a statement's handler sees of the engine and of the session that sent the statement."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.local.errors import SnowflakeError
from airflow_provider_mediabatch.local.statement_result import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_mediabatch.local.session.query import RunningQueries
    from airflow_provider_mediabatch.local.session.session import Session
    from airflow_provider_mediabatch.local.stores.stores import Stores


@dataclass
class Context:
    """One statement being run.

    :param stores: what all sessions share.
    :param queries: the statements that run now, this one among them.
    :param session: the sender's state: current database, schema, role, warehouse, its DuckDB connection, temporary
        objects.
    :param query_id: the id that the client was given; RESULT_SCAN and monitoring find the statement by it.
    :param bindings: values of ``?`` by position from 1, already converted from the wire; a value is a Python list
        (all of one length) when the client bound arrays: one batch, not a statement for each row.
    :param cancelled: set when the client cancels; a handler that waits checks it.
    :param describe_only: the client wants the result's columns only; nothing may be executed or changed.
    :param bind_stage: where the client uploaded arrays that are bound; their values are in ``bindings`` before the
        statement runs.
    :param parameters: parameters of this one statement (``QUERY_TAG``, ``TIMEZONE`` …) as the client sent them.
    :param failure: why the statement failed, where that happened inside of a DuckDB query, whose error says less.
    :param at_end: called when the statement is over, in this order.
    """

    stores: Stores
    queries: RunningQueries
    session: Session
    query_id: str
    bindings: Mapping[int, object] = field(default_factory=dict)
    cancelled: threading.Event = field(default_factory=threading.Event)
    describe_only: bool = False
    bind_stage: str | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)
    failure: SnowflakeError | None = None
    at_end: list[Callable[[], None]] = field(default_factory=list)

    @property
    def keeps_transaction(self) -> bool:
        """Whether DDL leaves an open transaction open. Snowpark asks for it with DDL of its temporary objects, by a
        parameter of the statement (snowpark-python, ``_internal/server_connection.py``).
        """
        return str(self.parameters.get("SNOWPARK_SKIP_TXN_COMMIT_IN_DDL")).lower() == "true"

    def earlier_result(self, query_id: str) -> Result:
        """The rows of an earlier statement, or of an earlier one in this statement's chain.

        :raises SnowflakeError: as :meth:`QueryHistory.result`.
        """
        chained = self.session.temporary.get(query_id)
        return chained if isinstance(chained, Result) else self.stores.history.result(query_id)

    def qualify(self, name: tuple[str, ...]) -> tuple[str, str, str]:
        """``(database, schema, object)`` of a name of one to three parts, filled from the session's USE.

        :raises SnowflakeError: 090105 when the session has no current database or schema to fill it with.
        """
        database, schema = self.session.database, self.session.schema
        if len(name) == 3:
            return name[0], name[1], name[2]
        if len(name) == 2 and database:
            return database, name[0], name[1]
        if len(name) == 1 and database and schema:
            return database, schema, name[0]
        raise SnowflakeError(
            90105,
            "22000",
            "Cannot perform operation. This session does not have a current database. "
            "Call 'USE DATABASE', or use a qualified name.",
        )
