"""Compaction: it rewrites the file without the remains of deleted rows and without unused pages.

SQLite's VACUUM blocks all writers while it builds the new content, and some builds of the library do that in memory.
Here the new content is built in a file beside the board while other processes write. Then one transaction copies the
new content into the board, and only this copy blocks writers. If another process has written in between, the new
content is built again.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from blackboard.errors import StoreBusy, StoreError
from blackboard.store.dialects.sqlite_library import sqlite
from blackboard.store.sqlite.sqlite_database import SqliteDatabase
from blackboard.system import forks
from blackboard.system.files.board_files import BoardFiles
from blackboard.system.files.file_errors import file_failure
from blackboard.system.files.file_locks import try_lock
from blackboard.system.files.private_files import open_private

MAX_TRIES = 3
"""The number of tries while other processes write. After these tries, writers have to wait."""

READER_WAIT_MILLISECONDS = 500
"""The longest wait of writers for a reader that still needs the log."""


def compact(database: SqliteDatabase, *, insist: bool = True) -> bool:
    """Rewrite the file of a board, and empty its write-ahead log, and return whether both are done.

    If the process dies during this, the board is unchanged.

    Args:
        database: The board.
        insist: Whether to block writers for the whole time, if they prevented the earlier tries.

    Raises:
        StoreBusy: Another process is compacting the board.
        StoreError: The disk is full.
    """
    with create_beside(database.place.files) as part:
        if not _rewrite_beside_writers(database, part, MAX_TRIES if insist else 1):
            if not insist:
                return False
            with database.writers_held_off():
                write_content(database, part)
                _put_back(part, database)
    return empty_log(database)


def empty_log(database: SqliteDatabase) -> bool:
    """Move the write-ahead log into the file, and return whether it is empty then; a reader may prevent that."""
    database.checkpoint()  # moves most of the log while other processes write
    with database.writers_held_off(), _connect(database) as connection:
        try:
            connection.execute(f"PRAGMA busy_timeout = {READER_WAIT_MILLISECONDS}")
            return bool(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)
        except database.dialect.errors.base as error:
            raise database.dialect.errors.translate(error, database.location) from None


def _rewrite_beside_writers(database: SqliteDatabase, part: Path, tries: int) -> bool:
    with _connect(database) as watcher:
        for _ in range(tries):
            if _rewrite_if_unchanged(database, part, watcher):
                return True
            os.truncate(part, 0)
    return False


def _rewrite_if_unchanged(database: SqliteDatabase, part: Path, watcher: Any) -> bool:
    """Build the new content, and copy it back unless another process has written; return whether it was copied."""
    before = _version(watcher)
    write_content(database, part)
    with database.writers_held_off():
        is_unchanged = _version(watcher) == before
        if is_unchanged:
            _put_back(part, database)
    return is_unchanged


def _version(watcher: Any) -> int:
    """Return a number that each commit of any other connection changes."""
    return int(watcher.execute("PRAGMA data_version").fetchone()[0])


def write_content(database: SqliteDatabase, part: Path) -> None:
    """Write the content of the board to an empty file, and check it."""
    with _connect(database) as connection:
        try:
            connection.execute("VACUUM INTO ?", (str(part),))
        except database.dialect.errors.base as error:
            raise database.dialect.errors.translate(error, str(part)) from None
    with contextlib.closing(sqlite.connect(str(part), isolation_level=None)) as built:
        problems = [row[0] for row in built.execute("PRAGMA quick_check(3)")]
    if problems != ["ok"]:
        raise StoreError(f"{part} is damaged: {'; '.join(problems)}; the board is unchanged")


def _put_back(part: Path, database: SqliteDatabase) -> None:
    """Replace the content of the board in one transaction. The caller has the write lock."""
    with (
        contextlib.closing(sqlite.connect(str(part), isolation_level=None)) as source,
        _connect(database) as target,
    ):
        try:
            source.backup(target)
        except database.dialect.errors.base as error:
            raise database.dialect.errors.translate(error, database.location) from None


@contextlib.contextmanager
def _connect(database: SqliteDatabase) -> Iterator[Any]:
    connection = database.connect(writes=True)
    try:
        yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def create_beside(files: BoardFiles) -> Iterator[Path]:
    """Create an empty file beside the board, which only one process has at a time, and delete it afterwards.

    A process that died may have left such a file, whose content is dropped.

    Raises:
        StoreBusy: Another process has the file.
        StoreError: The file cannot be created.
    """
    copy = files.compacted
    path = copy.database
    try:
        handle = open_private(path, os.O_RDWR)
    except OSError as error:
        raise file_failure(path, "cannot be created", error) from None
    try:
        if not try_lock(handle):
            raise StoreBusy(f"another process is compacting {files.database}; wait until it has ended")
        if not path.exists() or os.stat(path).st_ino != os.fstat(handle).st_ino:
            raise StoreBusy(f"another process has just compacted {files.database}; try again")
        try:
            os.ftruncate(handle, 0)
            with forks.closed_in_children(handle):
                yield path
        finally:
            for file in copy.of_sqlite:
                file.unlink(missing_ok=True)
    finally:
        os.close(handle)
