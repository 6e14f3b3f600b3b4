"""Steps of tests about deposits that occurred before their record."""

from __future__ import annotations

from typing import Any

from blackboard.core.marks.decay import Curve, Decay, Exponential, Linear, Never, Power, Step
from tests.support.world import World

LAWS: list[Decay] = [
    Exponential("1h"),
    Linear("4h"),
    Power("30m", 1.5),
    Step("90m"),
    Curve([("30m", 0.9), ("2h", 0.2), ("3h", 0.0)]),
    Never(),
]


def late(world: World, name: str, subject: str = "s", intensity: float = 1.0, *, by: int, **options: Any) -> Any:
    """Deposit a mark that occurred some time ago."""
    return world.put(name, subject, intensity, occurred_at=world.clock.now() - by, **options)
