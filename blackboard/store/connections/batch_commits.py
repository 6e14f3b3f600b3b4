"""Commits of the work of several threads in one transaction, and the outcome for each after an error."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from blackboard.clock import sleep_for
from blackboard.durations import MILLISECOND, Duration
from blackboard.errors import BlackboardError, StoreError, StoreUnknown
from blackboard.store.connections.group_commit import Entry
from blackboard.store.connections.writing_connection import WritingConnection
from blackboard.store.dialects.driver_errors import ErrorCause
from blackboard.store.transaction import CommitState, Transaction

MAX_COMMIT_ATTEMPTS = 5
"""How often work is run if the database server rolls it back because of a conflict, or the connection is lost."""
FIRST_RETRY_PAUSE: Duration = 10 * MILLISECOND
"""The pause before the second run, so that the other transaction can continue. Later pauses are longer."""


class BatchCommits:
    """The commits of batches on the writing connection of this process.

    Args:
        writer: The connection.
        on_commit: Called after each commit.
    """

    def __init__(self, writer: WritingConnection, on_commit: Callable[[], object]) -> None:
        self._writer, self._on_commit = writer, on_commit

    def commit(self, batch: list[Entry[Any]], *, waits: int = 0) -> None:
        """Commit the work of a batch in one transaction, and set each entry's result or error.

        If the work of one entry raises, each entry is committed in a transaction of its own. The calling thread must
        lead the commit.

        Args:
            batch: The entries.
            waits: How often the batch has waited in vain for the lock of writers.
        """
        writer = self._writer
        for attempt in itertools.count(1):
            transaction: Transaction | None = None
            try:
                try:
                    transaction = writer.begin()
                    _run(batch, transaction)
                    writer.commit(transaction)
                finally:
                    writer.end()
            except BaseException as error:
                if attempt < MAX_COMMIT_ATTEMPTS and self._prepare_next_run(transaction, error, attempt):
                    sleep_for(attempt * FIRST_RETRY_PAUSE)
                    continue
                waits += 1
                if waits < writer.dialect.lock_waits and self._waited_in_vain(transaction, error):
                    continue
                self._handle_error(batch, transaction, error)
            else:
                self._note_commit()
            return

    def retire(self) -> None:
        """Remove what the database keeps for this process, before the connection is closed for good."""

    def abandon(self) -> None:
        """In a forked child, drop what belongs to the parent."""
        self._writer.abandon()

    def _note_commit(self) -> None:
        """Report a commit that has just been made."""
        self._on_commit()

    def _prepare_next_run(self, transaction: Transaction | None, error: BaseException, attempt: int) -> bool:
        """Prepare the next run of work that failed; return False if the work must not run again.

        It may run again if its transaction is certainly not committed, and failed for a reason that may pass.
        `attempt` is the number of the run that failed.
        """
        return self._has_failed(transaction, error, ErrorCause.CONFLICT, ErrorCause.LOST)

    def _waited_in_vain(self, transaction: Transaction | None, error: BaseException) -> bool:
        """Return whether a transaction failed to get a lock, and so is certainly not committed."""
        return self._has_failed(transaction, error, ErrorCause.BUSY)

    def _has_failed(self, transaction: Transaction | None, error: BaseException, *causes: ErrorCause) -> bool:
        if transaction is not None and transaction.commit_state is not CommitState.UNCOMMITTED:
            return False
        return self._writer.dialect.errors.cause_of(error) in causes

    def _handle_error(self, batch: list[Entry[Any]], transaction: Transaction | None, error: BaseException) -> None:
        """Handle an error in the transaction of a batch."""
        writer = self._writer
        writer.end()  # the exception of a signal may have left the transaction open
        if writer.may_be_stored(error):
            for entry in batch:  # not repeated
                entry.error = error
            return
        state = None if transaction is None else transaction.commit_state
        if state is CommitState.IN_DOUBT:
            for entry in batch:  # a signal ended the search for the outcome
                entry.error = unknown_outcome(writer.location)
            raise error
        if state is CommitState.COMMITTED:
            raise error  # the work is committed: an error after that must not repeat it
        error = writer.dialect.errors.translate_any(error, writer.location)
        if len(batch) == 1:
            batch[0].error = error
        elif transaction is not None and transaction.has_begun:
            for entry in batch:  # if each entry is committed alone, the error meets only the entry that caused it
                self.commit([entry])
            if not isinstance(error, BlackboardError) and all(entry.error is None for entry in batch):
                raise error  # work raises no such error, so a signal's handler raised it
        elif isinstance(error, StoreError):
            for entry in batch:  # a transaction that cannot begin fails for all
                entry.error = error
        else:
            raise error  # an interrupt of this thread; the other entries wait again


def _run(batch: list[Entry[Any]], transaction: Transaction) -> None:
    """Run the work of a batch. On PostgreSQL, the reads of all are sent ahead, in one message."""
    if transaction.reads_together:
        for entry in batch:
            if entry.hints is not None:
                entry.hints.prefetch(transaction)
    for entry in batch:
        entry.transaction = transaction
        entry.result = entry.work(transaction)


def unknown_outcome(location: str) -> StoreUnknown:
    """Return the error of work on PostgreSQL that may be stored or not."""
    return StoreUnknown(
        f"the connection to {location} was lost during a commit, and the outcome cannot be read; the work may be stored"
        " or not: check the board before you repeat the work"
    )
