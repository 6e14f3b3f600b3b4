"""The methods of a board for queries that programs write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from blackboard.board.interface.board_handle import BoardHandle
from blackboard.clock import seconds_in
from blackboard.durations import DurationLike, parse_duration

if TYPE_CHECKING:
    from blackboard.core.records.query_result_rows import Parameters, Row
    from blackboard.store.database_interfaces.query_interface import Engine


class QueryMethods(BoardHandle):
    """Queries of programs, and the time that reads may take."""

    def query(self, sql: str, parameters: Parameters = (), *, timeout: DurationLike = "10s") -> list[Row]:
        """Run one SQL query over the views, and return its rows. It can only read.

        Args:
            sql: A `SELECT`, over the views or over tables.
            parameters: The values of its placeholders, by position or by name; a datetime becomes text in the format of
                the views. The placeholders are `?` and `:name` on SQLite, and `%s` and `%(name)s` on a server.
            timeout: The longest time; it is checked between the steps of the query.

        Raises:
            InvalidQuery: The SQL or a parameter is invalid, or the statement writes.
            QueryStopped: The query took longer than `timeout`.
            StoreError: The database cannot be read.
        """
        return self.database.readonly.query(sql, parameters, seconds_in(parse_duration(timeout)))

    def engine(self) -> Engine:
        """Return an SQLAlchemy engine that can only read, for `blackboard.sqlalchemy_views`, pandas and other tools.

        Its connections use the board's own SQLite library. Closing the board disposes of the engine.
        """
        return self.database.readonly.engine()

    @contextmanager
    def reads_within(self, limit: DurationLike) -> Iterator[None]:
        """Limit the time of reads by this thread inside the context. A longer read ends with `QueryStopped`.

        Args:
            limit: The longest time of all reads together, from now on.

        Raises:
            InvalidDuration: `limit` is not a duration.
        """
        with self.database.reads_within(parse_duration(limit)):
            yield
