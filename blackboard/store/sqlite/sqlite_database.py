"""The database of a board in an SQLite file: its connections and transactions."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blackboard.clock import Clock
from blackboard.store.connections.batch_commits import BatchCommits
from blackboard.store.connections.database_url import DatabaseUrl
from blackboard.store.connections.reader_pool import ReaderPool
from blackboard.store.database import Database
from blackboard.store.dialects import sqlite_library
from blackboard.store.dialects.dialect import BUSY_SECONDS
from blackboard.store.dialects.sqlite_dialect import SqliteDialect
from blackboard.store.sqlite.local_processes.sqlite_processes import SqliteProcesses
from blackboard.store.sqlite.local_processes.write_lock import WriteLock
from blackboard.store.sqlite.open_files import inherited_files, log_guarded_connection
from blackboard.store.sqlite.open_files.second_library_guard import LogInUse
from blackboard.store.sqlite.replaced_file_guard import ReplacedFileGuard
from blackboard.store.sqlite.sqlite_file import SqliteFile
from blackboard.store.sqlite.sqlite_transaction import SqliteTransaction
from blackboard.store.sqlite.sqlite_writing_connection import SqliteWritingConnection
from blackboard.store.transaction import Transaction

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from blackboard.store.sqlite.sqlite_upkeep import SqliteUpkeep
    from blackboard.store.sqlite.sqlite_user_queries import SqliteQueries


class SqliteDatabase(Database):
    """The connections to one SQLite file; see `Database`.

    Args:
        url: The URL of the file, or its path.
        path: The path of the SQLite file.
        mode: The mode of the file and of the files beside it; None if it is not set.
    """

    dialect: SqliteDialect
    place: SqliteFile
    writer: SqliteWritingConnection
    processes: SqliteProcesses

    def __init__(self, url: DatabaseUrl, path: Path, mode: int | None) -> None:
        self._url, self.path = url, path
        self.place = SqliteFile(path, mode)
        self._guard = ReplacedFileGuard(self.place, self._close_connections)
        dialect = SqliteDialect()
        super().__init__(dialect, str(path))
        lock = WriteLock(path, BUSY_SECONDS)
        self.writer = SqliteWritingConnection(
            dialect, self.location, self._connect_to_write, self.on_rollback, self._guard, lock
        )
        self.commits = BatchCommits(self.writer, self.on_commit)
        self.processes = SqliteProcesses(path)

    @classmethod
    def at(cls, path: Path) -> SqliteDatabase:
        """Return the database of a file, such as a copy of a board."""
        url = DatabaseUrl(path)
        assert url.path is not None
        return cls(url, url.path, None)

    def _new_pool(self) -> ReaderPool:
        return ReaderPool(self._uses, self._guard.check_file, self._guard.give_up_outdated)

    @property
    def url(self) -> str:
        return self._url.text

    @cached_property
    def engine(self) -> Engine:
        return self._url.engine(self._raw)

    @property
    def upkeep(self) -> SqliteUpkeep:
        from blackboard.store.sqlite.sqlite_upkeep import SqliteUpkeep  # imported only for upkeep

        return SqliteUpkeep(self)

    @property
    def readonly(self) -> SqliteQueries:
        from blackboard.store.sqlite.sqlite_user_queries import SqliteQueries  # imported only for queries

        return SqliteQueries(self)

    def connect(self, *, writes: bool) -> Any:
        self.place.prepare_to_open(writes=writes)
        try:
            with contextlib.ExitStack() as unless_ready:
                connection = self._raw(None if writes else self.place.read_only_parameters())
                unless_ready.callback(connection.close)
                self._prepare(connection, writes=writes)
                connection.open_log()
                unless_ready.pop_all()
        except LogInUse:
            self._close_connections()
            raise
        except Exception as error:
            raise self.translate_any(error) from None
        self.place.note_opened()
        return connection

    def _raw(self, parameters: str | None = None) -> Any:
        """Open a connection with the options of the URL; the parameters of a URI replace them."""
        if not self._url.has_options or parameters is not None:
            return log_guarded_connection.connect(self.path, parameters, check_same_thread=False)
        _, options = self._url.connect_arguments()
        return log_guarded_connection.connect(self.path, **{**options, "check_same_thread": False})

    def separate_readers(self) -> None:
        # Of two processes that switch at the same time, SQLite refuses one without waiting.
        with contextlib.closing(self.connect(writes=True)) as connection, self.write_lock():
            try:
                log_guarded_connection.use_log(connection)
            except self.dialect.errors.base as error:
                raise self.translate_any(error) from None

    def transaction_of(self, connection: Any) -> Transaction:
        return SqliteTransaction(connection.cursor(), self.dialect)

    def board_clock(self, clock: Clock) -> Clock:
        return clock

    def check_access(self, read: Callable[[], object], write: Callable[[], object], *, writes: bool) -> None:
        if writes or not self.place.is_read_only():
            write()

    def write_lock(self) -> contextlib.AbstractContextManager[None]:
        return self.writer.lock.hold()

    def checkpoint(self, min_bytes: int = 0) -> None:
        """Copy the write-ahead log into the file as far as readers allow, without waiting.

        An SQLite with the checkpoint race damages the file if other connections write or checkpoint at the same time.
        There they wait.
        """
        if min_bytes and self.place.log_bytes() < min_bytes:
            return
        if sqlite_library.HAS_SAFE_CHECKPOINTS:
            self._checkpoint()
        else:
            with self.group_commit.exclusive(), self.write_lock():
                self._checkpoint()

    def _checkpoint(self) -> None:
        try:
            self._uses.begin()
            with contextlib.closing(self.connect(writes=True)) as connection:
                self.dialect.checkpoint(connection)
        except Exception as error:
            raise self.translate_any(error) from None
        finally:
            self._uses.end()

    @contextlib.contextmanager
    def writers_held_off(self) -> Iterator[None]:
        with super().writers_held_off():
            self._guard.check_file()
            yield

    def after_fork(self, *, in_child: bool) -> None:
        super().after_fork(in_child=in_child)
        if in_child:
            self.place.note_all_closed()
            inherited_files.note(self.path)

    def _close_rest(self) -> None:
        self.place.note_all_closed()
        self.writer.lock.close()
