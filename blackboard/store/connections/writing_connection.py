"""The writing connection of a process, and the transaction that is open on it.

One thread at a time uses it: the leader of a group commit.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from blackboard.errors import StoreError
from blackboard.store.dialects.dialect import Dialect
from blackboard.store.transaction import CommitState, Transaction
from blackboard.system import forks
from blackboard.system.failpoints import failpoint


class WritingConnection(ABC):
    """The writing connection of a process. It is opened by the first transaction.

    Args:
        dialect: The kind of database.
        location: The file or URL, as messages name it.
        connect: Opens a connection that can write.
        on_rollback: Called after each rollback.
    """

    def __init__(
        self, dialect: Dialect, location: str, connect: Callable[[], Any], on_rollback: Callable[[], object]
    ) -> None:
        self.dialect, self.location = dialect, location
        self.connection: Any = None
        """The connection; None before the first transaction, and after the connection was closed."""
        self.transaction: Transaction | None = None
        """The open transaction; None between transactions."""
        self._connect, self._on_rollback = connect, on_rollback

    @abstractmethod
    def begin(self) -> Transaction:
        """Begin a transaction that other processes wait for. The calling thread must lead the commit."""

    def begin_alone(self) -> Transaction:
        """Begin a transaction whose work cannot be run again, as `begin` does."""
        return self.begin()

    def commit(self, transaction: Transaction) -> None:
        """Commit the open transaction, after its caches were written.

        Raises:
            StoreError: The transaction belongs to the parent of this process.
        """
        self._check_open(transaction)
        if transaction.shared is not None:
            transaction.shared.save()
        failpoint("commit.before")
        self._commit(transaction)
        failpoint("commit.after")

    def _check_open(self, transaction: Transaction) -> None:
        """Check that this process has begun a transaction.

        Raises:
            StoreError: The transaction is that of the parent of this process.
        """
        if transaction is not self.transaction:
            raise StoreError(
                f"this process was forked while its parent was in a transaction on {self.location}, which only the"
                " parent can end; fork before or after a transaction"
            )

    @abstractmethod
    def _commit(self, transaction: Transaction) -> None:
        """Commit, and set `commit_state`, even if the commit raises."""

    @abstractmethod
    def may_be_stored(self, error: BaseException) -> bool:
        """Return whether the work of a transaction may be stored although it raised an error."""

    def end(self) -> None:
        """Roll back the open transaction if it is not committed. May be repeated."""
        transaction = self.transaction
        if transaction is not None:
            if transaction.commit_state is not CommitState.COMMITTED:
                self._roll_back(transaction)
                self._on_rollback()
            transaction.close()
            self.transaction = None

    def release(self) -> None:
        """Release everything that a leading thread may hold. May be repeated."""
        if self.transaction is not None:
            self.end()

    def _roll_back(self, transaction: Transaction) -> None:
        try:
            transaction.roll_back()
        except Exception:
            # No transaction was open, or the connection is broken: the next transaction opens a new one.
            self.close()

    def close(self) -> None:
        """Close the connection; the next transaction opens another connection."""
        if self.connection is not None:
            with contextlib.suppress(Exception):
                self.connection.close()
            self.connection = None

    def abandon(self) -> None:
        """In a forked child, drop the connection without closing it: it belongs to the parent."""
        if self.connection is not None:
            forks.keep_for_ever(self.connection)
        self.connection, self.transaction = None, None
