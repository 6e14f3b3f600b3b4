"""A time when a person asks to meet, and its exact text form. `time_extraction` reads natural language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

__all__ = ["RequestedTime", "local_time", "midnight_in", "parse_requested_time", "whole_days"]

_MAX_AHEAD = timedelta(days=731)


@dataclass(frozen=True)
class RequestedTime:
    """A time to meet: between `start` and `end`, or exactly at `start` if `end` is None."""

    start: datetime
    end: datetime | None = None

    def __str__(self) -> str:
        if self.end is None:
            return f"{self.start:%Y-%m-%dT%H:%M}"
        last = self.end - timedelta(microseconds=1)
        if self.start.time() == self.end.time() == time.min:
            first = f"{self.start:%Y-%m-%d}"
            return first if last.date() == self.start.date() else f"{first}/{last:%Y-%m-%d}"
        same_day = last.date() == self.start.date() and self.end.time() != time.min
        return f"{self.start:%Y-%m-%dT%H:%M}/" + (f"{self.end:%H:%M}" if same_day else f"{self.end:%Y-%m-%dT%H:%M}")

    def is_ahead(self, now: datetime) -> bool:
        """Return whether the time ends after `now` and starts within two years."""
        return (self.end or self.start) > now and self.start - now < _MAX_AHEAD


_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::\d\d)?)?(?:/(?:(\d{4}-\d\d-\d\d)[T ]?)?(\d\d:\d\d)?)?", re.ASCII
)


def parse_requested_time(text: str, zone: ZoneInfo) -> RequestedTime | None:
    """Parse a text such as `2026-03-04T10:00` or `2026-03-04T09:00/12:00`; return None if it is not valid."""
    match = _ISO.fullmatch(text.strip())
    if match is None:
        return None
    first, opens, last, closes = match.groups()
    try:
        day = date.fromisoformat(first)
        until = date.fromisoformat(last) if last else day
        if not 2000 <= day.year <= until.year <= 2200:
            return None
        if opens is None:
            return None if closes or text.strip().endswith("/") else whole_days(day, until, zone)
        start = local_time(day, time.fromisoformat(opens), zone)
        if "/" not in text:
            return RequestedTime(start) if start else None
        end = local_time(until, time.fromisoformat(closes), zone) if closes else None
        return RequestedTime(start, end) if start and end and start < end else None
    except ValueError:
        return None


def whole_days(first: date, last: date, zone: ZoneInfo) -> RequestedTime | None:
    """Return the time from the first day to the end of the last day, or None if they are in the wrong order."""
    return (
        RequestedTime(midnight_in(first, zone), midnight_in(last + timedelta(days=1), zone)) if first <= last else None
    )


def midnight_in(day: date, zone: tzinfo) -> datetime:
    """Return the instant when a day begins in a zone."""
    return datetime.combine(day, time.min, zone)


def local_time(day: date, at: time, zone: tzinfo) -> datetime | None:
    """Return the local time, or None if a clock change skips it."""
    local = datetime.combine(day, at.replace(second=0, microsecond=0), zone)
    return local if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None) else None
