"""Read-only access to a board for programs that write their own SQL, through the board's own SQLite library.

A connection can only read: SQLite refuses to write, and an authorizer refuses everything but reading.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from blackboard.clock import SystemClock, from_datetime, iso, microseconds_in
from blackboard.core.program_queries import Parameters, Row, Value
from blackboard.errors import InvalidQuery, QueryStopped, StoreError, StoreForeign, WorkError, nearest
from blackboard.store.database import Database
from blackboard.store.database_factory import database_of
from blackboard.store.dialect import SQLITE
from blackboard.store.readonly.readonly_query import MAX_BYTES, Result
from blackboard.store.readonly.readonly_query_process import FUNCTION, READ, RECURSIVE, REFUSED_FUNCTIONS, SELECT, WORDS
from blackboard.store.sqlite_driver import sqlite
from blackboard.store.transaction import Transaction
from blackboard.store.view_columns import VIEWS

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine as Engine

PRAGMA, TRANSACTION, SAVEPOINT = 19, 22, 32
"""Further actions about which SQLite asks the authorizer, by SQLite's numbers."""
DESCRIBING = frozenset(
    (
        "collation_list", "compile_options", "database_list", "foreign_key_list", "function_list", "index_info",
        "index_list", "index_xinfo", "table_info", "table_list", "table_xinfo",
    )
)  # fmt: skip
"""The pragmas that describe the database and change nothing."""
REPORTING = frozenset(("data_version", "encoding", "read_uncommitted", "schema_version", "user_version"))
"""The pragmas that change nothing if they are given no value. FTS5 asks for the `data_version`."""
BLOCK_ROWS = 100
"""How many rows of a query on a server are fetched at once."""
_MAY_WRITE = (
    "SELECT EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND has_table_privilege("
    "CAST(format('%I.%I', schemaname, tablename) AS regclass), 'INSERT, UPDATE, DELETE, TRUNCATE'))"
)
"""The query whether the user of a connection may change a table of the board."""


def connect(url_or_path: str | Path = "sqlite:///board.db") -> sqlite3.Connection:
    """Open a read-only connection to a board's file, for programs such as pandas that read through the DB-API.

    Args:
        url_or_path: The board, as for `Blackboard.open`.

    Returns:
        A connection of the board's own SQLite library, which the caller closes. Where this is not the interpreter's
        `sqlite3`, its class has another module and the same methods. One thread at a time may use it.

    Raises:
        StoreError: The board is on a server, is missing, or cannot be read.
    """
    database = database_of(url_or_path)
    if database.path is None:
        raise StoreError(
            f"a read-only SQLite connection needs a file, but {database.where} is on a server; use board.engine(), or"
            " a client of that server"
        )
    connection = _connection(database)
    try:
        is_board = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'live_marks'").fetchone()
    except database.dialect.error as error:
        connection.close()
        raise database.dialect.translate(error, database.where) from None
    if is_board is None:
        connection.close()
        raise StoreForeign(f"{database.where} is not a blackboard")
    return connection  # type: ignore[no-any-return]


def query(database: Database, sql: str, parameters: Parameters, seconds: float) -> list[Row]:
    """Run one query, over views or tables, and return its rows.

    Raises:
        InvalidQuery: The SQL or a parameter is invalid, or the statement writes.
        QueryStopped: The query took more than `seconds`.
        StoreError: The database cannot be read.
    """
    values: Any = (
        {name: _plain(value) for name, value in parameters.items()}
        if isinstance(parameters, Mapping)
        else [_plain(value) for value in parameters]
    )
    run = _query_server if database.path is None else _query_file
    return run(database, sql, values, seconds)


def engine(database: Database) -> Engine:
    """Return an SQLAlchemy engine that can only read a database. Closing the database disposes of the engine."""
    if database.readonly_engine is None:
        from sqlalchemy import create_engine
        from sqlalchemy.pool import QueuePool

        if database.path is None:
            options = database.dialect.readonly_engine_options()
            database.readonly_engine = create_engine(database.engine.url, **options)
        else:
            database.readonly_engine = create_engine(
                f"{SQLITE}://", module=sqlite, creator=lambda: _connection(database), poolclass=QueuePool
            )
    return database.readonly_engine


def _connection(database: Database, *, transactions: bool = True) -> Any:
    """Open a connection that refuses everything but reading, and records the refused actions."""
    if database.file is not None:
        database.file.check_names()
    connection = database.connect(writes=False)
    refused = connection.refused = []

    def allow(action: int, first: str | None, second: str | None, database: str | None, inner: str | None) -> int:
        if action in (SELECT, READ, RECURSIVE):
            return 0
        if action == FUNCTION and (second or "").lower() not in REFUSED_FUNCTIONS:
            return 0
        if action == PRAGMA and (first in DESCRIBING or (first in REPORTING and second is None)):
            return 0
        if action in (TRANSACTION, SAVEPOINT) and transactions:
            return 0
        refused[:] = [f"{second}()" if action == FUNCTION else WORDS.get(action, "changing the schema")]
        return 1

    connection.set_authorizer(allow)
    return connection


def _query_file(database: Database, sql: str, values: Any, seconds: float) -> list[Row]:
    refused: list[str] = []
    try:
        with database.query_pool.lend(lambda: _connection(database, transactions=False)) as connection:
            refused = connection.refused
            refused.clear()
            cursor = connection.cursor()
            database.dialect.stop_at(cursor, _end(seconds))
            rows = _rows(cursor.execute(sql, values))
            database.dialect.stop_no_more(cursor)
            return rows
    except BaseException as error:
        raise _translated(error, refused, database, seconds) from None


def _translated(error: BaseException, refused: list[str], database: Database, seconds: float) -> BaseException:
    """Return our error for an error of a query in a file."""
    if not isinstance(error, sqlite.Error | sqlite.Warning | ValueError | OverflowError):
        return error
    if refused:
        return InvalidQuery(f"only reading is allowed here, not {refused[0]}")
    if database.dialect.is_stopped(error):
        return _stopped(seconds)
    if database.dialect.blames_database(error):
        return database.dialect.translate(error, database.where)
    return _invalid(str(error))


def _query_server(database: Database, sql: str, values: Any, seconds: float) -> list[Row]:
    with database.read() as transaction:
        try:
            database.dialect.stop_at(transaction.cursor, _end(seconds))
            with database.dialect.streaming_cursor(transaction.cursor.connection) as query:
                query.execute(sql, values or None)
                return _with_names([column[0] for column in query.description], query.fetchall())
        except database.dialect.error as error:
            if database.dialect.is_stopped(error):
                raise _stopped(seconds) from None
            if database.dialect.blames_database(error):
                raise
            raise _invalid(str(error).partition("\n")[0]) from None


def fetch_table(database: Database, sql: str, values: Any, *, limit: int, seconds: float) -> Result:
    """Run one query on a server, and return at most `limit` rows.

    Raises:
        InvalidQuery: The SQL or a value is invalid, or the statement is not a query.
        QueryStopped: The query took more than `seconds`, or its rows have more than `MAX_BYTES`.
        StoreError: The database cannot be read.
    """
    with database.read() as transaction:
        return _fetch(database, transaction, sql, values, limit, seconds)


def fetch_table_as_reader(database: Database, sql: str, values: Any, *, limit: int, seconds: float) -> Result:
    """Run one query on a server as the user of `query_url`, as `fetch_table` does.

    It has a connection of its own. What its functions do to a session, such as settings and locks, ends with it.

    Raises:
        WorkError: There is no `query_url`, or its user may change the board's tables.
    """
    if database.query_url is None:
        raise WorkError(
            "a board on a server takes queries over HTTP only as a user who may only read; name one as `query_url` in"
            " [database]"
        )
    reader = database_of(database.query_url, prepare=database.dialect.keeps_statements)
    try:
        with reader.read() as transaction:
            transaction.cursor.execute(_MAY_WRITE)
            if transaction.cursor.fetchone()[0]:
                raise WorkError(
                    "the user of `query_url` in [database] may change tables of the board; name one who may only read,"
                    " such as one in the role blackboard_readers"
                )
            return _fetch(reader, transaction, sql, values, limit, seconds)
    finally:
        reader.close()


def _fetch(database: Database, transaction: Transaction, sql: str, values: Any, limit: int, seconds: float) -> Result:
    """Run one query in a transaction, and return at most `limit` rows. They are fetched in blocks."""
    end, rows, size = _end(seconds), list[tuple[Any, ...]](), 0
    try:
        database.dialect.stop_at(transaction.cursor, end)
        with database.dialect.streaming_cursor(transaction.cursor.connection) as query:
            # The cursor refuses several statements in one text, which could end the transaction that can only read.
            query.execute(sql, values or None)
            columns = tuple(column[0] for column in query.description)
            while len(rows) <= limit and (block := query.fetchmany(min(BLOCK_ROWS, limit + 1 - len(rows)))):
                rows += block
                size += sum(len(value) if isinstance(value, str | bytes) else 8 for row in block for value in row)
                if size > MAX_BYTES:
                    raise QueryStopped("the query was stopped: its rows took too much memory")
                if SystemClock().monotonic() > end:
                    raise _stopped(seconds)
    except database.dialect.error as error:
        if database.dialect.is_stopped(error):
            raise _stopped(seconds) from None
        if database.dialect.blames_database(error):
            raise
        raise _invalid(str(error).partition("\n")[0]) from None
    return Result(columns, [[_shown(value) for value in row] for row in rows[:limit]], len(rows) > limit)


def _shown(value: object) -> Any:
    """Return a value of a server in the form that a value of a file has: a number, a text, bytes or None."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value if value is None or isinstance(value, str | int | float | bytes) else str(value)


def _end(seconds: float) -> int:
    return SystemClock().monotonic() + microseconds_in(seconds)


def _rows(cursor: Any) -> list[Row]:
    if cursor.description is None:
        raise InvalidQuery("this is not a query; write one that begins with SELECT or WITH")
    return _with_names([column[0] for column in cursor.description], cursor)


def _with_names(columns: Sequence[str], rows: Iterable[tuple[Value, ...]]) -> list[Row]:
    positions: dict[str, int] = {}
    for position, column in enumerate(columns):
        positions.setdefault(column, position)
    return [Row(values, positions) for values in rows]


def _plain(value: Value | datetime) -> Value:
    """Return a parameter in the form of the database: a time in the format of the views."""
    return iso(from_datetime(value)) if isinstance(value, datetime) else value


def _stopped(seconds: float) -> QueryStopped:
    return QueryStopped(f"the query took longer than {seconds:g} s; narrow it, or give it a longer timeout")


def _invalid(message: str) -> InvalidQuery:
    prefix, _, name = message.partition("no such table: ")
    return InvalidQuery(message + (nearest(name, VIEWS) if name and not prefix else ""))
