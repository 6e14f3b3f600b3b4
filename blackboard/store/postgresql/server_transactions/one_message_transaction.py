"""A transaction on a server that is one message: it sends no read, and uses the results that its process remembers.

The message checks these results under the lock, as it checks those of reads that were sent. See
`OptimisticTransaction`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from blackboard.store.postgresql.server_transactions.optimistic_transaction import (
    UNLOCKED_READS,
    OptimisticTransaction,
)
from blackboard.store.postgresql.server_transactions.process_cache import ProcessCache
from blackboard.store.postgresql.server_transactions.statement_pipeline import StatementResult
from blackboard.store.dialects.dialect import Dialect
from blackboard.store.query_rows import TransactionStart
from blackboard.store.statement_file import Statement
from blackboard.store.statements import MARKS
from blackboard.store.transaction import LockRequired


class OneMessageTransaction(OptimisticTransaction):
    """A transaction that sends no read; see `OptimisticTransaction`.

    Args:
        connection: The writing connection.
        dialect: The kind of database.
        process_cache: The results that the process remembers.
        start: What it would read first.
    """

    __slots__ = ("_known_start",)

    def __init__(self, connection: Any, dialect: Dialect, process_cache: ProcessCache, start: TransactionStart) -> None:
        super().__init__(connection, dialect, process_cache)
        self._known_start = start

    @property
    def ahead(self) -> None:
        return None

    def _execute(self, statement: Statement[object], values: Mapping[str, Any]) -> StatementResult:
        """Return the cached result of a read.

        Raises:
            LockRequired: The process does not remember one.
        """
        result = StatementResult()
        if statement is MARKS.transaction_start:
            self._start = self._known_start
            result.rows = [self._known_start]
            return result
        if statement.name not in UNLOCKED_READS:
            raise LockRequired(statement.name)
        text, names = statement.compiled(self.dialect)
        given = tuple(values[name] for name in names)
        if (known := self._cache.find(statement, given)) is not None:
            return known
        found = self._process_cache.find(statement, names, given)
        if found is None or self._writes.concern(text):
            raise LockRequired(f"{statement.name} is not cached")
        result.rows = found.rows
        self._cache.keep(statement, given, result)
        self._use(statement, given, result, found.fingerprint)
        return result
