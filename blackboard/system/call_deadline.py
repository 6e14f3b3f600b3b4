"""The end of a call at its time, even if the server is still sending.

The timeout of a socket starts again with each byte. A server that sends its response, or only its headers, byte by
byte would block a thread forever. So a timer shuts down the connections of the call, which ends every wait for them.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self


class CallDeadline:
    """The time of one call, which runs from the beginning of a `with` block to its end."""

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        """Whether the time has passed, so the connections of the call were shut down."""
        self._lock = threading.Lock()
        self._connections: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    def trace(self, event: str, details: Mapping[str, Any]) -> None:
        """Watch each new connection. The HTTP client calls this at each event of a request: its extension `trace`."""
        if not event.endswith(".connect_tcp.complete"):
            return
        self.watch(details["return_value"].get_extra_info("socket"))

    def watch(self, connection: socket.socket) -> None:
        """Also end this connection when the time is over."""
        connection = connection.dup()  # TLS takes over the socket; both are the same connection
        with self._lock:
            self._connections.append(connection)
            if self.is_over:
                _shut_down(connection)

    def _end(self) -> None:
        with self._lock:
            self.is_over = True
            for connection in self._connections:
                _shut_down(connection)


def _shut_down(connection: socket.socket) -> None:
    with suppress(OSError):  # the server has closed the connection
        connection.shutdown(socket.SHUT_RDWR)
