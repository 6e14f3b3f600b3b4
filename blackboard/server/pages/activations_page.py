"""The pages of activations: a time line by agent with a table, and one activation with all that it did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from pydantic import Field

from blackboard import ActivationRecord
from blackboard.board import page_readings
from blackboard.core.records.states import ActivationState
from blackboard.server.pages.page_definition import LivePage, PageCall, PageContent, PageFields

MAX_SHOWN = 200
WIDTH, ROW = 1000, 22
"""The width of the time line, and the height of the row of an agent, in units of the drawing."""
UNDECIDED_STATES = ("dead", "held", "quarantined")
"""The states in which a person decides what becomes of an activation."""


class ActivationsFields(PageFields):
    """The activations that the page shows."""

    agent: str = ""
    state: ActivationState | None = None
    before: int | None = Field(default=None, ge=1)


class OneFields(PageFields):
    """One activation."""

    id: int = Field(ge=1)


class Bar(NamedTuple):
    """An activation in the time line."""

    id: int
    state: str
    x: float
    width: float


class TimeRow(NamedTuple):
    """The activations of an agent in the time line."""

    agent: str
    y: int
    bars: Sequence[Bar]


@dataclass(frozen=True)
class TimeLine:
    """Activations over time, by agent."""

    start: datetime
    end: datetime
    height: int
    rows: Sequence[TimeRow]


def show_activations(call: PageCall[ActivationsFields]) -> PageContent:
    """Return activations, newest first, and their time line."""
    parameters = call.parameters
    found = call.board.activations(
        agent=parameters.agent or None, state=parameters.state, limit=MAX_SHOWN + 1, before=parameters.before
    )
    shown = found[:MAX_SHOWN]
    usage = page_readings.usage_by_activation(call.board, [item.id for item in shown])
    return PageContent(
        {"activations": shown},
        {
            "usage": {item.activation_id: item for item in usage},
            "agents": sorted(call.board.deployment.agents),
            "states": [str(state) for state in ActivationState],
            "stuck": UNDECIDED_STATES,
            "line": _time_line(shown, call.board.now()),
            "more": shown[-1].id if len(found) > MAX_SHOWN else None,
        },
    )


def _time_line(activations: Sequence[ActivationRecord], now: datetime) -> TimeLine | None:
    """Return the bars of activations over time, a row for each agent; None if none has started."""
    started = [item for item in activations if item.started_at is not None]
    if not started:
        return None
    start = min(item.started_at for item in started if item.started_at is not None)
    end = max(item.finished_at or now for item in started)
    length = max((end - start).total_seconds(), 1.0)

    def bars(agent: str) -> Iterator[Bar]:
        for item in started:
            if item.agent == agent and item.started_at is not None:
                x = (item.started_at - start).total_seconds() / length * WIDTH
                until = ((item.finished_at or now) - start).total_seconds() / length * WIDTH
                yield Bar(item.id, item.state, round(x, 1), round(max(3.0, until - x), 1))

    agents = sorted({item.agent for item in started})
    rows = [TimeRow(agent, number * ROW, list(bars(agent))) for number, agent in enumerate(agents)]
    return TimeLine(start, end, len(agents) * ROW, rows)


def show_activation(call: PageCall[OneFields]) -> PageContent:
    """Return one activation, with the texts of its model calls."""
    details = call.board.activation(call.parameters.id)
    texts = [page_readings.call_texts(call.board, item.id) for item in details.calls]
    return PageContent({"details": details, "texts": texts})


PAGE = LivePage(
    "activations",
    "/activations",
    "Activations",
    read=show_activations,
    about="Each time an agent was woken: why, what it was given, and what it did.",
)
ONE = LivePage("activation", "/activation", "Activation", read=show_activation, is_in_menu=False)
