"""A transaction that runs each statement on the cursor of SQLite's driver.

A deposit runs eight statements. Each costs 2 to 3 microseconds here, and 20 to 28 through SQLAlchemy's
`Connection.execute`. The tables hold only integers, floats and text, which need no conversion.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from blackboard.store.dialects.dialect import Dialect
from blackboard.store.statement_file import QUIET, Statement
from blackboard.store.statements import SEARCH
from blackboard.store.transaction import DeletedContent, Transaction

Result = TypeVar("Result")
Value = TypeVar("Value", bound=int | float | str | None)

CACHE_KIBIBYTES = 16_384
"""The size of the cache for a search: the lengths of a million documents take 11 MB."""


class SqliteTransaction(Transaction):
    """An open transaction on a file; see `Transaction`.

    Args:
        cursor: A cursor of the connection.
        dialect: The dialect of SQLite.
    """

    __slots__ = ("cursor", "overwrites")

    cursor: Any
    # These properties of the base class are constants here, so that reading one costs no call.
    reads_together = False
    needs_prefetch = False
    has_begun = True
    partitions = None
    total_additions = None

    def __init__(self, cursor: Any, dialect: Dialect) -> None:
        super().__init__(dialect)
        self.cursor = cursor
        self.overwrites = False
        """Whether deleted content is overwritten with zeros."""

    @property
    def deleted_content(self) -> DeletedContent:
        return SqliteDeletedContent(self)

    def widen_cache(self) -> None:
        self.cursor.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")

    def commit(self) -> None:
        self.cursor.execute("COMMIT")

    def roll_back(self) -> None:
        self.cursor.execute("ROLLBACK")

    def close(self) -> None:
        try:
            if self.overwrites:
                self.cursor.execute("PRAGMA secure_delete = FAST")
            self.cursor.close()
        except Exception:
            return

    def run(self, statement: Statement[object], **values: Any) -> None:
        self._execute(statement, values)

    def run_and_count(self, statement: Statement[object], **values: Any) -> int:
        return int(self._execute(statement, values).rowcount)

    def put(self, statement: Statement[object], row: NamedTuple) -> None:
        sql, _ = statement.compile(self.dialect)
        self.cursor.execute(sql, tuple(row))  # from a named tuple, the driver fetches each value by a call

    def insert(self, statement: Statement[object], last_id: Statement[int], **values: Any) -> int:
        values["id"] = None
        return int(self._execute(statement, values).lastrowid)

    def put_many(self, statement: Statement[object], rows: Iterable[NamedTuple]) -> None:
        sql, _ = statement.compile(self.dialect)
        self.cursor.executemany(sql, map(tuple, rows))

    def run_many(self, statement: Statement[object], rows: Iterable[Mapping[str, Any]]) -> None:
        sql, names = statement.compile(self.dialect)
        self.cursor.executemany(sql, ([row[name] for name in names] for row in rows))

    def rows(self, statement: Statement[object], **values: Any) -> list[tuple[Any, ...]]:
        return self._execute(statement, values).fetchall()  # type: ignore[no-any-return]

    def one(self, statement: Statement[Result], **values: Any) -> Result | None:
        row = self._execute(statement, values).fetchone()
        return None if row is None else statement.make(row)

    def existing(self, statement: Statement[Result], **values: Any) -> Result:
        row = self._execute(statement, values).fetchone()
        if row is None:
            raise LookupError(f"{statement.name} found nothing")
        return statement.make(row)

    def value(self, statement: Statement[Value], **values: Any) -> Value:
        return statement.make(self._execute(statement, values).fetchone())

    def all(self, statement: Statement[Result], **values: Any) -> list[Result]:
        return [*map(statement.make, self._execute(statement, values))]

    def _execute(self, statement: Statement[object], values: Mapping[str, Any]) -> Any:
        """Run a statement, and return the cursor. `tests/store` checks that each call names the statement's values."""
        sql, names = statement.compile(self.dialect)
        cursor = self.cursor.execute(sql, [values[name] for name in names])
        # A known effect saves the call of the property, for which each statement would pay.
        if (effect := statement.known_effect or statement.effect) is not QUIET and cursor.rowcount:
            self.effects.add(effect)
        return cursor


class SqliteDeletedContent(DeletedContent):
    """The deleted content of a file, in one transaction; see `DeletedContent`."""

    def __init__(self, transaction: SqliteTransaction) -> None:
        self._transaction = transaction

    def overwrite(self) -> None:
        self._transaction.cursor.execute("PRAGMA secure_delete = ON")
        self._transaction.overwrites = True

    def merge_index(self, pages: int) -> bool:
        connection = self._transaction.cursor.connection
        before = connection.total_changes  # a merge also changes the tables of the index, which `rowcount` leaves out
        self._transaction.run(SEARCH.merge, pages=pages)
        return bool(connection.total_changes - before >= 2)
