"""Clocks and instants. This is the only module that reads the time.

An instant is a whole number of microseconds since 1970-01-01T00:00:00Z. Views and public results show datetimes.
"""

from __future__ import annotations

import os
import threading
import time
from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import ClassVar, Protocol

from blackboard.durations import DAY, MILLISECOND, Duration, Microseconds
from blackboard.errors import InvalidTime

Instant = int
"""Microseconds since 1970-01-01T00:00:00Z; of a monotonic time, since an arbitrary start."""

When = str | datetime | Instant
"""A time: ISO 8601 text, a datetime (UTC if it is naive), or microseconds since the epoch."""

LAST_INSTANT: Instant = 2**62
"""Microseconds since the epoch, later than any instant."""

DEFAULT_LEAP = Microseconds(365 * DAY)
"""The default leap: a clock that is further ahead of a board's last record is not trusted."""

MAX_PLATFORM_WAIT_SECONDS = 20 * 24 * 3600.0
"""The longest wait in seconds (20 days) that every platform supports: some count milliseconds in 32 bits."""

DEFAULT_START = datetime(2026, 1, 5, 9, tzinfo=UTC)
"""The instant at which a `ManualClock` starts, and the default of all other instants of tests: a Monday."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class UsedInstants:
    """The latest instant that a process has used for each board. So a board's time never goes back in the process."""

    def __init__(self) -> None:
        self._latest: dict[str, Instant] = {}
        self._lock = threading.Lock()

    def latest(self, board: str) -> Instant:
        """Return the latest instant that was used for a board, at least 0."""
        return self._latest.get(board, 0)

    def use(self, board: str, at: Instant) -> Instant:
        """Return the later of an instant and the latest instant used for a board, and record it as used."""
        with self._lock:
            latest = self._latest[board] = max(at, self._latest.get(board, 0))
            return latest

    def renew_lock(self) -> None:
        """Replace the lock in a forked child, because another thread of the parent may hold it."""
        self._lock = threading.Lock()


class Clock(Protocol):
    """The source of time for a board and a daemon."""

    @property
    def used(self) -> UsedInstants:
        """The instants of this clock that boards have used."""

    def now(self) -> Instant:
        """Return the current instant in microseconds since the epoch."""

    def monotonic(self) -> Instant:
        """Return the microseconds that the machine has run, from an arbitrary start.

        Steps of the clock and a sleep of the machine do not change it, so use it to measure lengths of time.
        """

    def wait(self, event: threading.Event, until: Instant | None) -> bool:
        """Wait for an event, at most until an instant, and return whether the event is set.

        Args:
            event: The event that ends the wait early.
            until: Microseconds since the epoch; None waits for the event without a limit.
        """


class SystemClock:
    """The clock of the machine. All its objects show the same time."""

    used: ClassVar[UsedInstants] = UsedInstants()

    def __repr__(self) -> str:
        return "SystemClock()"

    def now(self) -> Instant:
        """Return the time of the machine."""
        return time.time_ns() // 1000

    def monotonic(self) -> Instant:
        """Return the monotonic time of the machine."""
        return time.monotonic_ns() // 1000

    def wait(self, event: threading.Event, until: Instant | None) -> bool:
        """Wait in real time."""
        if until is None:
            return event.wait()
        # The platform refuses to wait for centuries. After the longest wait, the caller checks the time again.
        return event.wait(min(seconds_in(max(0, until - self.now())), threading.TIMEOUT_MAX))


os.register_at_fork(after_in_child=SystemClock.used.renew_lock)


class ObservingClock(SystemClock, ABC):
    """A clock that runs on from the last reading of another clock, such as the clock of a database."""

    @abstractmethod
    def observe(self, shown: Instant, sent_at: Instant) -> None:
        """Take over the time of the other clock from a response that has just arrived.

        Args:
            shown: The time in the response.
            sent_at: The monotonic time when the request was sent.
        """


class ManualClock:
    """A clock that changes only when a program moves it; for tests, forecasts and backtests.

    Waiting for an instant moves the clock there immediately, so a daemon on this clock runs through weeks without a
    pause.

    Args:
        start: The first instant; a naive datetime is UTC.
    """

    def __init__(self, start: When = DEFAULT_START) -> None:
        self.used = UsedInstants()
        self._now = instant_of(start)
        self._running = 0
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"ManualClock({str(to_datetime(self._now))!r})"

    def now(self) -> Instant:
        """Return the instant that the clock was moved to."""
        return self._now

    def monotonic(self) -> Instant:
        """Return the microseconds by which `advance`, `set` and `wait` have moved the clock forward."""
        return self._running

    def advance(self, by: timedelta) -> Instant:
        """Let time pass and return the new instant. A negative length sets the clock back, and no time passes.

        Args:
            by: The length of time.
        """
        with self._lock:
            self._now += by // _MICROSECOND
            self._running += max(0, by // _MICROSECOND)
            return self._now

    def step(self, by: timedelta) -> Instant:
        """Set the clock forward or back without letting time pass, and return the new instant.

        A person, a time server or a suspended machine changes a clock in this way.

        Args:
            by: The length of the step; negative to set the clock back.
        """
        with self._lock:
            self._now += by // _MICROSECOND
            return self._now

    def set(self, to: When) -> None:
        """Let time pass until an instant, or set the clock back to it. A naive datetime is UTC."""
        to = instant_of(to)
        with self._lock:
            self._running += max(0, to - self._now)
            self._now = to

    def wait(self, event: threading.Event, until: Instant | datetime | None) -> bool:
        """Move the clock forward to the instant, unless the event is set already. A naive datetime is UTC.

        Without an instant, do not wait.
        """
        if event.is_set() or until is None:
            return event.is_set()
        until = instant_of(until)
        with self._lock:
            self._running += max(0, until - self._now)
            self._now = max(self._now, until)
        return event.is_set()


def give_way() -> None:
    """Let other threads run once, without waiting."""
    time.sleep(0)


def sleep_for(length: Duration) -> None:
    """Sleep in real time, whatever clock a board has."""
    time.sleep(seconds_in(length))


def seconds_in(length: Duration) -> float:
    """Return a length of time in seconds."""
    return length / 1e6


def microseconds_in(seconds: float) -> Duration:
    """Return a length of time in seconds as whole microseconds."""
    return round(seconds * 1e6)


def milliseconds_in(microseconds: float) -> float:
    """Return a length of time, or the time from the epoch to an instant, in milliseconds."""
    return microseconds / MILLISECOND


def whole_milliseconds_in(length: Duration) -> int:
    """Return how many full milliseconds a length of time has, or the time from the epoch to an instant."""
    return length // MILLISECOND


def from_milliseconds(milliseconds: float) -> Duration:
    """Return milliseconds as whole microseconds."""
    return round(milliseconds * MILLISECOND)


@lru_cache(maxsize=64)  # the fields of a mark often have the same instant, and those of a list have some in common
def to_datetime(at: Instant) -> datetime:
    """Return an instant as an aware datetime in UTC.

    Args:
        at: Microseconds since the epoch.
    """
    return _EPOCH + timedelta(microseconds=at)


def from_datetime(at: datetime) -> Instant:
    """Return a datetime as an instant. A naive datetime is UTC."""
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND


def first_instant_of_days(now: Instant, days: int) -> Instant:
    """Return when the first of the last `days` days (UTC) began. Today is the last of them."""
    first = to_datetime(now - (days - 1) * DAY)
    return from_datetime(first.replace(hour=0, minute=0, second=0, microsecond=0))


def iso(at: Instant | None) -> str | None:
    """Return an instant as ISO 8601 text such as `2026-01-05T09:00:00.000000Z`, as the views show it."""
    return None if at is None else to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_instant(text: str) -> Instant:
    """Return an ISO 8601 date or time as an instant. Without a zone it is UTC.

    Raises:
        ValueError: The text is not ISO 8601.
    """
    return from_datetime(datetime.fromisoformat(text))


def instant_of(when: When) -> Instant:
    """Convert a time that a program gives to an instant.

    Args:
        when: ISO 8601 text, a datetime (UTC if it is naive), or microseconds since the epoch.

    Raises:
        InvalidTime: The value is not a time.
    """
    if isinstance(when, int):
        return when
    try:
        return parse_instant(when) if isinstance(when, str) else from_datetime(when)
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise InvalidTime(f"{when!r} is not a time; write it like 2027-01-31 or 2027-01-31T15:00:00+01:00") from None
