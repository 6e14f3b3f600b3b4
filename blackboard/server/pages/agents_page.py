"""The page of the agents: what each watches, what it does now, what it has done within a day, and its budget."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from blackboard import Blackboard
from blackboard.board import page_readings
from blackboard.core.deployment import Budget
from blackboard.durations import DAY
from blackboard.server.pages.live_page import LivePage, Look, PageFields, Sight


class AgentsFields(PageFields):
    """Which agent the page shows."""

    agent: str = ""


@dataclass(frozen=True)
class SpentBudget:
    """What a budget allows within a window, and what is left of it."""

    agent: str
    """"" for the budget of the board."""
    window: str
    limit: float
    left: float

    @property
    def used(self) -> float:
        """What is spent or reserved."""
        return max(0.0, self.limit - self.left)


@dataclass(frozen=True)
class LastDay:
    """What an agent has done within a day."""

    ended: int
    failed: int
    wait_seconds: float | None
    """The median time from a crossing to its claim."""
    run_seconds: float | None
    """The median time of a run."""


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
    """What an agent watches, in words."""

    agent: str
    watch: str
    condition: str
    guard: str | None
    per: str


def show_agents(look: Look) -> Sight:
    """Return the agents, their watches, their last day and what is left of their budgets."""
    board, asked = look.board, look.parameters
    figures, deployment = board.figures(), board.deployment
    days, unserved = _last_day(board), set(board.unserved_agents())
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
            day=days.get(agent.agent, LastDay(0, 0, None, None)),
        )
        for agent in board.agents()
        if asked.agent in ("", agent.agent)
    ]
    watches = defaultdict(list)
    for spec in deployment.agents.values():
        for watch in spec.watches:
            guard = None if watch.guard is None else str(watch.guard)
            watches[spec.name].append(
                ShownWatch(spec.name, watch.name, str(watch.condition), guard, spec.per_of(watch))
            )
    limits = {"": deployment.budget} | {name: spec.settings.budget for name, spec in deployment.agents.items()}
    budgets = [
        SpentBudget(name, window, limit, figures.usd_left[name, window])
        for name, budget in limits.items()
        for window, limit in _limits(budget)
        if (name, window) in figures.usd_left
    ]
    return Sight(
        {"agents": agents},
        {"watches": watches, "budgets": [(item, item.used) for item in budgets], "names": sorted(deployment.agents)},
    )


def _limits(budget: Budget) -> list[tuple[str, float]]:
    """Return the limits of a budget in US dollars, by window."""
    limits = {"hour": budget.usd_per_hour, "day": budget.usd_per_day}
    return [(window, float(limit)) for window, limit in limits.items() if limit is not None]


def _last_day(board: Blackboard) -> dict[str, LastDay]:
    """Return what each agent has done within a day."""
    by_agent = defaultdict(list)
    for run in page_readings.ended_runs(board, DAY):
        by_agent[run.agent].append(run)
    return {
        agent: LastDay(
            ended=len(runs),
            failed=sum(run.state == "dead" for run in runs),
            wait_seconds=_median([run.waited_seconds for run in runs]),
            run_seconds=_median([run.run_seconds for run in runs]),
        )
        for agent, runs in by_agent.items()
    }


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


PAGE = LivePage("agents", "/agents", "Agents", show_agents, AgentsFields)
