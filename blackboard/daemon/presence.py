"""A worker's presence: a lock that proves it lives, and a socket on which it is told of commits."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from blackboard.board.waking import run_folder
from blackboard.daemon.living import private_folder
from blackboard.failpoints import reach

__all__ = ["Presence"]


class Presence:
    """One worker of one board, from `enter` to `leave`.

    The lock is held for the life of the process: when it can be taken, the worker is dead, at once and for certain.
    A board on a server has no folder to lock in; there the lease alone tells.
    """

    def __init__(self, database: Path | None, ring: Callable[[], None]) -> None:
        self.id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.folder = None if database is None else run_folder(database)
        self._ring = ring
        self._lock: int | None = None
        self._socket: socket.socket | None = None
        self._listener: threading.Thread | None = None

    def enter(self) -> None:
        """Take the lock and listen."""
        if self.folder is None:
            return
        private_folder(self.folder)
        self._lock = os.open(self._path(self.id, "lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        reach("worker.locked")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self._path(self.id, "sock")))
        self._listener = threading.Thread(
            target=self._listen, args=(self._socket,), daemon=True, name="blackboard-bell"
        )
        self._listener.start()

    def dead_among(self, workers: Iterable[str]) -> list[str]:
        """Which of these workers are dead; what they left in the folder is removed."""
        if self.folder is None:
            return []
        dead = [worker for worker in workers if worker != self.id and self._is_dead(worker)]
        for worker in dead:
            self._remove(worker)
        return dead

    def leave(self) -> None:
        """Give the lock and the socket up."""
        if self._socket is not None:
            with contextlib.suppress(OSError):  # wakes the listener, whose socket is then closed
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._socket = None
        self._remove(self.id)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _listen(self, listening: socket.socket) -> None:
        while True:
            try:
                if not listening.recv(16):
                    return
            except OSError:
                return
            self._ring()

    def _is_dead(self, worker: str) -> bool:
        try:
            handle = os.open(self._path(worker, "lock"), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        except OSError:
            return False  # it cannot be told: the lease decides
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(handle)
        return True

    def _remove(self, worker: str) -> None:
        if self.folder is None:
            return
        for suffix in ("sock", "lock"):
            with contextlib.suppress(OSError):
                self._path(worker, suffix).unlink()

    def _path(self, worker: str, suffix: str) -> Path:
        assert self.folder is not None
        # Short names: a socket's address has room for about a hundred bytes.
        return self.folder / f"{worker.rsplit('-', 1)[-1]}.{suffix}"
