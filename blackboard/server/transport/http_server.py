"""The HTTP server: an application on sockets, in a thread of its own, with limits that its library does not have."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp

from blackboard.errors import ConfigurationError, Mistake
from blackboard.server.transport.addresses import Address, address_of, check_exposure, listen_on, listen_on_path
from blackboard.server.transport.request_guards import RequestGuards
from blackboard.server.transport.uvicorn_internals import BoundedProtocol, IdleConnection, SleepingServer
from blackboard.settings.sections import ServerSection
from blackboard.system.log_queue import Log
from blackboard.system.unusable_versions import unusable_version

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
        self._server = SleepingServer(_uvicorn_config(app, settings))
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
        before: set[IdleConnection] = set()
        while True:
            await asyncio.sleep(SILENCE_SECONDS)
            idle = set(self._server.idle_connections())
            for connection in idle & before:
                if connection.unsent_bytes:
                    _abort_connection(connection.transport)
                else:
                    connection.transport.close()
            before = idle - before


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
    if not issubclass(BoundedProtocol, asyncio.Protocol):
        raise unusable_version("uvicorn", "does not let the server limit headers")
    if settings.tls_key and not settings.tls_certificate:
        problem = "the certificate of this key is missing; name it with tls_certificate or --tls-certificate"
        raise ConfigurationError([Mistake(f"[server] tls_key {settings.tls_key}", problem)])
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",  # anybody can send bytes that are not HTTP, so these are not logged
        access_log=False,
        server_header=False,
        date_header=False,  # `BoundedProtocol` adds the header
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
