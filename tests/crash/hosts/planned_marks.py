"""What each depositor deposits: the mark of each number follows from the seed."""

from __future__ import annotations

import random
from typing import NamedTuple

__all__ = ["NEEDED", "PlannedMark", "is_keyed", "plan_mark"]

PER_DEPOSITOR = 1_000_000
THREADS = 3
"""The threads of a depositor, which share commits. Each has every third number."""
HOT_SUBJECTS = 6
NEEDED = 0.3
"""The strength at which a lead wakes its agent."""


class PlannedMark(NamedTuple):
    """A planned deposit; its number `n` is that of no other deposit."""

    kind: str
    n: int
    subject: str
    intensity: float


def plan_mark(seed: int, n: int) -> PlannedMark:
    """Return the deposit of a number. Some subjects are those of many deposits of all hosts."""
    rng = random.Random(f"{seed} {n}")
    kind = rng.choices(("lead", "tally", "ember"), (6, 2, 2))[0]
    hot = rng.randrange(HOT_SUBJECTS)
    subject = f"{kind}/{n}" if kind != "tally" and rng.random() < 0.5 else f"{kind}/hot/{hot}"
    intensity = rng.uniform(0.6, 2.0) if kind == "ember" else rng.uniform(0.1, 1.2)
    return PlannedMark(kind, n, subject, round(intensity, 3))


def is_keyed(depositor: int) -> bool:
    """Return whether a depositor gives its deposits keys."""
    return depositor % 2 == 0
