"""Times and thresholds for scripts, which draw them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from blackboard.clock import from_datetime
from blackboard.core.deployment import Deployment


@dataclass(frozen=True)
class Threshold:
    """A number that a measure of marks of a kind is compared with."""

    kind: str
    text: str
    """The comparison, and the agent that it wakes."""
    value: float


def thresholds(deployment: Deployment) -> Iterator[Threshold]:
    """Yield the thresholds of live marks. Those of windows count deposits, so no mark fades towards them."""
    for agent in deployment.agents.values():
        for watch in agent.watches:
            for comparison in watch.condition.comparisons():
                if comparison.measure.within is None:
                    for kind in comparison.measure.kinds:
                        yield Threshold(kind, f"{comparison} → {agent.name}", comparison.threshold)


def milliseconds(at: datetime) -> float:
    """Return a time as milliseconds since the epoch."""
    return from_datetime(at) / 1000
