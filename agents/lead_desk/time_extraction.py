"""Extraction of times from text in six languages.

No time is guessed, and impossible times are dropped. A weekday means the next such day after today. A date without a
year means the next such date.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from lead_desk.date_words import CONNECTORS, MONTHS, NEXT_WEEK, PARTS_OF_DAY, RELATIVE_DAYS, THIS_WEEK, WEEKDAYS
from lead_desk.requested_time import RequestedTime, local_time, midnight, whole_days

__all__ = ["extract_times"]

MAX_TIMES = 5
Hours = tuple[time, time | None]
"""Start and end. The end is None for a single time and time.max for the end of the day."""


@dataclass(frozen=True)
class _Mention:
    """A mention of days or hours in a text. `days` is None for an impossible date."""

    begin: int
    end: int
    category: str
    days: tuple[date, date] | None = None
    hours: Hours | None = None


def extract_times(text: str, written_at: datetime, now: datetime | None = None) -> list[RequestedTime]:
    """Return at most five times in a text, in the order of the text, without times that are over at `now`.

    Args:
        text: The text of a person.
        written_at: The time of writing, in the time zone of the times in the text.
        now: The current instant; by default `written_at`.
    """
    zone = written_at.tzinfo
    assert isinstance(zone, ZoneInfo), "times need a zone"
    today = written_at.date()
    folded = unicodedata.normalize("NFKC", text[:5000]).casefold()
    days = _merge_days(folded, list(_find_days(folded, today)), today)
    hours = _outside(_find_hours(folded), [(day.begin, day.end) for day in days])
    times: dict[str, RequestedTime] = {}
    for day, hours_of_day in _pair(folded, days, hours):
        if day.days is None:
            continue
        spans: list[Hours | None] = [*hours_of_day] or [None]
        for span in spans:
            requested = _requested_time(day.days, span, zone)
            if requested is not None and requested.is_ahead(now or written_at):
                times.setdefault(str(requested), requested)
    return list(times.values())[:MAX_TIMES]


def _requested_time(days: tuple[date, date], hours: Hours | None, zone: ZoneInfo) -> RequestedTime | None:
    first, last = days
    if hours is None or first != last:
        return whole_days(first, last, zone)
    start = local_time(first, hours[0], zone)
    if start is None or hours[1] is None:
        return RequestedTime(start) if start else None
    end = midnight(first + timedelta(days=1), zone) if hours[1] == time.max else local_time(first, hours[1], zone)
    return RequestedTime(start, end) if end and start < end else None


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_MONTH = _alternatives(MONTHS)
_DAY = re.compile(
    rf"""(?P<iso>(?<!\d)(\d{{4}})-(\d{{1,2}})-(\d{{1,2}})(?!\d))
    |(?P<dots>(?<![\d.])(\d{{1,2}})\.\s?(\d{{1,2}})\.(?:\s?(\d{{4}}|\d\d)(?!\d))?(?!\d))
    |(?P<slash>(?<!\d)(\d{{1,2}})/(\d{{1,2}})/(\d{{4}})(?!\d))
    |(?P<named>(?<!\d)(\d{{1,2}})(?:st|nd|rd|th|\.|º|er)?\s*(?:of\s|de\s|di\s)?\s*({_MONTH})\b(?:,?\s*(?:de\s)?(\d{{4}}))?)
    |(?P<month>\b({_MONTH})\s+(\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)(?:,?\s*(\d{{4}})(?!\d))?)
    |(?P<next>\b(?:{_alternatives(NEXT_WEEK)})\b)|(?P<this>\b(?:{_alternatives(THIS_WEEK)})\b)
    |(?P<ahead>\b(?:in|dans|en|tra|over)\s(\d{{1,3}})\s(?:days?|tagen?|jours?|días?|dias?|giorni|dagen)\b)
    |(?P<relative>(?<!guten\s)(?<!\bla\s)\b({_alternatives(RELATIVE_DAYS)})\b)
    |(?P<weekday>\b({_alternatives(WEEKDAYS)})s?\b)""",
    re.VERBOSE,
)


def _find_days(text: str, today: date) -> Iterator[_Mention]:
    for match in _DAY.finditer(text):
        category = match.lastgroup or ""
        values = [value for value in match.groups() if value is not None][1:]
        yield _Mention(match.start(), match.end(), category, _day_range(category, values, today))


def _day_range(category: str, values: list[str], today: date) -> tuple[date, date] | None:
    monday = today - timedelta(days=today.weekday())
    if category == "next":
        return monday + timedelta(days=7), monday + timedelta(days=11)
    if category == "this":
        return today, max(today, monday + timedelta(days=4))
    if category == "weekday":
        day: date | None = today + timedelta(days=(WEEKDAYS[values[0]] - today.weekday() - 1) % 7 + 1)
    elif category in ("relative", "ahead"):
        day = today + timedelta(days=RELATIVE_DAYS[values[0]] if category == "relative" else int(values[0]))
    elif category == "iso":
        day = _date(*map(int, values), today=today)
    elif category == "slash":
        first, second, year = map(int, values)
        day = _date(year, second, first, today=today) or _date(year, first, second, today=today)
    else:
        number, name = (values[1], values[0]) if category == "month" else (values[0], values[1])
        year = int(values[2]) if len(values) > 2 else 0
        month = MONTHS[name] if name in MONTHS else int(name)
        day = _date(year + 2000 if 0 < year < 100 else year, month, int(number), today=today)
    return (day, day) if day else None


def _date(year: int, month: int, day: int, *, today: date) -> date | None:
    try:
        if year:
            return date(year, month, day) if abs(year - today.year) <= 2 else None
        this_year = date(today.year, month, day)
        return this_year if this_year >= today else date(today.year + 1, month, day)
    except ValueError:
        return None


_SEPARATOR = re.compile(r"[\s,]*(?:(?:on|am|den|the|de|le|la|el)\s+){0,2}")


def _merge_days(text: str, mentions: list[_Mention], today: date) -> list[_Mention]:
    """Merge adjacent mentions of one day: `Tuesday, 10 March`; `Tuesday next week`."""
    days: list[_Mention] = []
    for item in mentions:
        before = days[-1] if days else None
        if before is None or not _SEPARATOR.fullmatch(text[before.end : item.begin]):
            days.append(item)
        elif {before.category, item.category} == {"weekday", "next"}:
            weekday = (before if before.category == "weekday" else item).days
            assert weekday is not None
            day = today + timedelta(days=7 - today.weekday() + weekday[0].weekday())
            days[-1] = _Mention(before.begin, item.end, "merged", (day, day))
        elif before.category == "weekday" and item.category in ("iso", "dots", "slash", "named", "month"):
            days[-1] = _Mention(before.begin, item.end, "merged", item.days)
        elif text[item.begin : item.end] == "morgen" and text[before.end : item.begin] == " ":
            days[-1] = _Mention(before.begin, before.end, before.category, before.days, (time(9), time(12)))
        else:
            days.append(item)
    return days


_CLOCK = r"(\d{1,2})(?:[:.h](\d\d))?\s*(a\.?m\.?|p\.?m\.?|uhr|h|o'?clock)?"
_HOURS = re.compile(
    rf"""(?P<range>(?<![\d.:]){_CLOCK}\s*(?:-|\u2013|to|bis|à|a|until|and|und|et|y)\s*{_CLOCK}(?![\d:]))
    |(?P<after>\b(?:after|from|nach|ab|après|apres|después\sde\slas|a\spartir\sde\slas|dopo\sle|na)\s+{_CLOCK}(?![\d:]))
    |(?P<before>\b(?:before|until|vor|bis|avant|antes\sde\slas|prima\sdelle|voor)\s+{_CLOCK}(?![\d:]))
    |(?P<at>\b(?:at|um|à|a\slas|alle|om)\s+{_CLOCK}(?![\d:%]))
    |(?P<clock>(?<![\d.:/-]){_CLOCK}(?![\d:]))
    |(?P<part>(?<!good\s)(?<!guten\s)(?<!buenas\s)\b({_alternatives(PARTS_OF_DAY)})s?\b)""",
    re.VERBOSE,
)


def _find_hours(text: str) -> Iterator[_Mention]:
    for match in _HOURS.finditer(text):
        category = match.lastgroup or ""
        word = match.group(category)
        if category == "part":
            begin, end = PARTS_OF_DAY[word if word in PARTS_OF_DAY else word[:-1]]
            hours: Hours | None = (time(begin), time(end))
        else:
            first = match.re.groupindex[category] + 1
            groups = range(first, first + (6 if category == "range" else 3))
            hours = _clock_hours(category, [match.group(number) for number in groups])
        if hours is not None:
            yield _Mention(match.start(), match.end(), category, hours=hours)


def _clock_hours(category: str, parts: list[str | None]) -> Hours | None:
    """Return the hours of a clock time; None for impossible hours and for a bare number, which may mean anything."""
    is_bare = parts[-1] is None and parts[-2] is None
    if is_bare and category in ("clock", "range"):
        return None
    end = _clock_time(parts[-3], parts[-2], parts[-1])
    if end is None:
        return None
    if category == "range":
        ascending = int(parts[0] or 0) <= int(parts[3] or 0)
        start = _clock_time(parts[0], parts[1], parts[2] or (parts[5] if ascending else None))  # "9 to 11am"
        return (start, end) if start and start < end else None
    return {"after": (end, time.max), "before": (time.min, end)}.get(category, (end, None))


def _clock_time(hour: str | None, minute: str | None, marker: str | None) -> time | None:
    number, suffix = int(hour or 0), (marker or "").replace(".", "")
    if suffix in ("am", "pm"):
        if not 1 <= number <= 12:
            return None
        number = number % 12 + (12 if suffix == "pm" else 0)
    try:
        return time(number, int(minute or 0))
    except ValueError:
        return None


def _outside(mentions: Iterable[_Mention], spans: list[tuple[int, int]]) -> list[_Mention]:
    return [item for item in mentions if all(item.end <= begin or item.begin >= end for begin, end in spans)]


def _pair(text: str, days: list[_Mention], hours: list[_Mention]) -> list[tuple[_Mention, list[Hours]]]:
    """Pair each day with its hours. A time belongs to the day before it, or else to the day that follows."""
    hours_of_days: list[list[Hours]] = [[day.hours] if day.hours else [] for day in days]
    for item in hours:
        earlier = [number for number, day in enumerate(days) if day.end <= item.begin]
        later = [number for number, day in enumerate(days) if day.begin >= item.end]
        tied = later and re.fullmatch(rf"\s+(?:(?:{'|'.join(CONNECTORS)})\s+)+", text[item.end : days[later[0]].begin])
        if item.hours and (earlier or later):
            own = hours_of_days[later[0] if tied or not earlier else earlier[-1]]
            if item.category != "part" or not own:
                own.append(item.hours)
    for number in range(len(days) - 2, -1, -1):  # "Monday or Tuesday afternoon"
        if not hours_of_days[number] and days[number + 1].begin - days[number].end <= 6:
            hours_of_days[number] = hours_of_days[number + 1]
    return list(zip(days, hours_of_days, strict=True))
