"""The processes on a board on PostgreSQL: which workers are alive, and how each process hears of commits.

Each worker holds an advisory lock on its listening connection. Where no such connection is possible, as behind a
pooler, a worker counts as alive by its lease and its last sign of life.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from blackboard.clock import Instant
from blackboard.store.database_interfaces.process_interface import BoardProcesses, new_worker_id, was_seen_lately
from blackboard.store.postgresql.connected_processes.advisory_locks import AdvisoryLock
from blackboard.store.postgresql.connected_processes.commit_notifications import ListeningConnection
from blackboard.store.row_types.board_row_types import WorkerRow
from blackboard.store.transaction import Transaction
from blackboard.system import forks

if TYPE_CHECKING:
    from blackboard.store.postgresql.postgresql_database import PostgresqlDatabase


KEY_BITS = 62
"""The number of bits of a lock's number, which the database keeps as an integer of 64 bits."""


class PostgresqlLiveness:
    """The liveness of one worker on PostgreSQL, from `enter` to `release`.

    Args:
        listener: The connection whose lock proves that the worker is alive; None if nothing proves it.
        wake: Called from another thread when this worker should look at the board.
    """

    def __init__(self, listener: ListeningConnection | None, wake: Callable[[], None]) -> None:
        self.id = new_worker_id()
        self.lock_key: int | None = None
        self._listener, self._wake = listener, wake
        self._unsubscribe: Callable[[], None] = lambda: None
        forks.register(self)

    @property
    def is_proven(self) -> bool:
        """Whether other workers can see that this worker is alive. If not, it must claim nothing."""
        return self.lock_key is None or self._listener is None or self._listener.holds(self.lock_key)

    def enter(self) -> None:
        """Listen, and take the lock."""
        if self._listener is not None:
            self._unsubscribe = self._listener.subscribe(self._wake)
            self.lock_key = secrets.randbits(KEY_BITS)
            self._listener.hold(self.lock_key)

    def dead_among(self, workers: Iterable[WorkerRow], now: Instant) -> list[str]:
        """Return which of these workers are dead."""
        return [row.id for row in workers if row.id != self.id and self._is_dead(row, now)]

    def check_peers(self) -> bool:
        """Return whether another worker died since the last call."""
        return self._listener is not None and self._listener.take_news_of_death()

    def release(self) -> None:
        """Give up the lock, and stop listening."""
        if self._listener is not None and self.lock_key is not None:
            self._listener.release(self.lock_key)
            self._unsubscribe()
            self.lock_key = None

    def before_fork(self) -> None:
        """Do nothing: this process stays the worker."""

    def after_fork(self, *, in_child: bool) -> None:
        """In a child, take another id; the lock stays with the parent."""
        if in_child:
            self.id, self.lock_key, self._unsubscribe = new_worker_id(), None, lambda: None

    def _is_dead(self, row: WorkerRow, now: Instant) -> bool:
        if row.lock_key is not None and self._listener is not None:
            return self._listener.is_dead(row.lock_key)
        return not was_seen_lately(row.seen_at, now)


class PostgresqlProcesses(BoardProcesses):
    """The processes on a board on PostgreSQL; see `BoardProcesses`."""

    expiry_is_death = True

    def __init__(self, database: PostgresqlDatabase) -> None:
        self._database = database

    def liveness(self, wake: Callable[[], None]) -> PostgresqlLiveness:
        return PostgresqlLiveness(self._database.listener, wake)

    def dead_among(self, workers: Sequence[WorkerRow], now: Instant, transaction: Transaction) -> set[str]:
        """Return which of the registered workers are dead: by their locks, or because they were not seen lately."""
        held = self._database.dialect.held_locks(transaction.cursor)

        def is_dead(row: WorkerRow) -> bool:
            if row.lock_key is not None and held is not None:
                return row.lock_key not in held
            return not was_seen_lately(row.seen_at, now)

        return {row.id for row in workers if is_dead(row)}

    def is_served(self) -> bool:
        return False

    def notify(self) -> None:
        self._database.announce_commit()

    @contextmanager
    def hear_commits(self, wake: Callable[[], None]) -> Iterator[bool]:
        """Call `wake` after each commit. Behind a pooler without a direct URL, there are no notifications."""
        if (listener := self._database.listener) is None:
            yield False
            return
        unsubscribe = listener.subscribe(wake)
        try:
            yield True
        finally:
            unsubscribe()

    def hear_writes(self, wake: Callable[[], None]) -> nullcontext[bool]:
        return nullcontext(False)

    def lock(self, name: str, seconds: float) -> AdvisoryLock:
        return AdvisoryLock(self._database, name, seconds)
