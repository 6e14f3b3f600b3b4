"""The errors of PostgreSQL's driver, which have the codes of the server (SQLSTATE)."""

from __future__ import annotations

from blackboard.store.dialects.driver_errors import DriverErrors, ErrorCause

_SQLSTATES = {
    "25006": ErrorCause.READ_ONLY,  # read_only_sql_transaction
    "25P03": ErrorCause.LOST,  # idle_in_transaction_session_timeout
    "40001": ErrorCause.CONFLICT,  # serialization_failure
    "40P01": ErrorCause.CONFLICT,  # deadlock_detected
    "42501": ErrorCause.READ_ONLY,  # insufficient_privilege
    "53100": ErrorCause.FULL,  # disk_full
    "55P03": ErrorCause.BUSY,  # lock_not_available
    "57014": ErrorCause.BUSY,  # query_canceled, by a statement's timeout
    "57P01": ErrorCause.LOST,  # admin_shutdown
    "57P02": ErrorCause.LOST,  # crash_shutdown
    "57P03": ErrorCause.LOST,  # cannot_connect_now
    "57P05": ErrorCause.LOST,  # idle_session_timeout
    "58030": ErrorCause.IO,  # io_error
    "XX001": ErrorCause.DAMAGED,  # data_corrupted
    "XX002": ErrorCause.DAMAGED,  # index_corrupted
}
"""The meanings of PostgreSQL's error codes: appendix A of its manual."""

_DATABASE_STATES = ("08", "25P03", "53", "57", "58", "XX")
"""The beginnings of codes that blame the connection, the resources or the server."""
_CONNECTION_STATE = "08"
"""The class of codes that say that a connection failed."""
_READ_ONLY = "25006"
"""The code for writing in a transaction that can only read."""

_CHECK_VIOLATION = "23514"
"""The code for a row that breaks a check; without the name of a check, it has no partition."""


class PostgresqlErrors(DriverErrors):
    """The errors of PostgreSQL; see `DriverErrors`.

    Args:
        base: The base class of the driver's errors.
        lost: The class of its errors that has no code if the connection is lost.
    """

    def __init__(self, base: type[Exception], lost: type[Exception] | tuple[()] = ()) -> None:
        self.base, self._lost = base, lost

    def cause_of(self, error: BaseException) -> ErrorCause | None:
        state = state_of(error)
        if state.startswith(_CONNECTION_STATE) or (not state and isinstance(error, self._lost)):
            return ErrorCause.LOST
        if state == _CHECK_VIOLATION and not error.diag.constraint_name:  # type: ignore[attr-defined]
            return ErrorCause.NO_PARTITION
        return _SQLSTATES.get(state)

    def is_stopped(self, error: BaseException) -> bool:
        return state_of(error) == "57014"  # query_canceled

    def is_wrong_query(self, error: Exception) -> bool:
        return state_of(error) == "42601"  # syntax_error

    def blames_database(self, error: BaseException) -> bool:
        return state_of(error).startswith(_DATABASE_STATES) or self.cause_of(error) is ErrorCause.LOST

    def write_hint(self, error: Exception, where: str) -> str:
        if state_of(error) == _READ_ONLY:
            return "a standby or a read-only user cannot write; name the primary server, or another user"
        return "grant the user the right to change the tables of the board"


def state_of(error: BaseException) -> str:
    """Return the SQLSTATE of an error; empty for an error without one."""
    return getattr(error, "sqlstate", None) or ""
