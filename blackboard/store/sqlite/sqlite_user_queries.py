"""The queries that users write in SQL, for a board in a file, through the board's own SQLite library.

A connection can only read: SQLite refuses to write, and an authorizer refuses everything but reading.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from blackboard.core.records.query_result_rows import QueryResult, Row
from blackboard.errors import InvalidQuery, StoreForeign
from blackboard.store.database_interfaces.user_query_interface import (
    BoardQueries,
    Values,
    invalid_query,
    named_rows,
    query_end,
    stopped_query,
)
from blackboard.store.dialects.dialect import SQLITE
from blackboard.store.dialects.sqlite_library import sqlite
from blackboard.store.sqlite import readonly_query_process
from blackboard.store.sqlite.readonly_query_script import PRAGMA, describe_refused, only_reads
from blackboard.store.sqlite.sqlite_database import SqliteDatabase

if TYPE_CHECKING:
    from sqlalchemy import Engine

TRANSACTION, SAVEPOINT = 22, 32
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


class SqliteQueries(BoardQueries):
    """The queries on the board of a file; see `BoardQueries`."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def _query(self, sql: str, values: Any, seconds: float) -> list[Row]:
        database = self._database
        refused: list[str] = []
        try:
            with database.query_pool.lend(lambda: self._open(transactions=False)) as connection:
                refused = connection.refused
                refused.clear()
                cursor = connection.cursor()
                database.dialect.stop_at(cursor, query_end(seconds))
                rows = _rows(cursor.execute(sql, values))
                database.dialect.stop_no_more(cursor)
                return rows
        except BaseException as error:
            raise self._translate(error, refused, seconds) from None

    def table(self, sql: str, values: Values, *, limit: int, seconds: float, is_trusted: bool) -> QueryResult:
        """Run one query of a person, in a process of its own; see `BoardQueries.table`."""
        parameters = self._database.place.read_only_parameters()
        return readonly_query_process.query(
            self._database.path, sql, values=values, limit=limit, seconds=seconds, parameters=parameters
        )

    def engine(self) -> Engine:
        if self._database.readonly_engine is None:
            from sqlalchemy import create_engine
            from sqlalchemy.pool import QueuePool

            self._database.readonly_engine = create_engine(
                f"{SQLITE}://", module=sqlite, creator=self._open, poolclass=QueuePool
            )
        return self._database.readonly_engine

    def connection(self) -> sqlite3.Connection:
        database, connection = self._database, self._open()
        try:
            is_board = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'live_marks'").fetchone()
        except database.dialect.errors.base as error:
            connection.close()
            raise database.dialect.errors.translate(error, database.location) from None
        if is_board is None:
            connection.close()
            raise StoreForeign(f"{database.location} is not a blackboard")
        return connection  # type: ignore[no-any-return]

    def _open(self, *, transactions: bool = True) -> Any:
        """Open a connection that refuses everything but reading, and records the refused actions."""
        self._database.place.check_names()
        connection = self._database.connect(writes=False)
        refused = connection.refused = []

        def allow(action: int, first: str | None, second: str | None, database: str | None, inner: str | None) -> int:
            if only_reads(action, second):
                return 0
            if action == PRAGMA and (first in DESCRIBING or (first in REPORTING and second is None)):
                return 0
            if action in (TRANSACTION, SAVEPOINT) and transactions:
                return 0
            refused[:] = [describe_refused(action, second)]
            return 1

        connection.set_authorizer(allow)
        return connection

    def _translate(self, error: BaseException, refused: list[str], seconds: float) -> BaseException:
        """Return our error for an error of a query."""
        dialect = self._database.dialect
        if not isinstance(error, sqlite.Error | sqlite.Warning | ValueError | OverflowError):
            return error
        if refused:
            return InvalidQuery(f"only reading is allowed here, not {refused[0]}")
        if dialect.errors.is_stopped(error):
            return stopped_query(seconds)
        if dialect.errors.blames_database(error):
            return dialect.errors.translate(error, self._database.location)
        return invalid_query(str(error))


def _rows(cursor: Any) -> list[Row]:
    if cursor.description is None:
        raise InvalidQuery("this is not a query; write one that begins with SELECT or WITH")
    return named_rows([column[0] for column in cursor.description], cursor)
