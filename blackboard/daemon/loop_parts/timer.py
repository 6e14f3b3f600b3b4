"""The alarm of a daemon, set by APScheduler.

There is one job, for one date. The job is in memory, is set anew for each instant, and only sets an event. The tables
record due work, so a lost job delays it by at most a tick. The job never repeats: if the clock leaps ahead, APScheduler
lists each skipped run of a repeated job, and after a leap of years this list takes gigabytes.

The job runs in the thread of the scheduler, so no second thread has to be started when it is due.
`misfire_grace_time` is None, because APScheduler otherwise drops a job that starts a second late.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC

from apscheduler.executors.debug import DebugExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger

from blackboard.clock import Instant, to_datetime

# APScheduler logs each job; the daemon has its own log.
logging.getLogger("apscheduler").setLevel(logging.CRITICAL)

JOB = "alarm"


class Timer:
    """A timer that calls `wake` from another thread, at an instant."""

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
        self._instant = instant  # before the job, which may run at once
        trigger = DateTrigger(to_datetime(instant), timezone=UTC)
        self.scheduler.add_job(self._due, trigger, id=JOB, replace_existing=True)

    def stop(self) -> None:
        """Forget the instant, and end the thread."""
        self.scheduler.shutdown(wait=False)

    def _due(self) -> None:
        self._instant = None
        self._wake()
