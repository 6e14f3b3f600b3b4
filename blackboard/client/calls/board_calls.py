"""The calls on the board as a whole: its state and activity, its deployments, queries in SQL, and erasure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from blackboard import Row
from blackboard.board.result_types.administration_results import DeploymentRecord, ErasureReport
from blackboard.board.result_types.status_results import BoardStatus
from blackboard.board.result_types.work_results import ActivityRecord
from blackboard.client.requests_and_responses import ClientCall, ask_for, ask_for_pages, get_request, post_request
from blackboard.clock import from_datetime, iso, seconds_in
from blackboard.core.records.query_result_rows import Parameters
from blackboard.core.request_limits import MAX_PAGE_ITEMS, MAX_QUERY_ROWS
from blackboard.durations import DurationLike, parse_duration
from blackboard.errors import InvalidQuery, UsageError
from blackboard.presentation.json_shapes import Examination, FileSummary, QueryTable, Summary, status_of


def activity(*, after: int | None = None, limit: int = 100) -> ClientCall[list[ActivityRecord]]:
    """Return what agents, people and programs did, oldest first, as `Blackboard.activity` does."""
    if after is None and limit > MAX_PAGE_ITEMS:  # the newest entries have no further page
        raise UsageError(
            f"a server gives at most {MAX_PAGE_ITEMS:,} of the newest entries, not {limit:,}; use 'after' for more"
        )
    return (yield from ask_for_pages(ActivityRecord, "/v1/activity", limit=limit, after=after))


def status() -> ClientCall[BoardStatus]:
    """Return the state of the board, as `Blackboard.status` does."""
    return status_of((yield from summary()))


def summary() -> ClientCall[Summary]:
    """Return the state of the board, as `blackboard status --json` prints it."""
    return (yield from ask_for(FileSummary | Summary, get_request("/v1/status")))  # type: ignore[arg-type]


def now() -> ClientCall[datetime]:
    """Return the board's time."""
    return (yield from summary()).as_of


def doctor() -> ClientCall[Examination]:
    """Return the findings of an examination of the board."""
    return (yield from ask_for(Examination, get_request("/v1/doctor")))


def deployments(*, before: int | None = None, limit: int = 20) -> ClientCall[list[DeploymentRecord]]:
    """Return versions of the deployment, newest first, as `Blackboard.deployments` does."""
    return (yield from ask_for_pages(DeploymentRecord, "/v1/deployments", limit=limit, after=before))


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


def forget(subject: str) -> ClientCall[ErasureReport]:
    """Erase everything about a subject, as `Blackboard.forget` does. Needs a token with the scope `admin`."""
    return (yield from ask_for(ErasureReport, post_request("/v1/forget", {"subject": subject})))


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
