"""The differences between SQLite and PostgreSQL. Code that runs statements asks a dialect what its database can do.

The classes are in `sqlite_dialect` and `postgresql_dialect`.
"""

from __future__ import annotations

import errno
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import Enum, auto
from typing import Any, ClassVar

from blackboard.core.marks.full_text import Match, Word
from blackboard.errors import StoreBusy, StoreError, StoreExhausted, StoreForeign, UsageError
from blackboard.system.file_owners import describe_access

SQLITE = "sqlite"
"""SQLAlchemy's name for SQLite, also in the files of statements."""
POSTGRESQL = "postgresql"
"""SQLAlchemy's name for PostgreSQL, also in the files of statements."""

BUSY_SECONDS = 10.0
"""The longest wait of a writer for other writers, in seconds."""


class ErrorCause(Enum):
    """The meaning of a driver's error."""

    BUSY = auto()
    READ_ONLY = auto()
    IO = auto()
    DAMAGED = auto()
    FULL = auto()
    UNOPENED = auto()
    FOREIGN = auto()
    CONFLICT = auto()
    """Concurrent transactions conflicted. The server rolled this transaction back, so it can be run again."""
    LOST = auto()
    """The connection to a server ended, or there is none."""
    NO_PARTITION = auto()
    """A table in partitions has none for a new row."""


class Dialect(ABC):
    """A kind of database: its SQL, its connections and its errors.

    Attributes:
        name: SQLAlchemy's name for it.
        error: The base class of its driver's errors.
        placeholder: The placeholder of a value for the cursor of its driver.
        numbers_parameters: Whether the parameters of statements are numbered, as `$1`.
        can_partition: Whether the history may be in partitions; see `event_partitions`.
        begin_read: The statement that begins a reading transaction: one snapshot, which takes no writes.
        begin_write: The statements that begin a writing transaction.
        lock_waits: The number of attempts to get a lock, each in a transaction of its own. The attempts together wait
            for `BUSY_SECONDS`.
        lock_schema: The statement with which a change of the schema waits for other changes; None if the beginning of
            a transaction waits already.
        mark_as_board: The statement that marks a new database as a board; None if its tables show it.
        keeps_deleted: Whether unused parts of a file may keep deleted content until the file is compacted.
        keeps_statements: Whether a connection keeps statements and settings from one transaction to the next.
    """

    name: ClassVar[str]
    error: type[Exception]
    placeholder: ClassVar[str]
    numbers_parameters: ClassVar[bool] = False
    can_partition: ClassVar[bool] = False
    begin_read: ClassVar[str]
    begin_write: Sequence[str]
    lock_schema: ClassVar[str | None] = None
    lock_waits: ClassVar[int] = 1
    mark_as_board: ClassVar[str | None] = None
    keeps_deleted: ClassVar[bool] = False
    keeps_statements = True

    # -- connections -------------------------------------------------------------------------------------------------

    def connect_options(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options of the driver's connections, from the options of the URL."""
        return options

    def readonly_engine_options(self) -> dict[str, Any]:
        """Return the options of an SQLAlchemy engine that can only read from a server."""
        return {}

    @abstractmethod
    def prepare(self, connection: Any, *, writes: bool) -> None:
        """Configure a new DBAPI connection. The program begins its transactions itself."""

    def skip_disk_flush(self, connection: Any) -> None:  # noqa: B027
        """Let commits of a connection return before they are on the disk, if this setting ends with the connection."""

    def held_locks(self, cursor: Any) -> set[int] | None:
        """Return the numbers of the advisory locks that are held on a board; None if the database does not say so."""
        return None

    def refusal_of_writes(self, cursor: Any) -> str | None:
        """Return why nothing can be written; None if writing is possible, or if only an attempt shows it."""
        return None

    @abstractmethod
    def in_transaction(self, connection: Any) -> bool:
        """Return whether a transaction is open on a connection."""

    def separate_readers(self, connection: Any) -> None:  # noqa: B027  # a server does so by itself
        """Make sure that readers and writers of a database do not wait for each other."""

    def library_problem(self) -> str | None:
        """Return what is wrong with the library of this process, as a warning; None if nothing is."""
        return None

    @abstractmethod
    def holds_board(self, connection: Any, where: str) -> bool:
        """Return whether a database has the tables of a board.

        Raises:
            StoreForeign: It has the tables of another program.
        """

    # -- time limits ---------------------------------------------------------------------------------------------------

    @abstractmethod
    def stop_at(self, cursor: Any, end: int) -> None:
        """Stop the statements of a transaction at an instant of the monotonic time: each of them on a server."""

    def stop_no_more(self, cursor: Any) -> None:  # noqa: B027  # on a server the limit ends with the transaction
        """Remove the limit of `stop_at`."""

    def replace_view(self, cursor: Any, name: str, query: str) -> None:
        """Create a view, or replace one of this name."""
        cursor.execute(f"DROP VIEW IF EXISTS {name}")
        cursor.execute(f"CREATE VIEW {name} AS {query}")

    # -- statements ----------------------------------------------------------------------------------------------------

    @abstractmethod
    def list_of(self, values: Sequence[int] | Sequence[str]) -> Any:
        """Return a list in the form that the fragment `is_in` takes."""

    # -- copies of whole tables ----------------------------------------------------------------------------------------

    def take_time(self, cursor: Any) -> None:  # noqa: B027  # a file limits no transaction
        """Let the transaction last as long as it needs, and wait as long for this program."""

    @abstractmethod
    def streaming_cursor(self, connection: Any) -> Any:
        """Return a cursor that does not fetch all rows at once, within the transaction of a connection."""

    @abstractmethod
    def insert_rows(self, cursor: Any, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert many rows into a table."""

    def number_after_rows(self, cursor: Any, table: str, column: str) -> None:  # noqa: B027
        """Let the database number new rows after the largest number in a column."""

    # -- search --------------------------------------------------------------------------------------------------------

    def require_full_text(self) -> None:  # noqa: B027
        """Check that the database can search texts.

        Raises:
            StoreError: Its library was built without full-text search.
        """

    @abstractmethod
    def search_query(self, words: Sequence[Word], match: Match) -> str:
        """Return the query for words in the language of the database; "" if nothing can match."""

    @abstractmethod
    def indexed_text(self, text: str) -> str:
        """Return a text in the form that the full-text index takes."""

    # -- errors --------------------------------------------------------------------------------------------------------

    @abstractmethod
    def cause_of(self, error: BaseException) -> ErrorCause | None:
        """Return the meaning of a driver's error, by its code and never by its words; None for an unknown code."""

    @abstractmethod
    def is_stopped(self, error: BaseException) -> bool:
        """Return whether an error says that a statement took longer than its time limit."""

    @abstractmethod
    def is_wrong_query(self, error: Exception) -> bool:
        """Return whether an error blames the text of a statement or of a search."""

    @abstractmethod
    def blames_database(self, error: BaseException) -> bool:
        """Return whether an error blames the database or the machine, not the SQL."""

    def write_hint(self, error: Exception, where: str) -> str:
        """Return the remedy for an error that says that nothing can be written."""
        return _refused(where) or "check the file's and folder's permissions"

    def translated(self, error: BaseException, where: str) -> BaseException:
        """Return our error for an error of a transaction; an error of another kind stays as it is."""
        if isinstance(error, self.error | MemoryError):
            return self.translate(error, where)
        if isinstance(error, OverflowError):  # the driver was given an integer of more than 64 bits
            return UsageError("a number is larger than a database can hold")
        return error

    def translate(self, error: Exception, where: str) -> StoreError:
        """Return our error for a driver's error, with a remedy."""
        if isinstance(error, MemoryError):
            return StoreExhausted(
                f"{where} cannot be used: this process has no memory left; no write was left half done"
            )
        match self.cause_of(error):
            case ErrorCause.BUSY:
                return StoreBusy(f"another process held {where} for too long; try again")
            case ErrorCause.CONFLICT:
                return StoreBusy(
                    f"transactions of other programs on {where} conflicted with this one again and again; try again"
                )
            case ErrorCause.LOST:
                return StoreError(
                    f"the connection to {where} failed: {first_line(error)}; no write was left half done, try again"
                )
            case ErrorCause.READ_ONLY:
                return StoreError(f"{where} cannot be written: {first_line(error)}; {self.write_hint(error, where)}")
            case ErrorCause.IO:
                return StoreExhausted(
                    f"{where} could not be read or written: {error}; check the disk, no write was left half done"
                )
            case ErrorCause.DAMAGED:
                return StoreError(f"{where} is damaged: {error}; restore a backup with 'blackboard restore'")
            case ErrorCause.FULL:
                return StoreExhausted(f"{where}: the disk is full; make room, no write was left half done")
            case ErrorCause.UNOPENED if is_without_descriptors():
                return StoreExhausted(f"{where} cannot be opened: this process has no file descriptor left")
            case ErrorCause.UNOPENED:
                folder = os.path.dirname(where) or "."
                hint = _refused(where) or f"check that {folder} exists and may be written"
                return StoreError(f"{where} cannot be opened; {hint}")
            case ErrorCause.NO_PARTITION:
                return StoreError(
                    f"{where} has no partition for new events, and none could be created; run a daemon, or 'blackboard"
                    " init', as the user who owns the tables"
                )
            case ErrorCause.FOREIGN:
                return StoreForeign(f"{where} is not a database; name another file with --database or [database] url")
            case None:
                return StoreError(f"{where}: {error}")


def first_line(error: Exception) -> str:
    """Return the first line of an error, without a full stop. A server adds hints below it."""
    return str(error).partition("\n")[0].rstrip(". ")


def is_without_descriptors() -> bool:
    """Return whether this process, or the system, has no free file descriptor."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return error.errno in (errno.EMFILE, errno.ENFILE)
    return False


def _refused(where: str) -> str:
    """Return a text with the owners of a file and its folder, and this user; empty if this user owns both."""
    return describe_access(where) or describe_access(os.path.dirname(where))
