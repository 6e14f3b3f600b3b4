"""The agents of the soak test: those of the crash test, for a deployment file. They print what they do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from blackboard import agent, strength
from tests.crash.worlds.fading_world import Chill, Smoke
from tests.crash.worlds.pure_world import Ash, Flame, Spark, ashes, flames

__all__ = ["burner", "kindler", "warden"]

OFTEN = 1_000_000
"""More failures in a row than the faults cause, so that no agent is in a cooldown when the next fault comes."""


@agent(
    watches=strength(Spark) >= 0.3, writes=[Flame], batch=7, concurrency=2, retry_after="1s",
    cooldown_after_failures=OFTEN,
)  # fmt: skip
def kindler(marks: Sequence[Spark], context: Any) -> list[Flame]:
    """Return the flames."""
    print("kindled", *(mark.n for mark in marks))
    return flames(marks)


@agent(watches=strength(Flame) >= 0.5, writes=[Ash], batch=3, retry_after="1s", cooldown_after_failures=OFTEN)
async def burner(marks: Sequence[Flame], context: Any) -> list[Ash]:
    """Return the ashes."""
    print("burnt", *(mark.n for mark in marks))
    return ashes(marks)


@agent(watches=strength(Smoke) < 0.3, writes=[Chill], batch=5, retry_after="1s", cooldown_after_failures=OFTEN)
def warden(marks: Sequence[Smoke], context: Any) -> list[Chill]:
    """Return a chill for each cold smoke."""
    return [Chill(subject=mark.subject, of=mark.n) for mark in marks]
