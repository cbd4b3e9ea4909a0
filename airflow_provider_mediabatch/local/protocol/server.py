"""The engine's HTTP server: Snowflake's wire protocol for the unmodified clients, on loopback only.

Started by :mod:`~airflow_provider_mediabatch.local.lifecycle` as a process of its own. What clients send and read is in
the connector's ``network.py``, ``connection.py`` and ``cursor.py``. Failures of statements are replies with HTTP 200
and a code: an HTTP 500 would make the connector repeat the request for minutes.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airflow_provider_mediabatch.local.defaults import ACCOUNT, USER, VERSION
from airflow_provider_mediabatch.local.dispatch.engine import Engine
from airflow_provider_mediabatch.local.errors import SnowflakeError
from airflow_provider_mediabatch.local.faults import Rule
from airflow_provider_mediabatch.local.protocol import replies, wire
from airflow_provider_mediabatch.local.protocol.file_links import file_route
from airflow_provider_mediabatch.local.protocol.login import LoginError, log_in, query_tag
from airflow_provider_mediabatch.local.protocol.request_body import read_json
from airflow_provider_mediabatch.local.protocol.result_replies import ResultReplies
from airflow_provider_mediabatch.local.session.query import Query
from airflow_provider_mediabatch.local.session.session import Session
from airflow_provider_mediabatch.local.statements.transfer import is_transfer

log = logging.getLogger(__name__)

# A statement that takes longer is answered with "in progress" and an address to ask again.
SLOW_SECONDS = 2.0
# How long asking for a result waits for it; well below any client's read timeout.
RESULT_SECONDS = 20.0
# A first "running" makes the clients sleep for half a second, so a quick statement's end is waited for.
MONITOR_SECONDS = 0.4
_VALID_SECONDS = 4 * 3600
# What a client accepts that did not notice that the statement is a PUT or GET, and would move no files. Source:
# the connector's network.py; snowflake-connector-nodejs, issue 242.
_NO_FILES = "application/snowflake"

Endpoint = Callable[[Request], Awaitable[Response]]


class _HangUpError(Exception):
    """Close the connection without a reply."""


class Server:
    """The endpoints.

    :param engine: what they serve.
    :param password: of the engine's one user.
    :param port: the port that the engine is reached at; requests for other hosts or ports are refused, because a web
        page can make a browser send requests to loopback under a name of its own.
    """

    def __init__(self, engine: Engine, password: str, port: int, hang_up: Callable[[Any], None]) -> None:
        self.engine = engine
        self._hang_up = hang_up
        self._password = password
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
        self._results = ResultReplies(engine, f"http://127.0.0.1:{port}")

    def app(self) -> Starlette:
        """The ASGI application."""
        post, get = ["POST"], ["GET"]
        return Starlette(
            routes=[
                Route("/", self._guarded(self.health), methods=get),
                Route("/session/v1/login-request", self._guarded(self.login), methods=post),
                Route("/session/token-request", self._guarded(self.renew), methods=post),
                Route("/session/heartbeat", self._guarded(self.heartbeat), methods=post),
                Route("/session", self._guarded(self.logout), methods=post),
                Route("/queries/v1/query-request", self._guarded(self.query), methods=post),
                Route("/queries/v1/abort-request", self._guarded(self.abort), methods=post),
                Route("/queries/{query_id}/result", self._guarded(self.result), methods=get),
                Route("/queries/{query_id}/abort-request", self._guarded(self.abort), methods=post),
                Route("/monitoring/queries/{query_id}", self._guarded(self.monitor), methods=get),
                Route("/results/{query_id}/{offset:int}/{rows:int}/{key}", self._guarded(self.piece), methods=get),
                Route("/telemetry/send", self._guarded(self.telemetry), methods=post),
                file_route(self.engine.stores),
            ],
        )

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        """Refuse foreign hosts; turn every error into a reply that clients understand."""

        async def guarded(request: Request) -> Response:
            if request.headers.get("host", "").lower() not in self._hosts:
                log.warning("refused a request for host %r", request.headers.get("host"))
                return JSONResponse(replies.failure("390100", "The local engine answers on 127.0.0.1 only."), 403)
            try:
                return await endpoint(request)
            except _HangUpError:
                self._hang_up(request.scope["client"])
                return Response(status_code=503)
            except SnowflakeError as error:
                return JSONResponse(wire.error_reply(error))
            except HTTPException as error:
                log.warning("refused %s %s: %s", request.method, request.url.path, error.detail)
                return JSONResponse(replies.failure(f"{390000 + error.status_code}", error.detail), error.status_code)
            except Exception as error:
                log.exception("%s %s failed", request.method, request.url.path)
                return JSONResponse(
                    replies.failure("000603", f"Processing aborted by an error of the local engine: {error!r}")
                )

        return guarded

    async def _fault(
        self, request: Request, endpoint: str, session: Session | None = None, text: str = "", tag: str = ""
    ) -> Rule | None:
        """Do what the fault plan has for this request, if anything.

        :param tag: the QUERY_TAG of a session that is not open yet.
        :returns: a rule that takes effect only when the statement is carried out: lost_reply, and some errors.
        """
        if session is not None:
            tag = str(session.parameters["QUERY_TAG"])
        rule = self.engine.faults.on_request(endpoint, text, tag)
        if rule is None:
            return None
        log.warning("fault %s (%s) at %s %s", rule.name, rule.action, endpoint, text[:200])
        match rule.action:
            case "delay":
                await anyio.sleep(rule.seconds)
            case "http_503":
                raise HTTPException(503, "A fault of the fault plan.")
            case "session_expired" if session is not None:
                self.engine.sessions.expire(session)
                raise SnowflakeError(390112, "08001", "Your session has expired. Please login again.")
            case "session_gone" if session is not None:
                await anyio.to_thread.run_sync(self.engine.sessions.close, session)
                raise SnowflakeError(390111, "08001", "Session no longer exists. New login required.")
            case "drop":
                raise _HangUpError
            case "lost_reply" if endpoint != "query":
                raise _HangUpError
            case "error" if rule.where == "reply" and not rule.after:
                raise rule.error
        return rule

    def _session(self, request: Request, *, master: bool = False) -> Session:
        """The request's session, by its token.

        :raises HTTPException: 401 when the request carries no token at all.
        :raises SnowflakeError: 390111 for a token that is not or no longer valid; the client then has to log in again.
        """
        header = request.headers.get("authorization", "")
        scheme, _, token = header.partition("Token=")
        if scheme.strip().lower() != "snowflake" or not token:
            raise HTTPException(401, "Not logged in.")
        session = self.engine.sessions.get(token.strip('"'), master=master)
        if session is None:
            raise SnowflakeError(390111, "08001", "Session no longer exists. New login required to access the service.")
        return session

    async def health(self, request: Request) -> Response:
        """Whether the engine is up, and which run of it this is; tells nothing else, as anybody may ask."""
        return JSONResponse({"engine": "mediabatch", "instance": self.engine.instance})

    async def login(self, request: Request) -> Response:
        """User and password against the instance's own; both are compared in constant time."""
        body = await read_json(request, trusted=False)
        await self._fault(request, "login", tag=query_tag(body.get("data")))
        try:
            session = log_in(self.engine, self._password, body.get("data"), request.query_params)
        except LoginError as refused:
            log.warning("refused a login")
            return JSONResponse(replies.failure(refused.code, str(refused)))
        info = {
            "databaseName": session.database,
            "schemaName": session.schema,
            "warehouseName": session.warehouse,
            "roleName": session.role,
        }
        return replies.success(
            {
                "token": session.token,
                "masterToken": session.master_token,
                "validityInSeconds": _VALID_SECONDS,
                "masterValidityInSeconds": _VALID_SECONDS,
                "displayUserName": USER,
                "serverVersion": VERSION,
                "sessionId": session.id,
                "sessionInfo": info,
                "parameters": wire.parameter_list(session.parameters),
                "account": ACCOUNT,
            }
        )

    async def renew(self, request: Request) -> Response:
        """A new session token for the master token."""
        session = self._session(request, master=True)
        await self._fault(request, "renew", session)
        self.engine.sessions.renew(session)
        return replies.success(
            {
                "sessionToken": session.token,
                "masterToken": session.master_token,
                "validityInSecondsST": _VALID_SECONDS,
                "masterValidityInSeconds": _VALID_SECONDS,
                "sessionId": session.id,
            }
        )

    async def heartbeat(self, request: Request) -> Response:
        """Keep the session."""
        await self._fault(request, "heartbeat", self._session(request))
        return replies.success(None)

    async def logout(self, request: Request) -> Response:
        """Close the session; asynchronous statements run on."""
        session = self._session(request)
        await self._fault(request, "logout", session)
        if request.query_params.get("delete") == "true":
            await anyio.to_thread.run_sync(self.engine.sessions.close, session)
        return replies.success(None)

    async def telemetry(self, request: Request) -> Response:
        """Taken and dropped."""
        self._session(request)
        await read_json(request)
        return replies.success("Log Received")

    async def query(self, request: Request) -> Response:
        """One statement."""
        session = self._session(request)
        body = await read_json(request)
        sql, parameters = body.get("sqlText"), body.get("parameters")
        bindings, bind_stage = body.get("bindings"), body.get("bindStage")
        if not isinstance(sql, str) or not isinstance(bindings or {}, dict) or not isinstance(bind_stage or "", str):
            raise HTTPException(400, "The request has no sqlText, or its bindings or its bindStage have another type.")
        if request.headers.get("accept") == _NO_FILES and is_transfer(sql):
            text = "SQL compilation error:\nUnsupported feature 'unsupported_requested_format:snowflake'."
            raise SnowflakeError(2, "0A000", text)
        asynchronous = bool(body.get("asyncExec"))
        rule = await self._fault(request, "query", session, sql)
        in_status = rule is not None and rule.action == "error" and rule.where == "status"
        query = self.engine.queries.start(
            session,
            sql,
            request_id=request.query_params.get("requestId"),
            bindings=wire.decode_bindings(bindings),
            bind_stage=bind_stage,
            parameters=parameters if isinstance(parameters, dict) else {},
            describe_only=bool(body.get("describeOnly")),
            asynchronous=asynchronous,
            fault=rule.error if rule is not None and in_status else None,
            fault_after=rule is not None and rule.after,
        )
        if rule is not None and not in_status and (rule.action == "lost_reply" or rule.after):
            await query.wait(RESULT_SECONDS)
            if rule.action == "lost_reply":
                raise _HangUpError
            raise rule.error
        if asynchronous:
            return JSONResponse(replies.in_progress(query.id, "333334"))
        return await self._reply(query, SLOW_SECONDS)

    async def result(self, request: Request) -> Response:
        """A statement's result by its query id: of a slow one that this session waits for, or of any that ended."""
        session = self._session(request)
        query_id = request.path_params["query_id"]
        query = self.engine.queries.running.find(query_id)
        await self._fault(request, "result", session, query.sql if query is not None else "")
        if query is not None:
            return await self._reply(query, RESULT_SECONDS)
        return await anyio.to_thread.run_sync(self._results.kept_reply, query_id, session)

    async def _reply(self, query: Query, seconds: float) -> Response:
        if not await query.wait(seconds):
            return JSONResponse(replies.in_progress(query.id, "333333"))
        if query.error is not None:
            return JSONResponse(wire.error_reply(query.error, query.id))
        return await anyio.to_thread.run_sync(self._results.reply, query)

    async def piece(self, request: Request) -> Response:
        """Part of a large result."""
        query_id, offset, rows = (request.path_params[name] for name in ("query_id", "offset", "rows"))
        if not self._results.is_piece_key(query_id, offset, rows, request.path_params["key"]):
            raise HTTPException(403, "This address is not one that the engine gave out.")
        await self._fault(request, "piece")

        as_json = request.query_params.get("format") == "json"
        write = wire.json_piece if as_json else wire.arrow_stream
        body = await anyio.to_thread.run_sync(lambda: write(self._results.find(query_id), offset, rows))
        return Response(body, media_type="application/json" if as_json else "application/octet-stream")

    async def monitor(self, request: Request) -> Response:
        """A statement's status, for any session of the user."""
        session = self._session(request)
        query_id = request.path_params["query_id"]
        query = self.engine.queries.running.find(query_id)
        await self._fault(request, "monitor", session, query.sql if query is not None else "")
        if query is not None:
            await query.wait(MONITOR_SECONDS)
        row = await anyio.to_thread.run_sync(self.engine.stores.history.row, query_id)
        if row is None:
            # Accepted a moment ago and not yet in the catalogue, or not known at all.
            known = [] if query is None else [{"id": query_id, "status": "RUNNING"}]
            return replies.success({"queries": known})
        return JSONResponse(replies.query_state(row))

    async def abort(self, request: Request) -> Response:
        """Cancel a statement, by its query id or by the request that began it."""
        session = self._session(request)
        query_id = request.path_params.get("query_id")
        if query_id:
            query = self.engine.queries.running.find(query_id)
        else:
            body = await read_json(request)
            query = self.engine.queries.running.by_request(session, str(body.get("requestId")))
        await self._fault(request, "abort", session, query.sql if query is not None else "")
        if query is None or query.done.is_set():
            return JSONResponse(replies.failure("000605", "Identified SQL statement is not currently executing."))
        query.cancel()
        return replies.success(None)
