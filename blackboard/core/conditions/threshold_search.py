"""The search for the instant at which a value that only falls is below a threshold."""

from __future__ import annotations

import math
from collections.abc import Callable

from blackboard.clock import Instant
from blackboard.durations import SECOND, Duration

NEVER_FALLS_AFTER: Duration = 1 << 60
"""About 36,000 years. A value that stays up for longer counts as one that never falls."""


def first_below(value_at: Callable[[Instant], float], threshold: float, now: Instant) -> Instant | None:
    """Return the first instant after `now` at which a value is below a threshold; None if there is none.

    The search starts where a value that falls exponentially would reach the threshold, and ends with a bisection.

    Args:
        value_at: Returns the value at an instant. It is at least `threshold` at `now`, and never rises.
        threshold: Above 0.
        now: Microseconds since the epoch.
    """
    low, high, step = now, now + _expected_wait(value_at(now), value_at(now + SECOND), threshold), 1
    if value_at(high) < threshold:
        while (low := max(now, high - step)) > now and value_at(low) < threshold:
            high, step = low, step * 8
    else:
        low = high
        while value_at(high := low + step) >= threshold:
            low, step = high, step * 8
            if step > NEVER_FALLS_AFTER:
                return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if value_at(middle) < threshold else (middle, high)
    return high


def _expected_wait(value: float, second_later: float, threshold: float) -> Duration:
    """Return how long an exponential decay takes to the threshold; a second if the value does not fall."""
    fading = math.log(value / second_later) if value > second_later > 0 else 0.0
    return int(min(NEVER_FALLS_AFTER, SECOND * math.log(value / threshold) / fading)) + 1 if fading else SECOND
