"""Results of reads that a transaction on PostgreSQL sent ahead, until one of its writes may change them.

A write may change each result that read a table to which it writes. But statements with different values of the key of
that table concern different rows. So a deposit on one subject changes no result about another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from blackboard.store.dialects.dialect import POSTGRESQL
from blackboard.store.postgresql.pipelined_transactions.statement_pipeline import StatementResult
from blackboard.store.sql_composition import bind_parameters
from blackboard.store.statement_file import Statement


class Key(NamedTuple):
    """A column of a table whose value stays the same as long as a row exists, unless a statement assigns it."""

    column: str
    parameter: str
    """The name of a parameter. A statement with this parameter reads and writes only rows that have its value in the
    column. A test checks each statement that writes."""
    reference: str | None = None
    """Another column, with the key of a related row. A read about a row may also read the rows that refer to it."""

    @property
    def names(self) -> frozenset[str]:
        """The parameters of a write that tell which rows it concerns, and so which results it may change."""
        return frozenset({self.parameter} if self.reference is None else {self.parameter, self.reference})


KEYS: Mapping[str, Key] = {
    "activation": Key("id", "id", "split_from"),
    "agent_state": Key("agent", "agent"),
    "absorbed": Key("mark_id", "mark_id"),
    "crossing": Key("scope", "scope"),
    "deposit_key": Key("key", "key"),
    "mark": Key("subject", "subject"),
    "mark_tag": Key("mark_id", "mark_id"),
    "predicted_crossing": Key("scope", "scope"),
    "unique_value": Key("value", "value"),
    "watch_state": Key("scope", "scope"),
    "watch_total": Key("scope", "scope"),
}
"""The key of each table."""

_WORD = re.compile(r"[a-z_]\w*")
_WRITTEN = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM) ([a-z_]\w*)")


class _Results:
    """The cached results of one statement, by its values in their order."""

    __slots__ = ("by_values", "columns", "words")

    def __init__(self, statement: Statement[Any]) -> None:
        self.columns, self.words = _positions_of_keys(statement), _words(statement)
        self.by_values: dict[tuple[Any, ...], StatementResult] = {}

    def drop(self, key: Key | None, written: Mapping[str, Any]) -> None:
        """Drop the results that read rows with the written key. If the write or the read names no key, drop all."""
        if key is None or key.parameter not in self.columns or not key.names <= written.keys():
            self.by_values.clear()
            return
        position, concerned = self.columns[key.parameter], {written[name] for name in key.names}
        for values in [values for values in self.by_values if values[position] in concerned]:
            del self.by_values[values]


class TransactionReadCache:
    """The results that a transaction keeps."""

    __slots__ = ("_results",)

    def __init__(self) -> None:
        self._results: dict[Statement[Any], _Results] = {}

    def __bool__(self) -> bool:
        return bool(self._results)

    def keep(self, statement: Statement[Any], values: Sequence[Any], result: StatementResult) -> None:
        """Keep the result of a read that was sent just now, with its values in their order."""
        if (results := self._results.get(statement)) is None:
            results = self._results[statement] = _Results(statement)
        results.by_values[tuple(values)] = result

    def find(self, statement: Statement[Any], values: Sequence[Any]) -> StatementResult | None:
        """Return the result of a read, or its place while it waits; None if it is not cached."""
        if (results := self._results.get(statement)) is None:
            return None
        try:
            return results.by_values.get(tuple(values))
        except TypeError:  # a list of values
            return None

    def drop_changed(self, statement: Statement[Any], written: Any) -> None:
        """Drop the results that a write may change.

        Args:
            statement: The statement that writes.
            written: The values of the statement, as a mapping or a named tuple. Values that it does not use belong to
                the row that it writes.
        """
        for table, key in _written_keys(statement):
            for results in self._results.values():
                if results.by_values and table in results.words:
                    results.drop(key, written if isinstance(written, Mapping) else written._asdict())

    def clear(self) -> None:
        """Drop all results."""
        self._results.clear()


@cache
def _written_keys(statement: Statement[Any]) -> tuple[tuple[str, Key | None], ...]:
    """Return the tables to which a statement writes, each with its key, or None if it may change the key."""
    keys = ((table, KEYS.get(table)) for table in tables_written(statement))
    return tuple((table, None if key is None or _assigns(statement, key.column) else key) for table, key in keys)


@cache
def tables_written(statement: Statement[Any]) -> frozenset[str]:
    """Return the tables to which a statement writes."""
    return frozenset(_WRITTEN.findall(statement.text(POSTGRESQL)))


def _assigns(statement: Statement[Any], column: str) -> bool:
    """Return whether a statement changes a column of rows that exist, as only an erasure does with a key."""
    return re.search(rf"\bSET\b(?:(?!\bWHERE\b).)*\b{column} = ", statement.text(POSTGRESQL), re.DOTALL) is not None


@cache
def _words(statement: Statement[Any]) -> frozenset[str]:
    """Return the words of a statement, among them the names of its tables."""
    return frozenset(_WORD.findall(statement.text(POSTGRESQL)))


@cache
def _positions_of_keys(statement: Statement[Any]) -> dict[str, int]:
    """Return the keys of tables among the parameters of a read, with their positions."""
    names = bind_parameters(statement.text(POSTGRESQL), is_numbered=True)[1]
    keys = {KEYS[table].parameter for table in _words(statement) & KEYS.keys()}
    return {key: names.index(key) for key in keys if key in names}
