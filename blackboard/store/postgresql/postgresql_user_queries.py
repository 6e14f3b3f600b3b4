"""The queries that users write in SQL, for a board on PostgreSQL: in transactions that can only read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from blackboard.clock import Instant, SystemClock
from blackboard.core.records.query_result_rows import QueryResult, Row
from blackboard.errors import QueryStopped, StoreError, WorkError
from blackboard.store.connections.database_url import DatabaseUrl
from blackboard.store.database_interfaces.user_query_interface import (
    MAX_RESULT_BYTES,
    BoardQueries,
    Values,
    invalid_query,
    named_rows,
    query_end,
    stopped_query,
)
from blackboard.store.postgresql.postgresql_database import PostgresqlDatabase
from blackboard.store.postgresql.postgresql_driver import PostgresqlDriver
from blackboard.store.transaction import Transaction

if TYPE_CHECKING:
    from sqlalchemy import Engine

BLOCK_ROWS = 100
"""How many rows of a query are fetched together."""
_MAY_WRITE = (
    "SELECT EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND has_table_privilege("
    "CAST(format('%I.%I', schemaname, tablename) AS regclass), 'INSERT, UPDATE, DELETE, TRUNCATE'))"
)
"""The statement that finds out whether the user of a connection may change a table of the board."""


class _TimedQuery(NamedTuple):
    """A query, with its time limit."""

    sql: str
    values: Any
    """The values of its placeholders."""
    seconds: float
    end: Instant
    """When it is stopped, in monotonic time."""

    @classmethod
    def begin(cls, sql: str, values: Any, seconds: float) -> Self:
        """Return a query whose time begins now."""
        return cls(sql, values, seconds, query_end(seconds))


class PostgresqlQueries(BoardQueries):
    """The queries on a board on PostgreSQL; see `BoardQueries`."""

    def __init__(self, database: PostgresqlDatabase) -> None:
        self._database = database

    def _query(self, sql: str, values: Any, seconds: float) -> list[Row]:
        with (
            self._database.read() as transaction,
            _run(transaction, _TimedQuery.begin(sql, values, seconds)) as cursor,
        ):
            return named_rows([column[0] for column in cursor.description], cursor.fetchall())

    def table(self, sql: str, values: Values, *, limit: int, seconds: float, is_trusted: bool) -> QueryResult:
        if not is_trusted:
            return self._table_as_reader(sql, values, limit, seconds)
        with self._database.read() as transaction:
            return _fetch(transaction, _TimedQuery.begin(sql, values, seconds), limit)

    def _table_as_reader(self, sql: str, values: Values, limit: int, seconds: float) -> QueryResult:
        """Run one query as the user of `query_url`, as `table` does.

        The query has a connection of its own. What its functions do to the session, such as settings and locks, ends
        with this connection.

        Raises:
            WorkError: There is no `query_url`, it names a file, or its user may change the board's tables.
        """
        database = self._database
        if database.query_url is None:
            raise WorkError(
                "a board on PostgreSQL takes queries over HTTP only as a user who may only read; name one as"
                " 'query_url' in [database]"
            )
        reader_url = DatabaseUrl(database.query_url)
        if reader_url.path is not None:
            raise WorkError("'query_url' in [database] names a file; name the database of the board on PostgreSQL")
        driver = PostgresqlDriver(reader_url, prepare=database.dialect.keeps_statements)
        with closing(PostgresqlDatabase(driver)) as reader, reader.read() as transaction:
            transaction.cursor.execute(_MAY_WRITE)
            if transaction.cursor.fetchone()[0]:
                raise WorkError(
                    "the user of 'query_url' in [database] may change tables of the board; name one who may only read,"
                    " such as one in the role blackboard_readers"
                )
            return _fetch(transaction, _TimedQuery.begin(sql, values, seconds), limit)

    def engine(self) -> Engine:
        database = self._database
        if database.readonly_engine is None:
            from sqlalchemy import create_engine

            options = database.dialect.readonly_engine_options()
            database.readonly_engine = create_engine(database.engine.url, **options)
        return database.readonly_engine

    def connection(self) -> sqlite3.Connection:
        raise StoreError(
            f"a read-only SQLite connection needs a file, but {self._database.location} is on PostgreSQL; use"
            " board.engine(), or a client of PostgreSQL"
        )


@contextmanager
def _run(transaction: Transaction, query: _TimedQuery) -> Iterator[Any]:
    """Run a query until its end, yield its cursor, and translate its errors."""
    dialect = transaction.dialect
    try:
        dialect.stop_at(transaction.cursor, query.end)
        with dialect.streaming_cursor(transaction.cursor.connection) as cursor:
            # The cursor refuses several statements in one text, which could end the transaction that can only read.
            cursor.execute(query.sql, query.values or None)
            yield cursor
    except dialect.errors.base as error:
        if dialect.errors.is_stopped(error):
            raise stopped_query(query.seconds) from None
        if dialect.errors.blames_database(error):
            raise
        raise invalid_query(str(error).partition("\n")[0]) from None


def _fetch(transaction: Transaction, query: _TimedQuery, limit: int) -> QueryResult:
    """Run a query in a transaction, and return at most `limit` rows. They are fetched in blocks."""
    rows, size = list[tuple[Any, ...]](), 0
    with _run(transaction, query) as cursor:
        columns = tuple(column[0] for column in cursor.description)
        while len(rows) <= limit and (block := cursor.fetchmany(min(BLOCK_ROWS, limit + 1 - len(rows)))):
            rows += block
            size += sum(len(value) if isinstance(value, str | bytes) else 8 for row in block for value in row)
            if size > MAX_RESULT_BYTES:
                raise QueryStopped("the query was stopped: its rows took too much memory; narrow the query")
            if SystemClock().monotonic() > query.end:
                raise stopped_query(query.seconds)
    return QueryResult(columns, [[_shown(value) for value in row] for row in rows[:limit]], len(rows) > limit)


def _shown(value: object) -> Any:
    """Return a value from PostgreSQL as a board in a file has it: a number, a text, bytes or None."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value if value is None or isinstance(value, str | int | float | bytes) else str(value)
