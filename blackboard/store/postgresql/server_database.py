"""The database of a board on a server: its connections and transactions."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from blackboard.clock import Clock, Instant, SystemClock
from blackboard.errors import StoreError
from blackboard.store.connections.database_url import DatabaseUrl
from blackboard.store.database import Database
from blackboard.store.postgresql.connected_processes.commit_announcer import CommitAnnouncer
from blackboard.store.postgresql.connected_processes.listening_connection import ListeningConnection
from blackboard.store.postgresql.connected_processes.server_clock import ServerClock
from blackboard.store.postgresql.connected_processes.server_processes import ServerProcesses
from blackboard.store.postgresql.server_commits import ServerCommits
from blackboard.store.postgresql.server_place import ServerPlace
from blackboard.store.postgresql.server_transactions.server_transaction import ServerTransaction
from blackboard.store.postgresql.server_writer import ServerWriter
from blackboard.store.dialects.postgresql_dialect import PostgresqlDialect
from blackboard.store.transaction import Transaction

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from blackboard.store.postgresql.server_queries import ServerQueries
    from blackboard.store.postgresql.server_upkeep import ServerUpkeep


class ServerDatabase(Database):
    """The connections to one database on a server; see `Database`.

    Args:
        url: The URL of the database.
        direct_url: The URL of the server itself, for notifications, if `url` names a pooler.
        query_url: The URL of the database as a user who may only read, for queries of others.
    """

    dialect: PostgresqlDialect
    writer: ServerWriter

    def __init__(self, url: DatabaseUrl, direct_url: DatabaseUrl | None = None, query_url: str | None = None) -> None:
        dialect = url.server_dialect
        self._url, self._direct, self.query_url = url, direct_url, query_url
        self.listener: ListeningConnection | None = None
        """Hears of commits; None behind a pooler without a direct URL."""
        if dialect.keeps_statements or direct_url is not None:
            self.listener = ListeningConnection(self._connect_directly)
        super().__init__(dialect, url.text)
        self.writer = ServerWriter(dialect, self.where, self._connect_to_write, self.on_rollback)
        self.commits = ServerCommits(self.writer, self.on_commit)
        self.processes = ServerProcesses(self)
        self.place = ServerPlace(self.where)

    def _open_pools(self) -> None:
        super()._open_pools()
        sender = "" if self.listener is None else self.listener.sender
        self._announcer = CommitAnnouncer(self.reader_pool, self._connect_to_read, sender)

    @property
    def url(self) -> str:
        return self._url.text

    @cached_property
    def engine(self) -> Engine:
        return self._url.engine()

    @property
    def upkeep(self) -> ServerUpkeep:
        from blackboard.store.postgresql.server_upkeep import ServerUpkeep  # only its acts need it

        return ServerUpkeep(self)

    @property
    def readonly(self) -> ServerQueries:
        from blackboard.store.postgresql.server_queries import ServerQueries  # only such queries need it

        return ServerQueries(self)

    def connect(self, *, writes: bool) -> Any:
        try:
            with contextlib.ExitStack() as unless_ready:
                connection = self._url.connect()
                unless_ready.callback(connection.close)
                self._prepare(connection, writes=writes)
                unless_ready.pop_all()
        except Exception as error:
            raise self.translated(error) from None
        return connection

    def _connect_directly(self) -> Any:
        """Open a connection to the server itself, whose statements are transactions."""
        if self._direct is None:
            return self.connect(writes=False)
        connection = self._direct.connect()
        self._direct.server_dialect.prepare(connection, writes=False)
        return connection

    def connect_options(self) -> dict[str, Any]:
        """Return the options of a connection to a server, with the password, without options of the driver."""
        options = self._url.server_options()[1]
        return {name: value for name, value in options.items() if isinstance(value, str | int)}

    def transaction_of(self, connection: Any) -> Transaction:
        return ServerTransaction(connection, self.dialect)

    def announce_commit(self) -> None:
        """Notify the listeners of other processes. Never fails: they also look at each tick."""
        self._announcer.announce()

    def server_time(self) -> Instant:
        """Return the time of the server, in microseconds since the epoch.

        Raises:
            StoreError: The server cannot be used.
        """
        with self.read() as transaction:
            return self.dialect.server_time(transaction.cursor)

    def board_clock(self, clock: Clock) -> Clock:
        return ServerClock(self.server_time) if type(clock) is SystemClock else clock

    def check_access(self, read: Callable[[], object], write: Callable[[], object], *, writes: bool) -> None:
        read()
        if writes:
            self._check_writable()

    def _check_writable(self) -> None:
        """Check that the server lets this user write, as far as it says so.

        Raises:
            StoreError: The server is a standby, or only allows reading.
        """
        with self.read() as transaction:
            refusal = self.dialect.refusal_of_writes(transaction.cursor)
        if refusal is not None:
            raise StoreError(f"{self.where} cannot be written: {refusal}")

    def write_lock(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def checkpoint(self, min_bytes: int = 0) -> None:
        """Do nothing: the server does so itself."""
