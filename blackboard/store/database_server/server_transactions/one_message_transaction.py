"""A transaction on a server that is one message: it asks nothing, and uses the answers that its process remembers.

The message checks these answers under the lock, as it checks answers that were asked for: see `OptimisticTransaction`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from blackboard.store.database_server.server_transactions.optimistic_transaction import (
    QUESTIONS,
    OptimisticTransaction,
)
from blackboard.store.database_server.server_transactions.process_cache import ProcessCache
from blackboard.store.database_server.server_transactions.statement_pipeline import Answer
from blackboard.store.dialects.dialect import Dialect
from blackboard.store.query_rows import TransactionStart
from blackboard.store.statement_file import Statement
from blackboard.store.statements import MARKS
from blackboard.store.transaction import LockRequired


class OneMessageTransaction(OptimisticTransaction):
    """A transaction that asks nothing; see `OptimisticTransaction`.

    Args:
        connection: The writing connection.
        dialect: The kind of database.
        process_cache: The answers that the process remembers.
        start: What it would read first.
    """

    __slots__ = ("_known_start",)

    def __init__(self, connection: Any, dialect: Dialect, process_cache: ProcessCache, start: TransactionStart) -> None:
        super().__init__(connection, dialect, process_cache)
        self._known_start = start

    @property
    def ahead(self) -> None:
        return None

    def _answer(self, statement: Statement[object], values: Mapping[str, Any]) -> Answer:
        """Return the cached answer to a question.

        Raises:
            LockRequired: The process does not remember one.
        """
        answer = Answer()
        if statement is MARKS.transaction_start:
            self._start = self._known_start
            answer.rows = [self._known_start]
            return answer
        if statement.name not in QUESTIONS:
            raise LockRequired(statement.name)
        sql, names = statement.compiled(self.dialect)
        given = tuple(values[name] for name in names)
        if (known := self._cache.find(statement, given)) is not None:
            return known
        found = self._process_cache.find(statement, names, given)
        if found is None or self._writes.concern(sql):
            raise LockRequired(f"{statement.name} is not cached")
        answer.rows = found.rows
        self._cache.keep(statement, given, answer)
        self._use(statement, given, answer, found.fingerprint)
        return answer
