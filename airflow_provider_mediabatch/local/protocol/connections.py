"""uvicorn's HTTP protocol, which also lets a connection be closed without a reply: the fault plan's lost replies."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol as HTTPProtocol
else:
    from uvicorn.protocols.http.auto import AutoHTTPProtocol as HTTPProtocol

_open: dict[Any, asyncio.Transport] = {}


class Connections(HTTPProtocol):
    """Remembers its connections by the client's address, which the ASGI scope has too."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Note the connection."""
        super().connection_made(transport)
        self._peer = transport.get_extra_info("peername")
        _open[self._peer] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        _open.pop(self._peer, None)


def hang_up(client: Any) -> None:
    """Close a connection at once, without a reply.

    :param client: the ASGI scope's ``client``.
    """
    transport = _open.get(tuple(client))
    if transport is not None:
        transport.abort()
