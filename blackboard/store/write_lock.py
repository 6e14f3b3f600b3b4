"""A fair (FIFO) write lock between the processes of one machine.

`flock` queues waiting processes, but a released lock stays free until the first of them has woken. A running process
can take it in that time; on a busy board this is mostly the process that has just written. So there are two locks. The
holder of the queue lock writes next and keeps it until it holds the write lock. A process that has written queues
behind it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from blackboard.board_files import BoardFiles
from blackboard.errors import StoreBusy, StoreError


class WriteLock:
    """The right to write to one file. One thread of a process at a time may ask for it.

    The lock files are made beside the file. `seconds` is the longest wait.
    """

    def __init__(self, path: Path, seconds: float) -> None:
        self.path, self.seconds = path, seconds
        self._handles: tuple[int, int] | None = None

    @contextlib.contextmanager
    def acquired(self) -> Iterator[None]:
        """Hold the lock.

        Raises:
            StoreBusy: Other processes held it for too long.
            StoreError: The lock files cannot be made.
        """
        queue, lock = self._handles or self._open()
        try:
            fcntl.flock(queue, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(queue, fcntl.LOCK_UN)
        except BlockingIOError:
            self._wait(queue, lock)
        try:
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the lock files. In a forked child, the parent's locks stay as they are."""
        if self._handles is not None:
            for handle in self._handles:
                os.close(handle)
            self._handles = None

    def _open(self) -> tuple[int, int]:
        files = BoardFiles(self.path)
        handles: list[int] = []
        for file in (files.write_queue, files.write_lock):
            try:
                handles.append(os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
            except OSError as error:
                for handle in handles:
                    os.close(handle)
                raise StoreError(f"{file} cannot be opened: {error.strerror}; check permissions") from None
        self._handles = handles[0], handles[1]
        return self._handles

    def _wait(self, queue: int, lock: int) -> None:
        # flock has no timeout, so a thread waits, and is abandoned if that takes too long: a process that was stopped
        # in the middle of a transaction must not block all others for ever.
        acquired, abandoned, guard = threading.Event(), threading.Event(), threading.Lock()

        def wait() -> None:
            fcntl.flock(queue, fcntl.LOCK_EX)
            fcntl.flock(lock, fcntl.LOCK_EX)
            fcntl.flock(queue, fcntl.LOCK_UN)
            with guard:
                if not abandoned.is_set():
                    acquired.set()
                    return
            for handle in (queue, lock):
                os.close(handle)

        threading.Thread(target=wait, daemon=True, name="blackboard-write-lock").start()
        if not acquired.wait(self.seconds):
            with guard:
                if not acquired.is_set():
                    abandoned.set()
                    self._handles = None  # the abandoned thread closes them
                    raise StoreBusy(f"another process held {self.path} for over {self.seconds:.0f} s; try again")
