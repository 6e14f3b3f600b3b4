"""The answers that the rules of a transaction without a lock have used, which its commit checks under the lock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from blackboard.store.database_server.server_transactions.checked_statement import (
    SqlPart,
    quiet_condition,
    unchanged_condition,
)
from blackboard.store.database_server.server_transactions.statement_pipeline import Answer
from blackboard.store.dialects.dialect import Dialect
from blackboard.store.statement_file import Statement
from blackboard.store.statements import MARKS
from blackboard.store.transaction import LockRequired


class UsedAnswer(NamedTuple):
    """A question with its values, and its answer."""

    statement: Statement[Any]
    values: Sequence[Any]
    answer: Answer
    fingerprint: bytes | None
    """The fingerprint of the rows; None without rows, and if it is not known."""


class UsedAnswers:
    """The answers that one transaction has used.

    Args:
        dialect: The kind of database.
    """

    __slots__ = ("_dialect", "_used")

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._used: dict[tuple[Statement[Any], tuple[Any, ...]], UsedAnswer] = {}

    def note(
        self, statement: Statement[Any], values: tuple[Any, ...], answer: Answer, fingerprint: bytes | None
    ) -> None:
        """Note that an answer is used."""
        self._used[statement, values] = UsedAnswer(statement, values, answer, fingerprint)

    def release(self, statement: Statement[Any], values: tuple[Any, ...]) -> Answer:
        """Return an answer that was used, which the commit then no longer checks."""
        return self._used.pop((statement, values)).answer

    def checks(self, last_event: int) -> Iterator[SqlPart]:
        """Yield the conditions that the answers are still the same.

        Args:
            last_event: The last event that the transaction has read.

        Raises:
            LockRequired: The fingerprint of a cached answer is not known.
        """
        for statement, values, answer, fingerprint in self._used.values():
            if fingerprint is None and answer.rows:
                raise LockRequired("a cached answer without a fingerprint")
            sql, names = statement.compiled(self._dialect)
            yield unchanged_condition(sql, values, fingerprint)
            if fingerprint is None and statement is MARKS.marks_of_subject:
                # The mark of a later deposit may have come and gone meanwhile.
                yield quiet_condition(values[names.index("subject")], last_event)
