"""Queries in SQL that people and programs write, over the views of a board."""

from __future__ import annotations

from blackboard.board.facade import Blackboard
from blackboard.core.records.query_result_rows import QueryResult
from blackboard.store.database_interfaces.user_query_interface import Values


def run_query(
    board: Blackboard,
    sql: str,
    values: Values = (),
    *,
    limit: int = 1000,
    seconds: float = 10.0,
    is_trusted: bool = True,
) -> QueryResult:
    """Run one SELECT over views or tables, where it can only read, and return at most `limit` rows.

    For a file, the query runs in a process of its own; on PostgreSQL, in a transaction of its own.

    Args:
        board: The open board, on a file or on PostgreSQL.
        sql: One SELECT statement over the views.
        values: The values of its placeholders, by position or by name.
        limit: The largest number of rows, at least 1.
        seconds: The longest time that the query may take.
        is_trusted: Whether the writer of the query may do all that this process may. On PostgreSQL, any other query
            runs as the user of `query_url`.

    Raises:
        InvalidQuery: The SQL is invalid, or it writes.
        QueryStopped: The query took more than `seconds`, or too much memory.
        StoreError: The board cannot be read.
        WorkError: The query is not trusted, and `query_url` names no user of the database server who may only read.
    """
    board.now()  # opens the files of the log, which a process that can only read cannot create
    return board.database.readonly.table(sql, values, limit=limit, seconds=seconds, is_trusted=is_trusted)
