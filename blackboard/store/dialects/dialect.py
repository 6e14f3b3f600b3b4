"""The differences between SQLite and PostgreSQL. Code that runs statements asks a dialect what its database can do.

The classes are in `sqlite_dialect` and `postgresql_dialect`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from blackboard.clock import Instant
from blackboard.core.marks.full_text import Match, Word
from blackboard.store.dialects.driver_errors import DriverErrors

SQLITE = "sqlite"
"""SQLAlchemy's name for SQLite. The files of statements use it as well."""
POSTGRESQL = "postgresql"
"""SQLAlchemy's name for PostgreSQL. The files of statements use it as well."""

BUSY_SECONDS = 10.0
"""The longest wait of a writer for other writers, in seconds."""


class Dialect(ABC):
    """A kind of database: its SQL and its connections."""

    name: ClassVar[str]
    """SQLAlchemy's name for it."""
    errors: DriverErrors
    """The errors of its driver."""
    placeholder: ClassVar[str]
    """The placeholder of a value for the cursor of its driver."""
    numbers_parameters: ClassVar[bool] = False
    """Whether the parameters of statements are numbered, as `$1`."""
    can_partition: ClassVar[bool] = False
    """Whether the history may be in partitions; see `event_partitions`."""
    begin_read: ClassVar[str]
    """The statement that begins a reading transaction: one snapshot, which takes no writes."""
    begin_write: tuple[str, ...]
    """The statements that begin a writing transaction."""
    lock_schema: ClassVar[str | None] = None
    """The statement with which a change of the schema waits for other changes; None if the beginning of a transaction
    waits already."""
    lock_waits: ClassVar[int] = 1
    """The number of attempts to get a lock, each in a transaction of its own. The attempts together wait for
    `BUSY_SECONDS`."""
    mark_as_board: ClassVar[str | None] = None
    """The statement that marks a new database as a board; None if its tables alone show that."""
    keeps_deleted: ClassVar[bool] = False
    """Whether the database is a file whose unused parts may keep deleted content until the file is compacted."""
    keeps_statements = True
    """Whether a connection keeps statements and settings from one transaction to the next."""

    # -- connections -------------------------------------------------------------------------------------------------

    @abstractmethod
    def prepare(self, connection: Any, *, writes: bool) -> None:
        """Configure a new DBAPI connection. The program begins its transactions itself."""

    def skip_disk_flush(self, connection: Any) -> None:  # noqa: B027
        """Let commits of a connection return before they are on the disk.

        Do nothing if this setting would outlast the connection.
        """

    def library_problem(self) -> str | None:
        """Return a warning about the database library of this process; None if nothing is wrong with it."""
        return None

    @abstractmethod
    def holds_board(self, connection: Any, location: str) -> bool:
        """Return whether a database has the tables of a board.

        Raises:
            StoreForeign: The database has the tables of another program.
        """

    # -- time limits ---------------------------------------------------------------------------------------------------

    @abstractmethod
    def stop_at(self, cursor: Any, end: Instant) -> None:
        """Stop the statements of a transaction at an instant of the monotonic time.

        PostgreSQL gives each statement the time that remains when this is called.
        """

    def stop_no_more(self, cursor: Any) -> None:  # noqa: B027  # on PostgreSQL the limit ends with the transaction
        """Remove the limit of `stop_at`."""

    # -- statements ----------------------------------------------------------------------------------------------------

    def replace_view(self, cursor: Any, name: str, query: str) -> None:
        """Create a view, or replace one of this name."""
        cursor.execute(f"DROP VIEW IF EXISTS {name}")
        cursor.execute(f"CREATE VIEW {name} AS {query}")

    @abstractmethod
    def list_of(self, values: Sequence[int] | Sequence[str]) -> Any:
        """Return a list in the form that the fragment `is_in` takes."""

    # -- copies of whole tables ----------------------------------------------------------------------------------------

    def take_time(self, cursor: Any) -> None:  # noqa: B027  # a file limits no transaction
        """Remove the limits on the time of the transaction, and on its waits for this program."""

    @abstractmethod
    def streaming_cursor(self, connection: Any) -> Any:
        """Return a cursor that does not hold all rows in memory, within the transaction of a connection."""

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
