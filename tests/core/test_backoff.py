"""The delay between attempts doubles up to an hour, and its jitter stays within a tenth."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackboard.core.backoff import MAX_BACKOFF, backoff
from blackboard.durations import SECOND


class Extreme(random.Random):
    """A generator whose draws lie at one end of their range."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def random(self) -> float:
        return self.share


@pytest.mark.parametrize(
    ("attempt", "delay"), [(1, SECOND), (2, 2 * SECOND), (5, 16 * SECOND), (12, 2048 * SECOND), (13, MAX_BACKOFF)]
)
def test_the_delay_doubles_up_to_an_hour_within_a_tenth(attempt: int, delay: int) -> None:
    assert backoff(SECOND, attempt, Extreme(0.0)) == pytest.approx(0.9 * delay, abs=1)
    assert backoff(SECOND, attempt, Extreme(0.5)) == pytest.approx(delay, abs=1)
    assert backoff(SECOND, attempt, Extreme(1.0)) == pytest.approx(1.1 * delay, abs=1)


@given(first=st.integers(0, 10 * MAX_BACKOFF), attempt=st.integers(1, 10**9), seed=st.integers(0, 2**32))
def test_no_attempt_waits_more_than_a_tenth_over_an_hour(first: int, attempt: int, seed: int) -> None:
    delay = backoff(first, attempt, random.Random(seed))
    assert 0 <= delay <= 1.1 * MAX_BACKOFF
    assert delay >= 0.9 * min(first, MAX_BACKOFF) - 1


def test_attempts_that_failed_together_are_not_repeated_together() -> None:
    rng = random.Random(1)
    assert len({backoff(SECOND, 1, rng) for _ in range(100)}) > 90
