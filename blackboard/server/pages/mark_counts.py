"""The numbers of live marks. On a very large board they are counted less often than pages are rendered."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from blackboard import Blackboard
from blackboard.board import page_readings
from blackboard.durations import MILLISECOND, Duration

QUICK_COUNT_TIME: Duration = 20 * MILLISECOND
"""A count that takes no longer is repeated each time."""
COUNTS_REUSE_FACTOR = 20
"""After a count that took longer, its result is used for this many times as long."""


class LiveCounts:
    """The numbers of live marks of one board. All methods are thread-safe.

    Args:
        board: The board that the server serves.
    """

    def __init__(self, board: Blackboard) -> None:
        self._board, self._lock = board, threading.Lock()
        self._counts: Mapping[str, int] = {}
        self._until = 0

    def now(self) -> Mapping[str, int]:
        """Return the number of live marks of each kind that has any."""
        clock = self._board.clock
        with self._lock:
            began = clock.monotonic()
            if began >= self._until:
                self._counts = page_readings.live_counts(self._board)
                ended = clock.monotonic()
                self._until = ended + COUNTS_REUSE_FACTOR * (ended - began) if ended - began > QUICK_COUNT_TIME else 0
            return self._counts
