"""The dialect of SQLite, for a board in a file, and the errors of its driver. Its library runs in this process."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from blackboard.clock import Instant, SystemClock
from blackboard.core.marks.full_text import Match, Word
from blackboard.errors import StoreError, StoreForeign
from blackboard.store.dialects.dialect import BUSY_SECONDS, SQLITE, Dialect
from blackboard.store.dialects.driver_errors import DriverErrors, ErrorCause
from blackboard.store.dialects.full_text_queries import fts5_query
from blackboard.store.dialects.sqlite_library import HAS_SAFE_CHECKPOINTS, SQLITE_VERSION, sqlite
from blackboard.system.failpoints import failpoint

_CODES = {
    5: ErrorCause.BUSY,
    6: ErrorCause.BUSY,
    8: ErrorCause.READ_ONLY,
    10: ErrorCause.IO,
    11: ErrorCause.DAMAGED,
    13: ErrorCause.FULL,
    14: ErrorCause.UNOPENED,
    26: ErrorCause.FOREIGN,
}
"""The meanings of SQLite's primary result codes: https://www.sqlite.org/rescode.html."""

APPLICATION_ID = 0x424C4B42
"""Marks an SQLite file as a blackboard, in its header ("BLKB")."""

SYNCHRONOUS = "FULL"
"""SQLite's `synchronous` for new connections. The tests set OFF, because their boards need not survive a power cut."""

STEPS_PER_LOOK = 2000
"""The number of steps of SQLite's virtual machine between two checks of the time."""


class SqliteErrors(DriverErrors):
    """The errors of SQLite; see `DriverErrors`."""

    base = sqlite.Error

    def cause_of(self, error: BaseException) -> ErrorCause | None:
        return _CODES.get(_primary_code(error))

    def is_stopped(self, error: BaseException) -> bool:
        return _primary_code(error) == 9  # SQLITE_INTERRUPT

    def is_wrong_query(self, error: Exception) -> bool:
        return _primary_code(error) == 1  # SQLITE_ERROR

    def blames_database(self, error: BaseException) -> bool:
        return self.cause_of(error) is not None


def _primary_code(error: BaseException) -> int:
    """Return SQLite's code of an error, without the details in its upper bits; 0 for an error without a code."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


class SqliteDialect(Dialect):
    """The dialect of SQLite, where a writing transaction takes the lock when it begins.

    A transaction that takes it later fails immediately if another process writes, even with a timeout.
    """

    name = SQLITE
    errors = SqliteErrors()
    placeholder = "?"
    begin_read = "BEGIN"
    begin_write = ("BEGIN IMMEDIATE",)
    mark_as_board = f"PRAGMA application_id = {APPLICATION_ID}"
    keeps_deleted = True

    def prepare(self, connection: Any, *, writes: bool) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout = {int(BUSY_SECONDS * 1000)}",
            "foreign_keys = ON",
            f"synchronous = {SYNCHRONOUS}",
            "temp_store = MEMORY",
            "wal_autocheckpoint = 4000",
            "journal_size_limit = 33554432",
            "trusted_schema = OFF",
            "secure_delete = FAST",  # overwrites deleted content where this writes no further page
        ):
            cursor.execute(f"PRAGMA {pragma}")
        if not writes:
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    def skip_disk_flush(self, connection: Any) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    def library_problem(self) -> str | None:
        if HAS_SAFE_CHECKPOINTS:
            return None
        return (
            f"SQLite {SQLITE_VERSION} can damage a database when another program checkpoints it at the same time;"
            " use 3.51.3 or later"
        )

    def holds_board(self, connection: Any, location: str) -> bool:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        if tables and application != APPLICATION_ID:
            raise StoreForeign(f"{location} belongs to another program; name another file")
        return "alembic_version" in tables

    def checkpoint(self, connection: Any) -> None:
        """Copy the write-ahead log into the file as far as readers allow, without waiting."""
        failpoint("checkpoint.before")
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        failpoint("checkpoint.after")

    def stop_at(self, cursor: Any, end: Instant) -> None:
        now = SystemClock().monotonic
        cursor.connection.set_progress_handler(lambda: now() > end, STEPS_PER_LOOK)

    def stop_no_more(self, cursor: Any) -> None:
        cursor.connection.set_progress_handler(None, 0)

    def list_of(self, values: Sequence[int] | Sequence[str]) -> Any:
        return json.dumps(values)

    def require_full_text(self) -> None:
        if not has_full_text():
            raise StoreError(
                f"the SQLite library of this process ({SQLITE_VERSION}) was built without FTS5, which the search of"
                " marks needs; install pysqlite3, or a Python whose SQLite has FTS5"
            )

    def streaming_cursor(self, connection: Any) -> Any:
        return connection.cursor()  # any cursor of SQLite computes each row when it is fetched

    def insert_rows(self, cursor: Any, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        places = ", ".join("?" for _ in columns)
        cursor.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)

    def search_query(self, words: Sequence[Word], match: Match) -> str:
        return fts5_query(words, match)

    def indexed_text(self, text: str) -> str:
        return text


@cache
def has_full_text() -> bool:
    """Return whether the SQLite library of this process has FTS5."""
    connection = sqlite.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE probe USING fts5(text)")
    except sqlite.Error:
        return False
    finally:
        connection.close()
    return True
