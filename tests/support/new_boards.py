"""New SQLite boards as copies of one, because the migrations take longer than most tests."""

from __future__ import annotations

import functools
import tempfile
import uuid
from pathlib import Path
from typing import Any

from blackboard import Blackboard, ManualClock
from blackboard.clock import Instant
from blackboard.store.database import Database
from blackboard.store.dialects.sqlite_library import sqlite
from blackboard.store.schema import schema_upgrades
from blackboard.store.schema.schema_revisions import HEAD
from blackboard.store.schema.schema_upgrades import SchemaChange
from blackboard.store.sqlite.sqlite_database import SqliteDatabase

__all__ = ["copy_board", "empty_board"]

_run_migrations = schema_upgrades.migrate


@functools.cache
def empty_board() -> bytes:
    """Return the file of a board as the migrations make it. The first call must come before `copy_board` is used."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "board.db"
        Blackboard.open(path, clock=ManualClock()).close()
        return path.read_bytes()


def copy_board(database: Database, now: Instant) -> SchemaChange | None:
    """Copy the board of the migrations into an empty file. Run the migrations of any other database."""
    if not isinstance(database, SqliteDatabase) or not _is_empty(database):
        return _run_migrations(database, now)
    connection = database.connect(writes=True)
    try:
        _template().backup(connection)
        row = (uuid.uuid4().hex, now, now)
        connection.execute("UPDATE board SET uid = ?, created_at = ?, last_recorded_at = ?", row)
        connection.commit()
    finally:
        connection.close()
    return SchemaChange(None, HEAD, None)


def _is_empty(database: Database) -> bool:
    connection = database.connect(writes=True)
    try:
        return connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None
    finally:
        connection.close()


@functools.cache
def _template() -> Any:
    """Return a connection to a copy of the board in memory, which any thread may use under the lock of upgrades."""
    connection = sqlite.connect(":memory:", check_same_thread=False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "board.db"
        path.write_bytes(empty_board())
        file = sqlite.connect(str(path))
        file.backup(connection)
        file.close()
    return connection
