"""The errors of SQLite's driver, which have the codes of its library."""

from __future__ import annotations

from blackboard.store.dialects.driver_errors import DriverErrors, ErrorCause
from blackboard.store.dialects.sqlite_driver import sqlite

_CODES = {
    5: ErrorCause.BUSY,
    6: ErrorCause.BUSY,
    8: ErrorCause.READ_ONLY,
    10: ErrorCause.IO,
    11: ErrorCause.DAMAGED,
    13: ErrorCause.FULL,
    14: ErrorCause.UNOPENED,
    26: ErrorCause.FOREIGN,
}
"""The meanings of SQLite's primary result codes: https://www.sqlite.org/rescode.html."""


class SqliteErrors(DriverErrors):
    """The errors of SQLite; see `DriverErrors`."""

    base = sqlite.Error

    def cause_of(self, error: BaseException) -> ErrorCause | None:
        return _CODES.get(_primary_code(error))

    def is_stopped(self, error: BaseException) -> bool:
        return _primary_code(error) == 9  # SQLITE_INTERRUPT

    def is_wrong_query(self, error: Exception) -> bool:
        return _primary_code(error) == 1  # SQLITE_ERROR

    def blames_database(self, error: BaseException) -> bool:
        return self.cause_of(error) is not None


def _primary_code(error: BaseException) -> int:
    """Return SQLite's code of an error, without the details in its upper bits; 0 for an error without a code."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
