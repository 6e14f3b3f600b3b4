"""The calls for queries in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from blackboard import Row
from blackboard.board.json_shapes import QueryTable
from blackboard.client.call_protocol import ClientCall, ask_for
from blackboard.client.http_messages import post_request
from blackboard.clock import from_datetime, iso, seconds_in
from blackboard.core.records.query_result_rows import Parameters
from blackboard.core.records.request_limits import MAX_QUERY_ROWS
from blackboard.durations import DurationLike, parse_duration
from blackboard.errors import InvalidQuery


def query(sql: str, parameters: Parameters = (), *, timeout: DurationLike = "10s") -> ClientCall[list[Row]]:
    """Run one SQL query over the views, and return its rows, as `Blackboard.query` does. Needs the scope `sql`.

    Over HTTP, a query takes at most 10 seconds and has at most 10,000 rows.

    Raises:
        InvalidQuery: The SQL or a parameter is invalid, the statement writes, or there are more rows.
    """
    table = yield from query_table(sql, parameters, limit=MAX_QUERY_ROWS, timeout=timeout)
    if table.has_more:
        raise InvalidQuery(
            f"the query has more than {MAX_QUERY_ROWS:,} rows; add LIMIT, and ask for the others by a condition"
        )
    positions: dict[str, int] = {}
    for position, column in enumerate(table.columns):
        positions.setdefault(column, position)
    return [Row(tuple(row), positions) for row in table.rows]


def query_table(
    sql: str, parameters: Parameters = (), *, limit: int = 1000, timeout: DurationLike = "10s"
) -> ClientCall[QueryTable]:
    """Run one SQL query over the views, and return its columns and at most `limit` rows. Needs the scope `sql`.

    Args:
        sql: A `SELECT`.
        parameters: The values of its placeholders, as for `query`.
        limit: The largest number of rows, at most 10,000.
        timeout: The longest time, at most 10 seconds.
    """
    values: Any = (
        {name: _plain(value) for name, value in parameters.items()}
        if isinstance(parameters, Mapping)
        else [_plain(value) for value in parameters]
    )
    body = {
        "sql": sql,
        "parameters": values,
        "limit": limit,
        "seconds": seconds_in(parse_duration(timeout)),
        "table": True,
    }
    return (yield from ask_for(QueryTable, post_request("/v1/sql", body, is_repeatable=True)))


def _plain(value: Any) -> Any:
    """Return a parameter in JSON: a time in the format of the views.

    Raises:
        InvalidQuery: JSON has no such value.
    """
    if isinstance(value, datetime):
        return iso(from_datetime(value))
    if isinstance(value, bytes):
        raise InvalidQuery("a parameter cannot be bytes over HTTP; write them as x'...' in the SQL")
    return value
