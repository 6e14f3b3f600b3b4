"""Steps of tests about conditions that must hold for a time or wake their agent again."""

from __future__ import annotations

from typing import Any, NamedTuple

from blackboard import ManualClock
from blackboard.core.marks.decay import Never
from blackboard.durations import SECOND
from tests.support.world import World, kind

START = ManualClock().now()


class CrossingTime(NamedTuple):
    """When a watch crossed and how late that was noticed, in seconds."""

    at: float
    """The seconds from the first instant to the crossing."""
    delay: float
    """The seconds from the crossing until it was noticed."""


def crossings(world: World) -> list[CrossingTime]:
    rows = world.sql("SELECT crossed_at, noticed_at FROM crossing ORDER BY id")
    return [CrossingTime((row.crossed_at - START) / SECOND, (row.noticed_at - row.crossed_at) / SECOND) for row in rows]


def tick(world: World, microseconds: float) -> None:
    world.advance(microseconds)
    world.fire_all_due()


def run(world: World, name: str = "pager") -> list[Any]:
    """Claim and finish what is ready, and return the subjects of the marks that the agent was given."""
    given = []
    while (claim := world.claim(name)) is not None:
        given.append([item.event.subject for item in claim.inputs])
        world.finish(claim)
    return given


def held(world: World) -> list[float | None]:
    """Return since when each condition has held, in seconds from the first instant; None if it does not hold."""
    rows = world.sql("SELECT began_at FROM watch_state ORDER BY scope, mark_id")
    return [None if row.began_at is None else (row.began_at - START) / SECOND for row in rows]


def smoke(**settings: Any) -> Any:
    return {"smoke": kind("smoke", Never(), **settings)}
