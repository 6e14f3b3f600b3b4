"""The connection of a process that writes to an SQLite file, and its turn among the processes that write.

A pair of lock files is the queue of the processes, because SQLite's busy timeout can starve one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from blackboard.store.connections.writing_connection import WritingConnection
from blackboard.store.dialects.dialect import Dialect
from blackboard.store.sqlite.local_processes.write_lock import WriteLock
from blackboard.store.sqlite.open_files.log_guarded_connection import LogLost
from blackboard.store.sqlite.replaced_file_guard import ReplacedFileGuard
from blackboard.store.sqlite.sqlite_transaction import SqliteTransaction
from blackboard.store.transaction import CommitState, Transaction
from blackboard.system.failpoints import failpoint


class SqliteWritingConnection(WritingConnection):
    """The writing connection to a file; see `WritingConnection`.

    Args:
        dialect: The dialect of SQLite.
        location: The file, as messages name it.
        connect: Opens a connection that can write.
        on_rollback: Called after each rollback.
        guard: Finds that the file or its log has lost its path.
        lock: The write lock between processes.
    """

    def __init__(
        self,
        dialect: Dialect,
        location: str,
        connect: Callable[[], Any],
        on_rollback: Callable[[], object],
        guard: ReplacedFileGuard,
        lock: WriteLock,
    ) -> None:
        super().__init__(dialect, location, connect, on_rollback)
        self._guard, self.lock = guard, lock

    def begin(self) -> Transaction:
        self.lock.acquire()
        self._guard.check_file()
        if self.connection is None or self._guard.give_up_outdated(self.connection):
            self.connection = self._connect()
        transaction = self.transaction = SqliteTransaction(self.connection.cursor(), self.dialect)
        for statement in self.dialect.begin_write:
            transaction.cursor.execute(statement)
        failpoint("transaction.begun")
        return transaction

    def commit(self, transaction: Transaction) -> None:
        super().commit(transaction)
        self._guard.check_log(self.connection)

    def _commit(self, transaction: Transaction) -> None:
        try:
            transaction.commit()
            transaction.commit_state = CommitState.COMMITTED
        except BaseException as error:
            # A signal's exception is raised after the commit has returned: without an error of the driver, the state
            # of the connection tells whether the work is committed.
            failed = isinstance(error, self.dialect.errors.base)
            if not failed and not self.connection.in_transaction:
                transaction.commit_state = CommitState.COMMITTED
            raise

    def may_be_stored(self, error: BaseException) -> bool:
        return isinstance(error, LogLost) and error.committed

    def end(self) -> None:
        """Roll back the open transaction if it is not committed, and release the write lock. May be repeated."""
        super().end()
        self.lock.release()

    def release(self) -> None:
        if self.transaction is not None or not self.lock.is_free:
            self.end()
