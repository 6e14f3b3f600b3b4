"""The connection of a process that writes to a server, and the outcome of each of its commits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from blackboard.errors import StoreUnknown
from blackboard.store.batch_commits import unknown_outcome
from blackboard.store.commit_record import CommitRecord
from blackboard.store.database_server.server_transaction import ServerTransaction
from blackboard.store.database_server.statement_pipeline import StatementPipeline, pipeline_of
from blackboard.store.dialect import ErrorCause
from blackboard.store.postgresql_dialect import PostgresqlDialect
from blackboard.store.transaction import Transaction
from blackboard.store.writing_connection import WritingConnection
from blackboard.system.failpoints import failpoint


class ServerWriter(WritingConnection):
    """The writing connection to a server; see `WritingConnection`.

    Attributes:
        record: The record of its commits.
        notes_waits: Whether each transaction notes in the record if it had to wait for another writer.
    """

    dialect: PostgresqlDialect

    def __init__(
        self, dialect: PostgresqlDialect, where: str, connect: Callable[[], Any], on_rollback: Callable[[], object]
    ) -> None:
        super().__init__(dialect, where, connect, on_rollback)
        self.record: CommitRecord = dialect.commit_record()
        self.notes_waits = False

    def begin(self) -> Transaction:
        if self.connection is None:
            self.connection = self._connect()
        transaction = self.open = ServerTransaction(self.connection, self.dialect)
        self.record.begin(transaction.send, notes_waits=self.notes_waits)
        failpoint("transaction.begun")
        return transaction

    def begin_alone(self) -> Transaction:
        """Begin a transaction whose work cannot be run again, and get the lock before the work begins."""
        for waits in range(self.dialect.lock_waits, 0, -1):
            transaction = self.begin()
            try:
                transaction.flush()
            except self.dialect.error as error:
                if waits == 1 or self.dialect.cause_of(error) is not ErrorCause.BUSY:
                    raise
                self.end()
            else:
                break
        return transaction

    def continue_transaction(self) -> Transaction:
        """Return the transaction that was begun on the connection, with the lock of writers."""
        transaction = self.open = ServerTransaction(self.connection, self.dialect)
        self.record.raise_number(transaction.send)
        return transaction

    def pipeline(self) -> StatementPipeline:
        """Return the pipeline of the connection, which may be in a transaction."""
        if self.connection is None:
            self.connection = self._connect()
        return pipeline_of(self.connection, prepares=self.dialect.keeps_statements)

    def idle_connection(self) -> Any:
        """Return the connection. If a transaction is open on it, it is rolled back."""
        pipeline = self.pipeline()
        pipeline.discard()
        pipeline.receive()
        if not pipeline.is_idle:
            self.connection.execute("ROLLBACK")
        return self.connection

    def _commit(self, transaction: Transaction) -> None:
        """Commit. If the answer is lost, the record of the commits tells the outcome.

        Raises:
            StoreUnknown: The server does not tell whether the work is stored.
        """
        try:
            transaction.in_doubt = True
            transaction.commit()
            transaction.committed, transaction.in_doubt = True, False
        except BaseException as error:
            transaction.committed = self._was_committed(error)
            transaction.in_doubt = False
            if not isinstance(error, self.dialect.error) or not transaction.committed:
                raise

    def _was_committed(self, error: BaseException) -> bool:
        """Return whether the server has committed the open transaction, although COMMIT raised an error.

        Raises:
            StoreUnknown: The server does not say so.
        """
        if isinstance(error, self.dialect.error) and self.dialect.cause_of(error) is not ErrorCause.LOST:
            return False
        self.close()
        outcome = self.record.was_committed(self._connect)
        if outcome is None:
            raise unknown_outcome(self.where) from error
        return outcome

    def may_be_stored(self, error: BaseException) -> bool:
        return isinstance(error, StoreUnknown)

    def abandon(self) -> None:
        super().abandon()
        self.record = self.dialect.commit_record()
