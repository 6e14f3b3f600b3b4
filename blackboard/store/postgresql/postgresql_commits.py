"""Commits of batches on PostgreSQL. A batch is tried without the lock of the board first, if that saves time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from blackboard.store.connections.batch_commits import BatchCommits
from blackboard.store.connections.group_commit import Entry
from blackboard.store.dialects.driver_errors import ErrorCause
from blackboard.store.postgresql.optimistic_transactions.optimistic_commits import OptimisticCommits, TryOutcome
from blackboard.store.postgresql.postgresql_partitions import PostgresqlPartitions
from blackboard.store.postgresql.postgresql_writing_connection import PostgresqlWritingConnection
from blackboard.store.transaction import Transaction


class PostgresqlCommits(BatchCommits):
    """The commits of batches on PostgreSQL; see `BatchCommits`.

    Args:
        writer: The writing connection of this process.
        on_commit: Called after each commit.
    """

    _writer: PostgresqlWritingConnection

    def __init__(self, writer: PostgresqlWritingConnection, on_commit: Callable[[], object]) -> None:
        super().__init__(writer, on_commit)
        self.optimistic = OptimisticCommits(writer, on_commit)
        """The commits without the lock while the rules run."""

    def commit(self, batch: list[Entry[Any]], *, waits: int = 0) -> None:
        outcome = self.optimistic.commit(batch)
        if outcome is not TryOutcome.DONE:
            super().commit(batch, waits=waits + (outcome is TryOutcome.WAITED))

    def retire(self) -> None:
        if self._writer.connection is None:
            return
        with contextlib.suppress(Exception):  # if this fails, another writer removes the row later
            self._writer.record.remove(self._writer.connection.cursor())

    def _prepare_next_run(self, transaction: Transaction | None, error: BaseException, attempt: int) -> bool:
        if super()._prepare_next_run(transaction, error, attempt):
            return True
        return self._has_failed(transaction, error, ErrorCause.NO_PARTITION) and self._make_room(attempt)

    def _make_room(self, attempt: int) -> bool:
        """Create a partition for new events, because a transaction found none; return False if that is not possible.

        The partition is larger at each further attempt.
        """
        writer = self._writer
        try:
            opened = writer.begin()
            is_made = PostgresqlPartitions(opened).make_room(attempt)
            writer.commit(opened)
        except Exception:  # after this failure, the caller raises the error of the transaction that found no partition
            return False
        finally:
            writer.end()
        return is_made

    def _note_commit(self) -> None:
        self.optimistic.note_wait()
        super()._note_commit()
