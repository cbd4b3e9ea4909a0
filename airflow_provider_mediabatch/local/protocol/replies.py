"""The shapes that replies come in; those of results are in :mod:`~airflow_provider_mediabatch.local.protocol.wire`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response


def success(data: Any) -> Response:
    """A request that was carried out."""
    # json.dumps is several times faster than Starlette's response for megabytes of base64, as it need not check for
    # NaN.
    body = json.dumps({"success": True, "code": None, "message": None, "data": data})
    return Response(body, media_type="application/json")


def failure(code: str, message: str) -> dict[str, Any]:
    """A request that was refused."""
    return {"success": False, "code": code, "message": message, "data": None}


def in_progress(query_id: str, code: str) -> dict[str, Any]:
    """A statement that has not ended: 333333 for one that the client waits for, 333334 for an asynchronous one."""
    data = {"queryId": query_id, "getResultUrl": f"/queries/{query_id}/result", "progressDesc": None}
    message = "Query execution in progress." if code == "333333" else "Query execution in progress. Asynchronous."
    return {"success": True, "code": code, "message": message, "data": data}


def query_state(row: Mapping[str, Any]) -> dict[str, Any]:
    """What monitoring answers.

    :param row: the statement's row of the catalogue.
    """
    state: dict[str, Any] = {
        "id": row["id"],
        "status": row["status"],
        "state": row["status"],
        "sqlText": row["sql"],
        "startTime": int(row["started"] * 1000),
        "endTime": int(row["ended"] * 1000) if row["ended"] else 0,
        "sessionId": row["session_id"],
    }
    reply: dict[str, Any] = {"success": True, "code": None, "message": None, "data": {"queries": [state]}}
    if row["error"] is not None:
        code = f"{row['error_code']:06d}"
        # The clients join the reply's message and the query's: so it stands in one of them only.
        state |= {"errorCode": code, "errorMessage": row["error"]}
        reply |= {"code": code, "sqlState": row["sqlstate"]}
        reply["data"]["sqlState"] = row["sqlstate"]
    return reply
