"""A transaction on PostgreSQL that reads without a lock, and writes only if nothing that it has read has changed.

The rules run between two messages. The first has their reads, and locks nothing. The second takes the lock of the
board, checks each result that the rules have used, writes, and commits. So other processes wait only while the database
server works, and not for the network or for the rules of this process.

All reads and writes of such a transaction must be known to be safe: they do not depend on the instant at which the
lock is taken, and they wake nobody. If a read or a write is not known to be safe, the transaction gives up before its
second message.

If the process remembers the results of all reads, the first message is not needed: the transaction is one message. This
message checks the remembered results under the lock, as it checks the results of reads that were sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NoReturn, TypeVar

from blackboard.clock import LAST_INSTANT, Instant
from blackboard.durations import SECOND, Duration
from blackboard.store.dialects.dialect import Dialect
from blackboard.store.postgresql.commit_record import CommitRecord
from blackboard.store.postgresql.optimistic_transactions.commit_validation import (
    SqlPart,
    validating_statement,
    with_fingerprint,
)
from blackboard.store.postgresql.optimistic_transactions.optimistic_total_additions import OptimisticTotalAdditions
from blackboard.store.postgresql.optimistic_transactions.read_write_sets import ReadSet, WriteSet
from blackboard.store.postgresql.pipelined_transactions.pipelined_transaction import PipelinedTransaction
from blackboard.store.postgresql.pipelined_transactions.process_read_cache import CACHED_READS, ProcessReadCache
from blackboard.store.postgresql.pipelined_transactions.statement_pipeline import StatementResult
from blackboard.store.row_types.board_row_types import TransactionStart
from blackboard.store.statement_file import Statement
from blackboard.store.statements import MARKS
from blackboard.store.transaction import CommitState, LockRequired

Result = TypeVar("Result")

UNLOCKED_READS = frozenset(
    {
        "crossings.absorbed_by_watches",
        "crossings.get_absorbed",
        "crossings.get_watermark",
        "crossings.watch_totals",
        "marks.find_key",
        "marks.find_law",
        "marks.get_event",
        "marks.get_law_spec",
        "marks.get_mark",
        "marks.holders_of_unique_value",
        "marks.marks_of_subject",
        "marks.transaction_start",
    }
)
"""The reads that need no lock. None of them contains an instant."""
MAX_PARTS = 60
"""The largest number of checks and writes in one statement."""
MAX_COMMIT_TIME: Duration = 10 * SECOND
"""The longest time between the instant for which the rules decide and the commit of their writes."""


class OptimisticTransaction(PipelinedTransaction):
    """A transaction without a lock; see `Transaction`.

    It runs the statements in `UNLOCKED_WRITES` and `UNLOCKED_READS`. Any other statement requires the lock, because the
    commit could not check it.
    """

    __slots__ = (
        "_awaited",
        "_checks",
        "_fingerprints",
        "_process_cache",
        "_read_set",
        "_start",
        "_write_set",
        "earliest_end",
        "shift",
    )

    def __init__(self, connection: Any, dialect: Dialect, process_cache: ProcessReadCache) -> None:
        super().__init__(connection, dialect)
        self._process_cache = process_cache
        self._awaited: list[StatementResult] = []
        """The results that have not arrived, and will have fingerprints."""
        self._fingerprints: dict[StatementResult, bytes | None] = {}
        self._read_set = ReadSet(dialect)
        self._start: TransactionStart | None = None
        self._checks: list[SqlPart] = []
        self._write_set = WriteSet()
        self.earliest_end = LAST_INSTANT
        """The earliest end of a mark that the transaction has read or written. It must commit before that instant."""
        self.shift = 0
        """After the commit, the number of events that other transactions recorded since this transaction has read."""

    @property
    def cursor(self) -> Any:
        """A cursor of the driver. It requires the lock, because the commit could not check what a caller runs on it."""
        self.require_lock("a statement of its own")

    @property
    def last_event_id(self) -> int:
        """The last event that this transaction has read."""
        return 0 if self._start is None else self._start.last_event_id or 0

    @property
    def total_additions(self) -> OptimisticTotalAdditions:
        return OptimisticTotalAdditions(self)

    def require_lock(self, why: str) -> NoReturn:
        raise LockRequired(why)

    def run(self, statement: Statement[object], **values: Any) -> None:
        self._write_set.add(statement, values)
        self._note_write(statement, values)
        self._note_end(values.get("evaporates_at"))

    def put(self, statement: Statement[object], row: NamedTuple) -> None:
        self.run(statement, **row._asdict())

    def run_and_count(self, statement: Statement[object], **values: Any) -> int:
        self.require_lock(statement.name)

    def insert(self, statement: Statement[object], last_id: Statement[int], **values: Any) -> int:
        self.require_lock(statement.name)

    def commit(self) -> None:
        """Require the lock: a transaction without the lock is committed by `commit_if_unchanged`."""
        self.require_lock("a commit without checks")

    def rows_as_read(self, statement: Statement[Result], **values: Any) -> list[Result]:
        """Return the result of a read that this transaction has used, and exclude it from the checks of the commit.

        The caller adds its own conditions with `require`.
        """
        _, names = statement.compile(self.dialect)
        result = self._read_set.release(statement, tuple(values[name] for name in names))
        return [*map(statement.make, result.rows)]

    def require(self, text: str, *values: Any) -> None:
        """Commit only if a condition holds under the lock: SQL with the parameters `$1`, `$2` and so on."""
        self._checks.append(SqlPart(text, values))

    def write(self, text: str, *values: Any) -> None:
        """Add a statement to the commit. It must read the table `held`, which has a row only if all checks hold."""
        self._write_set.add_text(SqlPart(text, values))

    def commit_if_unchanged(self, record: CommitRecord) -> None:
        """Commit if no result that the rules have used has changed. `commit_state` then has the outcome.

        A transaction without writes sends nothing, and counts as committed.

        Raises:
            LockRequired: The transaction has more than `MAX_PARTS` checks and writes, has not read the values of its
                start, has no instant, or has used a cached result without a fingerprint. Nothing was sent.
            psycopg.Error: The database server refused the commit, or the connection was lost. If `commit_state` is
                `IN_DOUBT`, nobody knows yet whether the transaction was committed.
        """
        if not self._write_set:
            self.commit_state = CommitState.COMMITTED
            return
        parts, instant = self._write_set.parts(self.last_event_id), self._write_set.instant
        checks = [*self._read_set.checks(self.last_event_id), *self._checks]
        if self._start is None:
            raise LockRequired("it has not read the values of its start")
        if instant is None:
            raise LockRequired("no statement has its instant")
        if len(parts) + len(checks) > MAX_PARTS:
            raise LockRequired("too many parts")
        latest = min(instant + MAX_COMMIT_TIME, self.earliest_end)
        writer = record.begin_checked(self.send)
        statement = validating_statement(self._start, instant, latest, writer, checks, parts)
        result = self.send(statement.text, *statement.values)
        self._pipeline.add("COMMIT")
        self.commit_state = CommitState.IN_DOUBT
        self._pipeline.receive()
        for (shift,) in result.rows:
            self.shift = shift
        self.commit_state = CommitState.COMMITTED if result.rows else CommitState.UNCOMMITTED
        self._note_outcome()

    def _note_outcome(self) -> None:
        """Update the results that the process remembers after a commit."""
        if self.commit_state is not CommitState.COMMITTED:
            self._process_cache.clear()
            return
        self._process_cache.note_commit(self.last_event_id + self.shift + self._write_set.new_events, self.earliest_end)
        for kind, subject in self._write_set.new_marks():
            self._process_cache.note_subject(kind, subject)

    def _execute(self, statement: Statement[object], values: Mapping[str, Any]) -> StatementResult:
        """Return the result of a statement that reads: a cached one, or the database server's. The commit checks it.

        Raises:
            LockRequired: The statement is not one of `UNLOCKED_READS`, or reads what this transaction has written.
        """
        if statement.name not in UNLOCKED_READS:
            raise LockRequired(statement.name)
        text, names = statement.compile(self.dialect)
        arguments = tuple(values[name] for name in names)
        result: StatementResult | None
        if statement is MARKS.transaction_start:
            start = self.send(text)
            self._receive()
            self._start = MARKS.transaction_start.make(start.rows[0])
            self._process_cache.note(statement, (), start.rows)
            return start
        if (result := self._cache.find(statement, arguments)) is None:
            result = StatementResult()
            self._add(text, arguments, result)
            self._cache.keep(statement, arguments, result)
        if result.changed is None:
            self._receive()
        fingerprint = self._fingerprints[result]
        if statement.name in CACHED_READS:
            self._process_cache.note(statement, arguments, result.rows, fingerprint)
        self._use(statement, arguments, result, fingerprint)
        return result

    def _use(
        self, statement: Statement[Any], values: tuple[Any, ...], result: StatementResult, fingerprint: bytes | None
    ) -> None:
        """Note that the result of a read is used, so that the commit checks it."""
        self._read_set.note(statement, values, result, fingerprint)
        if statement is MARKS.marks_of_subject:
            for row in result.rows:
                self._note_end(MARKS.marks_of_subject.make(row).evaporates_at)

    def _note_end(self, at: Instant | None) -> None:
        if at is not None:
            self.earliest_end = min(self.earliest_end, at)

    def _add(self, text: str, values: Sequence[Any], result: StatementResult) -> None:
        if self._write_set.is_read_by(text):
            raise LockRequired("a read of its own writes")
        self._awaited.append(result)
        self._pipeline.add(with_fingerprint(text), values, result)

    def _receive(self) -> None:
        super()._receive()
        for result in self._awaited:
            rows = result.rows
            self._fingerprints[result] = b"".join(sorted(row[-1] for row in rows)) if rows else None
            result.rows = [row[:-1] for row in rows]
        self._awaited.clear()


class OneMessageTransaction(OptimisticTransaction):
    """A transaction that sends no read; see `OptimisticTransaction`.

    Args:
        connection: The writing connection.
        dialect: The kind of database.
        process_cache: The results that the process remembers.
        start: What it would read first.
    """

    __slots__ = ("_known_start",)

    def __init__(
        self, connection: Any, dialect: Dialect, process_cache: ProcessReadCache, start: TransactionStart
    ) -> None:
        super().__init__(connection, dialect, process_cache)
        self._known_start = start

    @property
    def reads_together(self) -> bool:
        return False

    def prefetch(self, statement: Statement[object], **values: Any) -> None:
        """Do nothing: it sends no read."""

    def _execute(self, statement: Statement[object], values: Mapping[str, Any]) -> StatementResult:
        """Return the cached result of a read.

        Raises:
            LockRequired: The process does not remember one, or the transaction cannot use it without the lock.
        """
        result = StatementResult()
        if statement is MARKS.transaction_start:
            self._start = self._known_start
            result.rows = [self._known_start]
            return result
        if statement.name not in UNLOCKED_READS:
            raise LockRequired(statement.name)
        text, names = statement.compile(self.dialect)
        arguments = tuple(values[name] for name in names)
        if (known := self._cache.find(statement, arguments)) is not None:
            return known
        found = self._process_cache.find(statement, names, arguments)
        if found is None or self._write_set.is_read_by(text):
            raise LockRequired(f"{statement.name} is not cached")
        result.rows = found.rows
        self._cache.keep(statement, arguments, result)
        self._use(statement, arguments, result, found.fingerprint)
        return result
