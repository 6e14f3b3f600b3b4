"""The alarm of a daemon; the only module that imports APScheduler.

Jobs are kept in memory and only set an event. The tables record due work, so a lost job delays it by at most a tick.
`misfire_grace_time` is None, because APScheduler otherwise drops a job that starts a second late behind a busy pool.
The one-shot job gets a new id each time, because APScheduler skips a job whose id still runs.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
from collections.abc import Callable
from datetime import UTC

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from blackboard.clock import Instant, to_datetime

# APScheduler logs each job; the daemon has its own log.
logging.getLogger("apscheduler").setLevel(logging.ERROR)


class Alarm:
    """Calls `wake` from another thread, at an instant and, as a fallback, each `tick` microseconds."""

    def __init__(self, wake: Callable[[], None], tick: int) -> None:
        self._wake = wake
        self._tick = tick
        self._ids = itertools.count()
        self._armed: tuple[str, Instant] | None = None
        self._scheduler = BackgroundScheduler(
            jobstores={"default": MemoryJobStore()},
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
            timezone=UTC,
            daemon=True,
        )

    def start(self) -> None:
        """Start ticking."""
        self._scheduler.start()
        self._add_tick()

    def at(self, instant: Instant | None) -> None:
        """Wake at this instant instead of the previous instant; None for no instant."""
        if self._armed is not None:
            if self._armed[1] == instant:
                return
            with contextlib.suppress(JobLookupError):  # the job has run
                self._scheduler.remove_job(self._armed[0])
            self._armed = None
        if instant is not None:
            name = f"due-{next(self._ids)}"
            self._scheduler.add_job(self._due, DateTrigger(to_datetime(instant), timezone=UTC), args=[name], id=name)
            self._armed = (name, instant)

    def restart_tick(self) -> None:
        """Restart the tick after the clock was set back. Its job would wait until the old time is reached again."""
        self._scheduler.remove_job("tick")
        self._add_tick()

    def stop(self) -> None:
        """Stop ticking and forget the instant."""
        self._scheduler.shutdown(wait=False)

    def _add_tick(self) -> None:
        trigger = IntervalTrigger(seconds=max(1, self._tick // 1_000_000), timezone=UTC)
        self._scheduler.add_job(self._wake, trigger, id="tick", replace_existing=True)

    def _due(self, name: str) -> None:
        if self._armed is not None and self._armed[0] == name:
            self._armed = None
        self._wake()
