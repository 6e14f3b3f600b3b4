"""The differences between SQLite and PostgreSQL: new connections, the start of a transaction, error codes."""

from __future__ import annotations

import errno
import os
import sqlite3
from dataclasses import dataclass
from typing import Any

from blackboard.clock import LONGEST_WAIT_SECONDS, SystemClock
from blackboard.errors import StoreBusy, StoreError, StoreExhausted, StoreForeign
from blackboard.system.file_owners import describe_access


def is_safe_sqlite(version: tuple[int, ...]) -> bool:
    """Return whether an SQLite version is free of the checkpoint race that can corrupt a database in WAL mode."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


def is_fit(driver: Any) -> bool:
    """Return whether a driver's SQLite is safe, and has the functions that decay laws need."""
    if not is_safe_sqlite(driver.sqlite_version_info):
        return False
    connection = driver.connect(":memory:")
    try:
        connection.execute("SELECT power(2.0, 0.5), exp(1.0)")
    except driver.Error:
        return False
    finally:
        connection.close()
    return True


def choose_driver() -> Any:
    """Return the driver of SQLite: the interpreter's own where it is safe, so that a process has only one library.

    Elsewhere, `pysqlite3` brings a newer SQLite. Where it is not installed, or was built with an old library, the
    interpreter's own is used, and checkpoints hold the write lock.
    """
    if is_fit(sqlite3):
        return sqlite3
    try:
        import pysqlite3
    except ImportError:
        return sqlite3
    return pysqlite3 if is_fit(pysqlite3) else sqlite3


sqlite = choose_driver()
"""The driver of SQLite."""

SAFE = is_safe_sqlite(sqlite.sqlite_version_info)
"""Whether its library is free of the checkpoint race."""

APPLICATION_ID = 0x424C4B42
"""Marks an SQLite file as a blackboard, in its header ("BLKB")."""

SQLITE_VERSION: str = sqlite.sqlite_version
"""The version of the SQLite library in this process."""

BUSY_SECONDS = 10.0
"""The longest wait of a writer for other writers, in seconds."""

SYNCHRONOUS = "FULL"
"""SQLite's `synchronous` for new connections. The tests set OFF, because their boards need not survive a power cut."""


@dataclass(frozen=True)
class Dialect:
    """A kind of database.

    Attributes:
        name: SQLAlchemy's name for it.
        error: The base class of its driver's errors.
        is_positional: Whether its driver takes parameters by position, not by name.
    """

    name: str
    error: type[Exception]
    is_positional: bool


SQLITE = Dialect("sqlite", sqlite.Error, is_positional=True)


def prepare(connection: Any, dialect: Dialect, *, writes: bool) -> None:
    """Configure a new DBAPI connection. The program begins its transactions itself."""
    if dialect.name != "sqlite":
        connection.autocommit = True
        return
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


def use_wal(connection: Any, dialect: Dialect) -> None:
    """Switch the file to a write-ahead log, so that readers and writers do not wait for each other."""
    if dialect.name == "sqlite":
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise StoreError(f"this database cannot use a write-ahead log (its journal mode stays {mode!r})")


def begin_write(dialect: Dialect) -> str:
    """Return the statement that begins a writing transaction.

    On SQLite, a deferred transaction that begins to write fails at once, even with a timeout. On PostgreSQL, a
    transaction that waited for the lock of the board must see the commit of its predecessor.
    """
    return "BEGIN IMMEDIATE" if dialect.name == "sqlite" else "BEGIN ISOLATION LEVEL READ COMMITTED"


def in_transaction(connection: Any, dialect: Dialect) -> bool:
    """Return whether a transaction is open on a connection."""
    if dialect.name == "sqlite":
        return bool(connection.in_transaction)
    return bool(connection.info.transaction_status)


def begin_read(dialect: Dialect) -> str:
    """Return the statement that begins a reading transaction: one snapshot, in which nothing can be written."""
    return "BEGIN" if dialect.name == "sqlite" else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


def lock_board(dialect: Dialect) -> str | None:
    """Return the statement that makes a writing transaction wait for others; None if beginning one waits already."""
    return None if dialect.name == "sqlite" else "SELECT id FROM board WHERE id = 1 FOR UPDATE"


_SQLITE_CODES = {
    5: "busy",
    6: "busy",
    8: "read-only",
    10: "i/o",
    11: "damaged",
    13: "full",
    14: "unopened",
    26: "foreign",
}
"""The meanings of SQLite's primary result codes: https://www.sqlite.org/rescode.html."""

_SQLSTATES = {
    "25006": "read-only",  # read_only_sql_transaction
    "40001": "busy",  # serialization_failure
    "40P01": "busy",  # deadlock_detected
    "42501": "read-only",  # insufficient_privilege
    "53100": "full",  # disk_full
    "55P03": "busy",  # lock_not_available
    "57014": "busy",  # query_canceled, by a statement's timeout
    "58030": "i/o",  # io_error
    "XX001": "damaged",  # data_corrupted
    "XX002": "damaged",  # index_corrupted
}
"""The meanings of PostgreSQL's error codes: appendix A of its manual."""


def is_without_descriptors() -> bool:
    """Return whether this process, or the system, has no free file descriptor."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return error.errno in (errno.EMFILE, errno.ENFILE)
    return False


def is_of_database(code: int) -> bool:
    """Return whether an error code of SQLite blames the file or the machine, not the SQL."""
    return code & 0xFF in _SQLITE_CODES


def is_wrong_query(error: Exception) -> bool:
    """Return whether an error blames the text of a statement or of a search, by its code."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return getattr(error, "sqlstate", None) == "42601"  # syntax_error
    return bool(code & 0xFF == 1)


def is_stopped(error: BaseException) -> bool:
    """Return whether an error says that a statement took longer than its time limit."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return getattr(error, "sqlstate", None) == "57014"  # query_canceled
    return bool(code & 0xFF == 9)  # SQLITE_INTERRUPT


STEPS_PER_LOOK = 2000
"""The number of steps of SQLite's machine between two checks of the time."""


def stop_at(cursor: Any, dialect: Dialect, end: int) -> None:
    """Stop the statements of a transaction at an instant of the monotonic time: each of them on a server."""
    now = SystemClock().monotonic
    if dialect.name == "sqlite":
        cursor.connection.set_progress_handler(lambda: now() > end, STEPS_PER_LOOK)
        return
    milliseconds = min(max(1, (end - now()) // 1000), int(LONGEST_WAIT_SECONDS * 1e3))
    cursor.execute("SELECT set_config('statement_timeout', %s, true)", (str(milliseconds),))


def stop_no_more(cursor: Any, dialect: Dialect) -> None:
    """Take the limit of `stop_at` away; on a server it ends with the transaction."""
    if dialect.name == "sqlite":
        cursor.connection.set_progress_handler(None, 0)


def translate(error: Exception, where: str) -> StoreError:
    """Return our error for a driver's error, with a remedy. The code of the error decides, never its words."""
    if isinstance(error, MemoryError):
        return StoreExhausted(f"{where} cannot be used: this process has no memory left; no write was left half done")
    code = getattr(error, "sqlite_errorcode", None)
    cause = _SQLSTATES.get(getattr(error, "sqlstate", None) or "") if code is None else _SQLITE_CODES.get(code & 0xFF)
    match cause:
        case "busy":
            return StoreBusy(f"another process held {where} for too long; try again")
        case "read-only":
            hint = _refused(where) or "check the file's and folder's permissions"
            return StoreError(f"{where} cannot be written: {error}; {hint}")
        case "i/o":
            return StoreExhausted(
                f"{where} could not be read or written: {error}; check the disk, no write was left half done"
            )
        case "damaged":
            return StoreError(f"{where} is damaged: {error}; restore a backup with 'blackboard restore'")
        case "full":
            return StoreExhausted(f"{where}: the disk is full; make room, no write was left half done")
        case "unopened" if is_without_descriptors():
            return StoreExhausted(f"{where} cannot be opened: this process has no file descriptor left")
        case "unopened":
            folder = os.path.dirname(where) or "."
            hint = _refused(where) or f"check that {folder} exists and may be written"
            return StoreError(f"{where} cannot be opened; {hint}")
        case "foreign":
            return StoreForeign(f"{where} is not a database; name another file with --database or [database] url")
        case _:
            return StoreError(f"{where}: {error}")


def _refused(where: str) -> str:
    """Return who owns a file or its folder, and who asks, as text; empty if this user owns both, or on a server."""
    if "://" in where:
        return ""
    return describe_access(where) or describe_access(os.path.dirname(where))
