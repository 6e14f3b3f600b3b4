"""The delay between attempts."""

from __future__ import annotations

import random

LONGEST_BACKOFF = 3_600_000_000
"""One hour in microseconds."""


def backoff(first: int, attempt: int, rng: random.Random) -> int:
    """Return the microseconds to wait after a failed attempt: exponential backoff with jitter.

    The delay after the first attempt (number 1) doubles with each further one, up to one hour. The jitter is up to
    10 % in both directions.
    """
    return int(min(LONGEST_BACKOFF, first * 2 ** min(attempt - 1, 30)) * rng.uniform(0.9, 1.1))
