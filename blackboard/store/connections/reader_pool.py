"""A pool of reading connections. An idle connection is lent again, and a forked child inherits none.

A fork waits for the threads that use a connection. A thread may limit the time of its reads.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

from blackboard.clock import Instant, SystemClock, microseconds_in, sleep_for
from blackboard.durations import MILLISECOND, Duration
from blackboard.errors import StoreExhausted
from blackboard.store.dialects import dialect, driver_errors
from blackboard.system import forks

READS_CHECK_INTERVAL: Duration = 500
"""The time between two checks for threads that still read."""

RETURN_CHECK_INTERVAL: Duration = MILLISECOND
"""The time between two checks for a reading connection that another thread has returned."""


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
            sleep_for(READS_CHECK_INTERVAL)

    def resume(self) -> None:
        """Allow uses to begin again."""
        if self._lock.locked():
            self._lock.release()


class ReaderPool:
    """The reading connections of a database that are open for one purpose.

    Args:
        uses: The uses of the database's connections. A fork waits for them.
        check_file: Checks that the path still names the open file.
        give_up_outdated: Closes a connection that does not have the file at the path open; returns whether it closed
            the connection.
    """

    def __init__(
        self,
        uses: ConnectionUses,
        check_file: Callable[[], None] = lambda: None,
        give_up_outdated: Callable[[Any], bool] = lambda connection: False,
    ) -> None:
        self.uses, self._check_file, self._give_up_outdated = uses, check_file, give_up_outdated
        self.idle: list[Any] = []
        """The connections without a user."""

    @contextlib.contextmanager
    def lend(self, connect: Callable[[], Any]) -> Iterator[Any]:
        """Lend an idle connection, or else a new connection. After an error it is closed."""
        loan = Loan(self)
        succeeded = False
        try:
            yield loan.begin(connect)
            succeeded = True
        finally:
            loan.end(succeeded=succeeded)

    def close(self) -> None:
        """Close the idle connections."""
        _close_all(self.idle)

    def retire(self) -> None:
        """Close the idle connections, and each other one when its use ends."""
        idle, self.idle = self.idle, _NoIdle()
        _close_all(idle)

    def abandon(self) -> None:
        """Drop the idle connections without closing them: they belong to the parent of this process."""
        for connection in self.idle:
            forks.keep_for_ever(connection)
        self.idle = []

    def take(self, connect: Callable[[], Any]) -> Any:
        """Take an idle connection, or else a new one."""
        self._check_file()
        try:
            connection = self.idle.pop()
        except IndexError:
            return self._open_or_wait(connect)
        return connect() if self._give_up_outdated(connection) else connection

    def _open_or_wait(self, connect: Callable[[], Any]) -> Any:
        """Open a connection. Without a free descriptor, wait for a connection that another thread returns.

        Raises:
            StoreExhausted: No other thread has a connection, or none is returned for too long.
        """
        clock = SystemClock()
        deadline = clock.monotonic() + microseconds_in(dialect.BUSY_SECONDS)
        while True:
            try:
                return connect()
            except StoreExhausted:
                if not self.uses.any_elsewhere() or clock.monotonic() >= deadline:
                    raise
                if not driver_errors.is_without_descriptors():
                    raise
            sleep_for(RETURN_CHECK_INTERVAL)
            with contextlib.suppress(IndexError):
                if not self._give_up_outdated(connection := self.idle.pop()):
                    return connection


class _NoIdle(list[Any]):
    """The idle connections of a pool that keeps none."""

    def append(self, connection: Any) -> None:
        _close(connection)


class Loan:
    """One use of a connection of a pool. Call `begin`, and `end` in every case."""

    __slots__ = ("_connection", "_generation", "_pool")

    def __init__(self, pool: ReaderPool) -> None:
        self._pool = pool
        self._generation = forks.generation()
        self._connection: Any = None

    def begin(self, connect: Callable[[], Any]) -> Any:
        """Return the connection."""
        self._pool.uses.begin()
        self._connection = self._pool.take(connect)
        return self._connection

    def renew(self, connect: Callable[[], Any]) -> Any:
        """Close the connection, which has failed before its use, and return a new one."""
        _close(self._connection)
        self._connection = None
        self._connection = connect()
        return self._connection

    def end(self, *, succeeded: bool) -> None:
        """Return the connection to the pool if its use succeeded; otherwise close it."""
        try:
            if self._connection is None:
                return
            if self._generation != forks.generation():
                forks.keep_for_ever(self._connection)  # the parent's
            elif succeeded:
                idle = self._pool.idle
                idle.append(self._connection)
                if idle is not self._pool.idle:  # another thread has retired the pool meanwhile
                    _close_all(idle)
            else:
                _close(self._connection)
        finally:
            self._pool.uses.end()


def _close_all(connections: list[Any]) -> None:
    """Close connections, including those that other threads return meanwhile."""
    with contextlib.suppress(IndexError):
        while True:
            _close(connections.pop())


def _close(connection: Any) -> None:
    with contextlib.suppress(Exception):
        connection.close()


class ReadLimits(threading.local):
    """The time limit of each thread."""

    end: Instant | None = None
    """The instant at which the reads of this thread are stopped, in monotonic time; None without a limit."""

    @contextlib.contextmanager
    def within(self, limit: Duration) -> Iterator[None]:
        """Stop the reads of this thread inside the context after a time, which begins now."""
        self.end = SystemClock().monotonic() + limit
        try:
            yield
        finally:
            self.end = None
