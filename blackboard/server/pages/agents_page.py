"""The page of the agents: what each watches, what it does now, what it has done within a day, and its budget."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import NamedTuple

from blackboard.board import page_readings
from blackboard.board.reading.board_figures import BoardFigures, EndedRun
from blackboard.core.specs.agent_spec import CALENDAR, AgentSpec
from blackboard.core.specs.deployment import Deployment
from blackboard.durations import DAY
from blackboard.server.pages.page_definition import LivePage, PageCall, PageContent, PageFields

MAX_RUNS = 20_000
"""How many activations of the last day are read, the newest first."""
SHOWN_HOURS = 24
CHART_HEIGHT = 28
"""The height of the chart of an agent, in units of the drawing. An hour is 10 units wide."""


class AgentsFields(PageFields):
    """The agent that the page shows."""

    agent: str = ""


@dataclass(frozen=True)
class SpentBudget:
    """A budget within a window: what it allows, and what is left."""

    agent: str
    """"" for the budget of the board."""
    window: str
    limit: float
    left: float

    @property
    def used(self) -> float:
        """What is spent or reserved."""
        return max(0.0, self.limit - self.left)


class HourBar(NamedTuple):
    """The activations of an agent that ended in an hour."""

    x: int
    height: float
    failed_height: float
    text: str


@dataclass(frozen=True)
class LastDay:
    """The last day of an agent: what it has done."""

    ended: int
    failed: int
    wait_seconds: float | None
    """The median time from a crossing to its claim."""
    run_seconds: float | None
    """The median time of a run."""
    bars: Sequence[HourBar] = ()
    """The hours of the day with activations."""


@dataclass(frozen=True)
class ShownAgent:
    """An agent as the page shows it."""

    agent: str
    state: str
    until: datetime | None
    remote: bool
    waiting: int
    activations: Mapping[str, int]
    writes: Sequence[str]
    paused: bool
    is_unserved: bool
    day: LastDay


@dataclass(frozen=True)
class ShownWatch:
    """A watch of an agent, as texts."""

    agent: str
    watch: str
    condition: str
    guard: str | None
    per: str


def show_agents(call: PageCall[AgentsFields]) -> PageContent:
    """Return the agents, their watches, their last day and what is left of their budgets."""
    board, parameters = call.board, call.parameters
    figures, deployment = board.figures(), board.deployment
    runs = page_readings.ended_runs(board, DAY, MAX_RUNS)
    days, unserved = _last_days(runs, board.now()), set(board.unserved_agents())
    agents = [
        ShownAgent(
            agent=agent.agent,
            state=agent.state,
            until=agent.until,
            remote=agent.remote,
            waiting=agent.waiting,
            activations=agent.activations,
            writes=agent.writes,
            paused=agent.agent in figures.paused_agents,
            is_unserved=agent.agent in unserved,
            day=dataclasses.replace(
                days.get(agent.agent, LastDay(ended=0, failed=0, wait_seconds=None, run_seconds=None)), bars=()
            ),
        )
        for agent in board.agents()
        if parameters.agent in ("", agent.agent)
    ]
    return PageContent(
        {"agents": agents},
        {
            "watches": {spec.name: list(_watches(spec)) for spec in deployment.agents.values()},
            "budgets": [(item, item.used) for item in _budgets(deployment, figures)],
            "bars": {agent: day.bars for agent, day in days.items()},
            "is_cut": len(runs) == MAX_RUNS,
            "most_runs": MAX_RUNS,
        },
    )


def _watches(spec: AgentSpec) -> Iterator[ShownWatch]:
    for watch in spec.watches:
        guard = None if watch.guard is None else str(watch.guard)
        yield ShownWatch(spec.name, watch.name, str(watch.condition), guard, spec.per_of(watch))


def _budgets(deployment: Deployment, figures: BoardFigures) -> Iterator[SpentBudget]:
    """Yield the budgets of the whole board, whose name is empty, and of each agent."""
    limits = {"": deployment.budget} | {name: spec.settings.budget for name, spec in deployment.agents.items()}
    for name, budget in limits.items():
        for window in CALENDAR:
            if (usd := budget.limits_of(window).usd) is not None and (name, window) in figures.usd_left:
                yield SpentBudget(name, window, float(usd), figures.usd_left[name, window])


def _last_days(runs: Sequence[EndedRun], now: datetime) -> dict[str, LastDay]:
    """Return what each agent has done within a day."""
    by_agent = defaultdict(list)
    for run in runs:
        by_agent[run.agent].append(run)
    return {
        agent: LastDay(
            ended=len(own),
            failed=sum(run.state == "dead" for run in own),
            wait_seconds=_median([run.waited_seconds for run in own]),
            run_seconds=_median([run.run_seconds for run in own]),
            bars=_bars(own, now),
        )
        for agent, own in by_agent.items()
    }


def _bars(runs: Sequence[EndedRun], now: datetime) -> list[HourBar]:
    """Return the bars of the chart of an agent: an hour each, the last one up to now."""
    ended: Counter[int] = Counter()
    failed: Counter[int] = Counter()
    for run in runs:
        hour = min(SHOWN_HOURS - 1, int((now - run.finished_at).total_seconds() // 3600))
        ended[hour] += 1
        failed[hour] += run.state == "dead"
    unit = CHART_HEIGHT / max(ended.values(), default=1)
    return [
        HourBar(
            x=(SHOWN_HOURS - 1 - hour) * 10,
            height=round(max(1.0, number * unit), 1),
            failed_height=round(failed[hour] * unit, 1),
            text=f"{number:,} ended {hour} to {hour + 1} h ago, {failed[hour]:,} of them dead",
        )
        for hour, number in sorted(ended.items())
    ]


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


PAGE = LivePage(
    "agents",
    "/agents",
    "Agents",
    read=show_agents,
    about="What each agent watches, what it has done within a day, and what its budget has left.",
)
