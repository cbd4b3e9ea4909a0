"""What a stranger on the machine, a web page or a broken client can send: refused, logged, and the engine serves on."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import os
import socket
import stat
import zlib
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from snowflake.connector.errors import ProgrammingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import RunningEngine

_LOGIN = "/session/v1/login-request"
_QUERY = "/queries/v1/query-request?requestId=00000000-0000-0000-0000-000000000001"


def send(
    engine: RunningEngine,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    method: str = "POST",
) -> tuple[int, dict[str, Any]]:
    """One raw request; the reply's status and JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", engine.status.port, timeout=30)
    try:
        connection.request(method, path, body, headers or {})
        reply = connection.getresponse()
        text = reply.read()
        try:
            parsed = json.loads(text)
        except ValueError:
            parsed = {"text": text.decode(errors="replace")}
        return reply.status, parsed if isinstance(parsed, dict) else {"text": parsed}
    finally:
        connection.close()


@pytest.fixture
def token(engine: RunningEngine) -> Iterator[dict[str, str]]:
    with engine.connect() as connection:
        yield {"Authorization": f'Snowflake Token="{connection.rest.token}"'}


@pytest.fixture(autouse=True)
def serves_on(engine: RunningEngine) -> Iterator[None]:
    """After every attack an ordinary client still gets its answer."""
    yield
    with engine.connect() as connection:
        assert connection.cursor().execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", _QUERY),
        ("POST", "/session/heartbeat"),
        ("POST", "/session?delete=true"),
        ("POST", "/session/token-request"),
        ("POST", "/queries/v1/abort-request"),
        ("POST", "/telemetry/send"),
        ("GET", "/monitoring/queries/00000000-0000-0000-0000-000000000001"),
        ("GET", "/queries/00000000-0000-0000-0000-000000000001/result"),
    ],
)
def test_every_endpoint_needs_a_login(engine: RunningEngine, method: str, path: str) -> None:
    status, reply = send(engine, path, b'{"sqlText": "SELECT 1"}' if method == "POST" else None, method=method)
    assert status == 401
    assert reply["success"] is False
    status, reply = send(engine, path, b"{}", {"Authorization": 'Snowflake Token="made-up"'}, method=method)
    assert (status, reply["success"], reply["code"]) == (200, False, "390111")


@pytest.mark.parametrize("password", [None, "", "wrong", "wrong" * 1000, 7, ["x"], {"a": "b"}])
def test_login_without_the_password(engine: RunningEngine, password: Any) -> None:
    body = json.dumps({"data": {"LOGIN_NAME": "AIRFLOW", "PASSWORD": password}}).encode()
    status, reply = send(engine, _LOGIN, body)
    assert (status, reply["success"], reply["code"]) == (200, False, "390100")


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "localhost:1", "evil.example:{port}", "127.0.0.1:{port}@evil"]
)
def test_another_host_is_refused(engine: RunningEngine, host: str) -> None:
    name = host.format(port=engine.status.port)
    for path in ("/", _LOGIN):
        status, reply = send(engine, path, None, {"Host": name}, method="GET" if path == "/" else "POST")
        assert status == 403
        assert reply["success"] is False


def test_it_listens_on_loopback_only(engine: RunningEngine) -> None:
    listening = [c for c in psutil.Process(engine.status.pid).net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert [c.laddr.ip for c in listening] == ["127.0.0.1"]


def test_the_password_is_the_owners_alone(engine: RunningEngine) -> None:
    state = engine.state_dir / "engine.json"
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    assert stat.S_IMODE(engine.state_dir.stat().st_mode) & 0o077 in (0, 0o055)
    assert engine.status.password not in (engine.state_dir / "engine.log").read_text()
    assert engine.status.password not in " ".join(psutil.Process(engine.status.pid).cmdline())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"\xff\xfe",
        b"[1, 2]",
        b'"text"',
        b"null",
        b"[" * 200_000,
        b'{"sqlText": 7}',
        b'{"bindings": []}',
    ],
)
def test_malformed_json(engine: RunningEngine, token: dict[str, str], body: bytes) -> None:
    status, reply = send(engine, _QUERY, body, token)
    assert status == 400
    assert reply["success"] is False
    status, reply = send(engine, _LOGIN, body)
    assert status in (200, 400)
    assert reply["success"] is False


def test_oversized_bodies(engine: RunningEngine, token: dict[str, str]) -> None:
    status, _ = send(engine, _LOGIN, b'{"data": "' + b"x" * 2**20 + b'"}')
    assert status == 413
    connection = http.client.HTTPConnection("127.0.0.1", engine.status.port, timeout=60)
    connection.putrequest("POST", _QUERY)
    for name, value in (token | {"Content-Length": str(2**31)}).items():
        connection.putheader(name, value)
    connection.endheaders()
    try:
        for _ in range(200):
            connection.send(b"x" * 2**20)
    except OSError:
        pass  # the engine hung up, as it should
    else:
        assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.slow
def test_gzip_bomb(engine: RunningEngine, token: dict[str, str]) -> None:
    pack = zlib.compressobj(9, wbits=31)
    bomb = b"".join(pack.compress(b" " * 2**24) for _ in range(128)) + pack.flush()  # 2 GB in 2 MB
    before = _peak_memory(engine)
    status, _ = send(engine, _QUERY, bomb, token | {"Content-Encoding": "gzip"})
    assert status == 413
    assert _peak_memory(engine) - before < 1200 * 2**20
    status, _ = send(engine, _LOGIN, bomb[: 200 * 2**10], {"Content-Encoding": "gzip"})
    assert status == 413


def _peak_memory(engine: RunningEngine) -> int:
    return int(psutil.Process(engine.status.pid).memory_info().rss)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("gzip", b"not gzip"), ("gzip", gzip.compress(b"{}" * 500, mtime=0)[:-12]), ("br", b"{}")],
    ids=["not gzip", "cut off", "unknown"],
)
def test_broken_encodings(engine: RunningEngine, token: dict[str, str], encoding: str, body: bytes) -> None:
    status, reply = send(engine, _QUERY, body, token | {"Content-Encoding": encoding})
    assert status in (400, 415)
    assert reply["success"] is False


def test_not_http(engine: RunningEngine) -> None:
    for noise in (
        b"\x16\x03\x01\x02\x00",
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        os.urandom(500),
    ):
        with socket.create_connection(("127.0.0.1", engine.status.port), timeout=5) as plug:
            plug.sendall(noise)
            plug.settimeout(2)
            try:
                plug.recv(1000)
            except (TimeoutError, ConnectionError):
                continue


def test_results_are_not_for_everyone(engine: RunningEngine) -> None:
    with engine.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        query_id = cursor.sfqid
    status, _ = send(engine, f"/results/{query_id}/0/1/{'0' * 64}", method="GET")
    assert status == 403
    for path in ("/results/../../engine.json", "/results/..%2f..%2fengine.json/0/1/x", "/engine.json", "/docs"):
        status, reply = send(engine, path, method="GET")
        assert status in (403, 404)
        assert engine.status.password not in str(reply)


@pytest.mark.parametrize(
    "path", ["../outside", "a/../../outside", "/etc", "a/./../../x", "..%2f..%2foutside", "a\x00b", "a\\..\\..\\x"]
)
def test_paths_stay_within_the_stage(engine: RunningEngine, tmp_path: Path, path: str) -> None:
    """A path is refused or names something inside the stage; files outside are not read, written or removed."""
    outside = engine.state_dir / "outside"
    outside.write_text("secret")
    source = tmp_path / "upload.txt"
    source.write_text("uploaded")
    before = {p for p in engine.state_dir.rglob("*") if p.name == "upload.txt"}
    with engine.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE STAGE IF NOT EXISTS confined")
        target = tmp_path / "download"
        target.mkdir()
        for statement in (
            f"LIST '@confined/{path}'",
            f"PUT 'file://{source}' '@confined/{path}' AUTO_COMPRESS = FALSE",
            f"GET '@confined/{path}' 'file://{target}'",
            f"REMOVE '@confined/{path}'",
        ):
            with contextlib.suppress(ProgrammingError):
                cursor.execute(statement)
    assert outside.read_text() == "secret"
    assert not any(p.read_text() == "secret" for p in target.rglob("*") if p.is_file())
    written = {p for p in engine.state_dir.rglob("*") if p.name == "upload.txt"} - before
    assert all("CONFINED" in str(p) or "stages" in str(p) for p in written)


@pytest.mark.parametrize("name", ['"../x"', '"a/b"', '".."', '"x\\\\..\\\\y"', '"' + "n" * 300 + '"'])
def test_hostile_stage_names(engine: RunningEngine, name: str) -> None:
    """A quoted stage name may hold nearly anything; on disk it never leads out of the engine's own folder."""
    before = {p for p in engine.state_dir.parent.iterdir()}
    with engine.connect() as connection:
        cursor = connection.cursor()
        try:
            cursor.execute(f"CREATE STAGE {name}")
            cursor.execute(f"LIST @{name}")
            cursor.execute(f"DROP STAGE {name}")
        except ProgrammingError:
            pass
    assert {p for p in engine.state_dir.parent.iterdir()} == before
