"""The threads that use a reading connection of a database. A fork waits for them."""

from __future__ import annotations

import contextlib
import threading

from blackboard.clock import SystemClock, microseconds_in, pause
from blackboard.durations import Duration

READS_CHECK_INTERVAL: Duration = 500
"""The time between two checks for threads that still read."""


class ConnectionUses:
    """The current uses of a database's connections, apart from the writing connection."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        """The lock that is held while no use may begin."""
        self._threads: list[int] = []

    def begin(self) -> None:
        """Begin a use in this thread; if a fork has begun, wait until it is done."""
        with self._lock:
            self._threads.append(threading.get_ident())

    def end(self) -> None:
        """End a use of this thread, if it began."""
        with contextlib.suppress(ValueError):
            self._threads.remove(threading.get_ident())

    def any_elsewhere(self) -> bool:
        """Return whether another thread is using a connection."""
        here = threading.get_ident()
        return any(thread != here for thread in list(self._threads))

    def stop(self, seconds: float) -> None:
        """Prevent new uses until `resume`, and wait some seconds at most for the uses of other threads."""
        self._lock.acquire()
        clock = SystemClock()
        deadline = clock.monotonic() + microseconds_in(seconds)
        while self.any_elsewhere() and clock.monotonic() < deadline:
            pause(READS_CHECK_INTERVAL)

    def resume(self) -> None:
        """Allow uses to begin again."""
        if self._lock.locked():
            self._lock.release()
