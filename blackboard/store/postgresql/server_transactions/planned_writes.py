"""The writes of a transaction without a lock, which its commit makes under the lock."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from blackboard.clock import Instant
from blackboard.store.postgresql.server_transactions.checked_statement import UNLOCKED_WRITES, SqlPart, write_of
from blackboard.store.postgresql.server_transactions.transaction_cache import tables_written
from blackboard.store.statement_file import Statement
from blackboard.store.statements import MARKS
from blackboard.store.transaction import LockRequired

_WORD = re.compile(r"\w+")


class PlannedWrites:
    """The writes that one transaction plans."""

    __slots__ = ("_marks", "_tables", "_writes", "instant")

    def __init__(self) -> None:
        self.instant: Instant | None = None
        """The instant of the transaction, as its writes have it; None before the first write that has it."""
        self._writes: list[tuple[Statement[Any], Mapping[str, Any]] | SqlPart] = []
        self._tables: set[str] = set()
        self._marks: set[int] = set()
        """The ids of the marks among them."""

    def __bool__(self) -> bool:
        return bool(self._writes)

    def add(self, statement: Statement[object], values: Mapping[str, Any]) -> None:
        """Plan a statement.

        Raises:
            LockRequired: It is not in `UNLOCKED_WRITES`, writes a mark that another one writes, or has another instant.
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

    def concern(self, text: str) -> bool:
        """Return whether a statement reads a table that is written."""
        return not _words(text).isdisjoint(self._tables)

    def parts(self, last_event_id: int) -> list[SqlPart]:
        """Return the writes as parts of the commit. `last_event_id` is the last event that the transaction has read."""
        return [each if isinstance(each, SqlPart) else write_of(*each, last_event_id) for each in self._writes]

    @property
    def new_events(self) -> int:
        """The number of events among them."""
        return sum(not isinstance(each, SqlPart) and each[0] is MARKS.insert_event for each in self._writes)

    def new_marks(self) -> Iterator[tuple[str, str]]:
        """Yield the kind and the subject of each new mark."""
        for each in self._writes:
            if not isinstance(each, SqlPart) and each[0] is MARKS.insert_mark:
                yield each[1]["kind"], each[1]["subject"]


@cache
def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text))
