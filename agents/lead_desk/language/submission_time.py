"""The time when an enquiry was sent, as forms and exports state it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from lead_desk.language.date_words import MONTHS
from lead_desk.language.zone_names import replace_zones

__all__ = ["parse_submission"]

_MAX_AHEAD = timedelta(days=1)
"""How far ahead of its deposit the time of an enquiry may be, because of a wrong clock or a missing zone."""
_NUMBERS = re.compile(r"(\d{1,4})\s?[-./]\s?(\d{1,2})\s?[-./]\s?(\d{1,4})(?!\d)")
_DAY_MONTH = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th|\.)?[\s/-](?:of\s|de\s)?([^\W\d]{3,12})\.?,?[\s/-](?:de\s)?(\d{4}|\d\d)(?!\d)"
)
_MONTH_DAY = re.compile(
    r"([^\W\d]{3,12})\.?\s(\d{1,2})(?:st|nd|rd|th)?(?:,?\s(\d{4})|\s(?=\d\d:\d\d.{0,20}\s(\d{4})(?!\d)))"
)
_EPOCH = re.compile(r"(\d{9,10})(\d{3}|\d{6}|\.\d{1,9})?", re.ASCII)
"""The seconds, milliseconds or microseconds since 1970."""
_MONTHS = MONTHS | {"mar": 3}
_CLOCK = re.compile(r"(?<!\d)(\d{1,2})[:.](\d\d)(?:[:.](\d\d))?\s?([ap])?\.?m?", re.IGNORECASE)


def parse_submission(text: str | None, deposited_at: datetime, zone: ZoneInfo) -> datetime | None:
    """Return when an enquiry was written; None if the text does not state it.

    A date such as 02/03/2026 has two readings. The later reading counts, unless it is more than a day after the
    deposit. A time without a zone is in the zone of the desk. A number of nine digits or more counts from 1970.

    Args:
        text: What the form states.
        deposited_at: The instant when the lead was deposited.
        zone: The time zone of the desk.
    """
    plain = " ".join((text or "")[:100].split())
    latest = deposited_at + _MAX_AHEAD
    times = [reading for reading in _readings(plain, zone) if reading <= latest and reading.year >= 2000]
    return max(times, default=None)


def _readings(text: str, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the instants that a text can mean. A day may be written in two orders of its numbers."""
    if (exact := _exact(text)) is not None:
        yield exact if exact.tzinfo else exact.replace(tzinfo=zone)
        return
    if (epoch := _EPOCH.fullmatch(text)) is not None:
        yield datetime.fromtimestamp(int(epoch[1]), UTC)
        return
    replaced, zones = replace_zones(text)
    for match, days in _dates(replaced):
        clock = _CLOCK.search(replaced, match.end())
        stated = zones[0] if zones and clock is not None else zone
        readings = [_instant(day, clock, stated) for day in days]
        yield from (reading for reading in readings if reading is not None)


def _exact(text: str) -> datetime | None:
    """Return the time of a text in the form of ISO 8601; None for any other text."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _instant(day: tuple[int, int, int], clock: re.Match[str] | None, zone: tzinfo) -> datetime | None:
    """Return the instant on a day (year, month and day of the month); None if there is no such day or time."""
    try:
        return datetime.combine(date(*day), _time(clock), zone)
    except ValueError:
        return None


def _dates(text: str) -> Iterator[tuple[re.Match[str], list[tuple[int, int, int]]]]:
    """Yield the first date in a text, if any, with the days (year, month, day) that it can mean."""
    if match := _NUMBERS.search(text):
        first, second, third = map(int, match.groups())
        if first > 31:
            yield match, [(first, second, third)]
        else:
            yield match, [(_year(third), second, first), (_year(third), first, second)]
        return
    for match in _DAY_MONTH.finditer(text):
        if month := _MONTHS.get(match[2].casefold()):
            yield match, [(_year(int(match[3])), month, int(match[1]))]
            return
    for match in _MONTH_DAY.finditer(text):
        if month := _MONTHS.get(match[1].casefold()):
            yield match, [(int(match[3] or match[4]), month, int(match[2]))]
            return


def _year(number: int) -> int:
    return number + 2000 if number < 100 else number


def _time(clock: re.Match[str] | None) -> time:
    if clock is None:
        return time.min
    hour = int(clock[1])
    if clock[4] and hour <= 12:
        hour = hour % 12 + (12 if clock[4].casefold() == "p" else 0)
    return time(hour, int(clock[2]))
