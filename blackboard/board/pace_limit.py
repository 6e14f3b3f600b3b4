"""Paces work in the background, so that those who deposit keep most of the time. It knows nothing of the work."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from blackboard.clock import Clock

__all__ = ["Pace"]

T = TypeVar("T")

DELAY_FACTOR = 4
"""A rest lasts so many times as long as the piece of work before it."""


class Pace:
    """Says how long to rest between pieces of work: not at all while nobody else writes.

    Who waits for the board while a piece is done gets in after it, so that somebody else writes shows in the events
    that the next piece finds. A clock that stands still while work is done asks for no rest.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._from = 0
        self._last_event = 0
        self._crowded = False

    def piece(self, work: Callable[[], tuple[T, int, int]]) -> T:
        """Do a piece, which returns its result and the last event on the board as it found it and as it left it."""
        begun = self._clock.running()
        result, found, left = work()
        ended = self._clock.running()
        self._crowded, self._last_event = found != self._last_event, left
        self._from = ended + DELAY_FACTOR * (ended - begun)
        return result

    def delay(self, last_event: int) -> int:
        """Microseconds until the next piece may begin, if `last_event` is the last on the board now."""
        if not self._crowded and last_event == self._last_event:
            return 0
        return max(0, self._from - self._clock.running())
