"""The dialect of PostgreSQL, and the errors of its driver.

The errors have the codes of the database server (SQLSTATE).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from blackboard.clock import MAX_PLATFORM_WAIT_SECONDS, Instant, SystemClock, whole_milliseconds_in
from blackboard.core.marks.full_text import Match, Word
from blackboard.errors import StoreForeign
from blackboard.store.dialects.dialect import BUSY_SECONDS, POSTGRESQL, Dialect
from blackboard.store.dialects.driver_errors import DriverErrors, ErrorCause
from blackboard.store.dialects.full_text_queries import tsquery, tsvector

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
"""The beginnings of codes that blame the connection, the resources or the database server."""
_CONNECTION_STATE = "08"
"""The class of codes that say that a connection failed."""
_READ_ONLY = "25006"
"""The code for writing in a transaction that can only read."""

_CHECK_VIOLATION = "23514"
"""The code for a row that breaks a check. If the error names no check, the row has no partition."""

MIGRATION_LOCK = 1112296258
"""The advisory lock that a process holds while it changes the schema: any number, the same in every version."""

DATABASE_TIME = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)"
"""The query for the time of the database server, in microseconds since the epoch."""

HELD_LOCKS = (
    "SELECT (CAST(classid AS bigint) << 32) | CAST(objid AS bigint) FROM pg_locks"
    " WHERE locktype = 'advisory' AND objsubid = 1 AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
"""The query for the numbers of the advisory locks that are held in this database."""

IDLE_SECONDS = 8
"""How long a transaction may wait for its client, in seconds. Then a lost host no longer delays other hosts.

This time is longer than one wait for the lock. So when it is over, other transactions of the lost host have stopped
waiting, and the lock goes to another host. It is shorter than all waits of a transaction together, so no work of other
hosts fails.
"""

KEPT_PLAN_SETTINGS = {"enable_seqscan": "off", "jit": "off"}
"""Settings of a connection that writes, and keeps the plans of its statements.

A plan that is made while a table is small reads the whole table, and is kept while the table grows. So sequential scans
are off: each statement of a rule has an index, because SQLite needs one. Before version 18, a scan without an
alternative then gets an enormous cost. PostgreSQL would compile a plan of such a cost first, so `jit` is off.
"""

CLIENT_OPTIONS = {
    "application_name": "blackboard",
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""The options of each connection, unless the URL names others. With them, a database server that is gone is noticed
after 10 or 11 seconds."""


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

    def write_hint(self, error: Exception, location: str) -> str:
        if state_of(error) == _READ_ONLY:
            return "a standby or a read-only user cannot write; name the primary server, or another user"
        return "grant the user the right to change the tables of the board"


def state_of(error: BaseException) -> str:
    """Return the SQLSTATE of an error; empty for an error without one."""
    return getattr(error, "sqlstate", None) or ""


class PostgresqlDialect(Dialect):
    """PostgreSQL. A transaction that waited for the lock of the board must see what its predecessor committed.

    What a transaction needs is set by name, whatever the defaults of the database server are.

    Args:
        errors: The errors of the driver.
        prepare: Whether the database server may keep statements and settings for a connection. If it may not, each
            transaction names its settings, since the next one may be on another connection of a pooler.
    """

    name = POSTGRESQL
    placeholder = "%s"
    numbers_parameters = True
    can_partition = True
    begin_read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    lock_waits = 2
    lock_schema = f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"

    def __init__(self, errors: PostgresqlErrors, *, prepare: bool = True) -> None:
        self.errors, self.keeps_statements = errors, prepare
        self.begin_write = ("BEGIN ISOLATION LEVEL READ COMMITTED",)
        if not prepare:  # the connection does not keep the settings
            settings = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in _settings().items())
            self.begin_write += (f"SELECT {settings}",)

    def connect_options(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options of the driver's connections, from the options of the URL."""
        return {**CLIENT_OPTIONS, **options}

    def readonly_engine_options(self) -> dict[str, Any]:
        """Return the options of an SQLAlchemy engine that can only read."""
        if self.keeps_statements:
            return {"connect_args": self.connect_options({"options": "-c default_transaction_read_only=on"})}
        arguments = self.connect_options({"prepare_threshold": None})
        return {"connect_args": arguments, "execution_options": {"postgresql_readonly": True}}

    def prepare(self, connection: Any, *, writes: bool) -> None:
        connection.autocommit = True
        connection.prepare_threshold = None  # `StatementPipeline` prepares, and the driver would undo that
        if self.keeps_statements:
            settings = {**_settings(), **(KEPT_PLAN_SETTINGS if writes else {})}
            connection.execute("; ".join(f"SET {name} = {value}" for name, value in settings.items()))

    def skip_disk_flush(self, connection: Any) -> None:
        if self.keeps_statements:  # behind a pooler, the setting could reach another board
            connection.execute("SET synchronous_commit = off")

    def database_time(self, cursor: Any) -> Instant:
        """Return the time of the database server, in microseconds since the epoch."""
        cursor.execute(DATABASE_TIME)
        return int(cursor.fetchone()[0])

    def held_locks(self, cursor: Any) -> set[int] | None:
        """Return the numbers of the advisory locks that are held on a board; None if PostgreSQL does not say so."""
        cursor.execute("SELECT pg_is_in_recovery()")
        if cursor.fetchone()[0]:
            return None  # a standby knows no lock of its primary
        cursor.execute(HELD_LOCKS)
        return {row[0] for row in cursor.fetchall()}

    def refusal_of_writes(self, cursor: Any) -> str | None:
        """Return why nothing can be written; None if writing is possible, or if only an attempt shows it."""
        cursor.execute("SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only')")
        is_standby, read_only = cursor.fetchone()
        if is_standby:
            return "this database server is a standby, which can only be read; name the primary server"
        return (
            "this database can only be read, or this role may only read (default_transaction_read_only)"
            if read_only == "on"
            else None
        )

    def holds_board(self, connection: Any, location: str) -> bool:
        cursor = connection.cursor()
        cursor.execute("SELECT to_regclass('alembic_version'), to_regclass('board')")
        version, board = cursor.fetchone()
        if version is not None and board is None:
            raise StoreForeign(f"{location} contains the tables of another program; name another database")
        return version is not None

    def stop_at(self, cursor: Any, end: Instant) -> None:
        remaining = end - SystemClock().monotonic()
        milliseconds = min(max(1, whole_milliseconds_in(remaining)), int(MAX_PLATFORM_WAIT_SECONDS * 1000))
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", (str(milliseconds),))

    def list_of(self, values: Sequence[int] | Sequence[str]) -> Any:
        # The text of an array, which takes a fifth of the time that the driver takes for a list.
        return "{" + ",".join(str(each) if isinstance(each, int) else _quoted(each) for each in values) + "}"

    def replace_view(self, cursor: Any, name: str, query: str) -> None:
        cursor.execute("SAVEPOINT replaced_view")
        try:  # users keep their rights on a view that is replaced
            cursor.execute(f"CREATE OR REPLACE VIEW {name} AS {query}", prepare=False)
        except self.errors.base as error:
            if state_of(error) != "42P16":  # invalid_table_definition: the view now has other columns
                raise
            cursor.execute("ROLLBACK TO replaced_view")
            super().replace_view(cursor, name, query)
        cursor.execute("RELEASE replaced_view")

    def take_time(self, cursor: Any) -> None:
        cursor.execute("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0")

    def streaming_cursor(self, connection: Any) -> Any:
        # The database server keeps the rows that are not fetched. The cursor has a single statement, which is a query.
        return connection.cursor("blackboard_rows")

    def insert_rows(self, cursor: Any, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as lines:
            for row in rows:
                lines.write_row(row)

    def number_after_rows(self, cursor: Any, table: str, column: str) -> None:
        sequence = f"pg_get_serial_sequence('{table}', '{column}')"
        cursor.execute(f"SELECT setval({sequence}, max({column})) FROM {table} HAVING max({column}) IS NOT NULL")

    def search_query(self, words: Sequence[Word], match: Match) -> str:
        return tsquery(words, match)

    def indexed_text(self, text: str) -> str:
        return tsvector(text)


def _settings() -> dict[str, int]:
    """Return the settings that a session needs, in milliseconds. Keepalives of TCP are counted in seconds."""
    return {
        "lock_timeout": int(BUSY_SECONDS * 1000) // PostgresqlDialect.lock_waits,
        "idle_in_transaction_session_timeout": IDLE_SECONDS * 1000,
        "tcp_keepalives_idle": 5,
        "tcp_keepalives_interval": 2,
        "tcp_keepalives_count": 3,
        "tcp_user_timeout": 10_000,
    }


def _quoted(text: str) -> str:
    """Return a text as an element of an array."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
