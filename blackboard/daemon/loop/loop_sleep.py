"""The sleep of the daemon's loop: until an instant, or until an event wakes it.

A manual clock advances while it waits, so under such a clock the loop waits for its threads first: the clock must not
run ahead of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from blackboard.board.facade import Blackboard
from blackboard.clock import Instant, SystemClock
from blackboard.durations import Duration

MAX_SLEEP_SECONDS = 60
"""The seconds of real time until the loop checks its threads again."""


class LoopSleep:
    """The sleep of the loop.

    Args:
        board: The board, whose commits end the sleep.
        longest: The longest sleep in microseconds.
    """

    def __init__(self, board: Blackboard, longest: Duration) -> None:
        self._board, self._clock, self._longest = board, board.clock, longest
        self._has_system_clock = isinstance(board.clock, SystemClock)
        self.wake = threading.Event()
        """An event that ends the sleep."""
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Listen to the commits of the board."""
        self._unsubscribe = self._board.subscribe(self.wake.set)

    def until_first(self, instants: Iterable[Instant], *, threads_work: bool) -> None:
        """Sleep at most until the first of some instants."""
        if threads_work and not self._has_system_clock:
            self.for_threads()
        else:
            self._clock.wait(self.wake, min([self._clock.now() + self._longest, *instants]))

    def for_threads(self, deadline: Instant | None = None) -> None:
        """Sleep at most until a thread ends. A manual clock stands still during this sleep."""
        if self._has_system_clock and deadline is not None:
            self._clock.wait(self.wake, deadline)
        else:
            self.wake.wait(MAX_SLEEP_SECONDS)

    def stop(self) -> None:
        """Stop listening."""
        self._unsubscribe()
