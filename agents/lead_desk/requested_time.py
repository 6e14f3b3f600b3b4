"""A time at which somebody can meet, and its text form. It is exact about zones and knows no natural language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

__all__ = ["Wish", "local", "midnight", "parse_wish", "window"]

_FARTHEST = timedelta(days=731)


@dataclass(frozen=True)
class Wish:
    """A time at which somebody can meet: from `start` until before `end`, or exactly `start` where `end` is None."""

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

    def future(self, now: datetime) -> bool:
        """Whether any of it lies after `now`, and not absurdly far ahead."""
        return (self.end or self.start) > now and self.start - now < _FARTHEST


_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::\d\d)?)?(?:/(?:(\d{4}-\d\d-\d\d)[T ]?)?(\d\d:\d\d)?)?", re.ASCII
)


def parse_wish(text: str, zone: ZoneInfo) -> Wish | None:
    """The wish that a text such as `2026-03-04T10:00` or `2026-03-04T09:00/12:00` states, or None if it states none."""
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
            return None if closes or text.strip().endswith("/") else window(day, until, zone)
        start = local(day, time.fromisoformat(opens), zone)
        if "/" not in text:
            return Wish(start) if start else None
        end = local(until, time.fromisoformat(closes), zone) if closes else None
        return Wish(start, end) if start and end and start < end else None
    except ValueError:
        return None


def window(first: date, last: date, zone: ZoneInfo) -> Wish | None:
    """Whole days, from the first to the last; None where they are the wrong way round."""
    return Wish(midnight(first, zone), midnight(last + timedelta(days=1), zone)) if first <= last else None


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a day begins in a zone."""
    return datetime.combine(day, time.min, zone)


def local(day: date, at: time, zone: ZoneInfo) -> datetime | None:
    """The local time, or None where the clocks leap over it."""
    local = datetime.combine(day, at.replace(second=0, microsecond=0), zone)
    return local if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None) else None
