"""Measurements of a server: its version, its clock, its durability, and whether a pooler is in front of it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from blackboard.clock import Instant, SystemClock
from blackboard.durations import Duration
from blackboard.store.database import Database
from blackboard.store.database_server.server_database import ServerDatabase


@dataclass(frozen=True)
class ServerHealth:
    """The figures of one server.

    Attributes:
        version: The version of the server, as it names it.
        is_standby: Whether it is a standby, which can only be read.
        skew: The microseconds by which the clock of this machine is ahead of the server's; negative if it is behind.
        is_pooled: Whether a pooler gives each transaction a connection that it may share.
        keeps_statements: Whether this process lets a connection keep statements and settings.
        is_heard: Whether processes with this configuration hear of commits at once.
        unsafe_settings: The settings that let a crash of the server lose commits that were answered.
    """

    version: str
    is_standby: bool
    skew: Duration
    is_pooled: bool
    keeps_statements: bool
    is_heard: bool
    unsafe_settings: tuple[str, ...]


def measure_server(database: Database) -> ServerHealth | None:
    """Measure a server; None for a board in a file.

    Raises:
        StoreError: The server cannot be used.
    """
    if not isinstance(database, ServerDatabase):
        return None
    clock = SystemClock()
    with contextlib.closing(database.connect(writes=False)) as connection:
        cursor = connection.cursor()
        try:
            cursor.execute(
                "SELECT current_setting('server_version'), pg_is_in_recovery(), pg_backend_pid(),"
                " current_setting('fsync'), current_setting('synchronous_commit'), current_setting('full_page_writes')"
            )
            version, is_standby, process, fsync, commit, pages = cursor.fetchone()
            before = clock.now()
            server_time: Instant = database.dialect.server_time(cursor)
            skew = (before + clock.now()) // 2 - server_time
        except database.dialect.error as error:
            raise database.dialect.translate(error, database.where) from None
        settings = {"fsync": fsync, "synchronous_commit": commit, "full_page_writes": pages}
        return ServerHealth(
            version,
            is_standby,
            skew,
            connection.info.backend_pid != process,  # a pooler gives its clients numbers of its own
            database.dialect.keeps_statements,
            database.listener is not None,
            tuple(name for name, value in settings.items() if value == "off"),
        )
