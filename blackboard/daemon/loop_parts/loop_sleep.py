"""The sleep of the daemon's loop: until an instant, or until an event wakes it.

Under a system clock, a timer wakes the loop at the instant. A manual clock advances while it waits, so the loop waits
for its threads first: the clock must not run ahead of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from blackboard.board.facade import Blackboard
from blackboard.clock import Instant, SystemClock
from blackboard.daemon.loop_parts.timer import Timer
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
        self.wake = threading.Event()
        """An event that ends the sleep."""
        self._unsubscribe: Callable[[], None] = lambda: None
        self._timer: Timer | None = None

    def start(self) -> None:
        """Listen to the commits of the board, and start the timer if the clock needs one."""
        self._unsubscribe = self._board.subscribe(self.wake.set)
        if isinstance(self._clock, SystemClock):
            self._timer = Timer(self.wake.set)
            self._timer.start()

    def until_first(self, instants: Iterable[Instant], *, threads_work: bool) -> None:
        """Sleep at most until the first of some instants."""
        end = self._clock.now() + self._longest
        first = min([end, *instants])
        if self._timer is not None:
            assert isinstance(self._clock, SystemClock)  # it has the timer
            self._timer.set(self._clock.on_machine(first))
            self._clock.wait(self.wake, end)
        elif threads_work:
            self.for_threads()
        else:
            self._clock.wait(self.wake, first)

    def for_threads(self, deadline: Instant | None = None) -> None:
        """Sleep at most until a thread ends. A manual clock stands still during this sleep."""
        if self._timer is not None and deadline is not None:
            self._clock.wait(self.wake, deadline)
        else:
            self.wake.wait(MAX_SLEEP_SECONDS)

    def stop(self) -> None:
        """End the timer, and stop listening."""
        self._unsubscribe()
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
