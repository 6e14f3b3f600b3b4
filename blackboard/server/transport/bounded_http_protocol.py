"""HTTP/1.1 on a connection, with a bound on the headers of a request while they arrive."""

from __future__ import annotations

from email.utils import formatdate
from functools import lru_cache
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from blackboard.clock import SystemClock
from blackboard.durations import SECOND
from blackboard.server.http_problems import HttpProblem, problem_response

MAX_HEADER_BYTES = 32_768
"""The most bytes of all headers together."""


class BoundedProtocol(HttpToolsProtocol):
    """The HTTP/1.1 protocol of uvicorn, with a limit on headers. Without it, uvicorn would collect them without end."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._in_head, self._head_begins = True, True
        self._head_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Parse received bytes. Headers that are too large end the connection."""
        self._head_begins = False
        self.server_state.default_headers = _date_headers(int(SystemClock().now() // SECOND))
        super().data_received(data)
        if not self._in_head or self._head_begins:
            self._head_bytes = 0  # a request that begins in these bytes is counted from the next bytes on
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEADER_BYTES and not self.transport.is_closing():
            problem = HttpProblem("large-headers", f"the headers may have at most {MAX_HEADER_BYTES} bytes")
            self._refuse(b"431 Request Header Fields Too Large", problem)

    def send_400_response(self, msg: str) -> None:
        """Refuse bytes that are not a valid request.

        A request with two lengths is refused too, because two servers could read it differently.
        """
        self._refuse(b"400 Bad Request", HttpProblem("invalid-request", "this is not a valid request of HTTP 1.1"))

    def _refuse(self, status: bytes, problem: HttpProblem) -> None:
        """Respond with a problem, and close the connection."""
        response = problem_response(problem)
        fields = [*self.server_state.default_headers, *response.raw_headers]
        headers = b"".join(name + b": " + value + b"\r\n" for name, value in fields)
        if b"connection: close" not in headers:
            headers += b"connection: close\r\n"
        self.transport.write(b"HTTP/1.1 " + status + b"\r\n" + headers + b"\r\n" + bytes(response.body))
        self.transport.close()

    def on_headers_complete(self) -> None:
        """Note the end of the headers."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note the end of the body."""
        self._in_head = self._head_begins = True
        super().on_message_complete()


@lru_cache(maxsize=1)
def _date_headers(second: int) -> list[tuple[bytes, bytes]]:
    """Return the headers of every response that begins in a second."""
    return [(b"date", formatdate(second, usegmt=True).encode())]
