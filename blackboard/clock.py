"""The one reader of the clock. Times are whole microseconds since the epoch, in UTC, everywhere below the views."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = [
    "LEAP",
    "Clock",
    "Instant",
    "ManualClock",
    "SystemClock",
    "from_datetime",
    "give_way",
    "iso",
    "parse_instant",
    "to_datetime",
]

Instant = int
"""Microseconds since 1970-01-01T00:00:00Z."""

LEAP = 365 * 24 * 3600 * 1_000_000
"""Microseconds ahead of a board's last record from which a clock is not believed, where nothing else is set."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Clock(Protocol):
    """Tells the time and waits; everything that needs either is given one of these."""

    def now(self) -> Instant:
        """The instant, in microseconds since the epoch."""

    def running(self) -> int:
        """Microseconds that this machine has run, from an arbitrary start: no step of the clock and no sleep of the
        machine moves it, so lengths of time are measured by it."""

    def wait(self, event: threading.Event, until: Instant | None) -> bool:
        """Wait for `event`, or until the instant; None waits for the event alone. True if the event is set."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> Instant:
        return time.time_ns() // 1000

    def running(self) -> int:
        return time.monotonic_ns() // 1000

    def wait(self, event: threading.Event, until: Instant | None) -> bool:
        if until is None:
            return event.wait()
        # The platform refuses to wait for centuries; whoever waits that long looks again.
        return event.wait(min(max(0, until - self.now()) / 1e6, threading.TIMEOUT_MAX))


class ManualClock:
    """A clock that stands still until it is moved: for tests, forecasts and backtests.

    Waiting for an instant moves it there at once, so a daemon on this clock runs through weeks without a pause.
    """

    def __init__(self, start: Instant | datetime = datetime(2026, 1, 5, 9, tzinfo=UTC)) -> None:
        self._now = from_datetime(start) if isinstance(start, datetime) else start
        self._running = 0
        self._lock = threading.Lock()

    def now(self) -> Instant:
        return self._now

    def running(self) -> int:
        return self._running

    def advance(self, by: timedelta) -> Instant:
        """Let time pass; a negative length is a clock that steps back."""
        with self._lock:
            self._now += by // _MICROSECOND
            self._running += max(0, by // _MICROSECOND)
            return self._now

    def step(self, by: timedelta) -> Instant:
        """Set the clock forward or back without any time passing, as a person, a server or a suspended machine does."""
        with self._lock:
            self._now += by // _MICROSECOND
            return self._now

    def set(self, to: Instant) -> None:
        """Let time pass until the instant `to`, or step back to it."""
        with self._lock:
            self._running += max(0, to - self._now)
            self._now = to

    def wait(self, event: threading.Event, until: Instant | None) -> bool:
        if event.is_set() or until is None:
            return event.is_set()
        with self._lock:
            self._running += max(0, until - self._now)
            self._now = max(self._now, until)
        return event.is_set()


def give_way() -> None:
    """Let the threads run that can, and go on; it waits for nothing."""
    time.sleep(0)


def to_datetime(at: Instant) -> datetime:
    """The instant as an aware datetime in UTC."""
    return _EPOCH + timedelta(microseconds=at)


def from_datetime(at: datetime) -> Instant:
    """An aware datetime as an instant; a naive one is taken as UTC."""
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND


def iso(at: Instant | None) -> str | None:
    """ISO 8601 text such as `2026-01-05T09:00:00.000000Z`, as the views show it."""
    return None if at is None else to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_instant(text: str) -> Instant:
    """An ISO 8601 date or time as an instant; without a zone it is UTC.

    Raises:
        ValueError: the text is not ISO 8601.
    """
    return from_datetime(datetime.fromisoformat(text))
