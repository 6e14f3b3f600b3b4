"""Which workers of a board are alive: a lock for each proves it, and a socket tells each one of commits."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import socket
import stat
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from blackboard.board_files import BoardFiles
from blackboard.errors import StoreError
from blackboard.failpoints import reach

__all__ = ["WorkerLiveness", "any_living", "living", "private_folder"]


def living(database: Path | None, workers: Iterable[str]) -> set[str] | None:
    """Those of the registered workers that live; None where there are no locks to tell, as on a server."""
    if database is None:
        return None
    folder = BoardFiles(database).run_folder
    return {worker for worker in workers if _is_held(folder / f"{worker.rsplit('-', 1)[-1]}.lock")}


def any_living(database: Path | None) -> bool:
    """Whether any worker of a board lives, registered or not."""
    return database is not None and any(_is_held(lock) for lock in BoardFiles(database).run_folder.glob("*.lock"))


def private_folder(folder: Path) -> Path:
    """The folder, made if need be: this user's, and no one else's to enter.

    Raises:
        StoreError: it cannot be made, or somebody else made it, who could then pose as a worker.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = os.lstat(folder)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise StoreError(f"{folder} is not this user's folder; remove it, or have its owner do so")
        if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            os.chmod(folder, 0o700)
    except OSError as error:
        raise StoreError(f"{folder} cannot be made: {error.strerror}; check the permissions beside the board") from None
    return folder


def _is_held(lock: Path) -> bool:
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


class WorkerLiveness:
    """One worker of one board, from `enter` to `leave`.

    The lock is held for the life of the process: when it can be taken, the worker is dead, at once and for certain. A
    thread for each other worker waits for just that, so that a death rings like a deposit.
    A board on a server has no folder to lock in; there the lease alone tells.
    """

    def __init__(self, database: Path | None, wake: Callable[[], None]) -> None:
        self.id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.folder = None if database is None else BoardFiles(database).run_folder
        self._wake = wake
        self._lock: int | None = None
        self._socket: socket.socket | None = None
        self._listener: threading.Thread | None = None
        self._others: set[Path] = set()
        self._lost = threading.Event()

    def enter(self) -> None:
        """Take the lock and listen."""
        if self.folder is None:
            return
        private_folder(self.folder)
        self._lock = self._taken()
        reach("worker.locked")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self._path(self.id, "sock")))
        self._listener = threading.Thread(
            target=self._listen, args=(self._socket,), daemon=True, name="blackboard-notify"
        )
        self._listener.start()

    def dead_among(self, workers: Iterable[str]) -> list[str]:
        """Which of these workers are dead; what any dead worker left in the folder is removed."""
        if self.folder is None:
            return []
        for lock in self.folder.glob("*.lock"):
            if lock != self._path(self.id, "lock"):
                self._remove_if_dead(lock)
        return [worker for worker in workers if worker != self.id and not self._path(worker, "lock").exists()]

    def lost_another(self) -> bool:
        """Whether a worker has died or left since the last question; from now on, those that came since count too."""
        if self.folder is None:
            return False
        locks = set(self.folder.glob("*.lock")) - {self._path(self.id, "lock")}
        for lock in locks - self._others:
            threading.Thread(target=self._outlive, args=(lock,), daemon=True, name="blackboard-peer").start()
        self._others = locks
        lost = self._lost.is_set()
        self._lost.clear()
        return lost

    def release(self) -> None:
        """Give the lock and the socket up."""
        if self._socket is not None:
            with contextlib.suppress(OSError):  # wakes the listener, whose socket is then closed
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._socket = None
        if self._lock is not None:
            self._remove(self._path(self.id, "lock"))
            os.close(self._lock)
            self._lock = None

    def _listen(self, listening: socket.socket) -> None:
        while True:
            try:
                if not listening.recv(16):
                    return
            except OSError:
                return
            self._wake()

    def _outlive(self, lock: Path) -> None:
        with contextlib.suppress(OSError):
            handle = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_SH)
            finally:
                os.close(handle)
            self._lost.set()
            self._wake()

    def _taken(self) -> int:
        """This worker's lock, held. Another that looks for dead ones may come between its making and its taking."""
        path = self._path(self.id, "lock")
        while True:
            handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX)
            if path.exists():
                return handle
            os.close(handle)

    def _remove_if_dead(self, lock: Path) -> None:
        # What cannot be opened cannot be told dead: the lease decides.
        with contextlib.suppress(OSError):
            handle = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._remove(lock)  # while it is held, so that nobody takes a lock that is about to go
            finally:
                os.close(handle)

    def _remove(self, lock: Path) -> None:
        for path in (lock.with_suffix(".sock"), lock):
            with contextlib.suppress(OSError):
                path.unlink()

    def _path(self, worker: str, suffix: str) -> Path:
        assert self.folder is not None
        # Short names: a socket's address has room for about a hundred bytes.
        return self.folder / f"{worker.rsplit('-', 1)[-1]}.{suffix}"
