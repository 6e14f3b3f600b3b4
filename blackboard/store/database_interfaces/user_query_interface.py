"""The queries that users write in SQL: people at the command line, and programs. A query only reads.

`sqlite.sqlite_user_queries` and `postgresql.postgresql_user_queries` have the two implementations.
"""

from __future__ import annotations

import difflib
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from blackboard.clock import Instant, SystemClock, from_datetime, iso, microseconds_in
from blackboard.core.records.query_result_rows import Parameters, QueryResult, Row, Value
from blackboard.core.records.view_columns import VIEWS
from blackboard.errors import InvalidQuery, QueryStopped, nearest

if TYPE_CHECKING:
    from sqlalchemy import Engine

Values = Sequence[str | float | None] | Mapping[str, str | float | None]
"""The values of placeholders, by position or by name."""
MAX_RESULT_BYTES = 64 * 1024 * 1024
"""The largest memory of one result."""


class BoardQueries(ABC):
    """The queries that users write, on one database."""

    def query(self, sql: str, parameters: Parameters, seconds: float) -> list[Row]:
        """Run one query of a program, over views or tables, and return its rows.

        Raises:
            InvalidQuery: The SQL or a parameter is invalid, or the statement writes.
            QueryStopped: The query took more than `seconds`.
            StoreError: The database cannot be read.
        """
        if isinstance(parameters, Mapping):
            return self._query(sql, {name: _plain(value) for name, value in parameters.items()}, seconds)
        return self._query(sql, [_plain(value) for value in parameters], seconds)

    @abstractmethod
    def _query(self, sql: str, values: Any, seconds: float) -> list[Row]:
        """Run one query. The values of its placeholders have the form that the database takes."""

    @abstractmethod
    def table(self, sql: str, values: Values, *, limit: int, seconds: float, is_trusted: bool) -> QueryResult:
        """Run one query of a person, over views or tables, and return at most `limit` rows.

        Args:
            sql: One SELECT statement.
            values: The values of its placeholders, by position or by name.
            limit: The largest number of rows, at least 1.
            seconds: The longest time that the query may take.
            is_trusted: Whether the writer of the query may do all that this process may. On PostgreSQL, any other query
                runs as the user of `query_url`.

        Raises:
            InvalidQuery: The SQL or a value is invalid, or the statement is not a query.
            QueryStopped: The query took more than `seconds`, or its rows too much memory.
            StoreError: The database cannot be read.
            WorkError: The query is not trusted, and `query_url` names no user of the database server who may only read.
        """

    @abstractmethod
    def engine(self) -> Engine:
        """Return an SQLAlchemy engine that can only read. Closing the database disposes of the engine."""

    @abstractmethod
    def connection(self) -> sqlite3.Connection:
        """Open a connection of the DB-API that can only read a file.

        Raises:
            StoreError: The board is on PostgreSQL, is missing, or cannot be read.
        """


def query_end(seconds: float) -> Instant:
    """Return the end of a query that begins now, in monotonic time."""
    return SystemClock().monotonic() + microseconds_in(seconds)


def named_rows(columns: Sequence[str], rows: Iterable[tuple[Value, ...]]) -> list[Row]:
    """Return rows whose values have the names of columns."""
    positions: dict[str, int] = {}
    for position, column in enumerate(columns):
        positions.setdefault(column, position)
    return [Row(values, positions) for values in rows]


def stopped_query(seconds: float) -> QueryStopped:
    """Return the error of a query that took too long."""
    return QueryStopped(f"the query took longer than {seconds:g} s; narrow the query, or give it a longer timeout")


def invalid_query(message: str) -> InvalidQuery:
    """Return the error of a query that the database refuses, with the nearest name of a view or of a column."""
    problem, _, name = message.partition(": ")
    hint = ""
    if problem == "no such table":
        hint = nearest(name, VIEWS)
    elif problem == "no such column":
        column = name.rpartition(".")[2]
        hint = nearest(column, difflib.get_close_matches(column, {item for view in VIEWS.values() for item in view}))
    return InvalidQuery(message + hint)


def _plain(value: Value | datetime) -> Value:
    """Return a parameter in the form of the database: a time in the format of the views."""
    return iso(from_datetime(value)) if isinstance(value, datetime) else value
