"""What statements are put together from, in SQLAlchemy Core. It runs nothing, and only what writes SQL imports it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Integer, Table, Text, bindparam, insert, literal_column, update

from blackboard.store.transaction import Statement

__all__ = ["AT_MOST", "insert_into", "number", "unindexed", "update_by", "word"]


def insert_into(table: Table, *leave_out: str) -> Statement:
    """An insert of every column of a table, each a parameter of its name."""
    return Statement(insert(table).values({c.name: bindparam(c.name) for c in table.c if c.name not in leave_out}))


def update_by(table: Table, key: str, *columns: str) -> Statement:
    """An update of some columns of the row with a key, each a parameter of its name."""
    values: dict[str, Any] = {name: bindparam(name) for name in columns}
    return Statement(update(table).where(table.c[key] == bindparam("key")).values(values))


def unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column, so written that no index is chosen for it: where the planner cannot know which of two is narrow."""
    return column.concat(word("")) if isinstance(column.type, Text) else column + number(0)


def number(value: float) -> Any:
    """A number written into the statement itself."""
    return literal_column(repr(value))


AT_MOST = bindparam("limit", type_=Integer) + number(0)
"""The parameter `limit`. SQLite plans a statement anew, at some cost, each time a bare one after LIMIT is bound."""


def word(value: str) -> Any:
    """A fixed word written into the statement itself."""
    assert not value or value.replace("_", "").isalnum()
    return literal_column(f"'{value}'")
