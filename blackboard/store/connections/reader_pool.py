"""A pool of reading connections. An idle connection is lent again, and a forked child inherits none."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from blackboard.clock import SystemClock, microseconds_in, pause
from blackboard.durations import MILLISECOND, Duration
from blackboard.errors import StoreExhausted
from blackboard.store.connections.connection_uses import ConnectionUses
from blackboard.store.dialects import dialect, driver_errors
from blackboard.system import forks

RETURN_CHECK_INTERVAL: Duration = MILLISECOND
"""The time between two checks for a reading connection that another thread has returned."""


class ReaderPool:
    """The reading connections of a database that are open for one purpose.

    Args:
        uses: The uses of the database's connections. A fork waits for them.
        check_file: Checks that the path still names the open file.
        give_up_outdated: Closes a connection if it does not have the file at the path open; returns whether it did.
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
            pause(RETURN_CHECK_INTERVAL)
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
        self._pool, self._generation = pool, forks.generation()
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
    """Close connections, also those that other threads return meanwhile."""
    with contextlib.suppress(IndexError):
        while True:
            _close(connections.pop())


def _close(connection: Any) -> None:
    with contextlib.suppress(Exception):
        connection.close()
