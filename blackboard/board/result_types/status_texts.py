"""Texts about the state of the board: its clock, and the needs that wait."""

from __future__ import annotations

from datetime import datetime

from blackboard.board.result_types.status_results import WaitingNeed
from blackboard.clock import from_datetime, iso


def describe_clock(doubted: datetime | None) -> str:
    """Return whether the clock is believed; `doubted` is the time of a clock that is not."""
    return "ok" if doubted is None else f"not believed: it says {iso(from_datetime(doubted))}; see the inbox"


def describe_need(need: WaitingNeed) -> str:
    """Return the text that follows the id of a need: who may and should answer it, and when it is or was due."""
    who = f", assigned to {need.assignee}" if need.assignee else ""
    if need.waits_for:
        who += f", {' and '.join(need.waits_for)} woken for it"
    elif need.answerable_by:
        who += f", {' or '.join(need.answerable_by)} may answer"
    if need.due_at is None:
        return who
    return f"{who}, {'overdue since' if need.overdue else 'due'} {iso(from_datetime(need.due_at))}"
