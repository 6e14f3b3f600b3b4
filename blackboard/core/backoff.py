"""The delay before the next attempt: exponential backoff with jitter."""

from __future__ import annotations

import random

from blackboard.durations import HOUR, Duration

MAX_BACKOFF: Duration = HOUR


def backoff(first: Duration, attempt: int, rng: random.Random) -> Duration:
    """Return the microseconds to wait after a failed attempt: exponential backoff with jitter.

    The delay after the first attempt (number 1) doubles with each further one, up to one hour. The jitter is up to
    10 % in both directions.
    """
    return int(min(MAX_BACKOFF, first * 2 ** min(attempt - 1, 30)) * rng.uniform(0.9, 1.1))
