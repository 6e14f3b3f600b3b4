"""Which workers of a board are alive: each holds a lock as proof, and listens on a socket for commits of others."""

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
from blackboard.failpoints import failpoint


def living_workers(database: Path | None, workers: Iterable[str]) -> set[str] | None:
    """Return which of the registered workers are alive; None for a board on a server, which has no locks to tell."""
    if database is None:
        return None
    folder = BoardFiles(database).run_folder
    return {worker for worker in workers if _is_held(_path(folder, worker, "lock"))}


def any_alive(database: Path | None) -> bool:
    """Return whether any worker of a board is alive, registered or not."""
    return database is not None and any(_is_held(lock) for lock in BoardFiles(database).run_folder.glob("*.lock"))


def ensure_private_folder(folder: Path) -> Path:
    """Create the folder if necessary, let only this user enter it, and return it.

    Raises:
        StoreError: The folder cannot be created, or belongs to another user, who could then pose as a worker.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = os.lstat(folder)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            raise StoreError(f"{folder} is not this user's folder; remove it, or ask its owner to do so")
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            os.chmod(folder, 0o700)
    except OSError as error:
        raise StoreError(
            f"{folder} cannot be created: {error.strerror}; check the permissions of the folder of the board"
        ) from None
    return folder


class WorkerLiveness:
    """The liveness of one worker, from `enter` to `release`; `wake` is called from its threads.

    The worker holds its lock until it dies. A thread waits on each other worker's lock, so a death wakes this worker
    at once. On a server there are no locks: the lease decides.
    """

    def __init__(self, database: Path | None, wake: Callable[[], None]) -> None:
        self.id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.folder = None if database is None else BoardFiles(database).run_folder
        self._wake = wake
        self._lock: int | None = None
        self._socket: socket.socket | None = None
        self._peers: set[Path] = set()
        self._peer_died = threading.Event()

    def enter(self) -> None:
        """Take the lock and listen."""
        if self.folder is None:
            return
        ensure_private_folder(self.folder)
        self._lock = _lock(_path(self.folder, self.id, "lock"))
        failpoint("worker.locked")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(_path(self.folder, self.id, "sock")))
        _start(self._listen, self._socket, "blackboard-notify")

    def remove_dead(self, workers: Iterable[str]) -> list[str]:
        """Remove the files of dead workers, and return which of these workers are dead."""
        if self.folder is None:
            return []
        for lock in self._other_locks(self.folder):
            _remove_if_dead(lock)
        return [worker for worker in workers if worker != self.id and not _path(self.folder, worker, "lock").exists()]

    def check_peers(self) -> bool:
        """Watch the workers that started since the last call, and return whether another one ended since then."""
        if self.folder is None:
            return False
        peers = self._other_locks(self.folder)
        for lock in peers - self._peers:
            _start(self._wait_for_death, lock, "blackboard-peer")
        self._peers = peers
        died = self._peer_died.is_set()
        self._peer_died.clear()
        return died

    def release(self) -> None:
        """Give up the lock and the socket."""
        if self._socket is not None:
            with contextlib.suppress(OSError):  # ends the listener's wait, before its socket is closed
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._socket = None
        if self._lock is not None and self.folder is not None:
            _remove(_path(self.folder, self.id, "lock"))
            os.close(self._lock)
            self._lock = None

    def _other_locks(self, folder: Path) -> set[Path]:
        return set(folder.glob("*.lock")) - {_path(folder, self.id, "lock")}

    def _listen(self, listening: socket.socket) -> None:
        while True:
            try:
                if not listening.recv(16):
                    return
            except OSError:
                return
            self._wake()

    def _wait_for_death(self, lock: Path) -> None:
        with contextlib.suppress(OSError):
            handle = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_SH)
            finally:
                os.close(handle)
            self._peer_died.set()
            self._wake()


def _path(folder: Path, worker: str, suffix: str) -> Path:
    # Short names: the address of a socket has room for about a hundred bytes.
    return folder / f"{worker.rsplit('-', 1)[-1]}.{suffix}"


def _lock(path: Path) -> int:
    """Create and hold a lock. Another worker that looks for dead ones may remove it before it is held."""
    while True:
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if path.exists():
            return handle
        os.close(handle)


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


def _remove_if_dead(lock: Path) -> None:
    # A lock that cannot be opened proves nothing: the lease decides.
    with contextlib.suppress(OSError):
        handle = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(lock)  # while it is held, so that nobody takes a lock that is about to be removed
        finally:
            os.close(handle)


def _remove(lock: Path) -> None:
    for path in (lock.with_suffix(".sock"), lock):
        with contextlib.suppress(OSError):
            path.unlink()


def _start(work: Callable[..., None], argument: object, name: str) -> None:
    threading.Thread(target=work, args=(argument,), daemon=True, name=name).start()
