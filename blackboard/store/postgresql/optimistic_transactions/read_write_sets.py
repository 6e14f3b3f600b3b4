"""The read set and the write set of a transaction without a lock: the results that it has used, and what it will write.

Its commit checks the read set under the lock, and then writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from blackboard.clock import Instant
from blackboard.store.dialects.dialect import Dialect
from blackboard.store.postgresql.optimistic_transactions.commit_validation import (
    UNLOCKED_WRITES,
    SqlPart,
    quiet_condition,
    unchanged_condition,
    write_of,
)
from blackboard.store.postgresql.pipelined_transactions.statement_pipeline import StatementResult
from blackboard.store.postgresql.pipelined_transactions.transaction_read_cache import tables_written
from blackboard.store.statement_file import Statement
from blackboard.store.statements import MARKS
from blackboard.store.transaction import LockRequired

_WORD = re.compile(r"\w+")


class UsedRead(NamedTuple):
    """A read with its values, and its result."""

    statement: Statement[Any]
    values: Sequence[Any]
    result: StatementResult
    fingerprint: bytes | None
    """The fingerprint of the rows; None without rows, and if it is not known."""


class ReadSet:
    """The results that one transaction has used.

    Args:
        dialect: The kind of database.
    """

    __slots__ = ("_dialect", "_used")

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._used: dict[tuple[Statement[Any], tuple[Any, ...]], UsedRead] = {}

    def note(
        self, statement: Statement[Any], values: tuple[Any, ...], result: StatementResult, fingerprint: bytes | None
    ) -> None:
        """Note that a result is used."""
        self._used[statement, values] = UsedRead(statement, values, result, fingerprint)

    def release(self, statement: Statement[Any], values: tuple[Any, ...]) -> StatementResult:
        """Return a result that was used. The commit then no longer checks it."""
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
            text, names = statement.compile(self._dialect)
            yield unchanged_condition(text, values, fingerprint)
            if fingerprint is None and statement is MARKS.marks_of_subject:
                # The mark of a later deposit may have come and gone meanwhile.
                yield quiet_condition(values[names.index("subject")], last_event_id)


class WriteSet:
    """The writes that one transaction plans."""

    __slots__ = ("_marks", "_tables", "_writes", "instant")

    def __init__(self) -> None:
        self.instant: Instant | None = None
        """The instant that the planned writes contain; None as long as no planned write contains an instant."""
        self._writes: list[tuple[Statement[Any], Mapping[str, Any]] | SqlPart] = []
        self._tables: set[str] = set()
        self._marks: set[int] = set()
        """The ids of the marks that are written."""

    def __bool__(self) -> bool:
        return bool(self._writes)

    def add(self, statement: Statement[object], values: Mapping[str, Any]) -> None:
        """Plan a statement.

        Raises:
            LockRequired: The statement is not in `UNLOCKED_WRITES`, writes a mark that another deposit writes, or has
                another instant.
        """
        if statement.name not in UNLOCKED_WRITES:
            raise LockRequired(statement.name)
        self._tables |= (tables := tables_written(statement))
        if "mark" in tables:
            if values["id"] in self._marks:  # one statement cannot write a row twice
                raise LockRequired("a mark that it has written")
            self._marks.add(values["id"])
        self._writes.append((statement, values))
        for name in UNLOCKED_WRITES[statement.name]:
            if self.instant not in (None, values[name]):
                raise LockRequired("several instants")
            self.instant = values[name]

    def add_text(self, part: SqlPart) -> None:
        """Plan a statement that reads the table `held` itself."""
        self._writes.append(part)

    def is_read_by(self, text: str) -> bool:
        """Return whether a statement reads a table that is written."""
        return not _words(text).isdisjoint(self._tables)

    def parts(self, last_event_id: int) -> list[SqlPart]:
        """Return the writes as parts of the commit. `last_event_id` is the last event that the transaction has read."""
        return [each if isinstance(each, SqlPart) else write_of(*each, last_event_id) for each in self._writes]

    @property
    def new_events(self) -> int:
        """The number of new events among the planned writes."""
        return sum(not isinstance(each, SqlPart) and each[0] is MARKS.insert_event for each in self._writes)

    def new_marks(self) -> Iterator[tuple[str, str]]:
        """Yield the kind and the subject of each new mark."""
        for each in self._writes:
            if not isinstance(each, SqlPart) and each[0] is MARKS.insert_mark:
                yield each[1]["kind"], each[1]["subject"]


@cache
def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text))
