"""Reading a request's body within bounds: how much is sent, how much it unpacks to, and that it is JSON."""

from __future__ import annotations

import json
import zlib
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

# Array binds of a million rows travel as one JSON document; before the login nothing large is expected.
_TRUSTED_SENT, _TRUSTED_UNPACKED = 128 * 2**20, 512 * 2**20
_UNTRUSTED_SENT, _UNTRUSTED_UNPACKED = 256 * 2**10, 2**20


async def read_json(request: Request, *, trusted: bool = True) -> dict[str, Any]:
    """The body as a JSON object; empty for an empty body.

    :param trusted: whether the sender is logged in, which allows for more.
    :raises HTTPException: 413 when it is too large, packed or unpacked; 400 when it is not gzip or not a JSON object;
        415 for another encoding.
    """
    sent, unpacked = (_TRUSTED_SENT, _TRUSTED_UNPACKED) if trusted else (_UNTRUSTED_SENT, _UNTRUSTED_UNPACKED)
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise HTTPException(415, f"Content-Encoding {encoding!r} is not supported.")
    unpack = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    parts: list[bytes] = []
    received = size = 0
    async for piece in request.stream():
        received += len(piece)
        if received > sent:
            raise HTTPException(413, f"The request is larger than {sent} bytes.")
        if unpack is not None:
            try:
                # At most one byte beyond the limit is ever unpacked, so a gzip bomb stays small.
                piece = unpack.decompress(piece, unpacked - size + 1)
            except zlib.error as wrong:
                raise HTTPException(400, f"The request is not valid gzip: {wrong}") from wrong
        size += len(piece)
        if size > unpacked:
            raise HTTPException(413, f"The request unpacks to more than {unpacked} bytes.")
        parts.append(piece)
    if unpack is not None and received and not unpack.eof:
        raise HTTPException(400, "The request's gzip data ends too early.")
    text = b"".join(parts)
    if not text:
        return {}
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as wrong:
        raise HTTPException(400, f"The request is not valid JSON: {wrong}") from wrong
    if not isinstance(body, dict):
        raise HTTPException(400, "The request is not a JSON object.")
    return body
