"""Notices that the clock was set, or that the machine slept: it moved by another length than the machine ran.

It changes nothing; slow corrections, as time servers make them, are under what it tells.
"""

from __future__ import annotations

from blackboard.clock import Clock, Instant

__all__ = ["ClockJumps"]

LEAST = 1_000_000
"""Microseconds between two looks that are no step."""


class ClockJumps:
    """Compares a clock with the time that the machine has run."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.latest: Instant = clock.now()
        """What the clock said at the look before."""
        self._running = clock.running()

    def look(self) -> int:
        """By how many microseconds the clock was set since the last look: 0, or at least a second either way."""
        now, running = self._clock.now(), self._clock.running()
        step = (now - self.latest) - (running - self._running)
        self.latest, self._running = now, running
        return step if abs(step) >= LEAST else 0
