"""Liveness of the workers of a board in a file: each worker holds a lock as proof."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from blackboard.clock import Instant
from blackboard.store.database_interfaces.process_interface import new_worker_id
from blackboard.store.row_types.board_row_types import WorkerRow
from blackboard.store.sqlite.local_processes import worker_sockets
from blackboard.store.sqlite.local_processes.worker_sockets import WorkerListener
from blackboard.system import forks
from blackboard.system.failpoints import failpoint
from blackboard.system.files.board_files import BoardFiles
from blackboard.system.files.file_errors import file_failure
from blackboard.system.files.file_locks import try_lock
from blackboard.system.files.private_files import ensure_private_folder, mode_of, open_private


def living_workers(database: Path, workers: Iterable[str]) -> set[str]:
    """Return which of the registered workers are alive."""
    folder = BoardFiles(database).run_folder
    return {worker for worker in workers if _is_held(_path(folder, worker, "lock"))}


def any_alive(database: Path) -> bool:
    """Return whether any worker of a board is alive, registered or not.

    Raises:
        StoreError: The folder of the locks cannot be read.
    """
    folder = BoardFiles(database).run_folder
    try:
        return any(_is_held(lock) for lock in _locks(folder))
    except OSError as error:
        raise file_failure(folder, "cannot be read, so it is not known whether a daemon is alive", error) from None


class WorkerLiveness:
    """The liveness of one worker, from `enter` to `release`.

    The worker holds its lock until it dies. A thread waits on each other worker's lock, so a death wakes this worker
    immediately.

    Args:
        database: The file of the board.
        wake: Called from another thread when this worker should look at the board.
    """

    is_proven = True
    """Whether other workers can see that this worker is alive: the system frees its lock only when it ends."""
    lock_key: int | None = None
    """The number of its lock on PostgreSQL."""

    def __init__(self, database: Path, wake: Callable[[], None]) -> None:
        self.id = new_worker_id()
        self._database = database
        self.folder = BoardFiles(database).run_folder
        self._wake = wake
        self._lock: int | None = None
        self._listener: WorkerListener | None = None
        self._peers: set[Path] = set()
        self._peer_died = threading.Event()
        forks.register(self)

    def enter(self) -> None:
        """Take the lock, and listen for commits of other processes."""
        mode = mode_of(self._database)
        ensure_private_folder(self.folder, mode)
        self._lock = _lock(_path(self.folder, self.id, "lock"), mode)
        failpoint("worker.locked")
        self._listener = WorkerListener(_path(self.folder, self.id, "sock"), mode, self._wake)
        self._listener.start()

    def remove_dead(self, workers: Iterable[str]) -> list[str]:
        """Remove the files of dead workers, and return which of these workers are dead."""
        for lock in self._other_locks(self.folder):
            _remove_if_dead(lock)
        return [worker for worker in workers if worker != self.id and not _path(self.folder, worker, "lock").exists()]

    def dead_among(self, workers: Iterable[WorkerRow], now: Instant) -> list[str]:
        """Remove the files of dead workers, and return which of these workers are dead."""
        return self.remove_dead(row.id for row in workers)

    def check_peers(self) -> bool:
        """Watch the workers that started since the last call, and return whether another worker ended since then."""
        peers = self._other_locks(self.folder)
        self._peers = {lock for lock in peers if lock in self._peers or self._watch(lock)}
        died = self._peer_died.is_set()
        self._peer_died.clear()
        return died

    def release(self) -> None:
        """Give up the lock and the socket."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        if self._lock is not None:
            _remove(_path(self.folder, self.id, "lock"))
            os.close(self._lock)
            self._lock = None

    def before_fork(self) -> None:
        """Do nothing: this process stays the worker."""

    def after_fork(self, *, in_child: bool) -> None:
        """In a child, close the lock that proves that the parent lives.

        A child that becomes a worker has its own id.
        """
        if not in_child:
            return
        if self._lock is not None:
            os.close(self._lock)
        self._listener, self._lock, self._peers = None, None, set()
        self.id = new_worker_id()

    def _other_locks(self, folder: Path) -> set[Path]:
        try:
            return _locks(folder) - {_path(folder, self.id, "lock")}
        except OSError:  # perhaps no descriptor is free: the known workers stay known until the next check
            return self._peers

    def _watch(self, lock: Path) -> bool:
        """Start a thread that waits for a worker to die, and return whether it runs. A dead worker needs none."""
        try:
            handle = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            threading.Thread(target=self._wait_for_death, args=(handle,), daemon=True, name="blackboard-peer").start()
        except RuntimeError:
            os.close(handle)
            return False
        return True

    def _wait_for_death(self, handle: int) -> None:
        with contextlib.suppress(OSError):
            try:
                with forks.closed_in_children(handle):
                    fcntl.flock(handle, fcntl.LOCK_SH)
            finally:
                os.close(handle)
            self._peer_died.set()
            self._wake()


def _path(folder: Path, worker: str, suffix: str) -> Path:
    # Short names: the address of a socket has room for about a hundred bytes.
    return folder / f"{worker.rsplit('-', 1)[-1]}.{suffix}"


def _locks(folder: Path) -> set[Path]:
    """Return the lock of each worker, alive or dead.

    Raises:
        OSError: The folder exists and cannot be read.
    """
    try:
        return {folder / name for name in os.listdir(folder) if name.endswith(".lock")}
    except FileNotFoundError:
        return set()


def _lock(path: Path, mode: int) -> int:
    """Create and hold a lock. Another worker that looks for dead workers may remove the lock before it is held."""
    while True:
        handle = open_private(path, os.O_RDWR, mode)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if path.exists():
            return handle
        os.close(handle)


def _is_held(lock: Path) -> bool:
    try:
        with _hold_shared(lock) as handle:
            return handle is None
    except FileNotFoundError:
        return False
    except OSError:
        return True  # a lock that cannot be opened does not prove a death


def _remove_if_dead(lock: Path) -> None:
    with contextlib.suppress(OSError), _hold_shared(lock) as handle:
        # Before this lock was held, a newer worker may have replaced the file of this name. Now it would wait.
        if handle is not None and os.path.samestat(os.fstat(handle), os.stat(lock)):
            _remove(lock)


@contextlib.contextmanager
def _hold_shared(lock: Path) -> Iterator[int | None]:
    """Open a lock, and hold it together with other readers; yield None if its worker holds it.

    A worker holds its lock exclusively. Processes that check it share the lock, so that none of them mistakes another
    for the worker.

    Raises:
        OSError: The lock cannot be opened.
    """
    handle = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)  # on a read-only mount, too
    try:
        yield handle if try_lock(handle, shared=True) else None
    finally:
        os.close(handle)


def _remove(lock: Path) -> None:
    worker_sockets.delete(lock.with_suffix(".sock"))
    with contextlib.suppress(OSError):
        lock.unlink()
