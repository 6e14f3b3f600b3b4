"""What each depositor of the soak test deposits, and what must follow from it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.crash.invariants import Broken, check_cooled, rows

__all__ = ["PlannedDeposit", "check_results", "is_wet", "plan_deposit"]

PER_DEPOSITOR = 10_000_000
KINDLED, BURNT = 0.3, 0.5
"""The thresholds of the agents that watch sparks and flames."""


class PlannedDeposit(NamedTuple):
    """A deposit of a depositor; its number `n` is that of no other deposit."""

    kind: str
    n: int
    intensity: float

    @property
    def subject(self) -> str:
        return f"{self.kind}/{self.n}"

    @property
    def key(self) -> str:
        return f"k{self.n}"


def plan_deposit(seed: int, who: int, index: int) -> PlannedDeposit:
    """Return a deposit of a depositor by its place in the order of deposits."""
    rng = random.Random(f"{seed} {who} {index}")
    n = who * PER_DEPOSITOR + index
    if rng.random() < 0.2:
        return PlannedDeposit("smoke", n, round(rng.uniform(0.5, 2.0), 3))
    return PlannedDeposit("spark", n, round(rng.uniform(0.1, 1.2), 3))


def is_wet(n: int) -> bool:
    """Return whether a spark of this number always fails; see `tests.crash.worlds.pure_world.flames`."""
    return n % 100 == 13


def check_results(path: Path, seed: int, done: Mapping[int, int]) -> None:
    """Check that each deposit is there once, and that each has had its effects once.

    Args:
        path: The board, which is at rest.
        seed: The seed of the run.
        done: How many deposits each depositor has made.

    Raises:
        Broken: Something was lost or doubled; the message names it.
    """
    plan = [plan_deposit(seed, who, index) for who, count in done.items() for index in range(count)]
    sparks = {item.n: item.intensity for item in plan if item.kind == "spark"}
    kindled = {n: round(strong * 0.9, 6) for n, strong in sparks.items() if strong >= KINDLED and not is_wet(n)}
    with rows(path) as query:
        _compare("sparks", sparks, _numbers(query, "spark", "$.n"))
        _compare("flames", [2 * n for n in kindled], _numbers(query, "flame", "$.n"))
        _compare(
            "ashes", [2 * n + 1 for n, strong in kindled.items() if strong >= BURNT], _numbers(query, "ash", "$.n")
        )
        dead = query(
            """SELECT json_extract(e.payload, '$.n') FROM activation a JOIN activation_input i ON i.activation_id = a.id
            JOIN event e ON e.id = i.event_id WHERE a.state IN ('dead', 'quarantined')"""
        )
        _compare(
            "dead activations", [n for n, strong in sparks.items() if strong >= KINDLED and is_wet(n)], Counter(dead)
        )
    check_cooled(path, sum(item.kind == "smoke" for item in plan))


def _numbers(query: Any, kind: str, field: str) -> Counter[tuple[int, ...]]:
    return Counter(
        query("SELECT json_extract(payload, ?) FROM event WHERE kind = ? AND event = 'deposited'", field, kind)
    )


def _compare(what: str, expected: Iterable[int], found: Counter[tuple[int, ...]]) -> None:
    wanted: Counter[tuple[int, ...]] = Counter((n,) for n in expected)
    if lost := sorted((wanted - found).elements()):
        raise Broken(f"{len(lost)} {what} are lost: {[n for (n,) in lost[:10]]}")
    if doubled := sorted((found - wanted).elements()):
        raise Broken(f"{len(doubled)} {what} are doubled: {[n for (n,) in doubled[:10]]}")
