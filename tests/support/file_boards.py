"""The boards of tests that are in a file."""

from __future__ import annotations

from pathlib import Path

from blackboard import Blackboard
from blackboard.store.sqlite.sqlite_database import SqliteDatabase

__all__ = ["path_of", "sqlite_database_of"]


def sqlite_database_of(board: Blackboard) -> SqliteDatabase:
    """Return the database of a board that is in a file."""
    assert isinstance(board.database, SqliteDatabase)
    return board.database


def path_of(board: Blackboard) -> Path | None:
    """Return the file of a board; None on PostgreSQL."""
    return board.database.path if isinstance(board.database, SqliteDatabase) else None
