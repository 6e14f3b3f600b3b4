"""The turn to write, among the processes of one machine: who comes first writes first. It knows not what is written.

`flock` queues those who wait, but a lock that is let go is free until the first of them has woken, and whoever happens
to run takes it: on a busy board, mostly the one who just wrote. So there are two locks. Who holds `next` writes next,
and keeps it until the turn is his; whoever has written queues behind him.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from blackboard.errors import StoreBusy, StoreError

__all__ = ["WriteLock"]


class WriteLock:
    """The turn to write to one file. One thread of a process at a time may ask for it.

    Args:
        path: the file; the locks are files beside it.
        seconds: how long to wait for it.
    """

    def __init__(self, path: Path, seconds: float) -> None:
        self.path, self.seconds = path, seconds
        self._locks: tuple[int, int] | None = None

    @contextlib.contextmanager
    def acquired(self) -> Iterator[None]:
        """Hold the turn.

        Raises:
            StoreBusy: others held it for too long.
            StoreError: the lock files cannot be made.
        """
        following, turn = self._locks or self._open()
        try:
            fcntl.flock(following, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(following, fcntl.LOCK_UN)
        except BlockingIOError:
            self._wait(following, turn)
        try:
            yield
        finally:
            fcntl.flock(turn, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the lock files. In a forked child this leaves the parent's locks as they are."""
        if self._locks is not None:
            for handle in self._locks:
                os.close(handle)
            self._locks = None

    def _open(self) -> tuple[int, int]:
        handles = []
        for name in ("next", "turn"):
            try:
                handles.append(os.open(f"{self.path}-{name}", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
            except OSError as error:
                for handle in handles:
                    os.close(handle)
                message = f"{self.path}-{name} cannot be opened: {error.strerror}; check permissions"
                raise StoreError(message) from None
        self._locks = handles[0], handles[1]
        return self._locks

    def _wait(self, following: int, turn: int) -> None:
        # flock knows no timeout, so a thread waits, and is left behind if it takes too long: a process that was stopped
        # in mid-transaction must not hang everyone for ever.
        taken, given_up, lock = threading.Event(), threading.Event(), threading.Lock()

        def wait() -> None:
            fcntl.flock(following, fcntl.LOCK_EX)
            fcntl.flock(turn, fcntl.LOCK_EX)
            fcntl.flock(following, fcntl.LOCK_UN)
            with lock:
                if not given_up.is_set():
                    taken.set()
                    return
            for handle in (following, turn):
                os.close(handle)

        threading.Thread(target=wait, daemon=True, name="blackboard-turn").start()
        if not taken.wait(self.seconds):
            with lock:
                if not taken.is_set():
                    given_up.set()
                    self._locks = None  # they are the left-behind thread's, which closes them
                    raise StoreBusy(f"{self.path} was held by another process for over {self.seconds:.0f} s; try again")
