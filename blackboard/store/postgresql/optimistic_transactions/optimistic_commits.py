"""Commits of batches whose work runs without the lock of the board.

A process commits in this way while other processes would make it wait. The work must say how its result changes when
its events get other ids. Work that cannot be committed in this way runs again under the lock. For a while after that,
this process takes the lock without a try.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Any

from blackboard.clock import SystemClock
from blackboard.durations import SECOND, Duration
from blackboard.store.connections.batch_commits import unknown_outcome
from blackboard.store.connections.group_commit import Entry
from blackboard.store.dialects.driver_errors import ErrorCause
from blackboard.store.postgresql.optimistic_transactions.optimistic_transaction import OptimisticTransaction
from blackboard.store.postgresql.postgresql_writing_connection import PostgresqlWritingConnection
from blackboard.store.transaction import CommitState

MAX_OPTIMISTIC_ATTEMPTS = 3
"""How often work is tried without the lock if what it has read changes before its commit."""
BUSY_TIME: Duration = 5 * SECOND
"""How long the board counts as busy after a writer waited."""
MAX_ENTRIES = 4
"""The largest batch. The statements of larger batches differ more, and the database server would have to plan each of
them. A large batch also needs this less, because its deposits share one wait for the lock."""
MAX_SKIPPED = 64
"""The largest number of commits under the lock after work that could not be committed without the lock."""


class TryOutcome(Enum):
    """The outcomes of a try without the lock. Unless it is done, nothing is stored."""

    DONE = auto()
    """Each entry has its result or error."""
    CHANGED = auto()
    """The results that the work has read have changed."""
    LOCK_REQUIRED = auto()
    """The work has to run under the lock, or was not tried."""
    WAITED = auto()
    """The commit waited in vain for the lock."""


class SkippedTries:
    """Tries that are skipped after failures. The number of skipped tries grows with each further failure."""

    def __init__(self) -> None:
        self._failures = 0
        self.left = 0
        """How many of the next tries are skipped."""

    def note_failure(self) -> None:
        """Skip some of the next tries."""
        self._failures += 1
        self.left = min(2**self._failures, MAX_SKIPPED)

    def note_success(self) -> None:
        """Begin to count failures anew."""
        self._failures = 0

    def skip_next(self) -> bool:
        """Count the next try, and return whether it is skipped."""
        is_skipped = self.left > 0
        self.left -= is_skipped
        return is_skipped


class OptimisticCommits:
    """The commits of one process.

    Args:
        writer: The writing connection of the process.
        on_commit: Called after each commit.
    """

    def __init__(self, writer: PostgresqlWritingConnection, on_commit: Callable[[], object]) -> None:
        self.writer = writer
        """The writing connection of the process."""
        self._on_commit = on_commit
        self._clock = SystemClock()
        self.busy_until = 0
        """Until when the board counts as busy, in monotonic time."""
        self.skipped_tries = SkippedTries()
        """Commits that are made under the lock without a try."""
        self.skipped_messages = SkippedTries()
        """Commits that are not tried as one message, because what the process remembered was outdated or too little."""

    def note_wait(self) -> None:
        """Note whether the last transaction had to wait for another writer."""
        if self.writer.record.had_to_wait:
            self.busy_until = self._clock.monotonic() + BUSY_TIME

    def commit(self, batch: list[Entry[Any]]) -> TryOutcome:
        """Commit a batch, if its work allows it and that saves a message or a wait.

        Unless the outcome is `DONE`, the batch is to be committed under the lock.
        """
        if self._skip(batch):
            return TryOutcome.LOCK_REQUIRED
        if not self.skipped_messages.skip_next() and (start := self.writer.process_cache.start) is not None:
            outcome = self._try(batch, lambda: self.writer.begin_one_message(start))
            if outcome is TryOutcome.DONE:
                self.skipped_messages.note_success()
                return outcome
            self.skipped_messages.note_failure()
            if outcome is TryOutcome.WAITED or not self._is_busy:
                return outcome
        for _ in range(MAX_OPTIMISTIC_ATTEMPTS):
            outcome = self._try(batch, self.writer.begin_optimistic)
            if outcome is not TryOutcome.CHANGED:
                break
        if outcome is not TryOutcome.DONE:
            self.skipped_tries.note_failure()
        return outcome

    def _skip(self, batch: list[Entry[Any]]) -> bool:
        """Count a batch, and return whether it is committed under the lock without a try."""
        if len(batch) > MAX_ENTRIES or any(entry.hints is None or entry.hints.renumber is None for entry in batch):
            return True
        if not self._is_busy and (self.skipped_messages.skip_next() or self.writer.process_cache.start is None):
            return True
        return self.skipped_tries.skip_next()

    @property
    def _is_busy(self) -> bool:
        return self._clock.monotonic() < self.busy_until

    def _try(self, batch: list[Entry[Any]], begin: Callable[[], OptimisticTransaction]) -> TryOutcome:
        """Try once to commit a batch."""
        writer = self.writer
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
            if self._handle_error(batch, results, transaction, error):
                return TryOutcome.DONE
            has_waited = writer.dialect.errors.cause_of(error) is ErrorCause.BUSY
            return TryOutcome.WAITED if has_waited else TryOutcome.LOCK_REQUIRED
        self.note_wait()
        if transaction.commit_state is not CommitState.COMMITTED:
            return TryOutcome.CHANGED
        _deliver(batch, results, transaction)
        self.skipped_tries.note_success()
        self._on_commit()
        return TryOutcome.DONE

    def _handle_error(
        self,
        batch: list[Entry[Any]],
        results: list[Any],
        transaction: OptimisticTransaction | None,
        error: BaseException,
    ) -> bool:
        """Handle an error, and return whether each entry has its result or error; if not, nothing is stored."""
        writer = self.writer
        writer.drop()  # the exception of a signal may have left the transaction open
        if transaction is not None and transaction.commit_state is CommitState.COMMITTED:
            _deliver(batch, results, transaction)
            raise error  # the work is committed: an error after that must not repeat it
        is_in_doubt = transaction is not None and transaction.commit_state is CommitState.IN_DOUBT
        if writer.may_be_stored(error) or is_in_doubt:
            for entry in batch:  # not repeated
                entry.error = error if writer.may_be_stored(error) else unknown_outcome(writer.location)
            if not isinstance(error, Exception):
                raise error
            return True
        if not isinstance(error, Exception):
            raise error  # a signal's handler raised the error: nothing is stored, and the entries wait again
        return False  # the work runs again under the lock, and raises the error again if the work caused it


def _run(batch: list[Entry[Any]], transaction: OptimisticTransaction, results: list[Any]) -> None:
    """Run the work of a batch, and append the results. The reads of all are sent ahead, in one message."""
    for entry in batch:
        if entry.hints is not None:
            entry.hints.prefetch(transaction)
    results.extend(entry.work(transaction) for entry in batch)


def _deliver(batch: list[Entry[Any]], results: list[Any], transaction: OptimisticTransaction) -> None:
    """Set the results of entries, with the ids that their events have got."""
    last_event_id, shift = transaction.last_event_id, transaction.shift

    def as_recorded(number: int) -> int:
        return number + shift if number > last_event_id else number

    for entry, result in zip(batch, results, strict=True):
        renumber = None if entry.hints is None else entry.hints.renumber
        entry.result = renumber(result, as_recorded) if shift and renumber is not None else result
        entry.transaction = transaction
