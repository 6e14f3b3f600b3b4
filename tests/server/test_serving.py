"""The server as a process: where it listens, what it refuses, how it ends, and what clients may not do to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from blackboard import Blackboard, Deposit
from blackboard.errors import UsageError, WorkError
from blackboard.server import http_limits
from blackboard.server.transport import addresses, http_server, uvicorn_internals
from blackboard.server.transport.addresses import Address
from blackboard.settings.sections import ServerSection
from tests.server.http_steps import LEAD, problem
from tests.support.bounds import BOUND_SECONDS
from tests.support.served_board import Served, serve
from tests.support.server_process import certificate_for, process, token_for
from tests.support.threads import join_all


@pytest.mark.processes
def test_the_server_runs_until_a_signal_ends_it(tmp_path: Path, board_url: str) -> None:
    with (
        process(tmp_path, board_url, "serve", "--listen", "127.0.0.1:0") as (child, url),
        httpx2.Client(base_url=url, timeout=BOUND_SECONDS) as client,
    ):
        assert client.get("/healthz").json() == {"status": "alive"}
        assert client.get("/readyz").json() == {"status": "ready", "unserved_agents": ["sales"]}
        headers = token_for(board_url, "deposit")
        if curl := shutil.which("curl"):
            words = ["-s", "-H", f"Authorization: {headers['Authorization']}", "-H", "Content-Type: application/json"]
            body = '{"kind": "lead", "subject": "lead/1"}'
            done = subprocess.run(
                [curl, *words, "-d", body, f"{url}/v1/marks"], capture_output=True, text=True, check=True
            )
            assert '"outcome":"deposited"' in done.stdout
        child.send_signal(signal.SIGTERM)  # while the connection of the client is still open
        assert child.wait(BOUND_SECONDS) == 0


@pytest.mark.processes
def test_a_daemon_serves_too(tmp_path: Path, board_url: str) -> None:
    with (
        process(tmp_path, board_url, "run", "--serve", "127.0.0.1:0") as (child, url),
        httpx2.Client(base_url=url, timeout=BOUND_SECONDS) as client,
    ):
        headers = token_for(board_url, "deposit", "read")
        assert client.post("/v1/marks", json=LEAD, headers=headers).status_code == 200
        until = time.monotonic() + BOUND_SECONDS
        while not (found := client.get("/v1/marks?kind=reply", headers=headers).json()):
            assert time.monotonic() < until
        assert found[0]["payload"] == {"text": "Acme"}
        child.send_signal(signal.SIGTERM)
        assert child.wait(BOUND_SECONDS) == 0


def test_a_server_whose_board_is_of_a_newer_version_lives_and_is_not_ready(served: Served) -> None:
    client, headers = served.client(), {"Authorization": f"Bearer {served.board.create_token('t', may=['read'])}"}
    assert client.get("/readyz").status_code == 200
    with served.board.database.exclusive_transaction() as transaction:
        transaction.cursor.execute("UPDATE alembic_version SET version_num = '9999'")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["problem"]) == (503, "store-unusable")
    assert "board.db" not in answer.text  # anybody may ask
    assert client.get("/healthz").json() == {"status": "alive"}
    assert problem(client.get("/v1/status", headers=headers)) == "store-unusable"


def test_a_unix_socket_serves_a_proxy(tmp_path: Path, board_url: str) -> None:
    path = tmp_path / "http.sock"
    with Blackboard.open(board_url) as board:
        section = ServerSection()
        for _ in range(2):  # the second replaces a socket that nobody listens on
            app = http_server_app(board, section)
            with http_server.HttpServer(app, section, None, path):
                assert path.stat().st_mode & 0o777 == 0o660
                with httpx2.Client(
                    transport=httpx2.HTTPTransport(uds=str(path)), base_url="http://localhost", timeout=BOUND_SECONDS
                ) as client:
                    assert client.get("/healthz").status_code == 200
            assert not path.exists()
            dead = socket.socket(socket.AF_UNIX)
            dead.bind(str(path))
            dead.close()


def test_a_server_that_cannot_listen_on_its_path_closes_the_socket_of_its_address(
    tmp_path: Path, board_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []

    def listen_on(address: Address) -> socket.socket:
        opened.append(addresses.listen_on(address))
        return opened[-1]

    monkeypatch.setattr(http_server, "listen_on", listen_on)
    with Blackboard.open(board_url) as board:
        section = ServerSection()
        missing = tmp_path / "missing" / "http.sock"
        server = http_server.HttpServer(http_server_app(board, section), section, Address("127.0.0.1", 0), missing)
        with pytest.raises(WorkError, match="cannot listen"):
            server.__enter__()
    assert [listener.fileno() for listener in opened] == [-1]


def http_server_app(board: Blackboard, section: ServerSection) -> Any:
    from blackboard.server.http_app import build_app

    return build_app(board, section, "offline rules", None)


@pytest.mark.parametrize("text", ["8787", "localhost", ":80", "localhost:99999", "::1:80", "a b:80"])
def test_what_is_not_an_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="HOST:PORT"):
        Address.parse(text)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_the_server_speaks_tls(tmp_path: Path, board_url: str) -> None:
    certificate, key = certificate_for(tmp_path, "IP:127.0.0.1")
    with serve(board_url, tls_certificate=str(certificate), tls_key=str(key)) as served:
        assert served.url.startswith("https://")
        trust = ssl.create_default_context(cafile=str(certificate))
        with httpx2.Client(verify=trust, base_url=served.url, timeout=BOUND_SECONDS) as client:
            assert client.get("/healthz").status_code == 200


def raw(served: Served, text: bytes) -> bytes:
    """Send bytes, and return everything that comes back until the server closes the connection."""
    host, port = served.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=BOUND_SECONDS) as connection:
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


HIDDEN = b"0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
"""An empty chunk, and a request that a server would answer if the lengths before it meant the chunk."""


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 5"),
        ("Content-Length: 5", "Transfer-Encoding: identity"),
        ("Content-Length: 5", "Transfer-Encoding: xchunked"),
        ("Content-Length: 5", "Transfer-Encoding : chunked"),
        ("Content-Length: 5", "Transfer-Encoding: identity, chunked, identity"),
        ("Transfer-Encoding: chunked, identity",),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 5, 6",),
        ("Content-Length: +5",),
        ("Content-Length: 0x5",),
        ("Content-Length : 5",),
        ("Content-Length: -1",),
        ("Content-Length: 5\nX: y",),
    ],
)
def test_a_body_has_one_length(served: Served, lines: tuple[str, ...]) -> None:
    """Otherwise a proxy and the server could read different requests from one connection."""
    answer = raw(served, head(served, *lines) + HIDDEN)
    assert answer.startswith(b"HTTP/1.1 400"), answer
    assert answer.count(b"HTTP/1.1") == 1
    headers, _, body = answer.partition(b"\r\n\r\n")
    assert json.loads(body)["type"] == "urn:blackboard:problem:invalid-request"
    assert b"\r\nconnection: close" in headers.lower()
    assert b"\r\ndate: " in headers.lower()
    assert served.board.marks() == []


@pytest.mark.parametrize("size", [b"+5", b"0x5", b"-5", b"\n5", b"", b"ffffffffffffffffff"])
def test_chunks_have_one_length(served: Served, size: bytes) -> None:
    answer = raw(served, head(served, "Transfer-Encoding: chunked") + size + b"\r\n{}   \r\n" + HIDDEN)
    assert not re.search(rb"HTTP/1.1 2\d\d", answer), answer
    assert answer.count(b"HTTP/1.1") <= 1


def test_a_request_names_one_host(served: Served) -> None:
    for hosts in (b"", b"Host: localhost\r\nHost: evil.example\r\n"):
        answer = raw(served, b"GET /healthz HTTP/1.1\r\n" + hosts + b"Connection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 421"), answer


def test_a_body_has_a_bound(board_url: str) -> None:
    with serve(board_url, max_body=2048) as served:
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


def test_a_uvicorn_that_does_not_report_the_end_of_headers_refuses_large_bodies(
    board_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("on_headers_complete", "on_message_complete"):
        monkeypatch.delattr(f"{uvicorn_internals.__name__}.BoundedProtocol.{name}")
    with serve(board_url) as served:
        assert raw(served, head(served, "Content-Length: 100000") + b" " * 100000).startswith(b"HTTP/1.1 431")


def test_a_uvicorn_that_does_not_report_received_bytes_is_refused(
    board_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "BoundedProtocol", asyncio.BufferedProtocol)
    with (
        pytest.raises(WorkError, match="does not let the server limit headers; install a tested version"),
        serve(board_url),
    ):
        pass


def test_a_slow_client_loses_its_connection(board_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "SILENCE_SECONDS", 1)  # more than a busy machine needs to send a whole request
    monkeypatch.setattr(http_limits, "MAX_CHUNK_SECONDS", 0.2)
    with serve(board_url) as served:
        assert raw(served, b"GET /healthz HTTP/1.1\r\nHost: local") == b""
        whole = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        assert raw(served, whole + b"GET /he").count(b"HTTP/1.1 200") == 1
        assert raw(served, head(served, "Content-Length: 50") + b"{").startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("drop", [b"X", b"X: y\r\n"])
def test_headers_that_never_end_lose_their_connection(
    board_url: str, monkeypatch: pytest.MonkeyPatch, drop: bytes
) -> None:
    """A client that always sends a little more is as slow as one that sends nothing."""
    monkeypatch.setattr(http_server, "SILENCE_SECONDS", 0.1)
    with serve(board_url) as served:
        host, port = served.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=BOUND_SECONDS) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
            while not select.select([connection], [], [], 0.01)[0]:  # the time limit of the test bounds it
                connection.sendall(drop)
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(65536) == b""
        assert served.client().get("/healthz").status_code == 200


def test_a_body_that_never_ends_loses_its_connection(board_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_limits, "MAX_BODY_SECONDS", 0.2)
    with serve(board_url, max_body=10**9) as served:
        host, port = served.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=BOUND_SECONDS) as connection:
            connection.sendall(head(served, "Content-Length: 900000000"))
            while not select.select([connection], [], [], 0.01)[0]:
                connection.sendall(b" ")
            assert connection.recv(65536).startswith(b"HTTP/1.1 408")


def asking_for_much(served: Served) -> tuple[tuple[str, int], bytes]:
    """Return where to connect, and a request whose answer is larger than the system takes in one write."""
    served.board.deposit_many(Deposit("lead", f"lead/{n}", {"company": "x" * 8000}) for n in range(900))
    token = served.board.create_token("slow", may=["read"])
    host, port = served.url.removeprefix("http://").split(":")
    lines = ("GET /v1/marks?limit=1000 HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {token}", "", "")
    return (host, int(port)), "\r\n".join(lines).encode()


def test_a_client_that_takes_no_more_of_an_answer_holds_no_memory(
    board_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "SILENCE_SECONDS", 0.2)
    with serve(board_url) as served, socket.socket() as connection:
        where, request = asking_for_much(served)
        connection.settimeout(BOUND_SECONDS)
        connection.connect(where)
        connection.sendall(request)
        poll = select.poll()
        poll.register(connection, select.POLLHUP | select.POLLERR)
        assert poll.poll(BOUND_SECONDS * 1000), "the server has not reset the connection"


def test_a_client_that_takes_an_answer_slowly_gets_all_of_it(board_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "SILENCE_SECONDS", 2)
    with serve(board_url) as served:
        where, request = asking_for_much(served)
        with socket.create_connection(where, timeout=BOUND_SECONDS) as connection:
            connection.sendall(request)
            before, _, part = connection.recv(65536).partition(b"\r\n\r\n")
            size, received = int(re.search(rb"content-length: (\d+)", before)[1]), len(part)  # type: ignore[index]
            begin = time.monotonic()
            while received < size:
                part = connection.recv(65536)
                assert part, "the server has closed the connection too early"
                received += len(part)
                select.select([], [], [], 0.04)  # a pause between two parts
        assert time.monotonic() - begin > 2 * http_server.SILENCE_SECONDS


def test_too_many_requests_at_once_are_told_to_come_again(board_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blackboard.server.work_threads.MAX_WAITING_PER_THREAD", 0)
    held, release = threading.Event(), threading.Event()
    with serve(board_url, threads=1) as served:
        client = served.client("read")
        status = served.board.status

        def slow() -> Any:
            held.set()
            release.wait(BOUND_SECONDS)
            return status()

        monkeypatch.setattr(Blackboard, "status", lambda board: slow())
        thread = threading.Thread(target=served.client("read").get, args=("/v1/status",))
        thread.start()
        assert held.wait(BOUND_SECONDS)
        refused = client.get("/v1/marks")
        assert (refused.status_code, problem(refused), refused.headers["retry-after"]) == (503, "overloaded", "1")
        assert client.get("/healthz").status_code == 200
        release.set()
        join_all(thread)
        assert client.get("/v1/marks").status_code == 200
