"""Connections that give up when the time of a call is over, even if the server is still sending.

The timeout of a socket starts again with each byte. A server that sends its answer, or only its headers, one byte at a
time would block a thread forever.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterable
from typing import Any

import httpcore2

from blackboard.clock import SystemClock

_PIECE_BYTES = 16_384
"""The number of bytes that are sent at once. Each piece has only the time that is left."""


class Deadline(threading.local):
    """The instant at which the call of the present thread is over. A thread makes one call at a time."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._at: int | None = None

    def start(self, seconds: float) -> None:
        """Begin a call that may take `seconds`."""
        self._at = self._clock.monotonic() + int(seconds * 1e6)

    def end(self) -> None:
        """End the call."""
        self._at = None

    def shorten(self, timeout: float | None) -> float | None:
        """Return a timeout that ends no later than the call; 0 or less if it is over."""
        if self._at is None:
            return timeout
        remaining = (self._at - self._clock.monotonic()) / 1e6
        return remaining if timeout is None else min(timeout, remaining)


class DeadlineBackend(httpcore2.SyncBackend):
    """The network, with connections that observe a deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to a host."""
        timeout = _time_left(self._deadline, timeout, httpcore2.ConnectTimeout)
        stream = super().connect_tcp(host, port, timeout, local_address, socket_options)
        return _DeadlineStream(stream, self._deadline)


class _DeadlineStream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _time_left(self._deadline, timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PIECE_BYTES):
            remaining = _time_left(self._deadline, timeout, httpcore2.WriteTimeout)
            self._stream.write(buffer[start : start + _PIECE_BYTES], remaining)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        timeout = _time_left(self._deadline, timeout, httpcore2.ConnectTimeout)
        return _DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _time_left(deadline: Deadline, timeout: float | None, over: type[Exception]) -> float | None:
    remaining = deadline.shorten(timeout)
    if remaining is not None and remaining <= 0:
        raise over("the time of the call is over")
    return remaining
