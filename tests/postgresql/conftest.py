"""Boards on PostgreSQL, with its sessions and a proxy before it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool

from blackboard import Blackboard
from tests.postgresql.postgresql_sessions import PostgresqlSessions
from tests.support.cutting_proxy import CuttingProxy

# Some modules import the driver, which an extra installs.
collect_ignore_glob = [] if find_spec("psycopg") is not None else ["test_*.py", "*/test_*.py"]


@pytest.fixture
def sessions(board_url: str) -> Iterator[PostgresqlSessions]:
    """Return the sessions of the board's database. At the end, all of them are ended."""
    if make_url(board_url).get_backend_name() == "sqlite":
        pytest.skip("this run has no PostgreSQL server")
    url = make_url(board_url).set(database="postgres")
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        sessions = PostgresqlSessions(connection, board_url)
        yield sessions
        sessions.end_all()


@pytest.fixture
def board(board_url: str, sessions: PostgresqlSessions) -> Iterator[Blackboard]:
    """Return the board with the machine's clock."""
    with Blackboard.open(board_url, author="person:ada") as board:
        yield board


@pytest.fixture
def proxy(board_url: str, sessions: PostgresqlSessions) -> Iterator[CuttingProxy]:
    """Return a proxy before the database server."""
    proxy = CuttingProxy(board_url)
    yield proxy
    proxy.close()
