"""The results that the rules of a transaction without a lock have used, which its commit checks under the lock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from blackboard.store.postgresql.server_transactions.checked_statement import (
    SqlPart,
    quiet_condition,
    unchanged_condition,
)
from blackboard.store.postgresql.server_transactions.statement_pipeline import StatementResult
from blackboard.store.dialects.dialect import Dialect
from blackboard.store.statement_file import Statement
from blackboard.store.statements import MARKS
from blackboard.store.transaction import LockRequired


class UsedResult(NamedTuple):
    """A read with its values, and its result."""

    statement: Statement[Any]
    values: Sequence[Any]
    result: StatementResult
    fingerprint: bytes | None
    """The fingerprint of the rows; None without rows, and if it is not known."""


class UsedResults:
    """The results that one transaction has used.

    Args:
        dialect: The kind of database.
    """

    __slots__ = ("_dialect", "_used")

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._used: dict[tuple[Statement[Any], tuple[Any, ...]], UsedResult] = {}

    def note(
        self, statement: Statement[Any], values: tuple[Any, ...], result: StatementResult, fingerprint: bytes | None
    ) -> None:
        """Note that a result is used."""
        self._used[statement, values] = UsedResult(statement, values, result, fingerprint)

    def release(self, statement: Statement[Any], values: tuple[Any, ...]) -> StatementResult:
        """Return a result that was used, which the commit then no longer checks."""
        return self._used.pop((statement, values)).result

    def checks(self, last_event_id: int) -> Iterator[SqlPart]:
        """Yield the conditions that the results are still the same.

        Args:
            last_event_id: The last event that the transaction has read.

        Raises:
            LockRequired: The fingerprint of a cached result is not known.
        """
        for statement, values, result, fingerprint in self._used.values():
            if fingerprint is None and result.rows:
                raise LockRequired("a cached result without a fingerprint")
            text, names = statement.compiled(self._dialect)
            yield unchanged_condition(text, values, fingerprint)
            if fingerprint is None and statement is MARKS.marks_of_subject:
                # The mark of a later deposit may have come and gone meanwhile.
                yield quiet_condition(values[names.index("subject")], last_event_id)
