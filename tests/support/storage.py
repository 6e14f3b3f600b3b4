"""Where the boards of the tests are stored: in SQLite files, or on a PostgreSQL server."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Protocol

from blackboard import Blackboard, ManualClock
from tests.support.postgresql import PostgresqlServer

__all__ = ["FileStorage", "ServerStorage", "Storage"]


class Storage(Protocol):
    """A place for boards."""

    placeholder: str
    """What stands for a value in a query."""

    def reserve(self, path: Path) -> str:
        """The URL for a board that may still have to be made."""

    def create(self, path: Path) -> str:
        """Create a board, or find the one that the path names, and return its URL."""

    def prepare(self, board: Blackboard) -> None:
        """Make a board that was just opened as fast as a test wants it."""

    def remove(self, url: str) -> None:
        """Remove a board that is closed, unless its folder goes with the test."""


class FileStorage:
    """Boards in files."""

    placeholder = "?"

    def reserve(self, path: Path) -> str:
        return f"sqlite:///{path}"

    def create(self, path: Path) -> str:
        if not path.exists():
            path.write_bytes(_empty_board())
        return self.reserve(path)

    def prepare(self, board: Blackboard) -> None:
        # A test's board need not survive a power cut, and waiting for the disk takes most of the time.
        board.database.skip_disk_flush()

    def remove(self, url: str) -> None:
        return None


class ServerStorage:
    """Boards on a server."""

    placeholder = "%s"

    def __init__(self, server: PostgresqlServer) -> None:
        self.server = server

    def reserve(self, path: Path) -> str:
        return self.create(path)

    def create(self, path: Path) -> str:
        return self.server.create_board()

    def prepare(self, board: Blackboard) -> None:
        return None

    def remove(self, url: str) -> None:
        self.server.drop_board(url)


@functools.cache
def _empty_board() -> bytes:
    """An empty board's file: made once, for migrating takes longer than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "board.db"
        Blackboard.open(f"sqlite:///{path}", clock=ManualClock()).close()
        return path.read_bytes()
