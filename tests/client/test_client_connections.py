"""Clients of a server go on over lost answers, restarts and streams that end, and trust the right certificates."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from blackboard import Blackboard, Deposit, StreamEvent
from blackboard.client import AsyncClient, BoardEvent, Client, server_connection
from blackboard.client.calls.event_calls import EventParser
from blackboard.errors import AccessDenied, NotFound, ServerUnreachable, UnknownName, UsageError
from tests.client.served_clients import SCOPES, client_of
from tests.support.served_board import Lead, Served, serve
from tests.support.server_process import certificate_for
from tests.support.threads import join_all

CLOSED = r"the client of http://127\.0\.0\.1:[0-9]+ is closed"


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with client_of(served) as client:
        yield client


def test_a_client_waits_as_long_as_a_busy_server_asks(board_url: str) -> None:
    with serve(board_url, requests_per_second=2) as served:
        with client_of(served) as client:
            before = served.clock.now()
            assert [client.deposit("reply", subject=str(number)).mark_id for number in range(6)] == [1, 2, 3, 4, 5, 6]
            assert served.clock.now() - before >= 2_000_000
        with client_of(served, retries=0) as client:
            client.agents()
            client.agents()
            with pytest.raises(ServerUnreachable, match="2 requests a second"):
                client.agents()


@dataclass
class Flaky:
    """A proxy whose answers get lost in a way that a test sets."""

    served: Served
    """The board behind it."""
    losses: list[str] = field(default_factory=list)
    """How the next answers get lost, in turn: "before" or "after" the server has the request, or "gateway"."""
    paths: list[str] = field(default_factory=list)
    """The paths of the requests."""
    url: str = ""
    """Where it listens."""

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        """Answer a request, or lose it."""
        body = request.rfile.read(int(request.headers["Content-Length"]))
        self.paths.append(request.path)
        loss = self.losses.pop(0) if self.losses else ""
        if loss == "before":
            request.connection.close()
            return
        with self.served.client(token=request.headers["Authorization"].removeprefix("Bearer ")) as client:
            kind = {"Content-Type": request.headers["Content-Type"]}
            answer = client.post(request.path, content=body, headers=kind)
        if loss == "after":
            request.connection.close()
            return
        request.send_response(502 if loss == "gateway" else answer.status_code)
        content = b"<html>" if loss == "gateway" else answer.content
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)


@pytest.fixture
def flaky(served: Served) -> Iterator[Flaky]:
    flaky = Flaky(served)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            flaky.handle(self)

        def log_message(self, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    flaky.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield flaky
    server.shutdown()
    server.server_close()
    join_all(thread)


def test_a_deposit_whose_answer_is_lost_is_stored_once(served: Served, flaky: Flaky) -> None:
    token = served.board.create_token("flaky", may=SCOPES)
    with Client(flaky.url, token=token, clock=served.clock) as client:
        flaky.losses += ["before", "after", "gateway"]
        assert client.deposit("reply", subject="a").outcome == "duplicate"
        flaky.losses += ["after"]
        assert [receipt.mark_id for receipt in client.deposit_many([Deposit("reply", "b", {})] * 3)] == [2, 2, 2]
        flaky.losses += ["after", "after"]
        results = client.deposit_many([Deposit("note", "c", {}, key="c")], on_error="return")
        assert {mark.subject for mark in served.board.marks()} == {"a", "b", "c"}
        assert [event.event for event in served.board.history("b")] == ["deposited"]
        assert len(results) == 1
        flaky.paths.clear()
        flaky.losses += ["after"]
        with pytest.raises(ServerUnreachable, match="does not respond"):
            client.reinforce(1, by=0.5)  # it may have been done
        assert len(flaky.paths) == 1
        flaky.losses += ["before"] * 9
        with pytest.raises(ServerUnreachable):
            client.deposit("reply", subject="d")


class Restarting:
    """A clock whose second wait ends with a new server at the address of a former one."""

    def __init__(self, former: Served, board: str) -> None:
        self.used = former.clock.used
        self.waits = 0
        self._listen, self._board = former.url.removeprefix("http://"), board
        self._stack = ExitStack()

    def now(self) -> int:
        return 0

    def monotonic(self) -> int:
        return 0

    def wait(self, event: threading.Event, until: int | None) -> bool:
        self.waits += 1
        if self.waits == 2:
            self._stack.enter_context(serve(self._board, listen=self._listen))
        return False

    def __enter__(self) -> Restarting:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()


def test_a_deposit_goes_on_when_the_server_is_back(board_url: str) -> None:
    with serve(board_url) as served:
        token = served.board.create_token("restart", may=SCOPES)
    with Restarting(served, board_url) as clock, Client(served.url, token=token, clock=clock) as client:
        assert client.deposit("reply", subject="a").outcome == "deposited"
        assert clock.waits == 2
        assert [mark.subject for mark in client.marks()] == ["a"]


def seen(event: BoardEvent) -> tuple[str, str | None]:
    return event.name, None if event.record is None else event.record.subject


def test_a_client_follows_what_happens(served: Served, client: Client) -> None:
    events = client.events()
    ready = next(events)
    assert (ready.name, ready.record) == ("ready", None)
    receipt = client.deposit(Lead(subject="lead/1", company="Acme"))
    found = {seen(event): event for event in itertools.islice(events, 2)}
    assert found.keys() == {("marks", "lead/1"), ("activity", "lead/1")}
    deposited = found["marks", "lead/1"].record
    assert isinstance(deposited, StreamEvent)
    assert (deposited.id, deposited.tags) == (receipt.event_id, {"company": "Acme"})
    assert deposited.recorded_at == served.board.now()
    client.deposit("reply", subject="lead/1")
    client.deposit(Lead(subject="lead/2", company="Other"))
    client.deposit(Lead(subject="lead/3", company="Acme"))
    wanted = client.events(streams=["marks"], kind=[Lead], where={"company": "Acme"}, subject="lead/*", after=ready.id)
    assert [seen(event)[1] for event in itertools.islice(wanted, 3)] == [None, "lead/1", "lead/3"]
    with pytest.raises(UnknownName):
        next(client.events(kind="leed"))
    with pytest.raises(UsageError, match="not an id"):
        next(client.events(after="yesterday"))
    with Client(served.url, token="wrong") as other, pytest.raises(AccessDenied):
        next(other.events())


def test_a_stream_goes_on_when_the_server_is_back(board_url: str) -> None:
    """What happens while there is no server is in the stream, once."""
    with ExitStack() as stack:
        with serve(board_url) as served:
            clock = stack.enter_context(Restarting(served, board_url))
            token = served.board.create_token("restart", may=SCOPES)
            client = stack.enter_context(Client(served.url, token=token, clock=clock))
            events = client.events(streams="marks")
            assert seen(next(events)) == ("ready", None)
            served.board.deposit("reply", subject="a")
            assert seen(next(events)) == ("marks", "a")
        with Blackboard.open(board_url, clock=served.clock) as board:
            board.deposit("reply", subject="b")
        assert seen(next(events)) == ("marks", "b")
        assert clock.waits == 2
        client.deposit("reply", subject="c")
        assert seen(next(events)) == ("marks", "c")
        client.close()
        assert list(events) == []


def test_an_asynchronous_client_follows_what_happens(served: Served) -> None:
    token = served.board.create_token("async", may=SCOPES)

    async def listen() -> list[tuple[str, str | None]]:
        async with AsyncClient(served.url, token=token, clock=served.clock) as client:
            found = []
            async for event in client.events(streams=["marks"], agent=[]):
                found.append(seen(event))
                if len(found) == 3:
                    return found
                await client.deposit("reply", subject=f"reply/{len(found)}")
        return found

    assert asyncio.run(listen()) == [("ready", None), ("marks", "reply/1"), ("marks", "reply/2")]


def test_an_asynchronous_client_needs_no_thread_between_attempts_and_stops_waiting_when_it_is_closed() -> None:
    class NoThreads(ThreadPoolExecutor):
        def submit(self, *args: Any, **options: Any) -> Any:
            raise AssertionError("a thread was used")

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Busy\r\nRetry-After: 59\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()
        refused.set()

    async def close_early() -> None:
        asyncio.get_running_loop().set_default_executor(NoThreads())
        server = await asyncio.start_server(refuse, "127.0.0.1")
        async with server:
            client = AsyncClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            asking = asyncio.create_task(client.agents())
            await refused.wait()
            await client.close()
            with pytest.raises(UsageError, match=CLOSED):
                await asyncio.wait_for(asking, 30)

    refused = asyncio.Event()
    asyncio.run(close_early())


@pytest.mark.parametrize("retries", [0, 3])
def test_a_client_that_is_closed_while_a_request_waits_says_so(retries: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as threads:
        client = Client(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout="2s", retries=retries)
        waiting = threads.submit(client.status)
        connection, _ = listener.accept()
        with connection:
            connection.recv(1)  # the request has been sent
            client.close()
            with pytest.raises(UsageError, match=CLOSED):
                waiting.result(60)
    with pytest.raises(UsageError, match=CLOSED):
        client.status()
    assert list(client.events()) == []


def test_an_asynchronous_client_that_is_closed_while_a_request_waits_says_so() -> None:
    async def close_early() -> None:
        has_request = asyncio.Event()

        async def read_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            has_request.set()
            await reader.read()
            writer.close()

        async with await asyncio.start_server(read_on, "127.0.0.1", 0) as server:
            client = AsyncClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            waiting = asyncio.create_task(client.status())
            await has_request.wait()
            await client.close()
            with pytest.raises(UsageError, match=CLOSED):
                await asyncio.wait_for(waiting, 60)
            with pytest.raises(UsageError, match=CLOSED):
                await client.status()

    asyncio.run(close_early())


def test_the_lines_of_a_stream_are_read_as_its_protocol_says() -> None:
    parser = EventParser()
    lines = ["retry: 3000", ": silence", "id: 7-8", "event: reset", 'data: {"reason":', "data:1}", ""]
    unknown = ["id:9", "event: new", "data: {}", "", ""]
    found = [event for line in [*lines, *unknown] if (event := parser.read(line)) is not None]
    assert found == [BoardEvent("7-8", "reset", None)]


def test_what_is_not_a_server_is_named(served: Served) -> None:
    for url in ("127.0.0.1:8787", "ftp://a", "http://", "http://a/?b=c", "http://ada:secret@a"):
        with pytest.raises(UsageError) as error:
            Client(url)
        assert "secret" not in str(error.value)
    for token in ("", "two words", "secret\nsecret"):
        with pytest.raises(UsageError, match="the token is empty, or not as") as error:
            Client(served.url, token=token)
        assert "secret" not in str(error.value)
    assert served.url in repr(Client(served.url, token="secret"))
    with Client(served.url + "/elsewhere", token="t") as client, pytest.raises(NotFound, match="no such path"):
        client.agents()


def knows(context: ssl.SSLContext) -> bool:
    """Return whether a context trusts any certificate."""
    return bool(context.cert_store_stats()["x509_ca"])


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_the_certificate_of_a_server_on_this_machine_comes_from_the_environment(
    tmp_path: Path, board_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = certificate_for(tmp_path, "IP:127.0.0.1")
    with serve(board_url, tls_certificate=str(certificate), tls_key=str(key)) as served:
        token = served.board.create_token("reader", may=["read"])
        with (
            Client(served.url, token=token, retries=0) as stranger,
            pytest.raises(ServerUnreachable, match="CERTIFICATE"),
        ):
            stranger.marks()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with Client(served.url, token=token, retries=0) as client:
            assert client.marks() == []


def test_a_proxy_with_tls_is_verified_by_the_certificates_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert not knows(server_connection.trusted_certificates(None, "http", uses_proxies=True))
    monkeypatch.setenv("http_proxy", "https://proxy.example.org:3128")
    assert knows(server_connection.trusted_certificates(None, "http", uses_proxies=True))
    assert not knows(server_connection.trusted_certificates(None, "http", uses_proxies=False))
    assert knows(server_connection.trusted_certificates(None, "https", uses_proxies=False))
