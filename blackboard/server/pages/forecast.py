"""A forecast for the pages: what time alone will do, if no mark changes first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from blackboard import Blackboard
from blackboard.board import page_readings
from blackboard.board.result_types import EndingDeferral, Prediction
from blackboard.core.records.states import HeldBy
from blackboard.server.pages.graph_labels import milliseconds

MAX_PREDICTIONS = 100
"""How many crossings, and how many deferrals, are read; the next of them by time."""
DEFERRAL_ENDS = {
    HeldBy.GUARD: "guard opens",
    HeldBy.COOLDOWN: "cooldown ends",
    HeldBy.RATE: "limit of rate ends",
    HeldBy.BATCH_WINDOW: "batch window ends",
    HeldBy.RETRY: "tried again",
}
"""What happens when a deferral of a waiting crossing ends."""


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

    A watch crosses, a schedule is due, or what defers a waiting crossing ends, such as a closed guard.
    """
    predictions = page_readings.predictions(board, MAX_PREDICTIONS)
    deferrals = page_readings.ending_deferrals(board, MAX_PREDICTIONS)
    found = [item for item in _events(predictions, deferrals) if agent in ("", item.agent)]
    return sorted(found, key=lambda item: item.at), MAX_PREDICTIONS in (len(predictions), len(deferrals))


def _events(predictions: Sequence[Prediction], deferrals: Sequence[EndingDeferral]) -> Iterator[Ahead]:
    for item in predictions:
        at = milliseconds(item.due_at)
        yield Ahead(at, "crosses", item.agent, item.watch, item.condition, item.subject, item.mark_id)
    for deferral in deferrals:
        at, event = milliseconds(deferral.ends_at), DEFERRAL_ENDS[deferral.held_by]
        yield Ahead(at, event, deferral.agent, deferral.watch, deferral.condition, deferral.subject, deferral.mark_id)
