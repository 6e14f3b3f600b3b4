"""PostgreSQL: a board on a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from blackboard.clock import LONGEST_WAIT_SECONDS, SystemClock
from blackboard.core.marks.full_text import Match, Word, tsquery, tsvector
from blackboard.errors import StoreForeign
from blackboard.store.dialect import POSTGRESQL, Dialect, ErrorCause

MIGRATION_LOCK = 1112296258
"""The advisory lock that a process holds while it changes the schema: any number, the same in every version."""

_SQLSTATES = {
    "25006": ErrorCause.READ_ONLY,  # read_only_sql_transaction
    "40001": ErrorCause.BUSY,  # serialization_failure
    "40P01": ErrorCause.BUSY,  # deadlock_detected
    "42501": ErrorCause.READ_ONLY,  # insufficient_privilege
    "53100": ErrorCause.FULL,  # disk_full
    "55P03": ErrorCause.BUSY,  # lock_not_available
    "57014": ErrorCause.BUSY,  # query_canceled, by a statement's timeout
    "58030": ErrorCause.IO,  # io_error
    "XX001": ErrorCause.DAMAGED,  # data_corrupted
    "XX002": ErrorCause.DAMAGED,  # index_corrupted
}
"""The meanings of PostgreSQL's error codes: appendix A of its manual."""

_OF_DATABASE = ("08", "53", "57", "58", "XX")
"""The classes of codes that blame the connection, the resources or the server."""


class PostgresqlDialect(Dialect):
    """PostgreSQL. A transaction that waited for the lock of the board must see what its predecessor committed."""

    name = POSTGRESQL
    is_positional = False
    begin_read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    begin_write = "BEGIN ISOLATION LEVEL READ COMMITTED"
    lock_board = "SELECT id FROM board WHERE id = 1 FOR UPDATE"
    lock_schema = f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"

    def __init__(self, error: type[Exception]) -> None:
        self.error = error

    def prepare(self, connection: Any, *, writes: bool) -> None:
        connection.autocommit = True

    def in_transaction(self, connection: Any) -> bool:
        return bool(connection.info.transaction_status)

    def holds_board(self, connection: Any, where: str) -> bool:
        cursor = connection.cursor()
        cursor.execute("SELECT to_regclass('alembic_version'), to_regclass('board')")
        version, board = cursor.fetchone()
        if version is not None and board is None:
            raise StoreForeign(f"{where} contains the tables of another program; name another database")
        return version is not None

    def stop_at(self, cursor: Any, end: int) -> None:
        remaining = end - SystemClock().monotonic()
        milliseconds = min(max(1, remaining // 1000), int(LONGEST_WAIT_SECONDS * 1000))
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", (str(milliseconds),))

    def list_of(self, values: Sequence[int] | Sequence[str]) -> Any:
        return values

    def search_query(self, words: Sequence[Word], match: Match) -> str:
        return tsquery(words, match)

    def indexed_text(self, text: str) -> str:
        return tsvector(text)

    def cause_of(self, error: BaseException) -> ErrorCause | None:
        return _SQLSTATES.get(_state(error))

    def is_stopped(self, error: BaseException) -> bool:
        return _state(error) == "57014"  # query_canceled

    def is_wrong_query(self, error: Exception) -> bool:
        return _state(error) == "42601"  # syntax_error

    def blames_database(self, error: BaseException) -> bool:
        return _state(error).startswith(_OF_DATABASE)


def _state(error: BaseException) -> str:
    """Return the SQLSTATE of an error; empty for an error without one."""
    return getattr(error, "sqlstate", None) or ""
