"""One database: connections, transactions, and the writers' turn. It knows no table.

A process has one writing connection, behind a gate: threads hand in what they want written, whoever holds the gate
commits it all together, so that eight threads share one flush to the disk. Between processes a lock file is the
queue: `flock` wakes waiters in turn, where SQLite's busy timeout lets the unlucky one starve.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from blackboard.errors import ConfigurationError, Mistake, StoreError, StoreMissing, UsageError
from blackboard.failpoints import reach
from blackboard.store import dialect as sql_dialect
from blackboard.store.group_commit import Entry, GroupCommit
from blackboard.store.transaction import Transaction
from blackboard.store.write_lock import WriteLock

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

__all__ = ["Database"]

T = TypeVar("T")
Work = Callable[[Transaction], T]


class Database:
    """Opens connections to one database and runs transactions on them.

    Args:
        url: an SQLAlchemy URL, or the path of an SQLite file.

    Raises:
        ConfigurationError: the URL is not one.
        StoreError: it cannot be opened.
    """

    def __init__(self, url: str | Path) -> None:
        self._url: URL | None = None
        self.dialect = sql_dialect.SQLITE
        self.path = path_in(url) if isinstance(url, str) else url.absolute()
        if self.path is None:
            self._ask_sqlalchemy(str(url))
        self.where = str(self.path) if self.path else self.url
        self._group_commit = GroupCommit()
        self._writer: Any = None
        self._readers: list[Any] = []
        self._write_lock = None if self.path is None else WriteLock(self.path, sql_dialect.BUSY_SECONDS)
        self._file: tuple[int, int] | None = None
        self._pid = os.getpid()
        self.on_commit: Callable[[], None] = lambda: None
        self.on_rollback: Callable[[], None] = lambda: None
        """Told, by whoever wrote, that what was written is taken back."""

    def _ask_sqlalchemy(self, url: str) -> None:
        """Take from a URL what only SQLAlchemy knows to find in it."""
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError

        try:
            self._url = make_url(url)
            name, driver = self._url.database, self.engine.dialect
            if driver.name != "sqlite":
                self.dialect = sql_dialect.Dialect(driver.name, driver.loaded_dbapi.Error, positional=False)
            elif not name or name == ":memory:" or name.startswith("file:"):
                raise ConfigurationError([Mistake("database.url", "a blackboard outlives its process: name a file")])
            else:
                self.path = Path(name).absolute()
        except ModuleNotFoundError as error:
            raise ConfigurationError([Mistake("database.url", _without_driver(url, error))]) from None
        except (ArgumentError, NoSuchModuleError, TypeError) as error:
            raise ConfigurationError([Mistake("database.url", f"{_shown(url)} cannot be used: {error}")]) from None

    @property
    def url(self) -> str:
        """The URL, without its password."""
        return f"sqlite:///{self.path}" if self._url is None else self._url.render_as_string(hide_password=True)

    @cached_property
    def engine(self) -> Engine:
        """The same database for SQLAlchemy, which makes and upgrades the schema."""
        from sqlalchemy import URL, create_engine
        from sqlalchemy.pool import NullPool

        url = self._url or URL.create("sqlite", database=str(self.path))
        module = sql_dialect.sqlite if url.get_backend_name() == "sqlite" else None
        return create_engine(url, module=module, poolclass=NullPool)

    @property
    def embedded(self) -> bool:
        """Whether it is a file that this program may create."""
        return self.path is not None

    def exists(self) -> bool:
        """Whether there is anything there."""
        return self.path is None or (self.path.exists() and self.path.stat().st_size > 0)

    def connect(self, *, writes: bool) -> Any:
        """A fresh DBAPI connection, which the caller closes."""
        if self.path is not None:
            if not writes and not self.path.exists():
                self._check_no_log(self.path)
                raise StoreMissing(f"there is no board at {self.path}; 'blackboard init' makes one")
            if not self.path.exists():
                self._check_file()
                self._check_no_log(self.path)
                self._create_file(self.path)
        try:
            connection = self._raw()
            sql_dialect.prepare(connection, self.dialect, writes=writes)
        except Exception as error:
            raise self._translated(error) from None
        if self.path is not None and self._file is None:
            self._file = _identity(self.path)
        return connection

    def _check_file(self) -> None:
        """Hold the path against the file that is open: SQLite would go on with one that no longer has a name.

        Raises:
            StoreMissing: it was removed.
            StoreError: another file lies there; what was open is let go, and the next attempt opens the new one.
        """
        if self.path is None or self._file is None:
            return
        file = _identity(self.path)
        if file is None:
            raise StoreMissing(
                f"{self.path} was removed while it was open; put it back, or restore a backup with 'blackboard restore'"
            )
        if file != self._file:
            self._let_go()
            self._file = None
            raise StoreError(f"{self.path} was replaced by another file while it was open; the new one is opened next")

    def _check_no_log(self, path: Path) -> None:
        """Make no new file beside the log of one that somebody took away: SQLite would throw the log away.

        Raises:
            StoreMissing: a log lies there.
        """
        if os.path.exists(log := f"{path}-wal"):
            raise StoreMissing(
                f"{path} was removed, and its log {log} lies there; put the file back, restore a backup with"
                " 'blackboard restore', or remove the log to begin anew"
            )

    def _let_go(self) -> None:
        for connection in (*self._readers, self._writer):
            if connection is not None:
                with contextlib.suppress(Exception):
                    connection.close()
        self._readers, self._writer = [], None

    def _raw(self) -> Any:
        if self._url is None:
            return sql_dialect.sqlite.connect(str(self.path), check_same_thread=False)
        driver = self.engine.dialect
        arguments, options = driver.create_connect_args(self._url)
        if self.embedded:
            options["check_same_thread"] = False
        return driver.loaded_dbapi.connect(*arguments, **options)

    def _create_file(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        except OSError as error:
            raise StoreError(f"{path} cannot be made: {error.strerror}; check the folder's permissions") from None

    def write(self, work: Work[T]) -> T:
        """Run `work` in a writing transaction, perhaps together with that of other threads, and commit it durably.

        What `work` raises is raised here, and nothing of it is kept. It may be run twice, so it must not have effects
        outside the transaction.
        """
        self._forked()
        entry = Entry(work)
        if batch := self._group_commit.enter(entry):
            try:
                self._commit(batch)
            finally:
                self._group_commit.release([other for other in batch if other is not entry])
        if entry.error is not None:
            raise entry.error
        return entry.result  # type: ignore[no-any-return]

    def _commit(self, batch: list[Entry]) -> None:
        tx: Transaction | None = None
        try:
            with self.transaction() as tx:
                for entry in batch:
                    entry.result = entry.work(tx)
        except BaseException as error:
            interrupted = isinstance(error, KeyboardInterrupt)
            if tx is not None and tx.committed:
                raise  # it is done: nothing that came after is a reason to do it again
            if len(batch) == 1 or (tx is None and not interrupted):  # that it could not begin concerns all alike
                for entry in batch:
                    entry.error = error
                return
            for entry in batch:  # find out whose it was: each alone
                self._commit([entry])
            if interrupted:
                raise

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A writing transaction on the process's writing connection; the caller holds the gate."""
        with self.write_lock():
            self._check_file()
            if self._writer is None:
                self._writer = self.connect(writes=True)
            cursor = self._writer.cursor()
            try:
                cursor.execute(sql_dialect.begin_write(self.dialect))
                if lock := sql_dialect.lock_board(self.dialect):
                    cursor.execute(lock)
                reach("transaction.begun")
                transaction = Transaction(cursor, self.dialect)
                yield transaction
                if transaction.at_end is not None:
                    transaction.at_end()
                reach("commit.before")
                cursor.execute("COMMIT")
                transaction.committed = True
                reach("commit.after")
            except BaseException as error:
                self._abandon(cursor)
                self.on_rollback()
                raise self._translated(error) from None
            finally:
                with contextlib.suppress(Exception):
                    cursor.close()
        self.on_commit()

    @contextlib.contextmanager
    def exclusively(self) -> Iterator[Transaction]:
        """A writing transaction of a thread that runs alone."""
        self._forked()
        with self._group_commit.exclusive(), self.transaction() as tx:
            yield tx

    def _abandon(self, cursor: Any) -> None:
        try:
            cursor.execute("ROLLBACK")
        except Exception:
            # Nothing was open, or the connection is of no use any more: the next transaction makes a new one.
            with contextlib.suppress(Exception):
                self._writer.close()
            self._writer = None

    @contextlib.contextmanager
    def read(self) -> Iterator[Transaction]:
        """A reading transaction: one snapshot for everything that is read in it."""
        self._forked()
        self._check_file()
        try:
            connection = self._readers.pop()
        except IndexError:
            connection = self.connect(writes=False)
        cursor = connection.cursor()
        try:
            cursor.execute("BEGIN")
            yield Transaction(cursor, self.dialect)
            cursor.execute("COMMIT")
        except BaseException as error:
            with contextlib.suppress(Exception):
                connection.close()
            raise self._translated(error) from None
        cursor.close()
        self._readers.append(connection)

    @contextlib.contextmanager
    def write_lock(self) -> Iterator[None]:
        """The turn to write among processes."""
        if self._write_lock is None:
            yield
            return
        with self._write_lock.acquired():
            yield

    def checkpoint(self) -> None:
        """Move what readers allow of the write-ahead log into the file; waits for nobody."""
        if self.path is None:
            return
        connection = self.connect(writes=True)
        try:
            reach("checkpoint.before")
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            reach("checkpoint.after")
        except Exception as error:
            raise self._translated(error) from None
        finally:
            connection.close()

    def sizes(self) -> dict[str, int]:
        """Bytes of the file (`file_bytes`) and of its write-ahead log (`log_bytes`); nothing of a server."""
        if self.path is None:
            return {}
        log = f"{self.path}-wal"
        return {
            "file_bytes": os.path.getsize(self.path),
            "log_bytes": os.path.getsize(log) if os.path.exists(log) else 0,
        }

    def compact(self) -> bool:
        """Write the file anew, without the remains of what was deleted, and empty the write-ahead log.

        Returns:
            Whether the log could be emptied; a reader in another process may hold it. On a server, which keeps its own
            house, False.
        """
        if self.path is None:
            return False
        self._forked()
        with self._group_commit.exclusive(), self.write_lock():
            self._check_file()
            connection = self.connect(writes=True)
            try:
                connection.execute("PRAGMA temp_store = FILE")  # a whole board may not fit into memory
                connection.execute("VACUUM")
                return bool(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)
            except Exception as error:
                raise self._translated(error) from None
            finally:
                connection.close()

    def _translated(self, error: BaseException) -> BaseException:
        if isinstance(error, self.dialect.error):
            return sql_dialect.translate(error, self.where)
        if isinstance(error, OverflowError):  # the driver, of an integer over 64 bits
            return UsageError("a number is larger than a database can hold")
        return error

    def _forked(self) -> None:
        # A connection must not be used on both sides of a fork: forget what the parent had, without closing it. Before
        # the gate is taken, for another thread of the parent may have held it at the fork, and nobody opens it here.
        if self._pid != os.getpid():
            self._pid, self._writer, self._readers = os.getpid(), None, []
            if self._write_lock is not None:
                self._write_lock.close()
            self._file = None
            self._group_commit = GroupCommit()

    def close(self) -> None:
        """Close every connection."""
        self._forked()
        with self._group_commit.exclusive():
            self._let_go()
            self._file = None
            if self._write_lock is not None:
                self._write_lock.close()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path} cannot be reached: {error.strerror}") from None
    return found.st_dev, found.st_ino


def path_in(url: str) -> Path | None:
    """The file that a URL names, where it names a file and says nothing else, and as it is: a `%` is SQLAlchemy's."""
    found = re.fullmatch(r"sqlite:///(?!:memory:$|file:)([^?%]+)", url)
    return None if found is None else Path(found[1]).absolute()


def _without_driver(url: str, error: ModuleNotFoundError) -> str:
    return (
        f"{_shown(url)} needs the Python package {error.name!r}, which is not installed: install it, or name an SQLite"
        " file, as in sqlite:///board.db"
    )


def _shown(url: str) -> str:
    """A URL without what may be a password in it, even where it is no URL that can be read."""
    scheme, _, rest = url.rpartition("://")
    host = rest.rpartition("@")[2].partition("?")[0]
    return repr(f"{scheme.rpartition(' ')[2]}://{'***@' if '@' in rest else ''}{host}" if scheme else host)
