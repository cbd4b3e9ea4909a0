"""Replies that carry a statement's rows: in one piece, or as addresses from which clients fetch the pieces."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from airflow_provider_mediabatch.local.dispatch.engine import Engine
from airflow_provider_mediabatch.local.protocol import replies, wire
from airflow_provider_mediabatch.local.session.query import Query
from airflow_provider_mediabatch.local.session.session import Session
from airflow_provider_mediabatch.local.statement_result import FileTransfer, Result


class ResultReplies:
    """Builds the replies, and knows the addresses that it gave out.

    :param engine: whose results they are.
    :param base_url: where the engine answers.
    """

    def __init__(self, engine: Engine, base_url: str) -> None:
        self._engine = engine
        self._base_url = base_url
        self._key = secrets.token_bytes(32)

    def reply(self, query: Query) -> Response:
        """The result of a statement that succeeded."""
        result = query.result
        if isinstance(result, FileTransfer):
            data = dict(result.data)
        else:
            parameters = {**query.context.session.parameters, **query.context.parameters}
            data = self._rows(query.id, result or self._engine.stores.history.result(query.id), parameters)
        if query.parts:
            types = [part.result.statement_type if isinstance(part.result, Result) else 0 for part in query.parts]
            data["resultIds"] = ",".join(part.id for part in query.parts)
            data["resultTypes"] = ",".join(map(str, types))
        data |= {"queryId": query.id, "sqlState": "00000", **wire.session_fields(query.context.session)}
        return replies.success(data)

    def kept_reply(self, query_id: str, session: Session) -> Response:
        """The result of a statement that is only in the history.

        :param session: the one that asks.
        :raises SnowflakeError: as :meth:`QueryHistory.result` does.
        """
        data = self._rows(query_id, self._engine.stores.history.result(query_id), session.parameters)
        return replies.success(data | {"queryId": query_id, "sqlState": "00000"})

    def find(self, query_id: str) -> Result:
        """The rows of a statement, from memory or from the history."""
        query = self._engine.queries.running.find(query_id)
        result = query.result if query is not None else None
        return result if isinstance(result, Result) else self._engine.stores.history.result(query_id)

    def is_piece_key(self, query_id: str, offset: int, rows: int, key: str) -> bool:
        """Whether the address of a piece was given out here; compared in constant time."""
        return hmac.compare_digest(self._piece_key(query_id, offset, rows), key)

    def _rows(self, query_id: str, result: Result, parameters: Mapping[str, Any]) -> dict[str, Any]:
        as_json = wire.is_json(result, parameters)

        def url(offset: int, rows: int) -> str:
            key = self._piece_key(query_id, offset, rows)
            return f"{self._base_url}/results/{query_id}/{offset}/{rows}/{key}{'?format=json' if as_json else ''}"

        return wire.result_data(result, as_json=as_json, url=url)

    def _piece_key(self, query_id: str, offset: int, rows: int) -> str:
        """Clients fetch pieces without their token, as from cloud storage; the address itself is the permission."""
        return hmac.new(self._key, f"{query_id}/{offset}/{rows}".encode(), hashlib.sha256).hexdigest()
