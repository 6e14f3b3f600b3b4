"""The storage of test boards: SQLite files or a PostgreSQL server."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from tests.support.new_boards import empty_board
from tests.support.postgresql_boards import PostgresqlServer

__all__ = ["FileStorage", "PostgresqlStorage", "Storage"]


class Storage(Protocol):
    """A place for boards."""

    placeholder: str
    """The placeholder for a value in a query."""

    def reserve(self, path: Path) -> str:
        """Return the URL of a board that may not exist yet."""

    def create(self, path: Path) -> str:
        """Create a board or find the existing board of the path, and return its URL."""

    def remove(self, url: str) -> None:
        """Remove a closed board, unless pytest removes its folder."""


class FileStorage:
    """Boards in files."""

    placeholder = "?"

    def reserve(self, path: Path) -> str:
        return f"sqlite:///{path}"

    def create(self, path: Path) -> str:
        if not path.exists():
            path.write_bytes(empty_board())
        return self.reserve(path)

    def remove(self, url: str) -> None:
        return None


class PostgresqlStorage:
    """Boards on PostgreSQL."""

    placeholder = "%s"

    def __init__(self, server: PostgresqlServer) -> None:
        self.server = server

    def reserve(self, path: Path) -> str:
        return self.create(path)

    def create(self, path: Path) -> str:
        return self.server.create_board()

    def remove(self, url: str) -> None:
        self.server.release(url)
