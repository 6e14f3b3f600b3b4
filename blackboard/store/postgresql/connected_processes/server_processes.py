"""The processes on a board on a server: advisory locks and notifications."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from blackboard.clock import Instant
from blackboard.store.database_parts.board_processes import BoardProcesses, was_seen_lately
from blackboard.store.postgresql.connected_processes.advisory_lock import ServerLock
from blackboard.store.postgresql.connected_processes.connection_liveness import ServerLiveness
from blackboard.store.rows import WorkerRow
from blackboard.store.transaction import Transaction

if TYPE_CHECKING:
    from blackboard.store.postgresql.server_database import ServerDatabase


class ServerProcesses(BoardProcesses):
    """The processes on the board of a server; see `BoardProcesses`."""

    expiry_is_death = True

    def __init__(self, database: ServerDatabase) -> None:
        self._database = database

    def liveness(self, wake: Callable[[], None]) -> ServerLiveness:
        return ServerLiveness(self._database.listener, wake)

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

    def lock(self, name: str, seconds: float) -> ServerLock:
        return ServerLock(self._database, name, seconds)
