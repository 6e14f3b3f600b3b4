"""The clock of a server, which all processes of its boards follow. So a wrong clock of one machine has no effect."""

from __future__ import annotations

from collections.abc import Callable

from blackboard.clock import Instant, ObservingClock
from blackboard.durations import Duration

DRIFT_DIVISOR = 10_000
"""The monotonic clock of a machine drifts by less than one part in this number."""


class ServerClock(ObservingClock):
    """The clock of a server. Between two readings, the monotonic time of this machine is added to the last one.

    Each transaction observes the server's time. The quicker the reading, the more exact is the observation. So a slow
    observation does not replace a better one, unless the server's clock was set meanwhile.

    Args:
        read: Returns the time of the server.
    """

    def __init__(self, read: Callable[[], Instant]) -> None:
        self._read = read
        self._offset: Duration | None = None
        """The server's time minus the monotonic time; None before the first observation."""
        self._error: Duration = 0
        """The largest error of the offset when it was observed."""
        self._observed_at = 0

    def __repr__(self) -> str:
        return "ServerClock()"

    def now(self) -> Instant:
        """Return the time of the server.

        Raises:
            StoreError: The server was not reached yet, and is not reached now.
        """
        if self._offset is None:
            sent_at = self.monotonic()
            self.observe(self._read(), sent_at)
        assert self._offset is not None
        return self.monotonic() + self._offset

    def observe(self, shown: Instant, sent_at: Instant) -> None:
        """Take a time that the server has shown, if it is more exact than the last one."""
        arrived_at = self.monotonic()
        error = (arrived_at - sent_at) // 2
        offset = shown - (sent_at + error)
        aged = self._error + (arrived_at - self._observed_at) // DRIFT_DIVISOR
        if self._offset is None or error <= aged or abs(offset - self._offset) > error + aged:
            self._offset, self._error, self._observed_at = offset, error, arrived_at
