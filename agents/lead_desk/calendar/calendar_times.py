"""The times of calendar files: `20260304T100000`, with or without a zone; dates, lengths and periods."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

from dateutil import parser
from icalendar import vDuration

from lead_desk.calendar.calendar_text import Property
from lead_desk.calendar.calendar_zones import Zones

__all__ = [
    "CalendarTime",
    "UnreadableValue",
    "days_in",
    "local_day",
    "parse_length",
    "parse_period",
    "parse_time",
    "utc",
]

_TIME = re.compile(
    r"""(\d{4})(-?)(\d\d)\2(\d\d)
    (?:[T\s](\d\d):?(\d\d)(?::?(\d\d)(?:[.,]\d{1,9})?)?\s{0,5}(?:(Z)|([+-])(\d\d):?(\d\d)?)?)?""",
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)
MAX_CHARACTERS = 100
"""The longest text of a time that is read."""
_MAX_LENGTH = date.max - date.min
"""The longest length. Python has no dates beyond it, and sums of a few lengths stay within `timedelta`."""


class UnreadableValue(Exception):
    """A value that does not have the form of its type."""


@dataclass(frozen=True, slots=True)
class CalendarTime:
    """A wall time in a zone, or a whole day."""

    wall: datetime
    is_date: bool = False
    zone: tzinfo | None = None
    """None for a date, for a time that holds in the zone of each reader, and if the zone is not known."""
    zone_is_known: bool = True

    def at(self, wall: datetime) -> CalendarTime:
        """Return another wall time in the same zone."""
        return CalendarTime(wall, self.is_date, self.zone, self.zone_is_known)

    def instant(self, local: tzinfo) -> datetime:
        """Return the time in UTC. Dates and times without a zone are in `local`."""
        return utc(self.wall, self.zone or local)


def utc(wall: datetime, zone: tzinfo) -> datetime:
    """Return a wall time in UTC. A time that Python cannot represent in UTC keeps its date and hour."""
    try:
        return wall.replace(tzinfo=zone).astimezone(UTC)
    except (OverflowError, ValueError):
        return wall.replace(tzinfo=UTC)


def local_day(instant: datetime, zone: tzinfo) -> date:
    """Return the day of an instant in a zone."""
    try:
        return instant.astimezone(zone).date()
    except (OverflowError, ValueError):
        return instant.date()


def parse_time(item: Property, zones: Zones, floating: tzinfo | None, text: str | None = None) -> CalendarTime:
    """Return the time of a property, or of one text in its list.

    Raises:
        UnreadableValue: The text is not a time.
    """
    text = (item.value if text is None else text).strip()
    match = _TIME.fullmatch(text) if len(text) <= MAX_CHARACTERS else None
    if match is None:
        raise UnreadableValue
    year, _, month, day, hour, minute, second, is_utc, sign, hours, minutes = match.groups()
    try:
        wall = datetime(int(year), int(month), int(day))  # noqa: DTZ001 -- a wall time
        if hour is None or item.parameter("VALUE") == "DATE":
            return CalendarTime(wall, is_date=True)
        late = hour == "24" and int(minute) == 0 == int(second or 0)
        wall += timedelta(days=1) if late else timedelta(0)
        wall = wall.replace(hour=0 if late else int(hour), minute=int(minute), second=min(int(second or 0), 59))
        if sign:
            offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
            return CalendarTime(wall, zone=timezone(-offset if sign == "-" else offset))
    except (ValueError, OverflowError):
        raise UnreadableValue from None
    if is_utc:
        return CalendarTime(wall, zone=UTC)
    if (name := item.parameter("TZID")) is None:
        return CalendarTime(wall, zone=floating)
    zone = zones.find(name)
    return CalendarTime(wall, zone=zone, zone_is_known=zone is not None)


def parse_length(text: str) -> timedelta:
    """Return the length in a DURATION, at most `_MAX_LENGTH`.

    Raises:
        UnreadableValue: The text is not a length, or the length is negative.
    """
    text = text.strip().upper()
    if len(text) > MAX_CHARACTERS or text.startswith("-"):
        raise UnreadableValue
    try:
        length: timedelta = vDuration(text).td
    except (ValueError, OverflowError) as error:
        if isinstance(error, OverflowError) or isinstance(error.__cause__, OverflowError):
            return _MAX_LENGTH
        raise UnreadableValue from None
    return min(length, _MAX_LENGTH)


def parse_period(item: Property, zones: Zones, floating: tzinfo | None, text: str) -> tuple[CalendarTime, timedelta]:
    """Return the start and the length of a period: `start/end` or `start/length`.

    Raises:
        UnreadableValue: The text is not a period.
    """
    first, _, second = text.partition("/")
    start = parse_time(item, zones, floating, first)
    if second.strip()[:1].upper() in ("P", "+"):
        return start, parse_length(second)
    end = parse_time(item, zones, floating, second)
    if end.wall < start.wall or end.zone != start.zone:
        raise UnreadableValue
    return start, end.wall - start.wall


def days_in(text: str) -> Iterator[date]:
    """Yield the days that a text in another form may mean: one for `4 March 2026`, two for `3/4/2026`."""
    if match := re.search(r"(?<!\d)(\d{4})(-?)(\d\d)\2(\d\d)", text[:MAX_CHARACTERS], re.ASCII):
        try:
            yield date(int(match[1]), int(match[3]), int(match[4]))
            return
        except ValueError:
            pass
    found: set[date] = set()
    for day_first in (True, False):
        try:
            guesses = {
                # Parts that the text does not name would be taken from the default.
                parser.parse(text[:MAX_CHARACTERS], default=default, dayfirst=day_first, ignoretz=True).date()
                for default in (datetime(2000, 1, 1), datetime(2001, 2, 2))  # noqa: DTZ001
            }
        except (ValueError, OverflowError, TypeError, AttributeError, IndexError, ArithmeticError):
            continue
        if len(guesses) == 1:
            found |= guesses
    yield from sorted(found)


def wall_midnight(day: date) -> datetime:
    """Return the wall time when a day begins."""
    return datetime.combine(day, time.min)
