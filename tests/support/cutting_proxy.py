"""A proxy before a PostgreSQL server that loses connections at a COMMIT. It runs in threads of the test."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections import deque
from pathlib import Path
from typing import Literal

from sqlalchemy import make_url

__all__ = ["Cut", "CuttingProxy"]

Cut = Literal["pass", "before", "after"]
"""What happens to a COMMIT: nothing, its connection is lost before PostgreSQL has it, or before the answer arrives."""


class CuttingProxy:
    """A proxy on a port of this machine.

    Args:
        url: A database on a PostgreSQL server, which listens on a Unix socket.
    """

    def __init__(self, url: str) -> None:
        target = make_url(url)
        self._target = str(Path(str(target.query["host"])) / f".s.PGSQL.{target.query['port']}")
        self._listening = socket.create_server(("127.0.0.1", 0))
        port = self._listening.getsockname()[1]
        self.url = target.set(host="127.0.0.1", port=port, query={}).render_as_string(hide_password=False)
        """The same database, behind the proxy."""
        self.cuts: deque[Cut] = deque()
        """What happens to the next COMMITs, in turn; later COMMITs pass."""
        self.refuses = False
        """Whether new connections are closed immediately."""
        self._open: set[socket.socket] = set()
        _start(self._accept)

    def close(self) -> None:
        """Close the port and every connection."""
        for each in (self._listening, *self._open):
            _close(each)

    def cut_all(self) -> None:
        """Lose every connection."""
        for each in list(self._open):
            _close(each)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            if self.refuses:
                client.close()
                continue
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._target)
            self._open |= {client, server}
            _start(_Link(self, client, server).carry_requests)


class _Link:
    def __init__(self, proxy: CuttingProxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._swallows = False
        self._prepared: set[bytes] = set()
        """The names of prepared statements that commit."""
        _start(self._carry_answers)

    def carry_requests(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                start = self._message(b"")
                if struct.unpack("!I", start[4:8])[0] == 196608:  # not a request for encryption, which is refused
                    self._server.sendall(start)
                    break
                self._client.sendall(b"N")
            while True:
                kind = self._exactly(1)
                message = self._message(kind)
                cut = self._cut_of(kind, message[5:])
                if cut == "before":
                    break
                self._swallows = self._swallows or cut == "after"
                self._server.sendall(message)
        if not self._swallows:
            self._end()

    def _cut_of(self, kind: bytes, body: bytes) -> Cut:
        parts = body.split(b"\0")
        if kind == b"P" and parts[1] == b"COMMIT":
            self._prepared.add(parts[0])
        commits = (kind == b"Q" and parts[0] == b"COMMIT") or (kind == b"B" and parts[1] in self._prepared)
        return self._proxy.cuts.popleft() if commits and self._proxy.cuts else "pass"

    def _carry_answers(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._server.recv(65536):
                if self._swallows:
                    break
                self._client.sendall(data)
        self._end()

    def _end(self) -> None:
        for each in (self._client, self._server):
            _close(each)

    def _message(self, kind: bytes) -> bytes:
        length = self._exactly(4)
        return kind + length + self._exactly(struct.unpack("!I", length)[0] - 4)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            if not (more := self._client.recv(size - len(data))):
                raise EOFError
            data += more
        return data


def _start(work: object) -> None:
    threading.Thread(target=work, daemon=True).start()  # type: ignore[arg-type]


def _close(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
