"""The sleep of the daemon's loop: until an instant, or until an event wakes it, and the timer for the instant.

Under a system clock, a timer wakes the loop at the instant. A manual clock advances while it waits, so the loop waits
for its threads first: the clock must not run ahead of them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from datetime import UTC

from apscheduler.executors.debug import DebugExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger

from blackboard.board.facade import Blackboard
from blackboard.clock import Instant, SystemClock, to_datetime
from blackboard.durations import Duration

# APScheduler logs each job; the daemon has its own log.
logging.getLogger("apscheduler").setLevel(logging.CRITICAL)

JOB = "wake"
"""The id of the job."""
MAX_SLEEP_SECONDS = 60
"""The seconds of real time until the loop checks its threads again."""


class Timer:
    """A timer that calls `wake` from another thread, at an instant.

    APScheduler has one job, for one date. The job is in memory, is set anew for each instant, and only sets an event.
    The tables record due work, so a lost job delays it by at most a tick. The job never repeats: if the clock leaps
    ahead, APScheduler lists each skipped run of a repeated job, and after a leap of years this list takes gigabytes.

    The job runs in the thread of the scheduler, so no second thread has to be started when it is due.
    `misfire_grace_time` is None, because APScheduler otherwise drops a job that starts a second late.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._instant: Instant | None = None
        """The instant that the job is set for; None once it has run."""
        self.scheduler = BackgroundScheduler(
            jobstores={"default": MemoryJobStore()},
            executors={"default": DebugExecutor()},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
            timezone=UTC,
            daemon=True,
        )

    def start(self) -> None:
        """Start the thread."""
        self.scheduler.start()

    def set(self, instant: Instant) -> None:
        """Wake at this instant instead of the previous instant."""
        if self._instant == instant:
            return
        self._instant = instant  # before the job, which may run immediately
        trigger = DateTrigger(to_datetime(instant), timezone=UTC)
        self.scheduler.add_job(self._due, trigger, id=JOB, replace_existing=True)

    def stop(self) -> None:
        """Forget the instant, and end the thread."""
        self.scheduler.shutdown(wait=False)

    def _due(self) -> None:
        self._instant = None
        self._wake()


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
            assert isinstance(self._clock, SystemClock)  # only a system clock has a timer
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
