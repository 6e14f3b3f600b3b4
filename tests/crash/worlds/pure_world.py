"""Agents that handle one mark at a time, on a clock that does not advance: after any crash, the end is the same."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

from blackboard import Exponential, Mark, agent, strength
from blackboard.clock import Clock, ManualClock
from blackboard.core.agents.agent_definition import Agent
from blackboard.daemon import DaemonLoop
from tests.crash.invariants import Broken, rows
from tests.crash.worlds.crash_world import CrashWorld, Deposit, FrozenClock


class Spark(Mark, kind="spark", on_repeat="separate"):
    """An event from outside."""

    n: int


class Flame(Mark, kind="flame", on_repeat="separate", decay=Exponential("1h")):
    """The result of a spark."""

    n: int


class Ash(Mark, kind="ash", on_repeat="separate"):
    """The result of a flame."""

    n: int


def flames(marks: Sequence[Spark]) -> list[Flame]:
    """Return a flame for each spark; one spark in a hundred fails and must be isolated."""
    if any(mark.n % 100 == 13 for mark in marks):
        raise ValueError("wet wood")
    return [Flame(subject=mark.subject, n=2 * mark.n, intensity=round(mark.strength * 0.9, 6)) for mark in marks]


def ashes(marks: Sequence[Flame]) -> list[Ash]:
    """Return an ash for each flame that is strong enough."""
    return [Ash(subject=mark.subject, n=mark.n + 1) for mark in marks]


@agent(
    watches=strength(Spark) >= 0.3,
    writes=[Flame],
    batch=7,
    max_attempts=1,
    concurrency=2,
    cooldown_after_failures=10_000,
)
def kindler(marks: Sequence[Spark], context: Any) -> list[Flame]:
    """Return the flames."""
    return flames(marks)


@agent(watches=strength(Flame) >= 0.5, writes=[Ash], batch=3)
async def burner(marks: Sequence[Flame], context: Any) -> list[Ash]:
    """Return the ashes."""
    return ashes(marks)


class Pure(CrashWorld):
    """Two chained agents without state, and a clock that does not advance."""

    name = "pure"
    fails = True
    per_depositor = 400
    agents: tuple[Agent, ...] = (kindler, burner)
    NOW = ManualClock().now()

    def plan(self) -> list[list[Deposit]]:
        return [
            [
                Deposit("spark", f"s/{who}/{n // 3}", {"n": 1000 * who + n}, round(self.rng.uniform(0.1, 1.2), 3))
                for n in range(self.per_depositor)
            ]
            for who in range(self.depositors)
        ]

    def clock(self) -> Clock:
        return FrozenClock(self.NOW)

    def create(self) -> None:
        with self.open("founder") as board:
            board.deploy(*self.agents)

    def make_daemon(self) -> DaemonLoop:
        return DaemonLoop(self.open("daemon"), self.agents, rng=random.Random(1))

    def undisturbed(self) -> Pure:
        """Return the same world on its own board, for an undisturbed run."""
        folder = self.folder / "undisturbed"
        folder.mkdir()
        other = type(self)(folder, random.Random(0))
        other.plans = self.plans
        return other

    def state(self) -> list[tuple[Any, ...]]:
        """Return the state of the board without ids, batches and workers, which depend on the order of processes."""
        with rows(self.path) as query:
            return [
                *sorted(
                    query("SELECT kind, subject, payload, author, intensity, law, anchored_at, evaporates_at FROM mark")
                ),
                *sorted(query("SELECT recorded_at, kind, subject, event, intensity, author, payload FROM event")),
                *sorted(
                    query(
                        """SELECT w.agent, c.scope, c.state, c.value, c.crossed_at, e.payload FROM crossing c
                        JOIN watch w ON w.id = c.watch_id JOIN event e ON e.id = c.event_id"""
                    )
                ),
                *sorted(
                    query(
                        """SELECT a.agent, a.state, e.payload FROM activation a JOIN activation_input g ON
                        g.activation_id = a.id JOIN event e ON e.id = g.event_id WHERE g.role = 'absorbed'"""
                    )
                ),
                *sorted(
                    query(
                        """SELECT child.payload, parent.payload FROM event child
                        JOIN activation_input g ON g.activation_id = child.activation_id
                        JOIN event parent ON parent.id = g.event_id
                        WHERE g.role = 'absorbed' AND child.subject = parent.subject
                        AND json_extract(child.payload, '$.n') =
                            CASE child.kind WHEN 'flame' THEN 2 * json_extract(parent.payload, '$.n')
                            ELSE 1 + json_extract(parent.payload, '$.n') END"""
                    )
                ),
            ]

    def check_end(self) -> None:
        other = self.undisturbed()
        other.run_through()
        mine, theirs = Counter(self.state()), Counter(other.state())
        if mine != theirs:
            raise Broken(f"other than undisturbed: more {list(mine - theirs)[:5]}, less {list(theirs - mine)[:5]}")
