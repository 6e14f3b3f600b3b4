"""The health of a database server: its version, its clock, its durability, and whether a pooler is in front of it."""

from __future__ import annotations

import contextlib

from blackboard.clock import Instant, SystemClock
from blackboard.store.database_interfaces.upkeep_interface import PostgresqlHealth
from blackboard.store.postgresql.postgresql_database import PostgresqlDatabase


def measure_postgresql(database: PostgresqlDatabase) -> PostgresqlHealth:
    """Measure the database server.

    Raises:
        StoreError: The database server cannot be used.
    """
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
            database_time: Instant = database.dialect.database_time(cursor)
            skew = (before + clock.now()) // 2 - database_time
        except database.dialect.errors.base as error:
            raise database.dialect.errors.translate(error, database.location) from None
        settings = {"fsync": fsync, "synchronous_commit": commit, "full_page_writes": pages}
        return PostgresqlHealth(
            version=version,
            is_standby=is_standby,
            skew=skew,
            is_pooled=connection.info.backend_pid != process,  # a pooler gives its clients numbers of its own
            keeps_statements=database.dialect.keeps_statements,
            is_heard=database.listener is not None,
            unsafe_settings=tuple(name for name, value in settings.items() if value == "off"),
        )
