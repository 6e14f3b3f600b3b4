"""The connection of a process that writes to PostgreSQL, and the outcome of each of its commits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from blackboard.errors import StoreUnknown
from blackboard.store.connections.batch_commits import unknown_outcome
from blackboard.store.connections.writing_connection import WritingConnection
from blackboard.store.dialects.driver_errors import ErrorCause
from blackboard.store.dialects.postgresql_dialect import PostgresqlDialect
from blackboard.store.postgresql.commit_record import CommitOutcome, CommitRecord
from blackboard.store.postgresql.optimistic_transactions.optimistic_transaction import (
    OneMessageTransaction,
    OptimisticTransaction,
)
from blackboard.store.postgresql.pipelined_transactions.postgresql_transaction import PostgresqlTransaction
from blackboard.store.postgresql.pipelined_transactions.process_read_cache import ProcessReadCache
from blackboard.store.row_types.board_row_types import TransactionStart
from blackboard.store.transaction import CommitState, Transaction
from blackboard.system.failpoints import failpoint

TRANSACTIONS_PER_NOTE = 4
"""Of this many transactions, one notes whether it had to wait. The statement that begins it then takes longer."""


class PostgresqlWritingConnection(WritingConnection):
    """The writing connection to PostgreSQL; see `WritingConnection`."""

    dialect: PostgresqlDialect

    def __init__(
        self, dialect: PostgresqlDialect, location: str, connect: Callable[[], Any], on_rollback: Callable[[], object]
    ) -> None:
        super().__init__(dialect, location, connect, on_rollback)
        self.record = CommitRecord(dialect.begin_write)
        """The record of its commits."""
        self.process_cache = ProcessReadCache()
        """What this process knows of the board."""
        self._until_note = TRANSACTIONS_PER_NOTE
        """After how many transactions the next one notes whether it had to wait."""

    def begin(self) -> PostgresqlTransaction:
        self._open_connection()
        transaction = self.transaction = PostgresqlTransaction(self.connection, self.dialect, self.process_cache)
        self._until_note -= 1
        notes_wait = not self._until_note
        if notes_wait:
            self._until_note = TRANSACTIONS_PER_NOTE
        self.record.begin(transaction.send, notes_waits=notes_wait)
        failpoint("transaction.begun")
        return transaction

    def _open_connection(self) -> None:
        if self.connection is None:
            self.connection = self._connect()

    def begin_alone(self) -> PostgresqlTransaction:
        """Begin a transaction whose work cannot be run again, and get the lock before the work begins."""
        for waits in range(self.dialect.lock_waits, 0, -1):
            transaction = self.begin()
            try:
                transaction.flush()
            except self.dialect.errors.base as error:
                if waits == 1 or self.dialect.errors.cause_of(error) is not ErrorCause.BUSY:
                    raise
                self.end()
            else:
                break
        return transaction

    def begin_optimistic(self) -> OptimisticTransaction:
        """Return a transaction that holds no lock while its work runs; see `commit_optimistic`."""
        self._open_connection()
        transaction = self.transaction = OptimisticTransaction(self.connection, self.dialect, self.process_cache)
        return transaction

    def begin_one_message(self, start: TransactionStart) -> OptimisticTransaction:
        """Return a transaction that sends nothing while its work runs; `start` is what it would read first."""
        self._open_connection()
        transaction = self.transaction = OneMessageTransaction(self.connection, self.dialect, self.process_cache, start)
        return transaction

    def commit_optimistic(self, transaction: OptimisticTransaction) -> None:
        """Commit a transaction if nothing that it has read has changed; otherwise it is not committed.

        Raises:
            StoreUnknown: The connection was lost, and the database server does not tell whether the work is stored.
        """
        self._check_open(transaction)
        if transaction.shared is not None:
            transaction.shared.save()
        failpoint("optimistic.decided")
        try:
            transaction.commit_if_unchanged(self.record)
        except BaseException as error:
            if transaction.commit_state is not CommitState.IN_DOUBT:
                raise
            outcome = self._resolve_doubt(transaction, error, transaction.last_event_id)
            if outcome.first_event_id is not None:
                transaction.shift = outcome.first_event_id - transaction.last_event_id - 1
            if not isinstance(error, self.dialect.errors.base) or not outcome.is_committed:
                raise
        failpoint("commit.after")

    def drop(self) -> None:
        """End an optimistic transaction. It changed nothing and held no lock, so no other process has to know."""
        transaction = self.transaction
        if transaction is not None:
            if transaction.commit_state is not CommitState.COMMITTED:
                self._roll_back(transaction)
            transaction.close()
            self.transaction = None

    def _commit(self, transaction: Transaction) -> None:
        """Commit. If the response is lost, the record of the commits has the outcome.

        Raises:
            StoreUnknown: The database server does not tell whether the work is stored.
        """
        try:
            transaction.commit_state = CommitState.IN_DOUBT
            transaction.commit()
            transaction.commit_state = CommitState.COMMITTED
        except BaseException as error:
            outcome = self._resolve_doubt(transaction, error)
            if not isinstance(error, self.dialect.errors.base) or not outcome.is_committed:
                raise

    def _resolve_doubt(
        self, transaction: Transaction, error: BaseException, events_after: int | None = None
    ) -> CommitOutcome:
        """Note and return the outcome of a transaction whose COMMIT raised an error.

        Raises:
            StoreUnknown: The database server does not tell the outcome. The transaction stays in doubt.
        """
        outcome = self._find_outcome(error, events_after)
        transaction.commit_state = CommitState.COMMITTED if outcome.is_committed else CommitState.UNCOMMITTED
        return outcome

    def _find_outcome(self, error: BaseException, events_after: int | None) -> CommitOutcome:
        """Find the outcome of the open transaction, whose COMMIT raised an error.

        Raises:
            StoreUnknown: The database server does not tell the outcome.
        """
        if isinstance(error, self.dialect.errors.base) and self.dialect.errors.cause_of(error) is not ErrorCause.LOST:
            return CommitOutcome(is_committed=False)
        self.close()
        try:
            return self.record.find_outcome(self._connect, self.dialect.errors.base, events_after)
        except Exception as failure:  # after any failure, the outcome is unknown
            raise unknown_outcome(self.location) from failure

    def may_be_stored(self, error: BaseException) -> bool:
        return isinstance(error, StoreUnknown)

    def abandon(self) -> None:
        super().abandon()
        self.process_cache = ProcessReadCache()
        self.record = CommitRecord(self.dialect.begin_write)
