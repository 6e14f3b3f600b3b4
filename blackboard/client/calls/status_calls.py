"""The calls on the state of the board, its activity and its deployments."""

from __future__ import annotations

from datetime import datetime

from blackboard.board.json_shapes import Examination, FileSummary, Summary, status_of
from blackboard.board.result_types import ActivityRecord, BoardStatus, DeploymentRecord
from blackboard.client.call_protocol import ClientCall, ask_for, pages
from blackboard.client.http_messages import get_request
from blackboard.core.records.request_limits import MAX_PAGE_ITEMS
from blackboard.errors import UsageError


def activity(*, after: int | None = None, limit: int = 100) -> ClientCall[list[ActivityRecord]]:
    """Return what agents, people and programs did, oldest first, as `Blackboard.activity` does."""
    if after is None and limit > MAX_PAGE_ITEMS:  # the newest entries have no further page
        raise UsageError(
            f"a server gives at most {MAX_PAGE_ITEMS:,} of the newest entries, not {limit:,}; use 'after' for more"
        )
    return (yield from pages(ActivityRecord, "/v1/activity", limit=limit, after=after))


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
    return (yield from pages(DeploymentRecord, "/v1/deployments", limit=limit, after=before))
