"""The common part of transactions on PostgreSQL: reads that wait with other statements, and their results.

A read that is sent ahead waits for the next message. When the transaction needs the read, the result is there, unless a
statement of the transaction may have changed it since.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from blackboard.store.dialects.dialect import Dialect
from blackboard.store.postgresql.pipelined_transactions.statement_pipeline import StatementResult, pipeline_of
from blackboard.store.postgresql.pipelined_transactions.transaction_read_cache import TransactionReadCache
from blackboard.store.statement_file import Statement
from blackboard.store.transaction import Transaction

Result = TypeVar("Result")
Value = TypeVar("Value", bound=int | float | str | None)


class PipelinedTransaction(Transaction):
    """An open transaction on a connection to PostgreSQL, and the reads that it sends ahead; see `Transaction`.

    Args:
        connection: The connection.
        dialect: The kind of database.
    """

    __slots__ = ("_cache", "_connection", "_has_dropped", "_last_sent", "_pipeline", "_write_count")

    def __init__(self, connection: Any, dialect: Dialect) -> None:
        super().__init__(dialect)
        self._connection = connection
        self._pipeline = pipeline_of(connection, prepares=dialect.keeps_statements)
        self._cache = TransactionReadCache()
        self._has_dropped = False
        """Whether a write may have dropped results from the cache."""
        self._last_sent: StatementResult | None = None
        """The result of the last statement of `send`. The first statements of `send` begin the transaction."""
        self._write_count = 0

    @property
    def has_begun(self) -> bool:
        return self._last_sent is not None and self._last_sent.changed is not None

    def send(self, text: str, *values: Any) -> StatementResult:
        """Queue a statement that no file contains, such as BEGIN, and return the place for its result."""
        self._last_sent = StatementResult()
        self._pipeline.add(text, values, self._last_sent)
        return self._last_sent

    def flush(self) -> None:
        self._receive()

    def _receive(self) -> None:
        """Send the statements that wait, and take their results."""
        self._pipeline.receive()

    def roll_back(self) -> None:
        """Roll the transaction back. The statements that wait are never sent."""
        self._pipeline.clear()
        if not self._pipeline.is_idle:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Do nothing: the connection stays open."""

    # -- reads -------------------------------------------------------------------------------------------------------

    @property
    def reads_together(self) -> bool:
        return True

    @property
    def needs_prefetch(self) -> bool:
        return self.reads_together and (self._has_dropped or not self._cache)

    @property
    def writes(self) -> int:
        return self._write_count

    def prefetch(self, statement: Statement[object], **values: Any) -> None:
        text, names = statement.compile(self.dialect)
        arguments = [values[name] for name in names]
        if self._cache.find(statement, arguments) is None:
            result = StatementResult()
            try:
                self._add(text, arguments, result)
            except (ValueError, self.dialect.errors.base):
                return  # the rules will run this read themselves, and get the error
            self._cache.keep(statement, arguments, result)

    def rows(self, statement: Statement[object], **values: Any) -> list[tuple[Any, ...]]:
        return self._execute(statement, values).rows

    def one(self, statement: Statement[Result], **values: Any) -> Result | None:
        rows = self._execute(statement, values).rows
        return statement.make(rows[0]) if rows else None

    def existing(self, statement: Statement[Result], **values: Any) -> Result:
        rows = self._execute(statement, values).rows
        if not rows:
            raise LookupError(f"{statement.name} found nothing")
        return statement.make(rows[0])

    def value(self, statement: Statement[Value], **values: Any) -> Value:
        return statement.make(self._execute(statement, values).rows[0])

    def all(self, statement: Statement[Result], **values: Any) -> list[Result]:
        return [*map(statement.make, self._execute(statement, values).rows)]

    @abstractmethod
    def _execute(self, statement: Statement[object], values: Mapping[str, Any]) -> StatementResult:
        """Return the result of a statement."""

    @abstractmethod
    def _add(self, text: str, values: Sequence[Any], result: StatementResult) -> None:
        """Let a read wait.

        Raises:
            psycopg.Error: A value cannot be converted, or too many reads waited and were sent, and a statement failed.
        """

    def _note_write(self, statement: Statement[object], values: Any) -> None:
        """Count a write, and drop the cached results that it may change.

        The values of the write are a mapping or a named tuple.
        """
        self._write_count += 1
        if self._cache:
            self._has_dropped = True
            self._cache.drop_changed(statement, values)
