"""The calls on needs, on the state of the board and its deployments, and queries in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from blackboard import Row
from blackboard.board.json_shapes import Examination, FileSummary, QueryTable, Summary, status_of
from blackboard.board.result_types import ActivityRecord, BoardStatus, DeploymentRecord, NeedRecord, Receipt
from blackboard.client.http_messages import MAX_PAGE, Call, ask, confirm, get, pages, path_of, post
from blackboard.clock import from_datetime, iso, seconds_in
from blackboard.core.records.program_queries import Parameters
from blackboard.durations import DurationLike, parse_duration
from blackboard.errors import InvalidQuery, UsageError

MAX_ROWS = 10_000
"""The largest number of rows that a server gives."""


def inbox(assignee: str | None = None, *, all_needs: bool = False) -> Call[list[NeedRecord]]:
    """Return the needs that wait for a person, as `Blackboard.inbox` does."""
    return (yield from pages(NeedRecord, "/v1/inbox", assignee=assignee, all=all_needs, limit=None))


def answer(need_id: int, text: str, *, any_answer: bool = False) -> Call[Receipt]:
    """Answer a need, as `Blackboard.answer` does. Needs a token with the scope `answer`."""
    request = post(path_of("/v1/inbox/{}/answer", need_id), {"text": text, "any_answer": any_answer})
    return (yield from ask(Receipt, request))


def assign(need_id: int, assignee: str) -> Call[None]:
    """Set who should answer a need, as `Blackboard.assign` does. Needs the scope `operate`."""
    yield from confirm(post(path_of("/v1/inbox/{}/assign", need_id), {"assignee": assignee}, is_repeatable=True))


def activity(*, after: int | None = None, limit: int = 100) -> Call[list[ActivityRecord]]:
    """Return what agents, people and programs did, oldest first, as `Blackboard.activity` does."""
    if after is None and limit > MAX_PAGE:  # the newest entries have no further page
        raise UsageError(f"a server gives at most {MAX_PAGE:,} of the newest entries; use `after` for more")
    return (yield from pages(ActivityRecord, "/v1/activity", limit=limit, after=after))


def status() -> Call[BoardStatus]:
    """Return the state of the board, as `Blackboard.status` does."""
    return status_of((yield from summary()))


def summary() -> Call[Summary]:
    """Return the state of the board, as `blackboard status --json` prints it."""
    return (yield from ask(FileSummary | Summary, get("/v1/status")))  # type: ignore[arg-type]


def now() -> Call[datetime]:
    """Return the board's time."""
    return (yield from summary()).as_of


def doctor() -> Call[Examination]:
    """Return the findings of an examination of the board."""
    return (yield from ask(Examination, get("/v1/doctor")))


def deployments(*, before: int | None = None, limit: int = 20) -> Call[list[DeploymentRecord]]:
    """Return versions of the deployment, newest first, as `Blackboard.deployments` does."""
    return (yield from pages(DeploymentRecord, "/v1/deployments", limit=limit, after=before))


def query(sql: str, parameters: Parameters = (), *, timeout: DurationLike = "10s") -> Call[list[Row]]:
    """Run one SQL query over the views, and return its rows, as `Blackboard.query` does. Needs the scope `sql`.

    Over HTTP, a query takes at most 10 seconds and has at most 10,000 rows.

    Raises:
        InvalidQuery: The SQL or a parameter is invalid, the statement writes, or there are more rows.
    """
    table = yield from query_table(sql, parameters, limit=MAX_ROWS, timeout=timeout)
    if table.has_more:
        raise InvalidQuery(
            f"the query has more than {MAX_ROWS:,} rows; add LIMIT, and ask for the others by a condition"
        )
    positions: dict[str, int] = {}
    for position, column in enumerate(table.columns):
        positions.setdefault(column, position)
    return [Row(tuple(row), positions) for row in table.rows]


def query_table(
    sql: str, parameters: Parameters = (), *, limit: int = 1000, timeout: DurationLike = "10s"
) -> Call[QueryTable]:
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
    return (yield from ask(QueryTable, post("/v1/sql", body, is_repeatable=True)))


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
