"""Boards on a PostgreSQL server of the tests: a database each, which is emptied and used again."""

from __future__ import annotations

import json
import secrets
import shutil
import uuid
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url

from blackboard import Blackboard, ManualClock
from blackboard.store.connections.database_url import DatabaseUrl
from blackboard.system.files.board_files import postgresql_spool_folder

if TYPE_CHECKING:
    import psycopg

__all__ = ["PostgresqlServer", "reader_url"]

READER = "blackboard_test_reader"
"""The user who may read each board of the tests, and nothing else."""

GROWTH_BYTES = 2 * 2**20
"""How much larger than a new board's database one may be to be used again."""

# Every change of a table, a view, a function, a right, statistics or a default writes a row of a catalog. The size
# shows when there are many deleted rows, which would slow later tests.
STATE = """
SELECT concat_ws(' ',
  (SELECT count(*) || ':' || sum(xmin::text::bigint) FROM pg_class WHERE oid >= 16384),
  (SELECT count(*) || ':' || sum(xmin::text::bigint) FROM pg_attribute WHERE attrelid >= 16384),
  (SELECT count(*) || ':' || sum(xmin::text::bigint) FROM pg_rewrite WHERE oid >= 16384),
  (SELECT count(*) || ':' || sum(xmin::text::bigint) FROM pg_proc WHERE oid >= 16384),
  (SELECT count(*) || ':' || sum(xmin::text::bigint) FROM pg_constraint WHERE oid >= 16384),
  (SELECT count(*) || ':' || sum(xmin::text::bigint) FROM pg_trigger WHERE tgrelid >= 16384),
  (SELECT count(*) || ':' || sum(xmin::text::bigint) FROM pg_namespace),
  (SELECT count(*) FROM pg_statistic WHERE starelid >= 16384),
  (SELECT count(*) FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase WHERE datname = current_database())
), (SELECT sum(pg_relation_size(oid)) FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'i'))
"""
# Several processes may do this at the same time on one server.
CREATE_READER = f"""
DO $$ BEGIN
  CREATE ROLE {READER} LOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""
END_OTHERS = """
SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
# The database server copies no database with a session. One that its client has closed may take seconds to end.
END_ALL = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = %s"


def reader_url(url: str) -> str | None:
    """Return the URL of a board of the tests on PostgreSQL as a user who may only read; None for a board in a file."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        return None
    return address.set(username=READER, password=None).render_as_string()


class PostgresqlServer:
    """A database server on which every test has its own databases.

    Args:
        url: A database on that server, used only for the connection.
    """

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self._template: str | None = None
        self._state: tuple[Any, ...] = ()
        self._cleanup = ""
        self._unused: list[str] = []
        self._sessions: dict[str, psycopg.Connection[Any]] = {}

    def create_board(self) -> str:
        """Create an empty board and return its URL."""
        url = self._unused.pop() if self._unused else self._copy()
        self._session(url).execute("UPDATE board SET uid = %s", (uuid.uuid4().hex,))
        return url

    def _copy(self) -> str:
        if self._template is None:  # migrating takes longer than most tests, so each board is a copy of the first
            self._template = self.create_database()
            Blackboard.open(self._template, clock=ManualClock(), create=True).close()
            with self._connect(self._template) as connection:
                connection.execute(CREATE_READER)
                connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER}")
                self._state = _state(connection)
                self._cleanup = _cleanup(connection)
        template = make_url(self._template).database
        with self._connect(self._url.render_as_string(hide_password=False)) as connection:
            connection.execute(END_ALL, (template,))
        return self.create_database(f" TEMPLATE {template} STRATEGY FILE_COPY")

    def release(self, url: str) -> None:
        """Empty a board and its spool for the next test. Remove its database if not only rows of its tables changed."""
        shutil.rmtree(postgresql_spool_folder(DatabaseUrl(url).text), ignore_errors=True)
        if self._template is not None and self._empty(url):
            self._unused.append(url)
        else:
            self.drop_board(url)

    def _empty(self, url: str) -> bool:
        """Empty a board and return whether it is like a new one."""
        import psycopg

        try:
            session = self._session(url)
            session.execute(END_OTHERS)
            if _state(session)[0] != self._state[0]:
                return False
            session.execute(self._cleanup)
            return bool(_state(session)[1] <= self._state[1] + GROWTH_BYTES)
        except psycopg.Error:  # the test ended this session, or a lock is left
            return False

    def _session(self, url: str) -> psycopg.Connection[Any]:
        """Return a session that stays open, because a new one would spend most of its time on looking up the tables."""
        if url not in self._sessions:
            self._sessions[url] = self._connect(url)
        return self._sessions[url]

    def end_session(self, url: str) -> None:
        """End the session that stays open, so that the database of a board can be copied."""
        if (session := self._sessions.pop(url, None)) is not None:
            session.close()

    def drop_board(self, url: str) -> None:
        """Remove a board. A session that its client has closed may take a moment to end on the database server."""
        self.end_session(url)
        self._run(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")

    def close(self) -> None:
        """Remove the databases that no test uses."""
        databases = [*self._unused, *([] if self._template is None else [self._template])]
        self._unused, self._template = [], None
        for url in databases:
            self.drop_board(url)

    def create_database(self, options: str = "") -> str:
        """Create a database and return its URL."""
        name = f"blackboard_test_{secrets.token_hex(6)}"
        self._run(f"CREATE DATABASE {name}{options}")
        return self._url.set(database=name).render_as_string(hide_password=False)

    def _run(self, statement: str) -> None:
        with self._connect(self._url.render_as_string(hide_password=False)) as connection:
            connection.execute(statement)

    def _connect(self, url: str) -> psycopg.Connection[Any]:
        import psycopg  # not above, because the driver is an extra

        address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(address, autocommit=True)


def _state(connection: psycopg.Connection[Any]) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = connection.execute(STATE).fetchone()
    assert row is not None
    return row


def _cleanup(connection: psycopg.Connection[Any]) -> str:
    """Return the statements that give the tables of a board the rows and the sequences of this one.

    Deleting the few rows of a test takes a fifth of the time of TRUNCATE, which makes new files.
    """
    tables = [row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    deletions, insertions = [], []
    for table in tables:
        deletions.append(f"DELETE FROM {table}")
        [[rows]] = connection.execute(f"SELECT json_agg(t) FROM {table} AS t")
        if rows:
            text = json.dumps(rows).replace("'", "''")
            source = f"json_populate_recordset(NULL::{table}, '{text}')"
            insertions.append(f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM {source}")
    query = "SELECT sequencename, coalesce(last_value, start_value), last_value IS NOT NULL FROM pg_sequences"
    sequences = [f"SELECT setval('{row[0]}', {row[1]}, {row[2]})" for row in connection.execute(query)]
    # The role of a replica leaves out triggers and foreign keys.
    settings = ["SET session_replication_role = replica", "SET lock_timeout = '60s'"]
    return "; ".join([*settings, *deletions, *insertions, *sequences])
