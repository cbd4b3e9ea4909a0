"""Counts what goes between a client and the engine: logins, statements, rows and bytes.

A relay on loopback through which a child's connection is led. It runs in the bench's own process, so what it costs is
not the child's; the timed runs do without it.
"""

from __future__ import annotations

import gzip
import http.client
import http.server
import json
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Traffic:
    """What was counted.

    :param logins: sessions opened.
    :param statements: when each was sent (epoch seconds), and its text; those sent again for a lost reply count twice.
    :param rows: rows in the replies.
    :param received: bytes of the replies' bodies, as sent over the wire.
    :param of_task: statements by the task that the login's QUERY_TAG names; "" without one.
    """

    logins: int = 0
    statements: list[tuple[float, str]] = field(default_factory=list)
    rows: int = 0
    received: int = 0
    of_task: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def since(self, start: float, end: float) -> list[str]:
        """Statements sent between two moments."""
        return [text for sent, text in self.statements if start <= sent < end]


@contextmanager
def relay(port: int) -> Iterator[tuple[int, Traffic]]:
    """A port that leads to the engine's, and the counts, which grow while it is used."""
    traffic, lock = Traffic(), threading.Lock()
    tasks: dict[str, str] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            engine = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
            engine.request(self.command, self.path, body, headers)
            answer = engine.getresponse()
            content = answer.read()
            engine.close()
            asked = _plain(body, self.headers.get("content-encoding"))
            reply = _plain(content, answer.headers.get("content-encoding"))
            with lock:
                _count(traffic, self.path, asked, reply, len(content))
                _count_task(traffic, tasks, self.path, self.headers.get("authorization", ""), asked, reply)
            # Addresses of a large result's pieces: those too are to come this way.
            content = reply.replace(f"127.0.0.1:{port}/".encode(), f"127.0.0.1:{own}/".encode())
            self.send_response(answer.status)
            self.send_header("content-type", answer.headers.get("content-type", "application/json"))
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = pass_on

        def log_message(self, *_: Any) -> None:
            pass

    class Quiet(http.server.ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 1024

        def handle_error(self, *_: Any) -> None:
            pass  # a client that went away

    server = Quiet(("127.0.0.1", 0), Handler)
    own = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield own, traffic
    finally:
        server.shutdown()
        server.server_close()


def _plain(data: bytes, encoding: str | None) -> bytes:
    return gzip.decompress(data) if encoding == "gzip" and data else data


def _count(traffic: Traffic, path: str, asked: bytes, reply: bytes, received: int) -> None:
    traffic.received += received
    if path.startswith("/session/v1/login-request"):
        traffic.logins += 1
    if path.startswith("/queries/v1/query-request"):
        traffic.statements.append((time.time(), " ".join(str(json.loads(asked).get("sqlText") or "").split())))
    if path.startswith("/queries/") and reply[:1] == b"{":
        traffic.rows += int((json.loads(reply).get("data") or {}).get("returned") or 0)


def _count_task(traffic: Traffic, tasks: dict[str, str], path: str, header: str, asked: bytes, reply: bytes) -> None:
    """Count a statement for the task that its session belongs to.

    :param tasks: by the session's token; a login adds its own.
    """
    if path.startswith("/session/v1/login-request"):
        parameters = json.loads(asked)["data"].get("SESSION_PARAMETERS") or {}
        found = re.search(r'"task": "([^"]*)"', str(parameters.get("QUERY_TAG")))
        tasks[str((json.loads(reply).get("data") or {}).get("token"))] = found[1] if found else ""
    if path.startswith("/queries/v1/query-request"):
        task = tasks.get(header.partition("Token=")[2].strip('"'), "")
        traffic.of_task[task].append(" ".join(str(json.loads(asked).get("sqlText") or "").split()))
