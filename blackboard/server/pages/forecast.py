"""A forecast for the pages: what time alone will do, if no mark changes first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from blackboard import Blackboard
from blackboard.board import page_readings
from blackboard.board.result_types import EndingHold, Prediction
from blackboard.server.pages.graph_labels import milliseconds

MOST_PREDICTIONS = 100
"""How many crossings, and how many holds, are read; the next of them by time."""
ENDS = {
    "guard": "guard opens",
    "cooldown": "cooldown ends",
    "rate": "limit of rate ends",
    "batch_window": "batch window ends",
    "retry": "tried again",
}
"""What happens when a hold on a waiting crossing ends."""


@dataclass(frozen=True)
class Ahead:
    """Something that happens at a time ahead."""

    at: float
    """Milliseconds since the epoch."""
    event: str
    agent: str
    watch: str
    condition: str
    subject: str | None
    mark_id: int | None
    """The mark that is concerned, if it is one."""


def forecast(board: Blackboard, agent: str = "") -> tuple[list[Ahead], bool]:
    """Return what happens ahead for an agent or all, soonest first, and whether there may be more than that.

    A watch crosses, a schedule is due, or what holds a waiting crossing ends, such as a closed guard.
    """
    predictions = page_readings.predictions(board, MOST_PREDICTIONS)
    holds = page_readings.ending_holds(board, MOST_PREDICTIONS)
    found = [item for item in _events(predictions, holds) if agent in ("", item.agent)]
    return sorted(found, key=lambda item: item.at), MOST_PREDICTIONS in (len(predictions), len(holds))


def _events(predictions: Sequence[Prediction], holds: Sequence[EndingHold]) -> Iterator[Ahead]:
    for item in predictions:
        at = milliseconds(item.due_at)
        yield Ahead(at, "crosses", item.agent, item.watch, item.condition, item.subject, item.mark_id)
    for hold in holds:
        at, event = milliseconds(hold.ends_at), ENDS[hold.held_by]
        yield Ahead(at, event, hold.agent, hold.watch, hold.condition, hold.subject, hold.mark_id)
