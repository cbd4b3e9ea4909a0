"""TLS on a connection that began as plain TCP, so that one port answers both."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Iterator
from typing import Any

HANDSHAKE = 0x16
"""The first byte of a client that begins TLS; no HTTP method begins so."""
_READ = 256 * 1024


class TlsTransport(asyncio.Transport):
    """What the HTTP protocol writes to, in place of the plain transport below.

    :param plain: carries the encrypted bytes.
    :param context: the engine's certificate.
    """

    def __init__(self, plain: asyncio.Transport, context: ssl.SSLContext) -> None:
        super().__init__()
        self._plain = plain
        self._received, self._to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._received, self._to_send, server_side=True)
        self._shaken = False

    def decrypted(self, data: bytes) -> Iterator[bytes]:
        """What encrypted bytes of the client's say. The connection ends where they are no TLS."""
        self._received.write(data)
        try:
            if not self._shaken:
                self._tls.do_handshake()
                self._shaken = True
            while chunk := self._tls.read(_READ):
                yield chunk
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self._flush()
            self._plain.close()
        else:  # the client has said that it sends nothing more
            self.close()
        self._flush()

    def _flush(self) -> None:
        if self._to_send.pending and not self._plain.is_closing():
            self._plain.write(self._to_send.read())

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes encrypted."""
        if data:
            self._tls.write(data)
            self._flush()

    def close(self) -> None:
        """End the connection after what was written is sent."""
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        self._flush()
        self._plain.close()

    def abort(self) -> None:
        """End the connection at once."""
        self._plain.abort()

    def is_closing(self) -> bool:
        """Whether the connection ends."""
        return self._plain.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is known of the connection below."""
        return self._plain.get_extra_info(name, default)
