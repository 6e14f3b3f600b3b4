"""The clock of PostgreSQL, which all processes of its boards follow. So a wrong clock of one machine has no effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from blackboard.clock import Instant, ObservingClock
from blackboard.durations import Duration

DRIFT_DIVISOR = 10_000
"""The monotonic clock of a machine drifts by less than one part in this number."""


class _ClockReading(NamedTuple):
    """A reading of the database server's clock."""

    offset: Duration
    """The database server's time minus the monotonic time."""
    error: Duration
    """The largest error of the offset when it was observed."""
    at: Instant
    """The monotonic time when it was observed."""


class PostgresqlClock(ObservingClock):
    """The clock of PostgreSQL. Between two readings, the monotonic time of this machine is added to the last one.

    Each transaction observes the database server's time. The quicker the reading, the more exact is the observation. So
    a slow observation does not replace a better one, unless the database server's clock was set meanwhile.

    Args:
        read: Returns the time of the database server.
    """

    def __init__(self, read: Callable[[], Instant]) -> None:
        self._read = read
        self._best: _ClockReading | None = None
        """The reading that counts; None before the first."""

    def __repr__(self) -> str:
        return "PostgresqlClock()"

    def now(self) -> Instant:
        """Return the time of the database server.

        Raises:
            StoreError: The database server was not reached yet, and is not reached now.
        """
        best = self._best
        if best is None:
            sent_at = self.monotonic()
            best = self._take(self._read(), sent_at)
        return self.monotonic() + best.offset

    def observe(self, shown: Instant, sent_at: Instant) -> None:
        """Take a time that the database server has shown, if it is more exact than the last one."""
        self._take(shown, sent_at)

    def _take(self, shown: Instant, sent_at: Instant) -> _ClockReading:
        """Observe a time, and return the reading that counts from now on."""
        arrived_at, best = self.monotonic(), self._best
        error = (arrived_at - sent_at) // 2
        offset = shown - (sent_at + error)
        if best is not None:
            aged = best.error + (arrived_at - best.at) // DRIFT_DIVISOR
            if error > aged and abs(offset - best.offset) <= error + aged:
                return best
        self._best = _ClockReading(offset, error, arrived_at)
        return self._best
