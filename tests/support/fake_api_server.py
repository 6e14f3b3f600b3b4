"""The HTTP server of the fake API: it receives requests, sends answers, and breaks connections on demand."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from tests.support.fake_api_faults import Cut, Fault
from tests.support.request_checks import Refused

__all__ = ["Api", "Call", "Handler", "Server", "break_off"]


@dataclass(frozen=True)
class Call:
    """A request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    request_id: str

    @property
    def key(self) -> str:
        """The API key from either of the two headers that the API accepts."""
        return self.headers.get("x-api-key") or self.headers.get("authorization", "").removeprefix("Bearer ")

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Api(Protocol):
    """The interface of the object that answers requests."""

    lock: threading.Lock
    connections: set[socket.socket]

    ending: bool

    def record(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Call: ...
    def answer(self, call: Call) -> tuple[str, Fault | None]:
        """Return the text of the answer, and the fault for its transmission."""


class Server(ThreadingHTTPServer):
    daemon_threads = False
    api: Api

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect early."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def setup(self) -> None:
        super().setup()
        with self.server.api.lock:
            self.server.api.connections.add(self.connection)
            ending = self.server.api.ending
        if ending:
            break_off(self.connection)

    def finish(self) -> None:
        with self.server.api.lock:
            self.server.api.connections.discard(self.connection)
        super().finish()

    def do_POST(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def log_message(self, *_: Any) -> None:
        """Log nothing; the calls are recorded."""

    def _serve(self) -> None:
        api = self.server.api
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = api.record(self.command, self.path, headers, body)
        try:
            text, fault = api.answer(call)
        except Refused as refused:
            status = refused.status
            form = {"type": "error", "error": status.error, "request_id": call.request_id}
            self._send(status.status, status.body or json.dumps(form), call.request_id, status.headers)
        else:
            self._send(200, text, call.request_id, {}, fault.after if isinstance(fault, Cut) else None)

    def _send(
        self, status: int, text: str, request_id: str, headers: Mapping[str, str], cut_after: int | None = None
    ) -> None:
        content = text.encode("utf-8")
        if cut_after != 0:
            self.send_response(status)
            kind = "application/json" if text[:1] in ("{", "[") else "text/html"
            sent = {"content-type": kind, "content-length": str(len(content)), "request-id": request_id, **headers}
            for name, value in sent.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content[:cut_after])
        if cut_after is not None:
            self.close_connection = True
            break_off(self.connection)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return "Mon, 05 Jan 2026 09:00:00 GMT"


def break_off(connection: socket.socket) -> None:
    with suppress(OSError):  # the client may have closed it first
        connection.shutdown(socket.SHUT_RDWR)
