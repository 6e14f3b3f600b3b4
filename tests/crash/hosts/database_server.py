"""The database server of a board, as its administrator uses it: queries from outside, restarts, ends of sessions."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from tests.support.postgresql import restart_command
from tests.support.postgresql_boards import PostgresqlServer

__all__ = ["SETTINGS", "DatabaseServer", "Query"]

Query = Any
"""Returns the rows of a query, as tuples."""

SETTINGS = {"autovacuum": "on", "max_connections": "300", "synchronous_commit": "on", "deadlock_timeout": "200ms"}
"""An immediate restart loses no commit that was answered. The system keeps what was written, even unflushed."""

BOARD_SESSIONS = "SELECT pid FROM pg_stat_activity WHERE datname = %(name)s AND application_name = 'blackboard'"
LISTENERS = """
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1
UNION
SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%%' OR query LIKE 'SELECT lock_key FROM worker%%'
"""


class DatabaseServer:
    """A database server on a Unix socket.

    Args:
        url: A database on it.
        enter: The beginning of a command that runs beside it, if it has a network of its own.
    """

    def __init__(self, url: str, enter: Sequence[str] = ()) -> None:
        self.folder = Path(str(make_url(url).query["host"]))
        self._url, self._enter = url, enter
        self._server = PostgresqlServer(url)
        self._restart: subprocess.Popen[bytes] | None = None

    def create_database(self) -> str:
        """Create a database and return its URL."""
        return self._server.create_database()

    def drop_database(self, url: str) -> None:
        """Remove a database, and end its sessions."""
        self._server.drop_board(url)

    @contextlib.contextmanager
    def rows(self, url: str) -> Iterator[Query]:
        """Return a function that queries a database in one snapshot. No connection is open afterwards.

        Raises:
            psycopg.OperationalError: The database server cannot be used.
        """
        with psycopg.connect(_plain(url), autocommit=True, prepare_threshold=None) as connection:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield lambda query, *values: connection.execute(query, values or None).fetchall()

    def change(self, url: str, statement: str) -> None:
        """Run a statement that changes a database."""
        with psycopg.connect(_plain(url), autocommit=True) as connection:
            connection.execute(statement)

    def end_sessions(self, url: str, rng: random.Random, share: float, *, listeners: bool) -> int:
        """End a share of the sessions of a database, or of those that listen, and return their number."""
        query = BOARD_SESSIONS + (f" AND pid IN ({LISTENERS})" if listeners else "")
        with psycopg.connect(_plain(self._url), autocommit=True) as connection:
            found = [pid for (pid,) in connection.execute(query, {"name": make_url(url).database})]
            chosen = [pid for pid in found if rng.random() < share]
            connection.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS chosen (pid)", (chosen,))
        return len(chosen)

    def restart(self) -> None:
        """Begin an immediate restart, which ends every session without a checkpoint, and return immediately."""
        owner = self.folder.stat()
        is_root = os.geteuid() == 0 and not self._enter
        self._restart = subprocess.Popen(
            [*self._enter, *restart_command(self.folder)],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            user=owner.st_uid if is_root else None,
            group=owner.st_gid if is_root else None,
            extra_groups=[] if is_root else None,
        )

    def is_restarting(self) -> bool:
        """Return whether a restart is not over.

        Raises:
            RuntimeError: The database server does not start.
        """
        if self._restart is None or (code := self._restart.poll()) is None:
            return self._restart is not None
        self._restart = None
        if code:
            raise RuntimeError(f"the database server does not start again: {self.log()[-2000:]}")
        return False

    def log(self) -> str:
        """Return the database server's log."""
        return (self.folder / "log").read_text("utf-8", "replace")

    def deadlocks(self) -> int:
        """Return how many deadlocks the database server has found."""
        return self.log().count("deadlock detected")


def _plain(url: str) -> str:
    """Return a URL as the driver takes it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
