"""The database of a board on PostgreSQL: its place, its connections and its transactions."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from blackboard.clock import Clock, Instant, SystemClock
from blackboard.errors import StoreError, StoreMissing
from blackboard.store.database import Database
from blackboard.store.database_interfaces.place_interface import BoardPlace, FileSizes
from blackboard.store.dialects.postgresql_dialect import PostgresqlDialect
from blackboard.store.postgresql.connected_processes.commit_notifications import CommitAnnouncer, ListeningConnection
from blackboard.store.postgresql.connected_processes.postgresql_clock import PostgresqlClock
from blackboard.store.postgresql.connected_processes.postgresql_processes import PostgresqlProcesses
from blackboard.store.postgresql.pipelined_transactions.postgresql_transaction import PostgresqlTransaction
from blackboard.store.postgresql.postgresql_commits import PostgresqlCommits
from blackboard.store.postgresql.postgresql_driver import PostgresqlDriver
from blackboard.store.postgresql.postgresql_writing_connection import PostgresqlWritingConnection
from blackboard.store.transaction import Transaction
from blackboard.system.files.board_files import postgresql_spool_folder

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from blackboard.store.postgresql.postgresql_upkeep import PostgresqlUpkeep
    from blackboard.store.postgresql.postgresql_user_queries import PostgresqlQueries


class PostgresqlPlace(BoardPlace):
    """The place of a board on PostgreSQL, whose URL without a password is given; see `BoardPlace`."""

    is_created_on_demand = False

    def __init__(self, location: str) -> None:
        self._location = location

    def exists(self) -> bool:
        return True

    def refuse_missing(self) -> NoReturn:
        raise StoreMissing(f"{self._location} holds no board; 'blackboard init' creates one")

    def check_names(self) -> None:
        """Do nothing: a URL has no other names that matter."""

    def is_read_only(self) -> bool:
        return False

    def owned_by_others(self) -> None:
        return None

    def apply_mode(self) -> None:
        """Do nothing: PostgreSQL has rights instead."""

    def apply_mode_to_new(self) -> None:
        """Do nothing."""

    def delete(self) -> NoReturn:
        raise StoreError(f"{self._location} is on PostgreSQL, where only the owner of the database can drop it")

    def sizes(self) -> FileSizes:
        return FileSizes()

    @property
    def spool_folder(self) -> Path:
        """A folder of this user, because PostgreSQL has none."""
        return postgresql_spool_folder(self._location)


class PostgresqlDatabase(Database):
    """The connections to one database on PostgreSQL; see `Database`.

    Args:
        driver: Connects to the database.
        direct: Connects to the database server itself, for notifications, if `driver` connects to a pooler.
        query_url: The URL of the database as a user who may only read, for queries that are not trusted.
    """

    dialect: PostgresqlDialect
    writer: PostgresqlWritingConnection

    def __init__(
        self, driver: PostgresqlDriver, direct: PostgresqlDriver | None = None, query_url: str | None = None
    ) -> None:
        dialect = driver.dialect
        self._driver, self._direct, self.query_url = driver, direct, query_url
        self.listener: ListeningConnection | None = None
        """Hears of commits; None behind a pooler without a direct URL."""
        if dialect.keeps_statements or direct is not None:
            self.listener = ListeningConnection(self._connect_directly)
        super().__init__(dialect, driver.url.text)
        self.writer = PostgresqlWritingConnection(dialect, self.location, self._connect_to_write, self.on_rollback)
        self.commits = PostgresqlCommits(self.writer, self.on_commit)
        self.processes = PostgresqlProcesses(self)
        self.place = PostgresqlPlace(self.location)

    def _open_pools(self) -> None:
        super()._open_pools()
        sender = "" if self.listener is None else self.listener.sender
        self._announcer = CommitAnnouncer(self.reader_pool, self._connect_to_read, sender)

    @property
    def url(self) -> str:
        return self._driver.url.text

    @cached_property
    def engine(self) -> Engine:
        return self._driver.url.engine()

    @property
    def upkeep(self) -> PostgresqlUpkeep:
        from blackboard.store.postgresql.postgresql_upkeep import PostgresqlUpkeep  # imported only for upkeep

        return PostgresqlUpkeep(self)

    @property
    def readonly(self) -> PostgresqlQueries:
        from blackboard.store.postgresql.postgresql_user_queries import PostgresqlQueries  # imported only for queries

        return PostgresqlQueries(self)

    def connect(self, *, writes: bool) -> Any:
        try:
            with contextlib.ExitStack() as unless_ready:
                connection = self._driver.connect()
                unless_ready.callback(connection.close)
                self._prepare(connection, writes=writes)
                unless_ready.pop_all()
        except Exception as error:
            raise self.translate_any(error) from None
        return connection

    def _connect_directly(self) -> Any:
        """Open a connection to the database server itself, whose statements are transactions."""
        if self._direct is None:
            return self.connect(writes=False)
        connection = self._direct.connect()
        self._direct.dialect.prepare(connection, writes=False)
        return connection

    def connect_options(self) -> dict[str, Any]:
        """Return the options of a connection to PostgreSQL, with the password, without options of the driver."""
        _, options = self._driver.connect_arguments()
        return {name: value for name, value in options.items() if isinstance(value, str | int)}

    def transaction_of(self, connection: Any) -> Transaction:
        return PostgresqlTransaction(connection, self.dialect)

    def announce_commit(self) -> None:
        """Notify the listeners of other processes. Never fails: they also look at each tick."""
        self._announcer.announce()

    def database_time(self) -> Instant:
        """Return the time of the database server, in microseconds since the epoch.

        Raises:
            StoreError: The database server cannot be used.
        """
        with self.read() as transaction:
            return self.dialect.database_time(transaction.cursor)

    def board_clock(self, clock: Clock) -> Clock:
        return PostgresqlClock(self.database_time) if type(clock) is SystemClock else clock

    def check_access(self, read: Callable[[], object], write: Callable[[], object], *, writes: bool) -> None:
        read()
        if writes:
            self._check_writable()

    def _check_writable(self) -> None:
        """Check that the database server lets this user write, as far as it tells.

        Raises:
            StoreError: The database server is a standby, or only allows reading.
        """
        with self.read() as transaction:
            refusal = self.dialect.refusal_of_writes(transaction.cursor)
        if refusal is not None:
            raise StoreError(f"{self.location} cannot be written: {refusal}")

    def write_lock(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def checkpoint(self, min_bytes: int = 0) -> None:
        """Do nothing: a database server writes its checkpoints itself."""
