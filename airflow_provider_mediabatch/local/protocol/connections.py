"""uvicorn's HTTP protocol, which also answers TLS, and can close a connection without a reply, as fault plans ask."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.local.protocol.tls import HANDSHAKE, TlsTransport

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol as HTTPProtocol
else:
    from uvicorn.protocols.http.auto import AutoHTTPProtocol as HTTPProtocol

_open: dict[Any, asyncio.Transport] = {}


class Connections(HTTPProtocol):
    """Remembers its connections by the client's address, which the ASGI scope has too.

    :cvar context: the certificate that clients which begin with a TLS handshake are answered with.
    """

    context: ssl.SSLContext
    _tls: TlsTransport | None = None
    _begun = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Note the connection."""
        super().connection_made(transport)
        self._peer = transport.get_extra_info("peername")
        _open[self._peer] = transport

    def data_received(self, data: bytes) -> None:
        """Read plain HTTP, or what TLS says where the client's first byte begins a handshake."""
        if not self._begun:
            self._begun = True
            if data[0] == HANDSHAKE:
                self.transport = self._tls = TlsTransport(self.transport, self.context)
        if self._tls is None:
            super().data_received(data)
            return
        for chunk in self._tls.decrypted(data):
            super().data_received(chunk)

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
