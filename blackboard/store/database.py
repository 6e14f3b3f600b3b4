"""A database: its transactions, which its threads share. This module names no table.

A process has one writing connection. Threads hand over their work, and one thread commits the work of all, so that
many threads share one flush to the disk. `database_factory` returns the database of a file or of PostgreSQL; their
classes are in `sqlite` and `postgresql`.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from blackboard.clock import Clock
from blackboard.durations import Duration
from blackboard.errors import QueryStopped
from blackboard.store.connections.batch_commits import BatchCommits
from blackboard.store.connections.group_commit import Entry, GroupCommit, exclusive_entry
from blackboard.store.connections.reader_pool import ConnectionUses, Loan, ReaderPool, ReadLimits
from blackboard.store.connections.writing_connection import WritingConnection
from blackboard.store.database_interfaces.place_interface import BoardPlace
from blackboard.store.database_interfaces.process_interface import BoardProcesses
from blackboard.store.dialects.dialect import BUSY_SECONDS, Dialect
from blackboard.store.dialects.driver_errors import ErrorCause
from blackboard.store.transaction import Transaction
from blackboard.store.unit_of_work_hints import UnitOfWorkHints
from blackboard.system import forks
from blackboard.system.callback_lists import Listeners

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from blackboard.store.database_interfaces.upkeep_interface import BoardUpkeep
    from blackboard.store.database_interfaces.user_query_interface import BoardQueries

T = TypeVar("T")
UnitOfWork = Callable[[Transaction], T]


class Database(ABC):
    """The connections to one database, and the transactions that run on them.

    Args:
        dialect: The kind of database.
        location: The file or URL, as messages name it, without a password.
    """

    writer: WritingConnection
    """The writing connection."""
    commits: BatchCommits
    """The commits of the work of this process's threads."""
    place: BoardPlace
    """The file, or the database on PostgreSQL."""
    processes: BoardProcesses
    """The processes on the board."""
    query_pool: ReaderPool
    """The connections for queries that users write; see `readonly`."""

    def __init__(self, dialect: Dialect, location: str) -> None:
        self.dialect, self.location = dialect, location
        self.on_commit = Listeners()
        """Called by the writing thread after each commit."""
        self.on_rollback = Listeners()
        """Called by the writing thread after each rollback."""
        self.group_commit = GroupCommit(release=self._release_writer)
        """The commits that threads share."""
        self.readonly_engine: Engine | None = None
        """The engine of `readonly`; None before its first use."""
        self._is_durable = True
        self._limits = ReadLimits()
        self._fork: Entry[None] | None = None
        """The place of a fork among the commits."""
        self._open_pools()
        forks.register(self)

    def _open_pools(self) -> None:
        self._uses = ConnectionUses()
        self.reader_pool, self.query_pool = self._new_pool(), self._new_pool()

    def _new_pool(self) -> ReaderPool:
        return ReaderPool(self._uses)

    # -- parts -------------------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def url(self) -> str:
        """The URL, without its password."""

    @property
    @abstractmethod
    def engine(self) -> Engine:
        """The database for SQLAlchemy, which creates and upgrades the schema."""

    @property
    @abstractmethod
    def upkeep(self) -> BoardUpkeep:
        """Backups, compaction and measurements of the board."""

    @property
    @abstractmethod
    def readonly(self) -> BoardQueries:
        """The queries that users write in SQL, which only read."""

    # -- connections -------------------------------------------------------------------------------------------------

    @abstractmethod
    def connect(self, *, writes: bool) -> Any:
        """Open a DBAPI connection, which the caller closes.

        Raises:
            StoreMissing: There is no such file, and the connection is for reading.
            StoreError: The database cannot be opened.
        """

    @abstractmethod
    def transaction_of(self, connection: Any) -> Transaction:
        """Return an object for the statements of the open transaction of a connection."""

    def skip_disk_flush(self) -> None:
        """Make commits return before they are on the disk, for temporary boards. A power cut may damage the file."""
        self._is_durable = False
        if self.writer.connection is not None:
            self.dialect.skip_disk_flush(self.writer.connection)

    def _connect_to_write(self) -> Any:
        return self.connect(writes=True)

    def _connect_to_read(self) -> Any:
        return self.connect(writes=False)

    def _prepare(self, connection: Any, *, writes: bool) -> None:
        """Configure a new connection."""
        self.dialect.prepare(connection, writes=writes)
        if writes and not self._is_durable:
            self.dialect.skip_disk_flush(connection)

    def _close_connections(self) -> None:
        """Close the idle connections; the others are closed after their use."""
        self.reader_pool.close()
        self.query_pool.close()
        self.writer.close()
        if self.readonly_engine is not None:
            self.readonly_engine.dispose()

    def separate_readers(self) -> None:  # noqa: B027  # PostgreSQL does so by itself
        """Make sure that readers and writers of the database do not wait for each other.

        Raises:
            StoreError: The database cannot do this.
        """

    # -- transactions ------------------------------------------------------------------------------------------------

    def write(
        self,
        work: UnitOfWork[T],
        hints: UnitOfWorkHints[T] | None = None,
    ) -> T:
        """Run work in a writing transaction, perhaps together with other threads' work, and commit it durably.

        If the work raises, its changes are rolled back and the error is raised here. The work may run several times,
        so it must have no effect outside the transaction.

        Args:
            work: The work.
            hints: What the work says about itself; see `UnitOfWorkHints`.
        """
        entry = Entry(work, hints)
        self.group_commit.run(entry, self.commits.commit)
        if (error := entry.error) is not None:
            entry.error = None  # otherwise the error and its traceback would keep each other, and open files, alive
            try:
                raise error
            finally:
                del error
        return entry.result

    @contextlib.contextmanager
    def exclusive_transaction(self) -> Iterator[Transaction]:
        """Open a writing transaction that contains only this thread's work, and commit it at the end."""
        with self._begin_alone() as transaction:
            yield transaction
            self.writer.commit(transaction)
        self.on_commit()

    def rehearsal(self) -> contextlib.AbstractContextManager[Transaction]:
        """Open a writing transaction that contains only this thread's work and is always rolled back."""
        return self._begin_alone()

    @contextlib.contextmanager
    def _begin_alone(self) -> Iterator[Transaction]:
        """Open a writing transaction of only this thread. At the end it is rolled back, unless it was committed."""
        try:
            with self.group_commit.exclusive():
                yield self.writer.begin_alone()
        except BaseException as error:
            raise self.translate_any(error) from None

    def _release_writer(self) -> None:
        self.writer.release()

    @contextlib.contextmanager
    def read(self) -> Iterator[Transaction]:
        """Open a reading transaction: everything read in it comes from one snapshot."""
        loan = Loan(self.reader_pool)  # not `lend`, since a second context manager would cost a tenth of a small read
        succeeded = False
        try:
            cursor = loan.begin(self._connect_to_read).cursor()
            try:
                try:
                    cursor.execute(self.dialect.begin_read)
                except self.dialect.errors.base as error:
                    if self.dialect.errors.cause_of(error) is not ErrorCause.LOST:
                        raise
                    self.reader_pool.close()  # a database server that ended one idle connection has probably ended all
                    cursor = loan.renew(self._connect_to_read).cursor()
                    cursor.execute(self.dialect.begin_read)
                if end := self._limits.end:
                    self.dialect.stop_at(cursor, end)
                yield self.transaction_of(cursor.connection)
                cursor.execute("COMMIT")
                if end:
                    self.dialect.stop_no_more(cursor)
                cursor.close()
            except BaseException as error:
                if self._limits.end and self.dialect.errors.is_stopped(error):
                    raise QueryStopped("reading took too long; ask for less") from None
                raise self.translate_any(error) from None
            succeeded = True
        finally:
            loan.end(succeeded=succeeded)

    def reads_within(self, limit: Duration) -> contextlib.AbstractContextManager[None]:
        """Stop the reads of this thread inside the context after a time, which begins now."""
        return self._limits.within(limit)

    def translate_any(self, error: BaseException) -> BaseException:
        """Return the error of this program for an error of the driver; other errors stay as they are."""
        return self.dialect.errors.translate_any(error, self.location)

    # -- clock and rights --------------------------------------------------------------------------------------------

    @abstractmethod
    def board_clock(self, clock: Clock) -> Clock:
        """Return the clock of the board: that of PostgreSQL in place of the system clock, and others unchanged."""

    @abstractmethod
    def check_access(self, read: Callable[[], object], write: Callable[[], object], *, writes: bool) -> None:
        """Check that the board can be read, and also that it can be written if the caller will write.

        A file is tried by a write, because nothing else shows whether it can be written. PostgreSQL is asked instead,
        so that opening a board does not wait for a writer.

        Args:
            read: Reads the board.
            write: Writes on the board.
            writes: Whether the board will be written in any case.

        Raises:
            StoreError: The board cannot be read or written.
        """

    # -- other processes ---------------------------------------------------------------------------------------------

    @abstractmethod
    def write_lock(self) -> contextlib.AbstractContextManager[None]:
        """Hold the write lock of the file. On PostgreSQL this does nothing: each transaction locks the board."""

    @abstractmethod
    def checkpoint(self, min_bytes: int = 0) -> None:
        """Copy the write-ahead log into the file as far as readers allow, without waiting.

        On PostgreSQL, this does nothing.

        Args:
            min_bytes: The smallest size of a log that is copied.
        """

    @contextlib.contextmanager
    def writers_held_off(self) -> Iterator[None]:
        """Keep all other threads and processes from writing. The caller opens its own connection."""
        with self.group_commit.exclusive(), self.write_lock():
            yield

    # -- forks and the end -------------------------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Close the connections before this process forks: see `blackboard.system.forks`.

        The commit of another thread ends first. Other threads then wait until the fork is over. If this thread forks
        within its own transaction, the child cannot use the file.
        """
        self._fork = exclusive_entry()
        if not self.group_commit.is_led_here():
            self.group_commit.enter(self._fork)
        self._uses.stop(BUSY_SECONDS)
        if self.writer.transaction is None:
            self._close_connections()

    def after_fork(self, *, in_child: bool) -> None:
        """Continue after a fork; see `before_fork`."""
        if not in_child:
            self._uses.resume()
            if self._fork is not None:
                self.group_commit.leave(self._fork)
            return
        self.reader_pool.abandon()
        self.query_pool.abandon()
        self.commits.abandon()
        self.group_commit = GroupCommit(self.group_commit.on_wait, self._release_writer)
        self._open_pools()

    def close(self) -> None:
        """Close every connection."""
        self.processes.close()
        with self.group_commit.exclusive():
            self.commits.retire()
            self._close_connections()
            self.reader_pool.retire()
            self.query_pool.retire()
            self._close_rest()

    def _close_rest(self) -> None:  # noqa: B027  # PostgreSQL has nothing else open
        """Close what belongs to no connection."""
