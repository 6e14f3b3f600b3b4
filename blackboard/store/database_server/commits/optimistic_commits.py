"""Commits without a lock while the rules run, for processes that would wait for each other on a server.

A process takes this way while others write, and only with work that names how its result follows the ids of its events.
What cannot be committed so runs again under the lock, and then this process does not try for a while.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from blackboard.clock import SystemClock
from blackboard.durations import SECOND
from blackboard.store.commits.batch_commits import unknown_outcome
from blackboard.store.commits.group_commit import Entry
from blackboard.store.database_server.commits.server_writer import ServerWriter
from blackboard.store.database_server.optimistic.optimistic_transaction import OptimisticTransaction
from blackboard.store.dialects.driver_errors import ErrorCause

ATTEMPTS = 3
"""How often work is tried without the lock if what it has read changes before its commit."""
BUSY = 5 * SECOND
"""How long the board counts as busy after a writer waited, in microseconds."""
MOST_ENTRIES = 4
"""The largest batch. The statements of larger batches differ more, and the server would have to plan each of them. A
large batch also needs this less, because its deposits share one wait for the lock."""
MOST_PASSED_OVER = 64
"""How many commits are made under the lock, at most, after work that could not be committed without it."""


class OptimisticCommits:
    """The commits of one process.

    Args:
        writer: The writing connection of the process.
        on_commit: Called after each commit.
    """

    def __init__(self, writer: ServerWriter, on_commit: Callable[[], object]) -> None:
        self._writer, self._on_commit = writer, on_commit
        self._clock = SystemClock()
        self._busy_until = 0
        self._failures = 0
        """How often in a row work could not be committed so."""
        self._pass_over = 0
        """How many commits are made under the lock before the next try."""
        self._misses = 0
        """How often in a row what the process remembered was not true, or not enough."""
        self._asks = 0
        """How many transactions ask before the next one that does not."""
        self.has_waited = False
        """Whether the last batch waited in vain for the lock of writers."""

    def note_wait(self) -> None:
        """Note whether the last transaction had to wait for another writer."""
        if self._writer.record.had_to_wait:
            self._busy_until = self._clock.monotonic() + BUSY

    def takes(self, batch: list[Entry[Any]]) -> bool:
        """Return whether a batch should be committed here: its work may run so, and that saves a message or a wait."""
        if len(batch) > MOST_ENTRIES or any(entry.hints is None for entry in batch):
            return False
        if not self._is_busy and (self._asks or self._writer.remembered.start is None):
            self._asks = max(0, self._asks - 1)
            return False
        if self._pass_over:
            self._pass_over -= 1
            return False
        return True

    def commit(self, batch: list[Entry[Any]]) -> bool:
        """Commit a batch.

        Returns:
            Whether each entry has its result or error. Otherwise nothing is stored, and the batch is to be committed
            under the lock.
        """
        self.has_waited = False
        if self._asks:
            self._asks -= 1
        elif (start := self._writer.remembered.start) is not None:
            done = self._try(batch, lambda: self._writer.begin_one_message(start))
            if done:
                self._misses = 0
                return True
            self._misses += 1
            self._asks = min(2**self._misses, MOST_PASSED_OVER)
            if self.has_waited or not self._is_busy:
                return False
        for _ in range(ATTEMPTS):
            done = self._try(batch, self._writer.begin_optimistic)
            if done:
                return True
            if done is None:
                break
        self._failures += 1
        self._pass_over = min(2**self._failures, MOST_PASSED_OVER)
        return False

    @property
    def _is_busy(self) -> bool:
        return self._clock.monotonic() < self._busy_until

    def _try(self, batch: list[Entry[Any]], begin: Callable[[], OptimisticTransaction]) -> bool | None:
        """Try once to commit a batch, and return whether each entry has its result or error.

        None means that the work has to run under the lock; False, that what it has read is no longer so.
        """
        writer = self._writer
        transaction: OptimisticTransaction | None = None
        results: list[Any] = []
        try:
            try:
                transaction = begin()
                _run(batch, transaction, results)
                writer.commit_optimistic(transaction)
            finally:
                writer.drop()
        except BaseException as error:
            if self._settle(batch, results, transaction, error):
                return True
            self.has_waited = writer.dialect.errors.cause_of(error) is ErrorCause.BUSY
            return None
        self.note_wait()
        if not transaction.committed:
            return False
        _deliver(batch, results, transaction)
        self._failures = 0
        self._on_commit()
        return True

    def _settle(
        self,
        batch: list[Entry[Any]],
        results: list[Any],
        transaction: OptimisticTransaction | None,
        error: BaseException,
    ) -> bool:
        """Handle an error, and return what `commit` returns."""
        writer = self._writer
        writer.drop()  # a signal's exception may have interrupted it
        if transaction is not None and transaction.committed:
            _deliver(batch, results, transaction)
            raise error  # the work is committed: an error after that must not repeat it
        if writer.may_be_stored(error) or (transaction is not None and transaction.in_doubt):
            for entry in batch:  # not repeated
                entry.error = error if writer.may_be_stored(error) else unknown_outcome(writer.where)
            if not isinstance(error, Exception):
                raise error
            return True
        if not isinstance(error, Exception):
            raise error  # a signal's handler raised it: nothing is stored, and the entries wait again
        return False  # under the lock, the work shows whether the error was its own


def _run(batch: list[Entry[Any]], transaction: OptimisticTransaction, results: list[Any]) -> None:
    """Run the work of a batch, and append the results. The questions of all are asked ahead, in one message."""
    for entry in batch:
        if entry.hints is not None:
            entry.hints.ask(transaction)
    results.extend(entry.work(transaction) for entry in batch)


def _deliver(batch: list[Entry[Any]], results: list[Any], transaction: OptimisticTransaction) -> None:
    """Set the results of entries, with the ids that their events have got."""
    last_event, shift = transaction.last_event, transaction.shift

    def as_recorded(number: int) -> int:
        return number + shift if number > last_event else number

    for entry, result in zip(batch, results, strict=True):
        entry.result = entry.hints.renumber(result, as_recorded) if shift and entry.hints is not None else result
        entry.transaction = transaction
