"""Time limits of the reads of a thread."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from blackboard.clock import Instant, SystemClock
from blackboard.durations import Duration


class ReadLimits(threading.local):
    """The time limit of each thread."""

    end: Instant | None = None
    """The instant at which the reads of this thread are stopped, in monotonic time; None without a limit."""

    @contextlib.contextmanager
    def within(self, limit: Duration) -> Iterator[None]:
        """Stop the reads of this thread inside the context after a time, which begins now."""
        self.end = SystemClock().monotonic() + limit
        try:
            yield
        finally:
            self.end = None
