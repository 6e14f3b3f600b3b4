"""An open transaction that runs statements on the driver's cursor, as SQLite needs it.

`database_server.transactions` does the same on a server, where each answer costs a round trip.

A deposit runs eight statements. Each costs 2 to 3 microseconds here, and 20 to 28 through SQLAlchemy's
`Connection.execute`. The tables hold only integers, floats and text, which need no conversion.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar

from blackboard.store.dialects.dialect import Dialect
from blackboard.store.statement_texts.statement_file import Statement
from blackboard.store.transaction_parts.event_partitions import EventPartitions
from blackboard.store.transaction_parts.total_additions import TotalAdditions

Result = TypeVar("Result")
Value = TypeVar("Value", bound=int | float | str | None)
Question = tuple[Statement[Any], Mapping[str, Any]]
"""A statement with its values."""


class WorkEffects:
    """The effects of a unit of work on workers. On a server they are known when the statements are answered."""

    __slots__ = ("made_work", "slots")

    def __init__(self) -> None:
        self.made_work, self.slots = False, 0

    def add(self, effect: str) -> None:
        """Add the effect of a statement that changed rows; see `Statement.effect`."""
        if effect == "notifies":
            self.made_work = True
        else:
            self.slots += 1 if effect == "frees slot" else -1

    @property
    def notifies(self) -> bool:
        """Whether the unit of work may have made work for a worker.

        It did if it wrote a crossing, an activation or a predicted crossing. An activation that ends frees a slot of
        its agent; if the same unit of work begins another activation, the other workers have nothing to do.
        """
        return self.made_work or self.slots > 0


class Transaction:
    """An open transaction. It runs statements, and carries the state of work that commits together.

    Attributes:
        effects: The effects of the unit of work that runs now.
        shared: The object that all work in one commit shares. Its `save` is called before the commit and writes the
            collected changes.
        committed: Whether the commit has succeeded.
        in_doubt: Whether the commit was begun and its outcome is not known.
        overwrites: Whether deleted content is overwritten with zeros.
        asks_ahead: Whether `ask_ahead` saves time, because each answer costs a round trip.
    """

    asks_ahead: ClassVar[bool] = False

    __slots__ = ("_cursor", "committed", "dialect", "effects", "in_doubt", "overwrites", "shared")

    def __init__(self, cursor: Any, dialect: Dialect) -> None:
        self._cursor, self.dialect = cursor, dialect
        self.effects = WorkEffects()
        self.shared: Any = None
        self.committed = self.in_doubt = self.overwrites = False

    @property
    def cursor(self) -> Any:
        """The cursor of the driver, for a statement that is in no file."""
        return self._cursor

    @property
    def has_begun(self) -> bool:
        """Whether the database has begun the transaction, with the lock of writers."""
        return True

    @property
    def asks_again(self) -> bool:
        """Whether a unit of work should ask ahead itself: nothing was asked yet, or other work may have changed it."""
        return False

    @property
    def partitions(self) -> EventPartitions | None:
        """The partitions of the history; None if the board has none, as in a file. A server is asked each time."""
        return None

    @property
    def total_additions(self) -> TotalAdditions | None:
        """How to add to sums that others may change before the commit; None if this transaction has the lock."""
        return None

    def require_lock(self, why: str) -> None:
        """Let the work run again under the lock of writers, unless this transaction has it.

        Args:
            why: Why the work needs the lock.
        """

    def send(self, sql: str, *values: Any) -> Any:
        """Run a statement that is in no file, such as BEGIN. On a server, the place for its answer is returned."""
        self._cursor.execute(sql, values)

    def ask_ahead(self, statement: Statement[object], **values: Any) -> None:
        """Ask a question that this transaction will certainly ask later, together with other statements.

        On a server, the question goes with the next message, and costs no round trip when it is asked later. If a
        statement of this transaction may have changed the answer by then, the server is asked again. Do not call it if
        `asks_ahead` is false, as on SQLite: it would save nothing.
        """

    def flush(self) -> None:
        """Send the statements that wait. For a transaction that is committed in another way than by `commit`."""

    def commit(self) -> None:
        """Commit the transaction."""
        self._cursor.execute("COMMIT")

    def roll_back(self) -> None:
        """Roll the transaction back."""
        self._cursor.execute("ROLLBACK")

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
                self.dialect.overwrite_no_more(self._cursor)
            self._cursor.close()
        except Exception:
            return

    def begin_work(self) -> WorkEffects:
        """Begin a unit of work, and return its effects. Several units may commit together, each with its own."""
        self.effects = WorkEffects()
        return self.effects

    def run(self, statement: Statement[object], **values: Any) -> Any:
        """Run a statement whose result nobody needs. On a server it is sent with the next question, or with COMMIT."""
        sql, names = statement.compiled(self.dialect)
        cursor = self._cursor.execute(sql, [values[name] for name in names])
        # A known word saves the call of the property, which each statement would pay for.
        if (effect := statement.word or statement.effect) != "quiet" and cursor.rowcount:
            self.effects.add(effect)
        return cursor

    def changed(self, statement: Statement[object], **values: Any) -> int:
        """Run a statement, and return how many rows it changed."""
        return int(self.run(statement, **values).rowcount)

    def changes_by(self, statement: Statement[object], **values: Any) -> int:
        """Run a statement on SQLite, and return how many rows it changed, also in tables that it changes indirectly."""
        before = self._cursor.connection.total_changes
        self.run(statement, **values)
        return int(self._cursor.connection.total_changes - before)

    def put(self, statement: Statement[object], row: tuple[Any, ...]) -> None:
        """Insert a whole row: a named tuple in the order of the statement's parameters."""
        sql, _ = statement.compiled(self.dialect)
        self._cursor.execute(sql, row)

    def put_many(self, statement: Statement[object], rows: Iterable[tuple[Any, ...]]) -> None:
        """Insert whole rows; see `put`."""
        sql, _ = statement.compiled(self.dialect)
        self._cursor.executemany(sql, rows)

    def insert(self, statement: Statement[object], last_id: Statement[int], **values: Any) -> int:
        """Insert a row with the next free id, which is the parameter `id` of the statement, and return the id.

        SQLite chooses it. On a server, `last_id` asks for the largest id, once in a transaction: nobody else can insert
        while the board is locked.
        """
        values["id"] = None
        return int(self.run(statement, **values).lastrowid)

    def run_many(self, statement: Statement[object], rows: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement once for each row of values."""
        sql, names = statement.compiled(self.dialect)
        self._cursor.executemany(sql, ([row[name] for name in names] for row in rows))

    def list_of(self, values: Iterable[int] | Iterable[str]) -> Any:
        """Return a list in the form that the fragment `is_in` takes."""
        return self.dialect.list_of([*values])

    def rows(self, statement: Statement[object], **values: Any) -> list[tuple[Any, ...]]:
        """Return every row as the driver returns it, which costs less if there are thousands."""
        return self.run(statement, **values).fetchall()  # type: ignore[no-any-return]

    def answers(self, *questions: Question) -> list[list[Any]]:
        """Return every result of each of several statements that change nothing. A server gets them in one message."""
        return [self.all(statement, **values) for statement, values in questions]

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
