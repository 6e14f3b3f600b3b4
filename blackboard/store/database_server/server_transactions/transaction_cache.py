"""Answers to questions that a transaction on a server asked ahead, until one of its writes may change them.

A write may change each answer that read a table to which it writes. But statements with different values of the key of
that table concern different rows. So a deposit on one subject changes no answer about another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from blackboard.store.database_server.server_transactions.statement_pipeline import Answer
from blackboard.store.dialects.dialect import POSTGRESQL
from blackboard.store.sql_composition import bind_parameters
from blackboard.store.statement_file import Statement


class Key(NamedTuple):
    """A column of a table whose value stays the same as long as a row exists, unless a statement assigns it."""

    column: str
    parameter: str
    """The name of a parameter. A statement with this parameter reads and writes only rows that have its value in the
    column. A test checks each statement that writes."""
    reference: str | None = None
    """Another column, with the key of a related row. A question about a row may also read the rows that refer to it."""

    @property
    def names(self) -> frozenset[str]:
        """The values of a write that name the rows whose answers it may change."""
        return frozenset({self.parameter} if self.reference is None else {self.parameter, self.reference})


KEYS: Mapping[str, Key] = {
    "activation": Key("id", "id", "split_from"),
    "agent_state": Key("agent", "agent"),
    "absorbed": Key("mark_id", "mark_id"),
    "crossing": Key("subject", "scope"),
    "deposit_key": Key("key", "key"),
    "mark": Key("subject", "subject"),
    "mark_tag": Key("mark_id", "mark_id"),
    "predicted_crossing": Key("subject", "scope"),
    "unique_value": Key("value", "value"),
    "watch_state": Key("subject", "scope"),
    "watch_total": Key("scope", "scope"),
}
"""The key of each table."""

_WORD = re.compile(r"[a-z_]\w*")
_WRITTEN = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM) ([a-z_]\w*)")


class _Answers:
    """The cached answers to one statement, by its values in their order."""

    __slots__ = ("by_values", "columns", "words")

    def __init__(self, statement: Statement[Any]) -> None:
        self.columns, self.words = _positions_of_keys(statement), _words(statement)
        self.by_values: dict[tuple[Any, ...], Answer] = {}

    def drop(self, key: Key | None, written: Mapping[str, Any]) -> None:
        """Drop the answers that read rows with the written key; all if the key of a side is not known."""
        if key is None or key.parameter not in self.columns or not key.names <= written.keys():
            self.by_values.clear()
            return
        position, concerned = self.columns[key.parameter], {written[name] for name in key.names}
        for values in [values for values in self.by_values if values[position] in concerned]:
            del self.by_values[values]


class TransactionCache:
    """The answers that a transaction keeps."""

    __slots__ = ("_answers",)

    def __init__(self) -> None:
        self._answers: dict[Statement[Any], _Answers] = {}

    def __bool__(self) -> bool:
        return bool(self._answers)

    def keep(self, statement: Statement[Any], values: Sequence[Any], answer: Answer) -> None:
        """Keep the answer to a question that was asked just now, with its values in their order."""
        if (answers := self._answers.get(statement)) is None:
            answers = self._answers[statement] = _Answers(statement)
        answers.by_values[tuple(values)] = answer

    def find(self, statement: Statement[Any], values: Sequence[Any]) -> Answer | None:
        """Return the answer to a question, or its place while it waits; None if it is not cached."""
        if (answers := self._answers.get(statement)) is None:
            return None
        try:
            return answers.by_values.get(tuple(values))
        except TypeError:  # a list of values
            return None

    def drop_changed(self, statement: Statement[Any], written: Any) -> None:
        """Drop the answers that a write may change.

        Args:
            statement: The statement that writes.
            written: Its values, as a mapping or a named tuple. Those that it does not use are values of the row that it
                writes.
        """
        for table, key in _written_keys(statement):
            for answers in self._answers.values():
                if answers.by_values and table in answers.words:
                    answers.drop(key, written if isinstance(written, Mapping) else written._asdict())

    def clear(self) -> None:
        """Drop all answers."""
        self._answers.clear()


@cache
def _written_keys(statement: Statement[Any]) -> tuple[tuple[str, Key | None], ...]:
    """Return the tables to which a statement writes, each with its key, or None if that may change."""
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
    """Return the keys of tables among the parameters of a question, with their positions."""
    names = bind_parameters(statement.text(POSTGRESQL), is_numbered=True)[1]
    keys = {KEYS[table].parameter for table in _words(statement) & KEYS.keys()}
    return {key: names.index(key) for key in keys if key in names}
