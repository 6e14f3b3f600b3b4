"""A server that answers one connection with any bytes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.support.threads import join_all


@contextmanager
def raw_server(first: bytes, drops: bytes = b"") -> Iterator[str]:
    """Serve one connection with these bytes, and then with `drops` until the client goes. Yields the address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.recv(65_536)
            connection.sendall(first)
            while drops:
                connection.sendall(drops)
                ended.wait(0.01)

    ended, thread = threading.Event(), threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        join_all(thread)
        listener.close()
