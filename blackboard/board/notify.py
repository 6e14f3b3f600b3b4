"""Tells the daemons of a board that something was committed: a datagram to each, nothing to wait for.

Each daemon listens on a socket in a folder beside the database. A lost datagram costs the length of a tick, no more.
"""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

from blackboard.board_files import BoardFiles
from blackboard.failpoints import reach

__all__ = ["Notifier"]


class Notifier:
    """Rings for the daemons of one board."""

    def __init__(self, database: Path | None) -> None:
        self.folder = None if database is None else BoardFiles(database).run_folder
        self._socket: socket.socket | None = None
        self._pid = os.getpid()

    def notify(self) -> None:
        """Tell every daemon. Never fails: a daemon that cannot be told finds out at its next tick."""
        if self.folder is None:
            return
        reach("notify.before")
        # Looked up each time, in a few microseconds: a folder's time of change is too coarse to trust a list by.
        try:
            with os.scandir(self.folder) as entries:
                addresses = [entry.path for entry in entries if entry.name.endswith(".sock")]
        except OSError:
            return
        if not addresses:
            return
        if self._socket is None or self._pid != os.getpid():
            self._socket, self._pid = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), os.getpid()
            self._socket.setblocking(False)
        for address in addresses:
            # Full: it is awake already. Refused: its owner is dead.
            with contextlib.suppress(OSError):
                self._socket.sendto(b"!", address)

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
