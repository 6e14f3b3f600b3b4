"""The storage of test boards: SQLite files or a PostgreSQL server."""

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
    """The placeholder for a value in a query."""

    def reserve(self, path: Path) -> str:
        """Return the URL of a board that may not exist yet."""

    def create(self, path: Path) -> str:
        """Create a board or find the existing board of the path, and return its URL."""

    def prepare(self, board: Blackboard) -> None:
        """Speed up an open board for a test."""

    def remove(self, url: str) -> None:
        """Remove a closed board, unless pytest removes its folder."""


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
    """Return the file of an empty board, created once because migrations take longer than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "board.db"
        Blackboard.open(f"sqlite:///{path}", clock=ManualClock()).close()
        return path.read_bytes()
