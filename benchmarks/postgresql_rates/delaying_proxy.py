"""A proxy before a PostgreSQL server: it delays each direction, and counts the statements of its clients.

python -m benchmarks.postgresql_rates.delaying_proxy URL SOCKET [--milliseconds 2.4]

It listens on the Unix socket, whose path it prints when it is ready. For each line of input it prints the number of
statements so far. It ends with its input.
"""

from __future__ import annotations

import argparse
import os
import select
import socket
import sys
import time
from collections import deque

from sqlalchemy import URL, make_url

PROTOCOL = 3
"""The major version in the packet that begins a session. Earlier requests for encryption have another one."""
STATEMENT_TYPES = b"QE"
"""The messages that run something: a simple query, and the execution of a prepared statement."""


class Client:
    """A client's connection, and its own connection to the database server."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server
        self._unread, self._has_begun = b"", False

    def statements_in(self, data: bytes) -> int:
        """Return how many messages that run something end in the data, which the client sent next."""
        self._unread += data
        found = 0
        while True:
            begin = 1 if self._has_begun else 0
            if len(self._unread) < begin + 4:
                return found
            end = begin + int.from_bytes(self._unread[begin : begin + 4])
            if len(self._unread) < end:
                return found
            if self._has_begun:
                found += self._unread[:1] in STATEMENT_TYPES
            else:
                self._has_begun = int.from_bytes(self._unread[4:6]) == PROTOCOL
            self._unread = self._unread[end:]


def connect(url: URL) -> socket.socket:
    """Connect to the database server that a URL names by a folder of sockets or by a host."""
    host, port = str(url.query.get("host", url.host or "127.0.0.1")), int(str(url.query.get("port", url.port or 5432)))
    if not host.startswith("/"):
        connection = socket.create_connection((host, port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(f"{host}/.s.PGSQL.{port}")
    return connection


def serve(listening: socket.socket, url: URL, delay: float) -> None:
    """Forward everything after a delay in seconds, until the input ends."""
    clients: dict[socket.socket, Client] = {}
    waiting: deque[tuple[float, socket.socket, bytes]] = deque()  # each waits for equally long, so the first is due
    statements = 0
    while True:
        timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        sources: list[int | socket.socket] = [0, listening, *clients]
        readable, _, _ = select.select(sources, [], [], timeout)
        while waiting and waiting[0][0] <= time.monotonic():
            _, target, data = waiting.popleft()
            if target in clients:
                target.sendall(data)
        for source in readable:
            if source == 0:
                if not os.read(0, 100):
                    return
                print(statements, flush=True)
            elif source is listening:
                pair = Client(listening.accept()[0], connect(url))
                clients |= {pair.client: pair, pair.server: pair}
            elif source in clients:
                pair = clients[source]
                try:
                    data = source.recv(65_536)
                except ConnectionError:
                    data = b""
                if not data:
                    for each in (pair.client, pair.server):
                        del clients[each]
                        each.close()
                    continue
                is_sent = source is pair.client
                statements += pair.statements_in(data) if is_sent else 0
                waiting.append((time.monotonic() + delay, pair.server if is_sent else pair.client, data))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("socket")
    parser.add_argument("--milliseconds", type=float, default=0.0, help="the time that a round trip takes longer")
    options = parser.parse_args()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(options.socket)
        listening.listen(128)
        print(options.socket, flush=True)
        serve(listening, make_url(options.url), options.milliseconds / 2000)
    sys.exit(0)


if __name__ == "__main__":
    main()
