"""The server as a process: where it listens, what it refuses, how it ends, and what clients may not do to it."""

from __future__ import annotations

import shutil
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from blackboard import Blackboard
from blackboard.errors import UsageError
from blackboard.server import http_server, request_guards
from blackboard.server.addresses import Address
from blackboard.settings.sections import ServerSection
from tests.server.http_steps import LEAD, problem
from tests.server.served_board import Served, serve
from tests.server.server_process import process, token_for


@pytest.mark.processes
def test_it_serves_until_a_signal_ends_it(tmp_path: Path) -> None:
    with process(tmp_path, "serve", "--listen", "127.0.0.1:0") as (child, url), httpx2.Client(base_url=url) as client:
        assert client.get("/healthz").json() == {"status": "alive"}
        assert client.get("/readyz").json() == {"status": "ready", "unserved_agents": ["sales"]}
        headers = token_for(tmp_path, "deposit")
        if curl := shutil.which("curl"):
            words = ["-s", "-H", f"Authorization: {headers['Authorization']}", "-H", "Content-Type: application/json"]
            body = '{"kind": "lead", "subject": "lead/1"}'
            done = subprocess.run(
                [curl, *words, "-d", body, f"{url}/v1/marks"], capture_output=True, text=True, check=True
            )
            assert '"outcome":"deposited"' in done.stdout
        child.send_signal(signal.SIGTERM)  # while the connection of the client is still open
        assert child.wait(20) == 0


@pytest.mark.processes
def test_a_daemon_serves_too(tmp_path: Path) -> None:
    with process(tmp_path, "run", "--serve", "127.0.0.1:0") as (child, url), httpx2.Client(base_url=url) as client:
        headers = token_for(tmp_path, "deposit", "read")
        with Blackboard.open(tmp_path / "board.db") as board:
            assert client.post("/v1/marks", json=LEAD, headers=headers).status_code == 200
            limit = board.clock.now() + 20_000_000
            while not (found := client.get("/v1/marks?kind=reply", headers=headers).json()):
                assert board.clock.now() < limit
        assert found[0]["payload"] == {"text": "Acme"}
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0


def test_a_unix_socket_serves_a_proxy(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    with Blackboard.open(tmp_path / "board.db") as board:
        section = ServerSection()
        for _ in range(2):  # the second replaces a socket that nobody listens on
            app = http_server_app(board, section)
            with http_server.HttpServer(app, section, None, path):
                assert path.stat().st_mode & 0o777 == 0o660
                with httpx2.Client(
                    transport=httpx2.HTTPTransport(uds=str(path)), base_url="http://localhost"
                ) as client:
                    assert client.get("/healthz").status_code == 200
            assert not path.exists()
            dead = socket.socket(socket.AF_UNIX)
            dead.bind(str(path))
            dead.close()


def http_server_app(board: Blackboard, section: ServerSection) -> Any:
    from blackboard.server.http_app import build_app

    return build_app(board, section, "offline rules", None)


@pytest.mark.parametrize("text", ["8787", "localhost", ":80", "localhost:99999", "::1:80", "a b:80"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="HOST:PORT"):
        Address.parse(text)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_it_serves_tls(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
         str(key), "-out", str(certificate), "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    with serve(tmp_path, tls_certificate=str(certificate), tls_key=str(key)) as served:
        assert served.url.startswith("https://")
        trust = ssl.create_default_context(cafile=str(certificate))
        with httpx2.Client(verify=trust, base_url=served.url) as client:
            assert client.get("/healthz").status_code == 200


def raw(served: Served, text: bytes) -> bytes:
    """Send bytes, and return everything that comes back until the server closes the connection."""
    host, port = served.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(text)
        received = b""
        while part := connection.recv(65536):
            received += part
    return received


def head(served: Served, *lines: str) -> bytes:
    """Return the head of a deposit with a token."""
    token = served.board.create_token("raw", may=["deposit"])
    first = ("POST /v1/marks HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}")
    return "\r\n".join([*first, "Content-Type: application/json", *lines, "", ""]).encode()


def test_a_body_has_one_length(served: Served) -> None:
    smuggled = b"0\r\n\r\nGET /v1/marks HTTP/1.1\r\nHost: localhost\r\n\r\n"
    both = raw(served, head(served, "Content-Length: 5", "Transfer-Encoding: chunked") + smuggled)
    assert both.startswith(b"HTTP/1.1 400")
    assert both.count(b"HTTP/1.1") == 1
    served.board.revoke_token("raw")
    twice = raw(served, head(served, "Content-Length: 5", "Content-Length: 6", "Connection: close") + b"{}   ")
    assert twice.startswith(b"HTTP/1.1 400")


def test_a_body_has_a_bound(tmp_path: Path) -> None:
    with serve(tmp_path, max_body=2048) as served:
        client = served.client("deposit")

        def endless() -> Iterator[bytes]:
            yield from (b"x" * 1024 for _ in range(10**9))

        chunked = client.post("/v1/marks", content=endless(), headers={"Content-Type": "application/json"})
        assert (chunked.status_code, problem(chunked)) == (413, "too-large")
        declared = raw(served, head(served, "Content-Length: 99999999999"))
        assert declared.startswith(b"HTTP/1.1 413")
        line = client.post("/v1/marks/bulk", content=endless(), headers={"Content-Type": "application/x-ndjson"})
        assert problem(line) == "too-large"
        assert client.post("/v1/marks", json=LEAD).status_code == 200


def test_headers_have_a_bound(served: Served) -> None:
    answer = raw(served, head(served, *(f"X-{number}: {'x' * 1000}" for number in range(100))))
    assert answer.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400"))


def test_a_slow_client_loses_its_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "SILENCE_SECONDS", 0.1)
    monkeypatch.setattr(request_guards, "SECONDS_FOR_A_CHUNK", 0.2)
    with serve(tmp_path) as served:
        assert raw(served, b"GET /healthz HTTP/1.1\r\nHost: local") == b""
        whole = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        assert raw(served, whole + b"GET /he").count(b"HTTP/1.1 200") == 1
        assert raw(served, head(served, "Content-Length: 50") + b"{").startswith(b"HTTP/1.1 408")


def test_too_many_requests_at_once_are_told_to_come_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blackboard.server.work_threads.WAITING", 0)
    held, release = threading.Event(), threading.Event()
    with serve(tmp_path, threads=1) as served:
        client = served.client("read")
        status = served.board.status

        def slow() -> Any:
            held.set()
            release.wait(20)
            return status()

        monkeypatch.setattr(Blackboard, "status", lambda board: slow())
        thread = threading.Thread(target=served.client("read").get, args=("/v1/status",))
        thread.start()
        assert held.wait(20)
        refused = client.get("/v1/marks")
        assert (refused.status_code, problem(refused), refused.headers["retry-after"]) == (503, "overloaded", "1")
        assert client.get("/healthz").status_code == 200
        release.set()
        thread.join()
        assert client.get("/v1/marks").status_code == 200
