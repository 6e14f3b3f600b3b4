"""Notification of the daemons of a board in a file after a commit: one datagram to each.

Each daemon listens on a socket, which is found in the run folder. A lost datagram costs at most the length of a tick.
"""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

from blackboard.store.sqlite.local_processes import worker_sockets
from blackboard.system import forks


class WorkerNotifier:
    """The sender of notifications to the daemons of one board, whose run folder is given."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket: socket.socket | None = None
        forks.register(self)

    def notify(self) -> None:
        """Notify every daemon. Never fails: a daemon that cannot be notified reads the board at its next tick."""
        # Listed each time, which takes a few microseconds: a folder's modification time is too coarse for a cache.
        try:
            listening = list(worker_sockets.addresses(self._folder))
            if not listening:
                return
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._socket.setblocking(False)
        except OSError:  # no folder, or no descriptor is free
            return
        for address in listening:
            # A full socket belongs to a daemon that is awake already, a refusing socket to a dead daemon.
            with contextlib.suppress(OSError):
                self._socket.sendto(b"!", address)

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def before_fork(self) -> None:
        """Do nothing: the socket has no state."""

    def after_fork(self, *, in_child: bool) -> None:
        """In a child, close the parent's socket."""
        if in_child:
            self.close()
