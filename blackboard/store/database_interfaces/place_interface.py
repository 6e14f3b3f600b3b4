"""The place of a board: a file, which this program creates and protects, or a database on PostgreSQL.

`sqlite.sqlite_file` and `postgresql.postgresql_database` have the two implementations.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, NamedTuple, NoReturn


class FileSizes(NamedTuple):
    """The sizes of a board in a file, in bytes; None on PostgreSQL."""

    file_bytes: int | None = None
    log_bytes: int | None = None
    """The size of the write-ahead log."""


class BoardPlace(ABC):
    """The place of one board."""

    is_created_on_demand: ClassVar[bool]
    """Whether a program that opens the board may create or upgrade it without an option."""

    @abstractmethod
    def exists(self) -> bool:
        """Return whether the database exists and is not empty."""

    @abstractmethod
    def refuse_missing(self) -> NoReturn:
        """Raise the error of a missing board.

        Raises:
            StoreMissing: Always.
        """

    @abstractmethod
    def check_names(self) -> None:
        """Check that a path leads to a file that has only one name.

        Raises:
            StoreForeign: The path leads to something that is not a file.
            StoreError: The path has other names.
        """

    @abstractmethod
    def is_read_only(self) -> bool:
        """Return whether this user can certainly not write. PostgreSQL only shows it later.

        Raises:
            StoreError: The board cannot be read either.
        """

    @abstractmethod
    def owned_by_others(self) -> str | None:
        """Return a text that names the files of other users, and their owners; None if there are none."""

    @abstractmethod
    def apply_mode(self) -> None:
        """Set the mode of the board's files that this user has made."""

    @abstractmethod
    def apply_mode_to_new(self) -> None:
        """Set the mode of a database file that was just created."""

    @abstractmethod
    def delete(self) -> None:
        """Delete the board in a file, with all files beside it. No process may be using it.

        Raises:
            StoreError: The board is on PostgreSQL.
        """

    @abstractmethod
    def sizes(self) -> FileSizes:
        """Return the sizes of the file and of its write-ahead log."""

    @property
    @abstractmethod
    def spool_folder(self) -> Path:
        """The folder of answers that could not be written to the board."""
