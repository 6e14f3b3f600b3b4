"""Rows that a transaction on PostgreSQL inserts or deletes together, table by table, instead of one by one.

A row that is put waits until a statement names its table, or until the commit. The keys of deleted rows wait in the
same way. The rows of many deposits thus form one set, and the keys of many evaporated marks another. A large set of new
rows is sent by COPY, which takes a fifth of the processor time of as many statements. A small set is sent as
statements, because COPY takes round trips of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

ROWS_FOR_COPY = 64
"""A set of at least this many rows is sent by COPY."""
MAX_WAITING_ROWS = 2000
"""The largest number of rows that wait in a set."""

_PLAIN_INSERT = re.compile(r"INSERT INTO (\w+) \(([\w, \n]+)\)\s+VALUES \(([$\d, \n]+)\);?")
_DELETE_BY_KEY = re.compile(r"DELETE FROM (\w+)\s+WHERE (\w+) = \$1\b(?!.*\$)", re.DOTALL)
_TABLE = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE)\s+(\w+)")
_WORD = re.compile(r"\w+")
_PARENTS = frozenset({"kind", "law"})
"""The tables to whose rows other tables refer: the order of their deletions among the other statements matters."""


class RowSet(NamedTuple):
    """Rows that one statement inserts or deletes one by one."""

    text: str
    """The statement for one row."""
    tables: frozenset[str]
    """The tables that it reads or writes."""
    table: str
    columns: Sequence[str]
    """The columns of new rows; empty if rows are deleted."""
    rows: list[tuple[Any, ...]]

    @property
    def is_copied(self) -> bool:
        """Whether COPY is cheaper than a statement for each row."""
        return bool(self.columns) and len(self.rows) >= ROWS_FOR_COPY

    @property
    def is_full(self) -> bool:
        """Whether so many rows wait that they should be sent."""
        return len(self.rows) >= MAX_WAITING_ROWS

    def statements(self) -> Iterator[tuple[str, Sequence[Any]]]:
        """Yield the statements that insert or delete the rows, with their values."""
        if self.columns or len(self.rows) == 1:
            for row in self.rows:
                yield self.text, row
        else:
            yield self.text.replace("= $1", "= ANY($1)", 1), [[key for (key,) in self.rows]]


class BulkWrites:
    """The rows that wait."""

    def __init__(self) -> None:
        self._waiting: dict[str, RowSet] = {}
        self._tables: frozenset[str] = frozenset()
        """All tables that the statements of the waiting rows read or write."""

    def find_set(self, text: str, names: Sequence[str]) -> RowSet | None:
        """Return the set in which a row of a statement may wait; None if it may not wait.

        A row may not wait if the statement does more than insert or delete one row, or if other rows must be sent
        first.
        """
        if (found := self._waiting.get(text)) is not None:
            return found
        new = _set_of(text, tuple(names))
        if new is None or not new.tables.isdisjoint(self._tables):
            return None
        found = self._waiting[text] = new._replace(rows=[])
        self._tables |= new.tables
        return found

    def is_seen_by(self, text: str) -> bool:
        """Return whether a statement may see or change rows that wait: it names their table, or deletes rows."""
        if not self._waiting:
            return False
        words = _words(text)
        return "DELETE" in words or not words.isdisjoint(self._tables)

    def take(self) -> Iterator[RowSet]:
        """Yield all sets, and remove them from those that wait."""
        waiting = self._waiting
        self.clear()
        yield from waiting.values()

    def clear(self) -> None:
        """Drop all rows."""
        self._waiting, self._tables = {}, frozenset()


@cache
def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text))


@cache
def _set_of(text: str, names: tuple[str, ...]) -> RowSet | None:
    """Return an empty set of rows for a statement that only inserts its parameters or deletes by a key.

    The result is None for any other statement, and for a delete from a table to whose rows other tables refer.
    """
    if (found := _PLAIN_INSERT.fullmatch(text.strip())) is not None:
        columns = tuple(name.strip() for name in found[2].split(","))
        if columns == names and found[3].count("$") == len(names):
            return RowSet(text, frozenset({found[1]}), found[1], columns, [])
    elif (found := _DELETE_BY_KEY.match(text.strip())) is not None and found[1] not in _PARENTS:
        return RowSet(text, frozenset(_TABLE.findall(text)), found[1], (), [])
    return None
