"""Tells the daemons of a board that something was committed: a datagram to each, nothing to wait for.

Each daemon listens on a socket in a folder beside the database. A lost datagram costs the length of a tick, no more.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import tempfile
from pathlib import Path

__all__ = ["Bell", "run_folder"]

LONGEST_ADDRESS = 100
"""Unix socket addresses end at 108 bytes."""


def run_folder(database: Path) -> Path:
    """The folder of a board's sockets and workers' locks: beside the database, or, where that path is too long, a
    folder of this user's in the system's place for such things."""
    beside = database.with_name(database.name + "-run")
    if len(os.fsencode(beside)) + 20 <= LONGEST_ADDRESS:
        return beside
    name = hashlib.sha256(os.fsencode(database.resolve())).hexdigest()[:20]
    return Path(tempfile.gettempdir()) / f"blackboard-{os.getuid()}-{name}"


class Bell:
    """Rings for the daemons of one board."""

    def __init__(self, database: Path | None) -> None:
        self.folder = None if database is None else run_folder(database)
        self._seen: tuple[int, list[str]] = (-1, [])
        self._socket: socket.socket | None = None
        self._pid = os.getpid()

    def ring(self) -> None:
        """Tell every daemon. Never fails: a daemon that cannot be told finds out at its next tick."""
        if self.folder is None:
            return
        try:
            changed = os.stat(self.folder).st_mtime_ns
        except OSError:
            return
        if self._seen[0] != changed:
            with contextlib.suppress(OSError):
                names = [entry.path for entry in os.scandir(self.folder) if entry.name.endswith(".sock")]
                self._seen = (changed, names)
        if not self._seen[1]:
            return
        if self._socket is None or self._pid != os.getpid():
            self._socket, self._pid = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), os.getpid()
            self._socket.setblocking(False)
        for address in self._seen[1]:
            # Full: it is awake already. Refused: its owner is dead.
            with contextlib.suppress(OSError):
                self._socket.sendto(b"!", address)

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
