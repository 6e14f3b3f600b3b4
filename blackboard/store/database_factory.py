"""The database of a path or URL: a file or one on PostgreSQL. Only this module chooses between their classes."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from blackboard.store.connections.database_url import DatabaseUrl
from blackboard.store.database import Database
from blackboard.store.sqlite.sqlite_database import SqliteDatabase


def database_of(
    url: str | Path,
    mode: int | None = None,
    *,
    prepare: bool = True,
    direct_url: str | None = None,
    query_url: str | None = None,
) -> Database:
    """Return the database of a URL, without opening it.

    Args:
        url: An SQLAlchemy URL, or the path of an SQLite file.
        mode: The mode of an SQLite file and of the files beside it; None if it is not set.
        prepare: Whether PostgreSQL may keep statements and settings for a connection; False behind a pooler that gives
            each transaction another connection.
        direct_url: The URL of the database server itself, for notifications, if `url` names a pooler.
        query_url: The URL of the same database on PostgreSQL as a user who may only read, for queries that
            are not trusted.

    Raises:
        ConfigurationError: The URL cannot be used.
    """
    parsed = DatabaseUrl(url)
    if parsed.path is not None:
        return SqliteDatabase(parsed, parsed.path, mode)
    from blackboard.store.postgresql.postgresql_database import PostgresqlDatabase  # a file needs none
    from blackboard.store.postgresql.postgresql_driver import PostgresqlDriver

    direct = None if direct_url is None else PostgresqlDriver(DatabaseUrl(direct_url))
    return PostgresqlDatabase(PostgresqlDriver(parsed, prepare=prepare), direct, query_url)


def connect(url_or_path: str | Path = "sqlite:///board.db") -> sqlite3.Connection:
    """Open a read-only connection to a board's file, for programs such as pandas that read through the DB-API.

    Args:
        url_or_path: The board, as for `Blackboard.open`.

    Returns:
        A connection of the board's own SQLite library, which the caller closes. Where this is not the interpreter's
        `sqlite3`, its class has another module and the same methods. One thread at a time may use it.

    Raises:
        StoreError: The board is on PostgreSQL, is missing, or cannot be read.
    """
    return database_of(url_or_path).readonly.connection()
