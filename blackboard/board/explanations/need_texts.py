"""The text about a need that waits: who may and should answer it, and when it is due."""

from __future__ import annotations

from blackboard.board.result_types import WaitingNeed
from blackboard.clock import from_datetime, iso


def need_parts(need: WaitingNeed) -> str:
    """Return the text after the id of a need: who may and should answer it, and when it is or was due."""
    who = f", assigned to {need.assignee}" if need.assignee else ""
    if need.waits_for:
        who += f", {' and '.join(need.waits_for)} woken for it"
    elif need.answerable_by:
        who += f", {' or '.join(need.answerable_by)} may answer"
    if need.due_at is None:
        return who
    return f"{who}, {'overdue since' if need.overdue else 'due'} {iso(from_datetime(need.due_at))}"
