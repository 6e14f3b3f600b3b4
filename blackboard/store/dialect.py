"""What differs between SQLite and PostgreSQL, and nothing else: connecting, beginning, the clock in SQL, errors."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from typing import Any

from blackboard.errors import StoreBusy, StoreError, StoreForeign

try:
    import pysqlite3 as sqlite  # bundles an SQLite without the checkpoint race of 3.7.0 to 3.51.2
except ImportError:  # no wheel for this platform: the version is checked at start
    sqlite = sqlite3

__all__ = [
    "APPLICATION_ID",
    "SQLITE",
    "SQLITE_VERSION",
    "Dialect",
    "begin_write",
    "clock_sql",
    "date_sql",
    "greatest_sql",
    "iso_sql",
    "lock_board",
    "prepare",
    "safe_sqlite",
    "sqlite",
    "translate",
    "use_wal",
]

APPLICATION_ID = 0x424C4B42
"""Written into the header of each SQLite file that is a blackboard ("BLKB")."""

SQLITE_VERSION: str = sqlite.sqlite_version
"""Of the SQLite that this process uses."""

BUSY_SECONDS = 10.0


@dataclass(frozen=True)
class Dialect:
    """One kind of database."""

    name: str
    """SQLAlchemy's name of it."""
    error: type[Exception]
    """The base class of its driver's errors."""
    positional: bool
    """Whether its driver takes parameters by position; otherwise by name."""


SQLITE = Dialect("sqlite", sqlite.Error, positional=True)


def safe_sqlite(version: tuple[int, ...] = sqlite.sqlite_version_info) -> bool:
    """Whether this SQLite is free of the race of two checkpoints that can corrupt a WAL database."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


def prepare(connection: Any, dialect: Dialect, *, writes: bool) -> None:
    """Set up a fresh DBAPI connection."""
    if dialect.name != "sqlite":
        return
    connection.isolation_level = None  # transactions are begun here, by name
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {int(BUSY_SECONDS * 1000)}",
        "foreign_keys = ON",
        "synchronous = FULL",
        "temp_store = MEMORY",
        "wal_autocheckpoint = 4000",
        "journal_size_limit = 33554432",
        "trusted_schema = OFF",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    if not writes:
        cursor.execute("PRAGMA query_only = ON")
    cursor.close()


def use_wal(connection: Any, dialect: Dialect) -> None:
    """Make readers and writers not wait for each other; the setting stays with the file."""
    if dialect.name == "sqlite":
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise StoreError(f"this database cannot use a write-ahead log (its journal mode stays {mode!r})")


def begin_write(dialect: Dialect) -> str:
    """The statement that begins a writing transaction.

    On SQLite a deferred transaction that turns into a writer fails at once whatever the timeout.
    """
    return "BEGIN IMMEDIATE" if dialect.name == "sqlite" else "BEGIN"


def lock_board(dialect: Dialect) -> str | None:
    """The statement that makes writing transactions wait their turn, where beginning one does not."""
    return None if dialect.name == "sqlite" else "SELECT id FROM board WHERE id = 1 FOR UPDATE"


def clock_sql(dialect: Dialect) -> str:
    """The database's clock in microseconds since the epoch. SQLite's ticks in milliseconds."""
    if dialect.name == "sqlite":
        return (
            "CAST(strftime('%s', 'now') AS INTEGER) * 1000000"
            " + CAST(round(substr(strftime('%f', 'now'), 4) * 1000) AS INTEGER)"
        )
    return "CAST(extract(epoch FROM statement_timestamp()) * 1000000 AS bigint)"


def iso_sql(dialect: Dialect, column: str) -> str:
    """An instant as ISO 8601 text in UTC."""
    if dialect.name == "sqlite":
        return f"strftime('%Y-%m-%dT%H:%M:%S', {column} / 1000000, 'unixepoch') || printf('.%06dZ', {column} % 1000000)"
    return (
        f"to_char(to_timestamp({column} / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS')"
        f" || '.' || lpad(mod({column}, 1000000)::text, 6, '0') || 'Z'"
    )


def greatest_sql(dialect: Dialect) -> str:
    """The function that takes the largest of its arguments."""
    return "max" if dialect.name == "sqlite" else "greatest"


def date_sql(dialect: Dialect, column: str) -> str:
    """The day of an instant, as ISO text in UTC."""
    if dialect.name == "sqlite":
        return f"date({column} / 1000000, 'unixepoch')"
    return f"to_char(to_timestamp({column} / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD')"


def translate(error: Exception, where: str) -> Exception:
    """A driver's error as one of ours, with what to do about it."""
    text = str(error)
    low = text.lower()
    if "locked" in low or "busy" in low:
        return StoreBusy(f"{where} was held by another process for over {BUSY_SECONDS:.0f} s; try again")
    if "readonly" in low or "read-only" in low:
        return StoreError(f"{where} cannot be written: {text}; check the file's and folder's permissions")
    if "not a database" in low:
        return StoreForeign(f"{where} is not a database; name another file with --database or [database] url")
    if "malformed" in low or "corrupt" in low:
        return StoreError(f"{where} is damaged: {text}; restore a backup with 'blackboard restore'")
    if "full" in low:
        return StoreError(f"{where}: the disk is full; make room, nothing was half written")
    if "i/o error" in low:
        return StoreError(f"{where} could not be read or written: {text}; check the disk, nothing was half written")
    if "unable to open" in low:
        folder = os.path.dirname(where) or "."
        return StoreError(f"{where} cannot be opened; check that {folder} exists and may be written")
    return StoreError(f"{where}: {text}")
