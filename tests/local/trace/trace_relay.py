"""A relay between the clients and the engine that keeps what was asked and answered."""

from __future__ import annotations

import gzip
import http.client
import http.server
import json
import threading
from typing import Any


class Relay:
    """Passes requests on to the engine and keeps what was asked and answered."""

    def __init__(self, host: str, port: int) -> None:
        self.calls: dict[str, list[dict[str, Any]]] = {}
        self.call = "Session.create"
        relay = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def relay(self) -> None:
                call = relay.call
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                connection = http.client.HTTPConnection(host, port, timeout=120)
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
                relay.keep(call, self.path, self.headers.get("content-encoding"), body, content, answer.status)
                self.send_response(answer.status)
                for name in ("content-type", "content-encoding"):
                    if answer.headers.get(name):
                        self.send_header(name, answer.headers[name])
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                connection.close()

            do_GET = do_POST = relay

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def keep(self, call: str, path: str, encoding: str | None, body: bytes, content: bytes, status: int) -> None:
        def loads(data: bytes) -> Any:
            return json.loads(data) if data[:1] == b"{" else {}

        asked = loads(gzip.decompress(body) if encoding == "gzip" else body)
        reply = loads(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
        sql = " ".join(str(asked.get("sqlText") or "").split())
        kind = "DESCRIBE: " * bool(asked.get("describeOnly")) + "ASYNC: " * bool(asked.get("asyncExec"))
        entry = {"path": path.split("?")[0], "sql": sql, "sent": kind + sql, "asked": asked, "reply": reply}
        entry["http"] = status
        self.calls.setdefault(call, []).append(entry)

    def statements(self, call: str) -> list[dict[str, Any]]:
        return [entry for entry in self.calls.get(call, []) if entry["sql"]]
