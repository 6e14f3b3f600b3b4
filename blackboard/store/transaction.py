"""An open transaction, which runs statements: the interface that a file and PostgreSQL implement.

`sqlite.sqlite_transaction` runs each statement on the driver's cursor. On PostgreSQL, `pipelined_transactions` and
`optimistic_transactions` send several statements in one message, because each message costs a round trip there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum, auto
from typing import Any, NamedTuple, Protocol, TypeVar

from blackboard.store.dialects.dialect import Dialect
from blackboard.store.event_partitions import EventPartitions
from blackboard.store.statement_file import Statement, StatementEffect
from blackboard.store.watch_total_additions import TotalAdditions

Result = TypeVar("Result")
Value = TypeVar("Value", bound=int | float | str | None)
SqlRead = tuple[Statement[Any], Mapping[str, Any]]
"""A statement with its values."""


class DeletedContent(ABC):
    """The deleted content of a file, in one transaction."""

    @abstractmethod
    def overwrite(self) -> None:
        """Overwrite deleted content with zeros until the end of the transaction."""

    @abstractmethod
    def merge_index(self, pages: int) -> bool:
        """Merge parts of the full-text index. A deleted word stays in the file until its part is merged.

        Args:
            pages: The number of pages to write; negative to begin a merge of all parts.

        Returns:
            Whether there is more to merge.
        """


class LockRequired(Exception):  # only the store catches it
    """The work cannot run without the lock of writers. It runs again under the lock."""


class CommitState(Enum):
    """The states of the commit of a transaction."""

    UNCOMMITTED = auto()
    IN_DOUBT = auto()
    """The commit was begun, and its outcome is not known."""
    COMMITTED = auto()


class WorkEffects:
    """The effects of a unit of work on workers. On PostgreSQL they are known when the results arrive."""

    __slots__ = ("made_work", "slots")

    def __init__(self) -> None:
        self.made_work = False
        """Whether a crossing, an activation or a predicted crossing was written."""
        self.slots = 0
        """How many more activations ended than began."""

    def add(self, effect: StatementEffect) -> None:
        """Add the effect of a statement that changed rows."""
        if effect is StatementEffect.NOTIFIES:
            self.made_work = True
        elif effect is StatementEffect.FREES_SLOT:
            self.slots += 1
        elif effect is StatementEffect.TAKES_SLOT:
            self.slots -= 1

    @property
    def notifies(self) -> bool:
        """Whether workers must be notified: the unit of work may have created something to claim.

        There may be something to claim if the unit wrote a crossing, an activation or a predicted crossing. An
        activation that ends frees a slot of its agent; if the same unit of work begins another activation, the other
        workers have nothing to do.
        """
        return self.made_work or self.slots > 0


class SharedChanges(Protocol):
    """The changes that the work in one commit collects, to write them together before the commit."""

    def save(self) -> None:
        """Write the changes."""


class Transaction(ABC):
    """An open transaction. It runs statements, and carries the state of work that commits together.

    Each method that runs a statement says what comes back:

    run                     nothing
    run_and_count           the number of rows that it changed
    put, put_many           nothing; they insert whole rows
    insert                  the id of the new row
    one, existing           the first result; `one` allows that there is none, `existing` raises an error
    value                   the only value of a statement that always has a row, such as a count
    all                     all results
    rows                    all rows without a type, for thousands of them
    results                 all results of several statements, in one message to PostgreSQL
    each                    each value in turn, of a statement that returns the next one

    On PostgreSQL, a transaction may run without the lock of writers. Then each member that runs a statement may raise
    `LockRequired`, which the work must not catch: it runs again under the lock.
    """

    __slots__ = ("commit_state", "dialect", "effects", "shared")

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        """The kind of database."""
        self.effects = WorkEffects()
        """The effects of the unit of work that runs now."""
        self.shared: SharedChanges | None = None
        """The object that all work in one commit shares. The store saves it before the commit."""
        self.commit_state = CommitState.UNCOMMITTED
        """Whether the transaction is committed."""

    # -- parts that not every transaction has ------------------------------------------------------------------------

    @property
    def partitions(self) -> EventPartitions | None:
        """The partitions of the history; None if the board has none, as in a file. PostgreSQL reads them each time."""
        return None

    @property
    def total_additions(self) -> TotalAdditions | None:
        """How to add to sums that may change before the commit; None if this transaction has the lock."""
        return None

    @property
    def deleted_content(self) -> DeletedContent | None:
        """What deletions leave in the file; None on PostgreSQL, which clears its pages itself."""
        return None

    # -- the transaction ---------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def cursor(self) -> Any:
        """The cursor of the driver, for a statement that is in no file."""

    @property
    def has_begun(self) -> bool:
        """Whether the database has begun the transaction, with the lock of writers."""
        return True

    def begin_work(self) -> WorkEffects:
        """Begin a unit of work, and return its effects. Several units may commit together; each has its own."""
        self.effects = WorkEffects()
        return self.effects

    def require_lock(self, why: str) -> None:  # noqa: B027
        """Let the work run again under the lock of writers, unless this transaction has it.

        Args:
            why: Why the work needs the lock.
        """

    def widen_cache(self) -> None:  # noqa: B027
        """Let this connection keep more pages, for a search. PostgreSQL has a cache for all connections."""

    def flush(self) -> None:  # noqa: B027
        """Send the statements that wait. Call this before a commit that does not go through `commit`."""

    @abstractmethod
    def commit(self) -> None:
        """Commit the transaction."""

    @abstractmethod
    def roll_back(self) -> None:
        """Roll the transaction back."""

    @abstractmethod
    def close(self) -> None:
        """Close the cursor. On a broken connection there is nothing to close."""

    # -- changes -----------------------------------------------------------------------------------------------------

    @abstractmethod
    def run(self, statement: Statement[object], **values: Any) -> None:
        """Run a statement without a result. On PostgreSQL it is sent with the next read, or with COMMIT."""

    @abstractmethod
    def run_and_count(self, statement: Statement[object], **values: Any) -> int:
        """Run a statement, and return how many rows it changed."""

    @abstractmethod
    def put(self, statement: Statement[object], row: NamedTuple) -> None:
        """Insert a whole row, whose fields are in the order of the statement's parameters."""

    @abstractmethod
    def insert(self, statement: Statement[object], last_id: Statement[int], **values: Any) -> int:
        """Insert a row with the next free id, which is the parameter `id` of the statement, and return the id.

        SQLite chooses the id. On PostgreSQL, `last_id` reads the largest id, once in a transaction: nobody else can
        insert while the board is locked.
        """

    def put_many(self, statement: Statement[object], rows: Iterable[NamedTuple]) -> None:
        """Insert whole rows; see `put`."""
        for row in rows:
            self.put(statement, row)

    def run_many(self, statement: Statement[object], rows: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement once for each row of values."""
        for row in rows:
            self.run(statement, **row)

    # -- reads -------------------------------------------------------------------------------------------------------

    @property
    def reads_together(self) -> bool:
        """Whether the work should read together what the rules will ask, because each message to PostgreSQL takes time.

        In a file, that saves nothing.
        """
        return False

    def prefetch(self, statement: Statement[object], **values: Any) -> None:  # noqa: B027
        """Send a read ahead, with the next message, if `reads_together`. The read then needs no message of its own.

        A result that nobody needs is ignored. If another statement of the transaction may have changed a result, the
        read is sent again when it is needed.
        """

    @property
    def needs_prefetch(self) -> bool:
        """Whether a unit of work should send its reads ahead itself, on PostgreSQL.

        The unit of work should do this if no read was sent, or if a write may have changed the result of a read.
        """
        return False

    @property
    def writes(self) -> int:
        """The number of statements so far that may have changed something. It is counted if `reads_together`."""
        return 0

    @abstractmethod
    def rows(self, statement: Statement[object], **values: Any) -> list[tuple[Any, ...]]:
        """Return every row as the driver returns it, which costs less if there are thousands."""

    @abstractmethod
    def one(self, statement: Statement[Result], **values: Any) -> Result | None:
        """Return the first result, or None."""

    @abstractmethod
    def existing(self, statement: Statement[Result], **values: Any) -> Result:
        """Return the first result of a statement that always has a result.

        Raises:
            LookupError: The statement has no result.
        """

    @abstractmethod
    def value(self, statement: Statement[Value], **values: Any) -> Value:
        """Return the value of a statement that always has a row, such as a count."""

    @abstractmethod
    def all(self, statement: Statement[Result], **values: Any) -> list[Result]:
        """Return every result."""

    def results(self, *reads: SqlRead) -> list[list[Any]]:
        """Return every result of each of several statements that change nothing. PostgreSQL gets one message."""
        return [self.all(statement, **values) for statement, values in reads]

    def each(self, statement: Statement[Value | None], after: Value, **values: Any) -> Iterator[Value]:
        """Yield each value of a statement that returns the next value `after` another.

        These statements jump through an index, where `SELECT DISTINCT` would read the whole index.
        """
        while (value := self.one(statement, after=after, **values)) is not None:
            yield value
            after = value

    def list_of(self, values: Iterable[int] | Iterable[str]) -> Any:
        """Return a list in the form that the fragment `is_in` takes."""
        return self.dialect.list_of([*values])
