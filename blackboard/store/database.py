"""A database: its connections, its transactions and its write lock. It contains no table's name.

A process has one writing connection. Threads hand over their work, and one thread commits the work of all, so that
eight threads share one flush to the disk. Between processes, a pair of lock files is the queue, because SQLite's
busy timeout can starve one of them.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from blackboard.clock import Instant, SystemClock, pause
from blackboard.errors import (
    BlackboardError,
    QueryStopped,
    StoreError,
    StoreMissing,
    StoreUnknown,
    UsageError,
)
from blackboard.store import sqlite_driver
from blackboard.store.board_file import board_connection, inherited_files
from blackboard.store.board_file.board_connection import BoardConnection, LogLost
from blackboard.store.board_file.database_file import DatabaseFile, FileReplaced
from blackboard.store.board_file.library_guard import LogInUse
from blackboard.store.board_file.write_lock import WriteLock
from blackboard.store.commit_record import CommitRecord
from blackboard.store.connection_uses import ConnectionUses
from blackboard.store.database_server.combined_commits import CombinedCommits
from blackboard.store.database_server.commit_announcer import CommitAnnouncer
from blackboard.store.database_server.listening_connection import ListeningConnection
from blackboard.store.database_server.server_lock import ProcessLock, ServerLock
from blackboard.store.database_server.server_transaction import ServerTransaction
from blackboard.store.database_server.statement_pipeline import StatementPipeline, pipeline_of
from blackboard.store.database_server.submission_queue import Submission
from blackboard.store.database_url import DatabaseUrl
from blackboard.store.dialect import BUSY_SECONDS, ErrorCause
from blackboard.store.group_commit import Entry, GroupCommit
from blackboard.store.reader_pool import Loan, ReaderPool
from blackboard.store.transaction import Transaction
from blackboard.system import forks
from blackboard.system.board_files import BoardFiles
from blackboard.system.callback_lists import Listeners
from blackboard.system.failpoints import failpoint

if TYPE_CHECKING:
    from sqlalchemy import Engine

T = TypeVar("T")
Work = Callable[[Transaction], T]

ATTEMPTS = 5
"""How often work is run if a server takes it back because of a conflict, or the connection to it is lost."""
PAUSE_MICROSECONDS = 10_000
"""The pause before the second run in microseconds, so that the other transaction can go on; later ones are longer."""


class Database:
    """The connections to one database, and the transactions that run on them.

    Args:
        url: An SQLAlchemy URL, or the path of an SQLite file.
        mode: The mode of an SQLite file and of the files beside it; None if it is not set.
        prepare: Whether a server may keep statements and settings for a connection; False behind a pooler that gives
            each transaction another one.
        direct_url: The URL of the server itself, for notifications, if `url` names a pooler.
        share_commits: Whether deposits of processes that wait for each other on a server share transactions.

    Attributes:
        dialect: The kind of database.
        path: The SQLite file; None on a server.
        file: The SQLite file with those beside it; None on a server.
        where: The file or URL, as messages name it, without a password.
        group_commit: The gate that lets threads share a commit.
        query_pool: The connections of `readonly_access`.
        on_commit: Called by the writing thread after each commit.
        on_rollback: Called by the writing thread after each rollback.

    Raises:
        ConfigurationError: The URL cannot be used.
    """

    def __init__(
        self,
        url: str | Path,
        mode: int | None = None,
        *,
        prepare: bool = True,
        direct_url: str | None = None,
        share_commits: bool = False,
    ) -> None:
        self._url = DatabaseUrl(url, self._raw, prepare=prepare)
        self.dialect, self.path = self._url.dialect, self._url.path
        self.file = None if self.path is None else DatabaseFile(self.path, mode)
        self.where = str(self.path) if self.path else self.url
        self.group_commit = GroupCommit()
        self.on_commit, self.on_rollback = Listeners(), Listeners()
        self._is_durable = True
        self._writer: Any = None
        self._commits = self.dialect.commit_record()
        self.combined = CombinedCommits(self) if share_commits and self.dialect.is_remote else None
        """Commits of work of several processes on a server; None if they do not share commits, and for a file."""
        self._open: Transaction | None = None
        """The open writing transaction."""
        self.readonly_engine: Engine | None = None
        self._write_lock = None if self.path is None else WriteLock(self.path, BUSY_SECONDS)
        self._direct = None if direct_url is None else DatabaseUrl(direct_url, self._raw)
        self.listener: ListeningConnection | None = None
        """Hears of commits on a server; None for a file, and behind a pooler without a direct URL."""
        if self.path is None and (prepare or direct_url is not None):
            self.listener = ListeningConnection(self._connect_directly)
        self._open_pools()
        self._limits = threading.local()
        self._fork: Entry | None = None
        """The place of a fork among the commits."""
        forks.register(self)

    def _open_pools(self) -> None:
        self._uses = ConnectionUses()
        self._readers = ReaderPool(self._uses, self._check_file, self._is_current)
        self.query_pool = ReaderPool(self._uses, self._check_file, self._is_current)
        sender = "" if self.listener is None else self.listener.sender
        self._announcer = CommitAnnouncer(self._readers, lambda: self.connect(writes=False), sender)

    @property
    def url(self) -> str:
        """The URL, without its password."""
        return self._url.text

    @property
    def engine(self) -> Engine:
        """The database for SQLAlchemy, which creates and upgrades the schema."""
        return self._url.engine

    @property
    def is_embedded(self) -> bool:
        """Whether the database is a file that this program may create."""
        return self.path is not None

    @property
    def is_local(self) -> bool:
        """Whether all its processes run on this machine: locks show which are alive, and sockets tell of commits."""
        return self.path is not None

    def exists(self) -> bool:
        """Return whether the database exists and is not empty."""
        return self.file is None or self.file.exists()

    def refuse_missing(self) -> NoReturn:
        """Raise the error of a missing board.

        Raises:
            StoreMissing: Always.
        """
        if self.file is not None:
            self.file.refuse_missing()
        raise StoreMissing(f"{self.where} holds no board; 'blackboard init' creates one")

    def connect_options(self) -> dict[str, Any]:
        """Return the options of a connection to a server, with the password, but not those of the driver alone."""
        options = self._url.connect_arguments()[1]
        return {name: value for name, value in options.items() if isinstance(value, str | int)}

    def _connect_directly(self) -> Any:
        """Open a connection to the server itself, whose statements are transactions."""
        if self._direct is None:
            return self.connect(writes=False)
        connection = self._connect_to(self._direct)
        self._direct.dialect.prepare(connection, writes=False)
        return connection

    def announce_commit(self) -> None:
        """Notify the listeners of other processes on a server. Never fails: they also look at each tick."""
        self._announcer.announce()

    def server_time(self) -> Instant:
        """Return the time of a server, in microseconds since the epoch.

        Raises:
            StoreError: The server cannot be used.
        """
        with self.read() as transaction:
            transaction.cursor.execute("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)")
            return int(transaction.cursor.fetchone()[0])

    def check_writable(self) -> None:
        """Check that a server lets this user write, as far as it says so.

        Raises:
            StoreError: The server is a standby, or only allows reading.
        """
        with self.read() as transaction:
            refusal = self.dialect.refusal_of_writes(transaction.cursor)
        if refusal is not None:
            raise StoreError(f"{self.where} cannot be written: {refusal}")

    def connect(self, *, writes: bool) -> Any:
        """Open a DBAPI connection, which the caller closes.

        Raises:
            StoreMissing: There is no such file, and the connection is for reading.
            StoreError: The database cannot be opened.
        """
        if self.file is not None:
            self.file.prepare_to_open(writes=writes)
        try:
            with contextlib.ExitStack() as unless_ready:
                connection = self._raw(None if writes else self.read_only_parameters())
                unless_ready.callback(connection.close)
                self.dialect.prepare(connection, writes=writes)
                if writes and not self._is_durable:
                    self.dialect.skip_disk_flush(connection)
                if isinstance(connection, BoardConnection):
                    connection.open_log()
                unless_ready.pop_all()
        except LogInUse:
            self._close_connections()  # only idle connections; the others are closed after their use
            raise
        except Exception as error:
            raise self.translated(error) from None
        if self.file is not None:
            self.file.note_opened()
        return connection

    def _check_file(self) -> None:
        """Check that the path still names the open file. If another file is there, the next attempt opens it.

        Raises:
            StoreError: The path names another file, or none.
        """
        try:
            if self.file is not None:
                self.file.check()
        except FileReplaced:
            self._close_connections()
            assert self.file is not None
            self.file.forget_opened()
            raise

    def _is_current(self, connection: Any) -> bool:
        """Return whether a connection has the file at the path open; if not, close all connections.

        The index of the log is compared: processes with two indexes would overwrite each other's part of a log.

        Raises:
            LogLost: Another log is in its place.
        """
        if not isinstance(connection, BoardConnection) or connection.has_its_index:
            return True
        self._give_up(connection, committed=False)
        return False

    def _check_log(self, connection: Any) -> None:
        """Check after a commit that the open log is still at its path: SQLite would continue without a path.

        Raises:
            LogLost: Another log is in its place.
        """
        if isinstance(connection, BoardConnection) and not connection.has_its_log:
            self._give_up(connection, committed=True)

    def _give_up(self, connection: BoardConnection, *, committed: bool) -> None:
        """Close the connections, whose log has lost its path, and save the log if possible.

        New connections open a new log.
        """
        saved = connection.save_log()
        connection.close()
        self._close_connections()
        if not saved:
            raise LogLost(connection.opened, committed=committed)

    def _close_connections(self) -> None:
        self._readers.close()
        self.query_pool.close()
        self.close_writer()
        if self.readonly_engine is not None:
            self.readonly_engine.dispose()

    def close_writer(self) -> None:
        """Close the writing connection; the next transaction opens another one."""
        if self._writer is not None:
            with contextlib.suppress(Exception):
                self._writer.close()
            self._writer = None

    def read_only_parameters(self) -> str | None:
        """Return how a URI opens a file that cannot be written; None if it can be written, and on a server."""
        return None if self.file is None else self.file.read_only_parameters()

    def _raw(self, parameters: str | None = None) -> Any:
        if self.path is not None and (not self._url.has_options or parameters is not None):
            return board_connection.connect(self.path, parameters, check_same_thread=False)
        if self.path is None:
            return self._connect_to(self._url)
        _, options = self._url.connect_arguments()
        return board_connection.connect(self.path, **{**options, "check_same_thread": False})

    def _connect_to(self, url: DatabaseUrl) -> Any:
        arguments, options = url.connect_arguments()
        return url.engine.dialect.loaded_dbapi.connect(*arguments, **options)

    def write(
        self,
        work: Work[T],
        submission: Submission | None = None,
        asks: Callable[[Transaction], None] | None = None,
    ) -> T:
        """Run work in a writing transaction, perhaps together with other threads' work, and commit it durably.

        If the work raises, its changes are rolled back and the error is raised here. The work may run twice, so it
        must have no effect outside the transaction.

        Args:
            work: The work.
            submission: The same work in a form that another process can do.
            asks: Asks ahead what the work will ask; see `Transaction.ask_ahead`. On a server it is called for all work
                that commits together, so that one message has the questions of all.
        """
        entry = Entry(work, submission=submission, asks=asks)
        try:
            try:
                if batch := self.group_commit.enter(entry):
                    self.commit(batch)
            finally:
                self._leave(entry)
        except BaseException:  # a signal's exception may have ended the line above
            self._leave(entry)
            raise
        if (error := entry.error) is not None:
            entry.error = None  # otherwise the error and its traceback would keep each other, and open files, alive
            try:
                raise error
            finally:
                del error
        return entry.result  # type: ignore[no-any-return]

    def commit(self, batch: list[Entry]) -> None:
        """Commit the work of a batch in one transaction, and set each entry's result or error.

        If the work of one entry raises, each entry is committed in a transaction of its own. The calling thread must
        lead the commit.
        """
        if self.combined is not None and self.combined.takes(batch) and self.combined.commit(batch):
            return
        for attempt in range(1, ATTEMPTS + 1):
            transaction: Transaction | None = None
            try:
                try:
                    transaction = self._begin()
                    if transaction.asks_ahead:
                        for entry in batch:
                            if entry.asks is not None:
                                entry.asks(transaction)
                    for entry in batch:
                        entry.transaction = transaction
                        entry.result = entry.work(transaction)
                    self.commit_open(transaction)
                finally:
                    self.end_open()
            except BaseException as error:
                if attempt < ATTEMPTS and self._is_taken_back(transaction, error):
                    pause(attempt * PAUSE_MICROSECONDS)
                    continue
                self._settle(batch, transaction, error)
            else:
                if self._commits is not None and self._commits.had_to_wait and self.combined is not None:
                    self.combined.queue.note_wait()
                self.on_commit()
            return

    def writing_pipeline(self) -> StatementPipeline:
        """Return the pipeline of the writing connection to a server, which may be in a transaction."""
        if self._writer is None:
            self._writer = self.connect(writes=True)
        return pipeline_of(self._writer, prepares=self.dialect.keeps_statements)

    def continue_transaction(self) -> Transaction:
        """Return the transaction that was begun on the writing connection to a server, with the lock of writers."""
        assert self._commits is not None
        transaction = self._open = self.transaction_of(self._writer)
        self._commits.raise_number(transaction.send)
        return transaction

    def idle_writer(self) -> Any:
        """Return the writing connection to a server. If a transaction is open on it, it is rolled back."""
        pipeline = self.writing_pipeline()
        pipeline.discard()
        pipeline.receive()
        if not pipeline.is_idle:
            self._writer.execute("ROLLBACK")
        return self._writer

    def _is_taken_back(self, transaction: Transaction | None, error: BaseException) -> bool:
        """Return whether a server has certainly not committed a transaction, for a reason that may pass."""
        if transaction is not None and (transaction.committed or transaction.in_doubt):
            return False
        return self.dialect.cause_of(error) in (ErrorCause.CONFLICT, ErrorCause.LOST)

    def _settle(self, batch: list[Entry], transaction: Transaction | None, error: BaseException) -> None:
        """Handle an error in the transaction of a batch."""
        self.end_open()  # a signal's exception may have interrupted it
        if (isinstance(error, LogLost) and error.committed) or isinstance(error, StoreUnknown):
            for entry in batch:  # not repeated, because the work may be stored
                entry.error = error
            return
        if transaction is not None and transaction.in_doubt:
            for entry in batch:  # a signal ended the search for the outcome
                entry.error = self.unknown_outcome()
            raise error
        if transaction is not None and transaction.committed:
            raise error  # the work is committed: an error after that must not repeat it
        error = self.translated(error)
        if len(batch) == 1:
            batch[0].error = error
        elif transaction is not None and transaction.has_begun:
            for entry in batch:  # alone, each entry shows whether the error was its own
                self.commit([entry])
            if not isinstance(error, BlackboardError) and all(entry.error is None for entry in batch):
                raise error  # a signal's handler raised it, because work never does
        elif isinstance(error, StoreError):
            for entry in batch:  # a transaction that cannot begin fails for all
                entry.error = error
        else:
            raise error  # an interrupt of this thread; the other entries wait again

    def transaction_of(self, connection: Any) -> Transaction:
        """Return an object for the statements of the open transaction of a connection."""
        if self.dialect.is_remote:
            return ServerTransaction(connection, self.dialect)
        return Transaction(connection.cursor(), self.dialect)

    def _begin(self) -> Transaction:
        """Begin a writing transaction on the process's writing connection. The calling thread must lead the commit."""
        if self._write_lock is not None:
            self._write_lock.acquire()
        self._check_file()
        if self._writer is None or not self._is_current(self._writer):
            self._writer = self.connect(writes=True)
        transaction = self._open = self.transaction_of(self._writer)
        if self._commits is None:
            for statement in self.dialect.begin_write:
                transaction.send(statement)
        else:
            self._commits.begin(transaction.send)
        failpoint("transaction.begun")
        return transaction

    def commit_open(self, transaction: Transaction) -> None:
        """Commit the open transaction, after its caches were written."""
        if transaction is not self._open:
            problem = f"this process is a copy of one that is in a transaction on {self.where}"
            raise StoreError(f"{problem}; only the parent can end it; fork before or after a transaction")
        if transaction.shared is not None:
            transaction.shared.save()
        failpoint("commit.before")
        try:
            transaction.in_doubt = self._commits is not None
            transaction.commit()
            transaction.committed, transaction.in_doubt = True, False
        except BaseException as error:
            failed = isinstance(error, self.dialect.error)
            if self._commits is not None:
                transaction.committed = self._was_committed(error, self._commits)
                transaction.in_doubt = False
            else:
                # A signal's exception is raised after the commit has returned: without an error of the driver, the
                # state of the connection tells whether the work is committed.
                transaction.committed = not failed and not self.dialect.in_transaction(self._writer)
            if not failed or not transaction.committed:
                raise
        failpoint("commit.after")
        self._check_log(self._writer)

    def _was_committed(self, error: BaseException, commits: CommitRecord) -> bool:
        """Return whether a server has committed the open transaction, although COMMIT raised an error.

        Raises:
            StoreUnknown: The server does not say so.
        """
        if isinstance(error, self.dialect.error) and self.dialect.cause_of(error) is not ErrorCause.LOST:
            return False
        self.close_writer()
        outcome = commits.was_committed(lambda: self.connect(writes=True))
        if outcome is None:
            raise self.unknown_outcome() from error
        return outcome

    def unknown_outcome(self) -> StoreUnknown:
        """Return the error of work that may be stored or not."""
        return StoreUnknown(
            f"the connection to {self.where} was lost during a commit, and the outcome cannot be read; the work may be"
            " stored or not: look before you repeat it"
        )

    def end_open(self) -> None:
        """Roll back the open transaction if it is not committed, and release the write lock. May be repeated."""
        transaction = self._open
        if transaction is not None:
            if not transaction.committed:
                self._roll_back(transaction)
                self.on_rollback()
            transaction.close()
            self._open = None
        if self._write_lock is not None:
            self._write_lock.release()

    def _leave(self, entry: Entry) -> None:
        """Release everything that a thread may hold at the end of its write. May be repeated."""
        if self.group_commit.leads(entry) and self._holds_something():
            self.end_open()
        self.group_commit.leave(entry)

    def _holds_something(self) -> bool:
        return self._open is not None or (self._write_lock is not None and not self._write_lock.is_free)

    @contextlib.contextmanager
    def exclusive_transaction(self) -> Iterator[Transaction]:
        """Open a writing transaction that contains only this thread's work, and commit it at the end."""
        with self._alone() as transaction:
            yield transaction
            self.commit_open(transaction)
        self.on_commit()

    @contextlib.contextmanager
    def rehearsal(self) -> Iterator[Transaction]:
        """Open a writing transaction that contains only this thread's work and is always rolled back."""
        with self._alone() as transaction:
            yield transaction

    @contextlib.contextmanager
    def _alone(self) -> Iterator[Transaction]:
        entry = Entry(None, exclusive=True)
        try:
            try:
                self.group_commit.enter(entry)
                yield self._begin()
            finally:
                self._leave(entry)
        except BaseException as error:
            self._leave(entry)  # a signal's exception may have ended the line above
            raise self.translated(error) from None

    def _roll_back(self, transaction: Transaction) -> None:
        try:
            transaction.roll_back()
        except Exception:
            # No transaction was open, or the connection is broken: the next transaction opens a new one.
            self.close_writer()

    @contextlib.contextmanager
    def read(self) -> Iterator[Transaction]:
        """Open a reading transaction: everything read in it comes from one snapshot."""
        loan = Loan(self._readers)  # not `lend`, since a second context manager would cost a tenth of a small read
        succeeded = False
        try:
            cursor = loan.begin(lambda: self.connect(writes=False)).cursor()
            try:
                try:
                    cursor.execute(self.dialect.begin_read)
                except self.dialect.error as error:
                    if self.dialect.cause_of(error) is not ErrorCause.LOST:
                        raise
                    self._readers.close()  # a server that ended one idle connection has probably ended all
                    cursor = loan.renew(lambda: self.connect(writes=False)).cursor()
                    cursor.execute(self.dialect.begin_read)
                if end := getattr(self._limits, "end", None):
                    self.dialect.stop_at(cursor, end)
                yield self.transaction_of(cursor.connection)
                cursor.execute("COMMIT")
                if end:
                    self.dialect.stop_no_more(cursor)
                cursor.close()
            except BaseException as error:
                if getattr(self._limits, "end", None) and self.dialect.is_stopped(error):
                    raise QueryStopped("reading took too long; ask for less") from None
                raise self.translated(error) from None
            succeeded = True
        finally:
            loan.end(succeeded)

    @contextlib.contextmanager
    def reads_within(self, microseconds: int) -> Iterator[None]:
        """Stop the reads of this thread inside the context after a time, which begins now."""
        self._limits.end = SystemClock().monotonic() + microseconds
        try:
            yield
        finally:
            self._limits.end = None

    @contextlib.contextmanager
    def write_lock(self) -> Iterator[None]:
        """Hold the write lock between processes."""
        if self._write_lock is None:
            yield
            return
        with self._write_lock.acquired():
            yield

    def process_lock(self, name: str, number: int, seconds: float) -> ProcessLock:
        """Return a lock between the processes of a board.

        Args:
            name: The name of its file in the run folder of a board in a file.
            number: The number of the lock on a server.
            seconds: The longest wait in seconds.
        """
        if self.path is None:
            return ServerLock(self, number, seconds)
        return WriteLock(BoardFiles(self.path).run_folder / name, seconds, users_of=self.path)

    def checkpoint(self) -> None:
        """Copy the write-ahead log into the file as far as readers allow, without waiting.

        An SQLite with the checkpoint race damages the file if others write or checkpoint at the same time, so there
        they wait.
        """
        if self.path is None:
            return
        if sqlite_driver.SAFE:
            self._checkpoint()
        else:
            with self.group_commit.exclusive(), self.write_lock():
                self._checkpoint()

    def _checkpoint(self) -> None:
        try:
            self._uses.begin()
            with contextlib.closing(self.connect(writes=True)) as connection:
                failpoint("checkpoint.before")
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                failpoint("checkpoint.after")
        except Exception as error:
            raise self.translated(error) from None
        finally:
            self._uses.end()

    def sizes(self) -> dict[str, int]:
        """Return the sizes of the file and of its log, as `DatabaseFile.sizes` does; empty on a server."""
        return {} if self.file is None else self.file.sizes()

    def skip_disk_flush(self) -> None:
        """Make commits return before they are on the disk, for temporary boards. A power cut may damage the file."""
        self._is_durable = False
        if self._writer is not None:
            self.dialect.skip_disk_flush(self._writer)

    @contextlib.contextmanager
    def writers_held_off(self) -> Iterator[None]:
        """Keep all other threads and processes from writing. The caller opens its own connection."""
        with self.group_commit.exclusive(), self.write_lock():
            self._check_file()
            yield

    def translated(self, error: BaseException) -> BaseException:
        """Return the error of this program for an error of the driver; other errors stay as they are."""
        if isinstance(error, self.dialect.error | MemoryError):
            return self.dialect.translate(error, self.where)
        if isinstance(error, OverflowError):  # the driver was given an integer of more than 64 bits
            return UsageError("a number is larger than a database can hold")
        return error

    def before_fork(self) -> None:
        """Close the connections before this process forks: see `blackboard.system.forks`.

        The commit of another thread ends first. Other threads then wait until the fork is over. If this thread forks
        within its own transaction, the child cannot use the file.
        """
        self._fork = Entry(None, exclusive=True)
        if not self.group_commit.is_led_here():
            self.group_commit.enter(self._fork)
        self._uses.stop(BUSY_SECONDS)
        if self._open is None:
            self._close_connections()

    def after_fork(self, *, in_child: bool) -> None:
        """Continue after a fork; see `before_fork`."""
        if not in_child:
            self._uses.resume()
            if self._fork is not None:
                self.group_commit.leave(self._fork)
            return
        self._readers.abandon()
        self.query_pool.abandon()
        if self._writer is not None:
            forks.keep_for_ever(self._writer)
        self._writer, self._open = None, None
        self._commits = self.dialect.commit_record()
        if self.combined is not None:
            self.combined.begin_anew()
        self.group_commit = GroupCommit(self.group_commit.on_wait)
        self._open_pools()
        if self.file is not None:
            self.file.forget_opened()
            inherited_files.note(self.file.path)

    def close(self) -> None:
        """Close every connection."""
        with self.group_commit.exclusive():
            if self._commits is not None and self._writer is not None:
                with contextlib.suppress(Exception):  # otherwise another writer removes the rows later
                    cursor = self.idle_writer().cursor()
                    self._commits.remove(cursor)
                    if self.combined is not None:
                        self.combined.queue.remove(cursor)
            self._close_connections()
            if self.file is not None:
                self.file.forget_opened()
            if self._write_lock is not None:
                self._write_lock.close()
