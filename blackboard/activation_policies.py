"""The order of waiting work, delays between attempts, and how a failing batch is split."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")

LONGEST_BACKOFF = 3_600_000_000
"""One hour in microseconds."""


def strongest_first(items: Iterable[tuple[float, int, T]]) -> list[T]:
    """Return the items of (strength, id, item) triples, strongest first; of equal strengths, the lower id first."""
    return [item for _, _, item in sorted(items, key=lambda entry: (-entry[0], entry[1]))]


def backoff(first: int, attempt: int, rng: random.Random) -> int:
    """Return the microseconds to wait after a failed attempt: exponential backoff with jitter.

    The delay after the first attempt (number 1) doubles with each further one, up to one hour. The jitter is up to
    10 % in both directions.
    """
    return int(min(LONGEST_BACKOFF, first * 2 ** min(attempt - 1, 30)) * rng.uniform(0.9, 1.1))


def halves(items: Sequence[T]) -> tuple[list[T], list[T]]:
    """Return the two halves of a failing batch, which are retried separately; the first is not the shorter."""
    middle = (len(items) + 1) // 2
    return list(items[:middle]), list(items[middle:])
