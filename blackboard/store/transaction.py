"""Statements, compiled once and run on the DBAPI cursor.

Going through `Connection.execute` costs 20 to 28 microseconds for each statement, this 2 to 3; a deposit runs eight.
Only types that need no conversion (integers, floats, text) are used in the tables, so nothing is lost on this path.
SQLAlchemy, which writes them, is loaded only to compile what was not compiled beforehand (see `shelf`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from blackboard.store.dialect import Dialect

if TYPE_CHECKING:
    from sqlalchemy import Executable

__all__ = ["Compiled", "Statement", "Transaction"]


class Compiled(NamedTuple):
    """A statement in one dialect's words."""

    sql: str
    names: tuple[str, ...] | None
    """Its parameters in order; None where the driver takes them by name."""
    constants: dict[str, Any]
    """Parameters that the compiler added itself, such as an offset of 0."""


class Statement:
    """A statement that is compiled at its first use with each dialect.

    Args:
        core: as SQLAlchemy has it, or what finds that.
        compiled: what is known of it beforehand, by the names of dialects.
    """

    __slots__ = ("_compiled", "_core")

    def __init__(
        self, core: Executable | Callable[[], Executable], compiled: Mapping[str, Compiled] | None = None
    ) -> None:
        self._core = core
        self._compiled = dict(compiled or {})

    @property
    def core(self) -> Executable:
        """The statement as SQLAlchemy has it."""
        return self._core() if callable(self._core) else self._core

    def compiled(self, dialect: Dialect) -> Compiled:
        """The SQL text and what it asks for."""
        if (known := self._compiled.get(dialect.name)) is None:
            known = self._compiled[dialect.name] = self.compile(dialect)
        return known

    def compile(self, dialect: Dialect) -> Compiled:
        """The same, whatever is known of it."""
        compiled: Any = self.core.compile(dialect=dialect.core())  # type: ignore[attr-defined]
        order = None if compiled.positiontup is None else tuple(compiled.positiontup)
        values = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        constants = {name: value for name, value in values.items() if name in (order or compiled.bind_names.values())}
        sql = "\n".join(line.strip() for line in str(compiled).splitlines())
        return Compiled(sql, order, constants)


class Transaction:
    """An open transaction: runs statements, and carries the instant that everything in it happens at."""

    __slots__ = ("at_end", "committed", "cursor", "dialect", "now", "shared")

    def __init__(self, cursor: Any, dialect: Dialect) -> None:
        self.cursor, self.dialect = cursor, dialect
        self.now = 0
        self.shared: Any = None
        """What those who are committed together keep in common; None where nobody began it, or it is done with."""
        self.at_end: Callable[[], None] | None = None
        """Writes what they have kept back until the commit."""
        self.committed = False

    def run(self, statement: Statement, **values: Any) -> Any:
        """Run it and return the cursor."""
        sql, names, constants = statement.compiled(self.dialect)
        if constants:
            values = constants | values
        return self.cursor.execute(sql, values if names is None else [values[name] for name in names])

    def put(self, statement: Statement, row: tuple[Any, ...]) -> None:
        """Run an insert of a whole row, which is a named tuple in the order of the table's columns."""
        sql, names, _ = statement.compiled(self.dialect)
        self.cursor.execute(sql, row if names is not None else row._asdict())  # type: ignore[attr-defined]

    def run_many(self, statement: Statement, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run it for each row."""
        sql, names, _ = statement.compiled(self.dialect)
        self.cursor.executemany(sql, rows if names is None else ([row[name] for name in names] for row in rows))

    def one(self, statement: Statement, **values: Any) -> Any:
        """The first row, or None."""
        return self.run(statement, **values).fetchone()

    def all(self, statement: Statement, **values: Any) -> list[Any]:
        """Every row."""
        return self.run(statement, **values).fetchall()  # type: ignore[no-any-return]
