"""Boards on a PostgreSQL server, where somebody names one: `make test-postgresql URL=...`."""

from __future__ import annotations

import atexit
import functools
import os
import secrets

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from blackboard import Blackboard, ManualClock

__all__ = ["SERVER", "drop", "empty_board"]

SERVER = os.environ.get("BLACKBOARD_TEST_POSTGRESQL")
"""The URL of a database on it from which others may be made; None for boards in files."""


def empty_board() -> str:
    """The URL of a new board there, for the caller to drop."""
    return _database(f" TEMPLATE {make_url(_template()).database}")


def drop(url: str) -> None:
    """Remove a board that nobody is connected to any more."""
    _run(f"DROP DATABASE {make_url(url).database}")


@functools.cache
def _template() -> str:
    """An empty board to copy: made once, for migrating takes longer than most tests."""
    url = _database("")
    atexit.register(drop, url)
    Blackboard.open(url, clock=ManualClock(), create=True).close()
    return url


def _database(like: str) -> str:
    assert SERVER is not None
    name = f"blackboard_test_{secrets.token_hex(6)}"
    _run(f"CREATE DATABASE {name}{like}")
    return make_url(SERVER).set(database=name).render_as_string(hide_password=False)


def _run(statement: str) -> None:
    assert SERVER is not None
    engine = create_engine(SERVER, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(statement))
