"""An open transaction that runs statements on the driver's cursor.

`Connection.execute` of SQLAlchemy costs 20 to 28 microseconds for each statement, this 2 to 3; a deposit runs eight.
The tables hold only types that need no conversion (integers, floats, text), so nothing is lost on this path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from blackboard.store.dialect import Dialect
from blackboard.store.statements import Statement

__all__ = ["Transaction"]


class Transaction:
    """An open transaction: it runs statements, and carries what the work that commits together shares."""

    __slots__ = ("_notifies", "_slots", "at_end", "committed", "cursor", "dialect", "shared")

    def __init__(self, cursor: Any, dialect: Dialect) -> None:
        self.cursor, self.dialect = cursor, dialect
        self.begin_work()
        self.shared: Any = None
        """What the work that commits together shares; None before it begins and after it ends."""
        self.at_end: Callable[[], None] | None = None
        """Writes what was kept back until the commit."""
        self.committed = False

    def begin_work(self) -> None:
        """Begin a unit of work; several may commit together, and each notifies for itself."""
        self._notifies, self._slots = False, 0

    @property
    def notifies(self) -> bool:
        """Return whether the unit of work changed what a worker may have to do.

        It did if it wrote a crossing, an activation or a predicted crossing. An activation that ends frees a slot of
        its agent; if the same unit of work begins another one, the other workers have nothing to do.
        """
        return self._notifies or self._slots > 0

    def run(self, statement: Statement, **values: Any) -> Any:
        """Run a statement and return the cursor."""
        sql, names = statement.compiled(self.dialect.name)
        cursor = self.cursor.execute(sql, [values[name] for name in names] if self.dialect.positional else values)
        if (effect := statement.effect) != "quiet" and cursor.rowcount:
            if effect == "notifies":
                self._notifies = True
            else:
                self._slots += 1 if effect == "frees slot" else -1
        return cursor

    def put(self, statement: Statement, row: tuple[Any, ...]) -> None:
        """Insert a whole row, a named tuple in the order of the statement's parameters."""
        sql, _ = statement.compiled(self.dialect.name)
        self.cursor.execute(sql, row if self.dialect.positional else row._asdict())  # type: ignore[attr-defined]

    def run_many(self, statement: Statement, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement for each row."""
        sql, names = statement.compiled(self.dialect.name)
        self.cursor.executemany(
            sql, ([row[name] for name in names] for row in rows) if self.dialect.positional else rows
        )

    def one(self, statement: Statement, **values: Any) -> Any:
        """Return the first row, or None."""
        cursor = self.run(statement, **values)
        values_ = cursor.fetchone()
        return None if values_ is None else statement.row(cursor.description)._make(values_)

    def value(self, statement: Statement, **values: Any) -> Any:
        """Return the first column of the first row, or None."""
        row = self.run(statement, **values).fetchone()
        return None if row is None else row[0]

    def all(self, statement: Statement, **values: Any) -> list[Any]:
        """Return every row."""
        cursor = self.run(statement, **values)
        make = statement.row(cursor.description)._make
        return [make(values) for values in cursor]
