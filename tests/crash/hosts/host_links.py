"""The links between hosts and a PostgreSQL server, each through a proxy of its own that can be cut.

A cut is closed, silent or lossy. A closed link resets its connections and refuses new ones. On a lossy link, a request
reaches the database server, and sometimes its answer is lost with the connection. A silent link carries
nothing and tells nobody, as when a cable is pulled: what is sent meanwhile arrives when the link is mended. Both ends
of a connection that is silent for too long are reset, as the systems of both machines do with the timeouts that the
program sets. The proxies run in a process of their own, so that their parent has no thread when it forks.
"""

from __future__ import annotations

import contextlib
import os
import random
import selectors
import signal
import socket
import struct
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Literal, Protocol, get_args

from sqlalchemy import make_url

__all__ = ["Cut", "HostLinks", "ProxyLinks"]

Cut = Literal["closed", "silent", "lossy"]

LOSS = 0.1
"""The share of requests on a lossy link whose answers are lost."""

SILENCE_SECONDS = 11.0
"""How long both ends of a silent connection wait: keepalives begin after 5 s, and 3 are lost, one every 2 s."""
CHUNK_BYTES = 1 << 16
MAX_BUFFERED_BYTES = 1 << 20


class HostLinks(Protocol):
    """The links of some hosts to one server."""

    name: str
    """What the hosts are, in reports."""
    cuts: Collection[Cut]
    """How links can be cut."""

    def url(self, host: int, database: str) -> str:
        """Return the URL of a database, as a host reaches it."""

    def entrance(self, host: int) -> Callable[[], None]:
        """Return a function that moves a process with a single thread to a host."""

    def cut(self, host: int, how: Cut) -> None:
        """Cut the link of a host."""

    def mend(self, host: int) -> None:
        """Mend the link of a host."""


class ProxyLinks:
    """The links of hosts that are processes of this machine.

    Args:
        socket_folder: The folder of the database server's Unix socket.
        hosts: The number of hosts.
    """

    name = "processes behind proxies"
    cuts: Collection[Cut] = get_args(Cut)

    def __init__(self, socket_folder: Path, hosts: int) -> None:
        listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(hosts)]
        self._ports = [each.getsockname()[1] for each in listening]
        self._control, theirs = socket.socketpair()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                self._control.close()
                signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with its parent
                _Proxies(theirs, listening, str(socket_folder / ".s.PGSQL.5432")).run()
            finally:
                os._exit(0)
        theirs.close()
        for each in listening:
            each.close()

    def url(self, host: int, database: str) -> str:
        """Return the URL of a database, as a host reaches it."""
        return make_url(database).set(host="127.0.0.1", port=self._ports[host], query={}).render_as_string()

    def entrance(self, host: int) -> Callable[[], None]:
        """Return a function that does nothing: all hosts are this machine."""
        return lambda: None

    def cut(self, host: int, how: Cut) -> None:
        """Cut the link of a host."""
        self._tell(f"{host} {how}")

    def mend(self, host: int) -> None:
        """Mend the link of a host."""
        self._tell(f"{host} open")

    def close(self) -> None:
        """End the proxies."""
        self._control.close()
        os.waitpid(self._pid, 0)

    def _tell(self, command: str) -> None:
        self._control.sendall(command.encode() + b"\n")
        if self._control.recv(1) != b".":
            raise RuntimeError("the proxies have ended")


class _Connection:
    """One of the two halves of a connection through a proxy."""

    def __init__(self, host: int, end: socket.socket) -> None:
        self.host, self.end = host, end
        self.other: _Connection = self
        self.unsent = bytearray()
        end.setblocking(False)
        if end.family == socket.AF_INET:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class _Proxies:
    """The proxies of all hosts, in one thread."""

    def __init__(self, control: socket.socket, listening: list[socket.socket], server: str) -> None:
        self._control, self._listening, self._server = control, listening, server
        self._selector = selectors.DefaultSelector()
        self._open: set[_Connection] = set()
        self._state = ["open"] * len(listening)
        self._silent_since = [0.0] * len(listening)
        self._commands = b""
        self._selector.register(control, selectors.EVENT_READ)
        for host, each in enumerate(listening):
            each.setblocking(False)
            self._selector.register(each, selectors.EVENT_READ, host)

    def run(self) -> None:
        """Carry data until the parent closes its end of the control connection."""
        while True:
            for key, events in self._selector.select(self._seconds_to_reset()):
                if key.fileobj is self._control:
                    if not self._obey():
                        return
                elif isinstance(key.data, int):
                    self._accept(key.data)
                elif key.data in self._open and self._state[key.data.host] != "silent":
                    self._serve(key.data, events)
            self._reset_silent()

    def _obey(self) -> bool:
        data = self._control.recv(CHUNK_BYTES)
        *commands, self._commands = (self._commands + data).split(b"\n")
        for command in commands:
            host, state = command.decode().split()
            self._set_state(int(host), state)
            self._control.sendall(b".")
        return bool(data)

    def _set_state(self, host: int, state: str) -> None:
        before, self._state[host] = self._state[host], state
        self._silent_since[host] = time.monotonic()
        if state == "closed":
            for connection in [each for each in self._open if each.host == host]:
                self._close(connection, resets=True)
        if (state == "silent") is (before == "silent"):
            return
        for connection in [each for each in self._open if each.host == host]:
            self._watch(connection)
        if state == "silent":  # new connections wait in the queue of the system
            self._selector.unregister(self._listening[host])
        else:
            self._selector.register(self._listening[host], selectors.EVENT_READ, host)

    def _seconds_to_reset(self) -> float | None:
        now = time.monotonic()
        ends = [self._silent_since[each.host] + SILENCE_SECONDS for each in self._open if self._is_silent(each)]
        return max(0.0, min(ends) - now) if ends else None

    def _reset_silent(self) -> None:
        end = time.monotonic() - SILENCE_SECONDS
        for connection in [each for each in self._open if self._is_silent(each)]:
            if self._silent_since[connection.host] <= end:
                self._close(connection, resets=True)

    def _is_silent(self, connection: _Connection) -> bool:
        return self._state[connection.host] == "silent"

    def _accept(self, host: int) -> None:
        client, _ = self._listening[host].accept()
        server = socket.socket(socket.AF_UNIX)
        try:
            if self._state[host] == "closed":
                raise ConnectionRefusedError
            server.connect(self._server)
        except OSError:
            server.close()
            _reset(client)
            return
        one, other = _Connection(host, client), _Connection(host, server)
        one.other, other.other = other, one
        for each in (one, other):
            self._open.add(each)
            self._watch(each)

    def _watch(self, connection: _Connection) -> None:
        """Wait for what a half may do next: nothing if it is silent or waits for the other half."""
        events = 0
        if not self._is_silent(connection):
            events |= selectors.EVENT_READ if len(connection.other.unsent) < MAX_BUFFERED_BYTES else 0
            events |= selectors.EVENT_WRITE if connection.unsent else 0
        is_registered = connection.end in self._selector.get_map()
        if events and is_registered:
            self._selector.modify(connection.end, events, connection)
        elif events:
            self._selector.register(connection.end, events, connection)
        elif is_registered:
            self._selector.unregister(connection.end)

    def _serve(self, connection: _Connection, events: int) -> None:
        try:
            if events & selectors.EVENT_READ:
                if not (data := connection.end.recv(CHUNK_BYTES)):
                    raise EOFError
                connection.other.unsent += data
                self._send(connection.other)
                if self._loses_answer(connection):
                    self._close(connection, resets=True)
                    return
            if events & selectors.EVENT_WRITE:
                self._send(connection)
        except BlockingIOError:
            pass
        except (OSError, EOFError):
            self._close(connection)
            return
        self._watch(connection)
        self._watch(connection.other)

    def _loses_answer(self, connection: _Connection) -> bool:
        is_request = connection.end.family == socket.AF_INET
        return is_request and self._state[connection.host] == "lossy" and random.random() < LOSS

    def _send(self, connection: _Connection) -> None:
        with contextlib.suppress(BlockingIOError):
            while connection.unsent:
                del connection.unsent[: connection.end.send(connection.unsent)]

    def _close(self, connection: _Connection, *, resets: bool = False) -> None:
        for each in (connection, connection.other):
            if each not in self._open:
                continue
            self._open.discard(each)
            if each.end in self._selector.get_map():
                self._selector.unregister(each.end)
            if resets and each.end.family == socket.AF_INET:
                _reset(each.end)
            else:
                each.end.close()


def _reset(end: socket.socket) -> None:
    """Close a connection immediately, so that its other end gets an error."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()
