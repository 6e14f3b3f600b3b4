"""An open transaction that runs statements on the driver's cursor.

A deposit runs eight statements. Each costs 2 to 3 microseconds here, and 20 to 28 through SQLAlchemy's
`Connection.execute`. The tables hold only integers, floats and text, which need no conversion.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from blackboard.store.dialect import Dialect
from blackboard.store.statement_file import Statement

Result = TypeVar("Result")
Value = TypeVar("Value", bound=int | float | str | None)


class Transaction:
    """An open transaction. It runs statements, and carries the state of work that commits together.

    Attributes:
        shared: The object that all work in one commit shares. Its `save` is called before the commit and writes the
            collected changes.
        committed: Whether the commit has succeeded.
        in_doubt: Whether the commit was begun and its outcome is not known.
        overwrites: Whether deleted content is overwritten with zeros.
    """

    __slots__ = ("_notifies", "_slots", "committed", "cursor", "dialect", "in_doubt", "overwrites", "shared")

    def __init__(self, cursor: Any, dialect: Dialect) -> None:
        self.cursor, self.dialect = cursor, dialect
        self.begin_work()
        self.shared: Any = None
        self.committed = self.in_doubt = self.overwrites = False

    def overwrite_deleted(self) -> None:
        """Overwrite deleted content with zeros in this transaction. A server clears its pages itself."""
        self.overwrites = self.dialect.overwrite_deleted(self.cursor)

    def widen_cache(self) -> None:
        """Let this connection keep more pages, for a search."""
        self.dialect.widen_cache(self.cursor)

    def close(self) -> None:
        """Close the cursor. On a broken connection there is nothing to close."""
        try:
            if self.overwrites:
                self.dialect.overwrite_no_more(self.cursor)
            self.cursor.close()
        except Exception:
            return

    def begin_work(self) -> None:
        """Begin a unit of work. Several units may commit together, and each notifies for itself."""
        self._notifies, self._slots = False, 0

    @property
    def notifies(self) -> bool:
        """Whether the unit of work may have made work for a worker.

        It did if it wrote a crossing, an activation or a predicted crossing. An activation that ends frees a slot of
        its agent; if the same unit of work begins another activation, the other workers have nothing to do.
        """
        return self._notifies or self._slots > 0

    def run(self, statement: Statement[object], **values: Any) -> Any:
        """Run a statement and return the cursor."""
        sql, names = statement.compiled(self.dialect)
        cursor = self.cursor.execute(sql, [values[name] for name in names] if self.dialect.is_positional else values)
        # A known word saves the call of the property, which each statement would pay for.
        if (effect := statement.word or statement.effect) != "quiet" and cursor.rowcount:
            if effect == "notifies":
                self._notifies = True
            else:
                self._slots += 1 if effect == "frees slot" else -1
        return cursor

    def changes_by(self, statement: Statement[object], **values: Any) -> int:
        """Run a statement on SQLite, and return how many rows it changed, also in tables that it changes indirectly."""
        before = self.cursor.connection.total_changes
        self.run(statement, **values)
        return int(self.cursor.connection.total_changes - before)

    def put(self, statement: Statement[object], row: tuple[Any, ...]) -> None:
        """Insert a whole row: a named tuple in the order of the statement's parameters."""
        sql, _ = statement.compiled(self.dialect)
        self.cursor.execute(sql, row if self.dialect.is_positional else row._asdict())  # type: ignore[attr-defined]

    def put_many(self, statement: Statement[object], rows: Iterable[tuple[Any, ...]]) -> None:
        """Insert whole rows; see `put`."""
        sql, _ = statement.compiled(self.dialect)
        self.cursor.executemany(
            sql,
            rows if self.dialect.is_positional else [row._asdict() for row in rows],  # type: ignore[attr-defined]
        )

    def insert(self, statement: Statement[object], last_id: Statement[int], **values: Any) -> int:
        """Insert a row whose id the database chooses, and return the id.

        If the driver does not know it, `last_id` asks for the largest id, which is this one while the board is locked.
        """
        inserted = self.dialect.inserted_id(self.run(statement, **values))
        return self.value(last_id) if inserted is None else inserted

    def run_many(self, statement: Statement[object], rows: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement once for each row of values."""
        sql, names = statement.compiled(self.dialect)
        self.cursor.executemany(
            sql, ([row[name] for name in names] for row in rows) if self.dialect.is_positional else rows
        )

    def list_of(self, values: Iterable[int] | Iterable[str]) -> Any:
        """Return a list in the form that the fragment `is_in` takes."""
        return self.dialect.list_of([*values])

    def one(self, statement: Statement[Result], **values: Any) -> Result | None:
        """Return the first result, or None."""
        row = self.run(statement, **values).fetchone()
        return None if row is None else statement.make(row)

    def existing(self, statement: Statement[Result], **values: Any) -> Result:
        """Return the first result of a statement that always has a result.

        Raises:
            LookupError: The statement has no result.
        """
        row = self.run(statement, **values).fetchone()
        if row is None:
            raise LookupError(f"{statement.name} found nothing")
        return statement.make(row)

    def value(self, statement: Statement[Value], **values: Any) -> Value:
        """Return the value of a statement that always has a row, such as a count."""
        return statement.make(self.run(statement, **values).fetchone())

    def each(self, statement: Statement[Value | None], after: Value, **values: Any) -> Iterator[Value]:
        """Yield each value of a statement that returns the next value `after` another.

        That jumps through an index, where `SELECT DISTINCT` would read all of it.
        """
        while (value := self.one(statement, after=after, **values)) is not None:
            yield value
            after = value

    def all(self, statement: Statement[Result], **values: Any) -> list[Result]:
        """Return every result."""
        return [*map(statement.make, self.run(statement, **values))]
