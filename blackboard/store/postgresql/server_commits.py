"""Commits of batches on a server: without the lock while the rules run, or under the lock."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from blackboard.store.commits.batch_commits import BatchCommits
from blackboard.store.commits.group_commit import Entry
from blackboard.store.postgresql.optimistic_commits import OptimisticCommits, TryOutcome
from blackboard.store.postgresql.server_partitions import ServerPartitions
from blackboard.store.postgresql.server_writer import ServerWriter
from blackboard.store.dialects.driver_errors import ErrorCause
from blackboard.store.transaction import Transaction


class ServerCommits(BatchCommits):
    """The commits of batches on a server; see `BatchCommits`.

    Args:
        writer: The writing connection of this process.
        on_commit: Called after each commit.
    """

    _writer: ServerWriter

    def __init__(self, writer: ServerWriter, on_commit: Callable[[], object]) -> None:
        super().__init__(writer, on_commit)
        self.optimistic = OptimisticCommits(writer, on_commit)
        """The commits without the lock while the rules run."""

    def commit(self, batch: list[Entry[Any]], *, waits: int = 0) -> None:
        if self.optimistic.takes(batch):
            outcome = self.optimistic.commit(batch)
            if outcome is TryOutcome.DONE:
                return
            waits += outcome is TryOutcome.WAITED
        super().commit(batch, waits=waits)

    def retire(self) -> None:
        if self._writer.connection is None:
            return
        with contextlib.suppress(Exception):  # otherwise another writer removes the row later
            self._writer.record.remove(self._writer.connection.cursor())

    def _may_run_again(self, transaction: Transaction | None, error: BaseException, attempt: int) -> bool:
        if super()._may_run_again(transaction, error, attempt):
            return True
        return self._has_failed(transaction, error, ErrorCause.NO_PARTITION) and self._make_room(attempt)

    def _make_room(self, attempt: int) -> bool:
        """Create a partition for new events, because a transaction found none; return False if that is not possible."""
        writer = self._writer
        try:
            opened = writer.begin()
            is_made = ServerPartitions(opened).make_room(attempt)
            writer.commit(opened)
        except Exception:  # the caller then raises the error of the transaction that found no partition
            return False
        finally:
            writer.end()
        return is_made

    def _note_commit(self) -> None:
        self.optimistic.note_wait()
        super()._note_commit()
