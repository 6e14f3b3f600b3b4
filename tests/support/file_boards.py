"""The boards of tests that are in a file."""

from __future__ import annotations

from pathlib import Path

from blackboard import Blackboard
from blackboard.store.sqlite.file_database import FileDatabase

__all__ = ["file_database", "path_of"]


def file_database(board: Blackboard) -> FileDatabase:
    """Return the database of a board that is in a file."""
    assert isinstance(board.database, FileDatabase)
    return board.database


def path_of(board: Blackboard) -> Path | None:
    """Return the file of a board; None on a server."""
    return board.database.path if isinstance(board.database, FileDatabase) else None
