"""What waits and what goes first: pure rules over crossings, with no store and no clock."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import TypeVar

__all__ = ["backoff", "halves", "strongest_first"]

T = TypeVar("T")

LONGEST_BACKOFF = 3_600_000_000


def strongest_first(items: Iterable[tuple[float, int, T]]) -> list[T]:
    """Order (strength, id, item) by strength, the strongest first, the older first where they are equal."""
    return [item for _, _, item in sorted(items, key=lambda entry: (-entry[0], entry[1]))]


def backoff(first: int, attempt: int, rng: random.Random) -> int:
    """Microseconds to wait after a failed attempt: doubling from `first`, up to an hour, with a fifth of jitter."""
    return int(min(LONGEST_BACKOFF, first * 2 ** min(attempt - 1, 30)) * rng.uniform(0.9, 1.1))


def halves(items: Sequence[T]) -> tuple[list[T], list[T]]:
    """The two parts in which a failing batch is tried again."""
    middle = (len(items) + 1) // 2
    return list(items[:middle]), list(items[middle:])
