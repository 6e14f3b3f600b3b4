"""The sessions on the database of a board, as its administrator sees and ends them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, make_url, text

from tests.support.bounds import BOUND_SECONDS

if TYPE_CHECKING:
    import psycopg

__all__ = ["PostgresqlSessions"]


class PostgresqlSessions:
    """The sessions on one database.

    Args:
        administrator: A connection to another database on PostgreSQL.
        url: The database.
    """

    def __init__(self, administrator: Connection, url: str) -> None:
        self._administrator, self.url = administrator, url
        self._url = make_url(url)

    def end_all(self, application: str = "%") -> int:
        """End the sessions with an application's name, wait until they are gone, and return how many there were."""
        sessions = "FROM pg_stat_activity WHERE datname = :name AND application_name LIKE :application"
        values = {"name": self._url.database, "application": application}
        return self._administrator.execute(text(f"SELECT pg_terminate_backend(pid, 60000) {sessions}"), values).rowcount

    def wait_for_waiter(self, number: int = 1) -> None:
        """Return once `number` sessions wait for locks that others hold."""
        until = time.monotonic() + BOUND_SECONDS
        waiting = text("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
        while (self._administrator.execute(waiting).scalar() or 0) < number:
            assert time.monotonic() < until

    def set_default(self, name: str, value: str) -> None:
        """Set the default of a setting for new sessions on the database."""
        self._administrator.execute(text(f"ALTER DATABASE {self._url.database} SET {name} = '{value}'"))

    @contextlib.contextmanager
    def foreign(self) -> Iterator[psycopg.Connection[Any]]:
        """Open a session of another program, in which each statement is a transaction."""
        import psycopg  # here, because the folder's conftest also imports this module without the driver

        url = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection
