"""A mail server on 127.0.0.1 that keeps what it is sent."""

from __future__ import annotations

import email
import email.policy
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage


class MailSink(socketserver.ThreadingTCPServer):
    """Speaks as much SMTP as a client needs to hand over a mail."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.mails: list[EmailMessage] = []

    @property
    def connection(self) -> str:
        """An Airflow connection of type ``smtp`` to it, as JSON."""
        extra = {"disable_ssl": True, "disable_tls": True, "from_email": "airflow@example.com"}
        return json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": self.server_address[1], "extra": extra})


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            command = line.strip().upper()
            if command == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = list(iter(self.rfile.readline, b".\r\n"))
                mail = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
                assert isinstance(self.server, MailSink)
                assert isinstance(mail, EmailMessage)
                self.server.mails.append(mail)
            self.wfile.write(b"221 bye\r\n" if command == b"QUIT" else b"250 good\r\n")
            if command == b"QUIT":
                return


@contextmanager
def mail_sink() -> Iterator[MailSink]:
    """A running one."""
    with MailSink() as sink:
        threading.Thread(target=sink.serve_forever, daemon=True).start()
        try:
            yield sink
        finally:
            sink.shutdown()
