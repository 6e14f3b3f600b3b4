"""A receiver of webhooks that keeps what it gets and answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.bounds import BOUND_SECONDS
from tests.support.threads import join_all


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Receiver:
    """What a receiver got, and what it answers."""

    url: str
    reply: Callable[[Request], Reply] = lambda request: Reply()
    requests: list[Request] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def keep(self, request: Request) -> None:
        """Keep a request."""
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()

    def wait_for(self, number: int) -> None:
        """Wait until it has got `number` requests."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.requests) >= number, BOUND_SECONDS), self.requests


@contextmanager
def receive(reply: Reply | None = None) -> Iterator[Receiver]:
    """Receive webhooks on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = Request(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            receiver.keep(request)
            answer = receiver.reply(request)
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_address[1]}/hook")
    if reply is not None:
        receiver.reply = lambda request: reply
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        join_all(thread)
        server.server_close()
