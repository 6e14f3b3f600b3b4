"""A limit on the pace of background work, so that depositors keep most of the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from blackboard.clock import Clock

__all__ = ["Pace"]

T = TypeVar("T")

DELAY_FACTOR = 4
"""How many times longer than a piece of work the pause after it is."""


class Pace:
    """Decides how long to pause between pieces of background work: not at all while no other thread writes.

    A thread that waits for the board during a piece writes right after it. So the events that the next piece finds
    show whether others write. With a clock that stands still during the work, the pause is 0.
    """

    def __init__(self, clock: Clock) -> None:
        """Begin without a pause; `clock` measures how long a piece of work takes."""
        self._clock = clock
        self._resume_at = 0
        self._last_event = 0
        self._crowded = False

    def piece(self, work: Callable[[], tuple[T, int, int]]) -> T:
        """Run a piece of work and return its result.

        Args:
            work: Returns a result, and the id of the board's last event before and after the work.
        """
        started = self._clock.running()
        result, before, after = work()
        ended = self._clock.running()
        self._crowded, self._last_event = before != self._last_event, after
        self._resume_at = ended + DELAY_FACTOR * (ended - started)
        return result

    def delay(self, last_event: int) -> int:
        """Return the microseconds until the next piece may begin, given the id of the board's last event now."""
        if not self._crowded and last_event == self._last_event:
            return 0
        return max(0, self._resume_at - self._clock.running())
