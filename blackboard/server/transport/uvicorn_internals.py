"""The parts of uvicorn that the server uses and uvicorn does not document. No other module uses them.

These parts are the methods that the two classes below override or call, and the attributes of a server and of its
connections. A later version may change or remove them. docs/dependencies.md says what the server then does.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from email.utils import formatdate
from functools import lru_cache
from typing import Any, NamedTuple

import uvicorn

from blackboard.clock import SystemClock
from blackboard.durations import SECOND
from blackboard.server.http_limits import MAX_HEADER_BYTES
from blackboard.server.http_problems import HttpProblem, problem_response
from blackboard.system.unusable_versions import undocumented_parts

with undocumented_parts("uvicorn"):
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class IdleConnection(NamedTuple):
    """A connection that waits for its client. Two observations of it are equal if nothing happened in between."""

    protocol: object
    transport: asyncio.Transport
    last_request: object
    """The last request whose headers have arrived; None if there was none."""
    unsent_bytes: int
    """How many bytes of the response are not sent yet."""


class SleepingServer(uvicorn.Server):
    """The server of uvicorn, which would check 10 times a second whether it should end. This server sleeps."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ending = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def main_loop(self) -> None:
        """Wait for the end."""
        self._loop = asyncio.get_running_loop()
        if not self.should_exit:
            await self._ending.wait()

    def end(self) -> None:
        """Stop serving. Any thread may call it."""
        self.should_exit = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._ending.set)

    def idle_connections(self) -> Iterator[IdleConnection]:
        """Yield each open connection without a request, and each whose response is complete but may not be sent yet."""
        for protocol in self.server_state.connections:
            cycle, transport = getattr(protocol, "cycle", None), protocol.transport
            if transport is not None and (cycle is None or cycle.response_complete):
                yield IdleConnection(protocol, transport, cycle, transport.get_write_buffer_size())


class BoundedProtocol(HttpToolsProtocol):
    """The HTTP/1.1 protocol of uvicorn, with a limit on headers. uvicorn itself collects headers without end.

    asyncio calls `data_received` of every `asyncio.Protocol`. If a later uvicorn does not call the other methods,
    bodies count as headers, so large bodies are refused.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._in_head = True
        """Whether the headers of a request are not complete."""
        self._head_begins = True
        """Whether the headers of a request begin in the bytes that are parsed now."""
        self._head_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Parse received bytes. Headers that are too large end the connection."""
        self._head_begins = False
        self.server_state.default_headers = _date_headers(int(SystemClock().now() // SECOND))
        super().data_received(data)
        if not self._in_head or self._head_begins:
            self._head_bytes = 0  # the headers that begin in these bytes are counted from the next bytes on
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEADER_BYTES and not self.transport.is_closing():
            problem = HttpProblem("large-headers", f"the headers may have at most {MAX_HEADER_BYTES} bytes")
            self._refuse(b"431 Request Header Fields Too Large", problem)

    def send_400_response(self, msg: str) -> None:
        """Refuse bytes that are not a valid request.

        A request with two lengths is also refused, because two servers could read it differently.
        """
        self._refuse(b"400 Bad Request", HttpProblem("invalid-request", "this is not a valid request of HTTP 1.1"))

    def _refuse(self, status: bytes, problem: HttpProblem) -> None:
        """Respond with a problem, and close the connection."""
        response = problem_response(problem)
        headers = b"".join(name + b": " + value + b"\r\n" for name, value in self.server_state.default_headers)
        headers += "".join(f"{name}: {value}\r\n" for name, value in response.headers.items()).encode("latin-1")
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
