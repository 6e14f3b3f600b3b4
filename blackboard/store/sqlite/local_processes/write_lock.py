"""A fair write lock between the processes of one machine.

The system frees a lock when its process dies. No process blocks in `flock`, because that call has no time limit and
cannot be interrupted. A waiting process tries repeatedly. The longer it has waited for the queue lock, the more often
it tries. So the process that has waited longest is usually served first.

A process that has just written could take the lock again before any other process tries. So there are two locks. The
holder of the queue lock writes next, and keeps the queue lock until it holds the write lock. A process that has written
queues behind that holder.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import os
from collections.abc import Iterator
from enum import Enum, auto
from pathlib import Path
from typing import NamedTuple

from blackboard.clock import Instant, SystemClock, microseconds_in, sleep_for
from blackboard.durations import Duration
from blackboard.errors import StoreBusy
from blackboard.system import forks
from blackboard.system.files.board_files import BoardFiles
from blackboard.system.files.file_errors import file_failure
from blackboard.system.files.private_files import create_private, mode_of


class LockInterval(NamedTuple):
    """The pauses between attempts to take the two locks, by how long a process has waited; in microseconds."""

    waited_below: Duration
    """The interval applies to a process that has waited for a shorter time than this."""
    queue: Duration
    """The time between two attempts to take the queue lock."""
    lock: Duration
    """The time between two attempts to take the write lock."""


INTERVALS = (
    LockInterval(waited_below=8_000, queue=2_000, lock=100),
    LockInterval(waited_below=30_000, queue=1_000, lock=500),
    LockInterval(waited_below=1_000_000, queue=300, lock=500),
)
LONG_INTERVAL: Duration = 1_000
"""The time between two attempts of a long wait, such as the wait for a suspended process."""


class LockState(Enum):
    """The states of a process and a lock: it holds the lock, waits for it, or neither."""

    FREE = auto()
    WAITING = auto()
    """The process may have a place in the queue, and may have just got the lock."""
    HELD = auto()


class WriteLock:
    """The right to write to one file. One thread of a process at a time may ask for it.

    The lock files are made beside the file.

    Args:
        path: The file.
        seconds: The longest wait.
        permissions_from: A file whose permissions the lock files get; by default the file itself.
    """

    def __init__(self, path: Path, seconds: float, permissions_from: Path | None = None) -> None:
        self.path, self.seconds, self._permissions_from = path, seconds, permissions_from or path
        self._clock = SystemClock()
        self._files: list[_LockFile] = []
        """The queue lock and the write lock, once they are open."""
        self._state = LockState.FREE
        self._deadline: Instant | None = None
        """The end of the longest wait; None until a lock was found taken."""
        forks.register(self)

    def acquire(self) -> None:
        """Wait for the lock and hold it until `release`.

        Raises:
            StoreBusy: Other processes held it for too long.
            StoreError: The lock files cannot be made.
        """
        self._state = LockState.WAITING
        try:
            queue, lock = self._files if len(self._files) == 2 else self._open()
            self._deadline = None
            self._take(queue, is_queue=True)
            self._take(lock, is_queue=False)
            fcntl.flock(queue.fileno(), fcntl.LOCK_UN)
            self._state = LockState.HELD
        except BaseException:  # an error or an interrupt: give up the place in the queue
            self.close()
            raise

    def release(self) -> None:
        """Let the next process write, if this process holds the lock. May be repeated.

        If a thread was interrupted while it waited, give up its place in the queue.
        """
        if self._state is LockState.WAITING:
            self.close()
        elif self._state is LockState.HELD:
            fcntl.flock(self._files[1].fileno(), fcntl.LOCK_UN)
            self._state = LockState.FREE

    @property
    def is_free(self) -> bool:
        """Whether this process does not have the lock and does not wait for it."""
        return self._state is LockState.FREE

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the lock.

        Raises:
            StoreBusy: Other processes held it for too long.
            StoreError: The lock files cannot be made.
        """
        try:
            try:
                self.acquire()
                yield
            finally:
                self.release()
        except BaseException:  # a signal's exception may have ended the line above
            self.release()
            raise

    def close(self) -> None:
        """Close the lock files, which gives up the locks."""
        for file in self._files:
            file.close()
        self._files = []
        self._state = LockState.FREE

    def before_fork(self) -> None:
        """Do nothing: this process keeps the lock that one of its threads holds."""

    def after_fork(self, *, in_child: bool) -> None:
        """In a child, close the lock files. The parent's locks stay as they are."""
        if in_child:
            self.close()

    def _open(self) -> list[_LockFile]:
        self._files = []
        files = BoardFiles(self.path)
        for path in (files.write_queue, files.write_lock):
            try:
                self._files.append(_open(path, mode_of(self._permissions_from)))
            except OSError as error:
                raise file_failure(path, "cannot be opened", error) from None
        return self._files

    def _take(self, file: io.FileIO, *, is_queue: bool) -> None:
        began = 0
        while True:
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                now = self._clock.monotonic()
            if self._deadline is None:
                self._deadline = now + microseconds_in(self.seconds)
            if now >= self._deadline:
                raise StoreBusy(f"another process held {self.path} for over {self.seconds:.0f} s; try again")
            began = began or now
            sleep_for(_interval(now - began, is_queue=is_queue))


class _LockFile(io.FileIO):
    """A lock file that closes itself if a program does not close its board, so Python gives no `ResourceWarning`.

    The garbage collector may finalize the file before the `WriteLock` that owns it, so the `WriteLock` cannot be relied
    on to close it.
    """

    def __del__(self) -> None:
        self.close()


def _open(path: Path, mode: int) -> _LockFile:
    """Open a lock file, and return a file object.

    A file object closes itself if an exception from a signal ends this function. A file descriptor does not. Nothing
    is ever written to the file, so a link that somebody puts here after the check does no harm.
    """
    with contextlib.suppress(FileExistsError):
        os.close(create_private(path, os.O_RDWR, mode))
    if path.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return _LockFile(path, "r+")


def _interval(waited: Duration, *, is_queue: bool) -> Duration:
    """Return the microseconds until the next attempt."""
    for interval in INTERVALS:
        if waited < interval.waited_below:
            return interval.queue if is_queue else interval.lock
    return LONG_INTERVAL
