"""The HTTP server: an application on sockets, in a thread of its own, with limits that its library does not have."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import threading
from collections.abc import Sequence
from email.utils import formatdate
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from blackboard.clock import SystemClock
from blackboard.durations import SECOND
from blackboard.errors import ConfigurationError, Mistake, WorkError
from blackboard.server.http_limits import MAX_HEADER_BYTES
from blackboard.server.http_problems import HttpProblem, problem_response
from blackboard.server.transport.addresses import Address, address_of, check_exposure, listen_on, listen_on_path
from blackboard.server.transport.request_guards import RequestGuards
from blackboard.settings.sections import ServerSection
from blackboard.system.log_queue import Log

log = Log("blackboard.server")

MAX_CONNECTIONS = 2000
SILENCE_SECONDS = 10
"""The time between two searches for silent connections. A connection that is silent in both is closed.

A connection is silent if no request begins, if the headers of a request do not end, or if the client receives no more
of a response.
"""
UNSENT_BYTES = 64 * 1024
"""How many bytes of a response the system may buffer before they are sent."""
GRACE_SECONDS = 10
"""How long requests may still take after the server is told to stop."""


class HttpServer:
    """A server in a thread. As a context manager, it serves until the context ends.

    Args:
        app: The ASGI application that handles the requests.
        settings: Where it listens, and how.
        address: Where it listens; None for the other sockets only.
        path: A Unix socket to listen on, in addition to the address or instead.
        inherited: Sockets that listen already, from a service manager.

    Raises:
        ConfigurationError: The certificate cannot be used.
        UsageError: The address is not one, or would need TLS.
        WorkError: The address cannot be used, or the installed uvicorn leaves no way to limit headers.
    """

    ended: int
    """A file descriptor that becomes readable when the server has ended."""

    def __init__(
        self,
        app: RequestGuards,
        settings: ServerSection,
        address: Address | None,
        path: Path | None = None,
        inherited: Sequence[socket.socket] = (),
    ) -> None:
        for reached in (address, *map(address_of, inherited)):
            if reached is not None:
                check_exposure(reached, settings)
        self._inherited = inherited
        self.stop_waits = app.stop
        """Ends the requests that wait for something, so that the server can stop."""
        self._settings, self._address, self._path = settings, address, path
        self._server = _SleepingServer(_uvicorn_config(app, settings))
        self._thread = threading.Thread(target=self._run, name="blackboard-server", daemon=True)
        self._sockets: Sequence[socket.socket] = ()

    def __enter__(self) -> Self:
        sockets = [*self._inherited]
        with contextlib.ExitStack() as opened:  # closes the first socket if the second cannot listen
            if self._address is not None:
                sockets.append(opened.enter_context(listen_on(self._address)))
            if self._path is not None:
                sockets.append(opened.enter_context(listen_on_path(self._path)))
                opened.callback(self._path.unlink, missing_ok=True)
            for listener in sockets:
                _bound_unsent(listener)
            self._sockets = sockets
            self._names = [self._name(listener) for listener in sockets]
            self.ended, self._writer = os.pipe()
            opened.pop_all()
        self._thread.start()
        log.info("serving", urls=self._names)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_waits()
        self._server.end()
        self._thread.join()
        for listener in self._sockets:
            listener.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        os.close(self.ended)
        log.info("no longer serving", urls=self._names)

    @property
    def url(self) -> str:
        """The URL of the server."""
        return self._names[0]

    @property
    def browser_url(self) -> str | None:
        """The address that browsers use for this server; None if the server cannot know the address.

        The first of `[server] hosts` is the name in a certificate, or the name of a proxy.
        """
        settings = self._settings
        if settings.behind_proxy:
            return f"https://{settings.hosts[0]}" if settings.hosts else None
        address = next((found for found in map(address_of, self._sockets) if found is not None), None)
        if address is None:
            return None
        if settings.tls_certificate and settings.hosts:
            return f"https://{address._replace(host=settings.hosts[0])}"
        host = "localhost" if address.host in ("0.0.0.0", "::") else address.host
        return f"{'https' if settings.tls_certificate else 'http'}://{address._replace(host=host)}"

    def _name(self, listener: socket.socket) -> str:
        if (address := address_of(listener)) is None:
            return f"unix:{listener.getsockname()}"
        return f"{'https' if self._settings.tls_certificate else 'http'}://{address}"

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # a thread has no caller that could handle the error
            log.error("the server has ended", error=error)
        finally:
            os.close(self._writer)

    async def _serve(self) -> None:
        silence = asyncio.create_task(self._close_silent_connections())
        try:
            await self._server.serve(list(self._sockets))
        finally:
            silence.cancel()

    async def _close_silent_connections(self) -> None:
        """Search for silent connections in rounds, and close each that was also silent in the round before.

        uvicorn has no time limit for the beginning of a first request, for its headers, or for a client that receives
        the rest of a response.
        """
        before: dict[object, tuple[object, int]] = {}
        while True:
            await asyncio.sleep(SILENCE_SECONDS)
            idle: dict[object, tuple[object, int]] = {}
            for connection in list(self._server.server_state.connections):
                cycle, transport = getattr(connection, "cycle", None), connection.transport
                if transport is None or not (cycle is None or cycle.response_complete):
                    continue
                unsent = transport.get_write_buffer_size()
                if before.get(connection) != (cycle, unsent):
                    idle[connection] = (cycle, unsent)
                elif unsent:
                    _abort_connection(transport)
                else:
                    transport.close()
            before = idle


class _SleepingServer(uvicorn.Server):
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


class _BoundedProtocol(HttpToolsProtocol):
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


def _bound_unsent(listener: socket.socket) -> None:
    """Limit how many bytes of a response the system buffers for each connection to a listener.

    Without the limit, the system buffers megabytes, and takes more only after it has sent a third. A slow client would
    then look like a client that has stopped.
    """
    if listener.family != socket.AF_UNIX and hasattr(socket, "TCP_NOTSENT_LOWAT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)


def _abort_connection(transport: asyncio.Transport) -> None:
    """End a connection immediately, without the rest of its response. An orderly close would wait for the client."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _uvicorn_config(app: ASGIApp, settings: ServerSection) -> uvicorn.Config:
    """Return the configuration of uvicorn, with the certificate loaded."""
    if not issubclass(_BoundedProtocol, asyncio.Protocol):
        raise WorkError(f"headers cannot be limited with uvicorn {uvicorn.__version__}; install another version")
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http=_BoundedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",  # anybody can send bytes that are not HTTP, so these are not logged
        access_log=False,
        server_header=False,
        date_header=False,  # `_BoundedProtocol` adds the header
        proxy_headers=False,
        timeout_keep_alive=2 * SILENCE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        limit_concurrency=MAX_CONNECTIONS,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )
    try:
        config.load()
    except OSError as error:  # errors of TLS are a subclass
        place = f"[server] tls_certificate {settings.tls_certificate}"
        raise ConfigurationError([Mistake(place, f"it cannot be used: {error}")]) from None
    return config


@lru_cache(maxsize=1)
def _date_headers(second: int) -> list[tuple[bytes, bytes]]:
    """Return the headers of every response that begins in a second."""
    return [(b"date", formatdate(second, usegmt=True).encode())]
