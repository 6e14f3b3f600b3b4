"""The common part of transactions on a server: questions that wait with other statements, and their answers.

A question that is asked ahead waits. When it is asked again with the same values, its answer is there, unless a
statement of the transaction may have changed it since.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from blackboard.store.database_server.server_transactions.statement_pipeline import Answer, pipeline_of
from blackboard.store.database_server.server_transactions.transaction_cache import TransactionCache
from blackboard.store.dialects.dialect import Dialect
from blackboard.store.statement_file import Statement
from blackboard.store.transaction import Transaction
from blackboard.store.transaction_parts.questions_ahead import QuestionsAhead

Result = TypeVar("Result")
Value = TypeVar("Value", bound=int | float | str | None)


class PipelinedTransaction(Transaction, QuestionsAhead):
    """An open transaction on a connection to a server, and the questions that it asks ahead; see `Transaction`.

    Args:
        connection: The connection.
        dialect: The kind of database.
    """

    __slots__ = ("_cache", "_connection", "_has_dropped", "_last_sent", "_pipeline", "_write_count")

    def __init__(self, connection: Any, dialect: Dialect) -> None:
        super().__init__(dialect)
        self._connection = connection
        self._pipeline = pipeline_of(connection, prepares=dialect.keeps_statements)
        self._cache = TransactionCache()
        self._has_dropped = False
        """Whether a write may have changed an answer in the cache."""
        self._last_sent: Answer | None = None
        """The answer to the last statement of `send`; the first of them begin the transaction."""
        self._write_count = 0

    @property
    def has_begun(self) -> bool:
        return self._last_sent is not None and self._last_sent.changed is not None

    def send(self, sql: str, *values: Any) -> Answer:
        """Let a statement wait that is in no file, such as BEGIN; return the place for its answer."""
        self._last_sent = Answer()
        self._pipeline.add(sql, values, self._last_sent)
        return self._last_sent

    def flush(self) -> None:
        self._receive()

    def _receive(self) -> None:
        """Send the statements that wait, and take their answers."""
        self._pipeline.receive()

    def roll_back(self) -> None:
        """Roll the transaction back. The statements that wait are never sent."""
        self._pipeline.clear()
        if not self._pipeline.is_idle:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Do nothing: the connection stays open."""

    # -- questions ---------------------------------------------------------------------------------------------------

    @property
    def ahead(self) -> QuestionsAhead | None:
        return self

    @property
    def asks_again(self) -> bool:
        return self._has_dropped or not self._cache

    @property
    def writes(self) -> int:
        return self._write_count

    def ask(self, statement: Statement[object], **values: Any) -> None:
        sql, names = statement.compiled(self.dialect)
        given = [values[name] for name in names]
        if self._cache.find(statement, given) is None:
            answer = Answer()
            try:
                self._add(sql, given, answer)
            except (ValueError, self.dialect.errors.base):
                return  # the rules will ask again, and see the error
            self._cache.keep(statement, given, answer)

    def rows(self, statement: Statement[object], **values: Any) -> list[tuple[Any, ...]]:
        return self._answer(statement, values).rows

    def one(self, statement: Statement[Result], **values: Any) -> Result | None:
        rows = self._answer(statement, values).rows
        return statement.make(rows[0]) if rows else None

    def existing(self, statement: Statement[Result], **values: Any) -> Result:
        rows = self._answer(statement, values).rows
        if not rows:
            raise LookupError(f"{statement.name} found nothing")
        return statement.make(rows[0])

    def value(self, statement: Statement[Value], **values: Any) -> Value:
        return statement.make(self._answer(statement, values).rows[0])

    def all(self, statement: Statement[Result], **values: Any) -> list[Result]:
        return [*map(statement.make, self._answer(statement, values).rows)]

    @abstractmethod
    def _answer(self, statement: Statement[object], values: Mapping[str, Any]) -> Answer:
        """Return the answer to a statement."""

    @abstractmethod
    def _add(self, sql: str, values: Sequence[Any], answer: Answer) -> None:
        """Let a question wait.

        Raises:
            psycopg.Error: A value cannot be converted; or an earlier statement failed, if too many wait.
        """

    def _note_write(self, statement: Statement[object], values: Any) -> None:
        """Count a write, and drop the cached answers that it may change. Its values are a mapping or a named tuple."""
        self._write_count += 1
        if self._cache:
            self._has_dropped = True
            self._cache.drop_changed(statement, values)
