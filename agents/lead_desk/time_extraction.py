"""Finds the times that people name in what they write. It guesses no time that was not named; impossible ones drop out.

A weekday means the next one after today; days without a year mean the next such day.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from lead_desk.date_words import CONNECTORS, MONTHS, NEXT_WEEK, PARTS, RELATIVE, THIS_WEEK, WEEKDAYS
from lead_desk.requested_time import Wish, local, midnight, window

__all__ = ["wishes"]

MOST = 5
Hours = tuple[time, time | None]
"""From and until; until None for a single time, time.max for the end of the day."""


@dataclass(frozen=True)
class _Found:
    """Something named in a text: where, and as what. A day of None is an impossible one."""

    begin: int
    end: int
    sort: str
    days: tuple[date, date] | None = None
    hours: Hours | None = None


def wishes(text: str, said: datetime, now: datetime | None = None) -> list[Wish]:
    """The times named in a text that was written at `said`, an aware time in the zone that is meant.

    At most five, in the order named, none of them over by `now` (by default `said`).
    """
    zone = said.tzinfo
    assert isinstance(zone, ZoneInfo), "times need a zone"
    folded = unicodedata.normalize("NFKC", text[:5000]).casefold()
    days = _merged(folded, list(_days(folded, said.date())), said.date())
    hours = _kept(_hours(folded), [(day.begin, day.end) for day in days])
    found: dict[str, Wish] = {}
    for day, times in _paired(folded, days, hours):
        if day.days is None:
            continue
        spans: list[Hours | None] = [*times] or [None]
        for span in spans:
            wish = _wish(day.days, span, zone)
            if wish is not None and wish.future(now or said):
                found.setdefault(str(wish), wish)
    return list(found.values())[:MOST]


def _wish(days: tuple[date, date], hours: Hours | None, zone: ZoneInfo) -> Wish | None:
    first, last = days
    if hours is None or first != last:
        return window(first, last, zone)
    start = local(first, hours[0], zone)
    if start is None or hours[1] is None:
        return Wish(start) if start else None
    end = local(first, hours[1], zone) if hours[1] != time.max else midnight(first + timedelta(days=1), zone)
    return Wish(start, end) if end and start < end else None


def _any(words: object) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))  # type: ignore[call-overload]


_MONTH = _any(MONTHS)
_DAY = re.compile(
    rf"""(?P<iso>(?<!\d)(\d{{4}})-(\d{{1,2}})-(\d{{1,2}})(?!\d))
    |(?P<dots>(?<![\d.])(\d{{1,2}})\.\s?(\d{{1,2}})\.(?:\s?(\d{{4}}|\d\d)(?!\d))?(?!\d))
    |(?P<slash>(?<!\d)(\d{{1,2}})/(\d{{1,2}})/(\d{{4}})(?!\d))
    |(?P<named>(?<!\d)(\d{{1,2}})(?:st|nd|rd|th|\.|º|er)?\s*(?:of\s|de\s|di\s)?\s*({_MONTH})\b(?:,?\s*(?:de\s)?(\d{{4}}))?)
    |(?P<month>\b({_MONTH})\s+(\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)(?:,?\s*(\d{{4}})(?!\d))?)
    |(?P<next>\b(?:{_any(NEXT_WEEK)})\b)|(?P<this>\b(?:{_any(THIS_WEEK)})\b)
    |(?P<ahead>\b(?:in|dans|en|tra|over)\s(\d{{1,3}})\s(?:days?|tagen?|jours?|días?|dias?|giorni|dagen)\b)
    |(?P<relative>(?<!guten\s)(?<!\bla\s)\b({_any(RELATIVE)})\b)
    |(?P<weekday>\b({_any(WEEKDAYS)})s?\b)""",
    re.VERBOSE,
)


def _days(text: str, today: date) -> Iterator[_Found]:
    for match in _DAY.finditer(text):
        sort = match.lastgroup or ""
        values = [value for value in match.groups() if value is not None][1:]
        yield _Found(match.start(), match.end(), sort, _span(sort, values, today))


def _span(sort: str, values: list[str], today: date) -> tuple[date, date] | None:
    monday = today - timedelta(days=today.weekday())
    if sort == "next":
        return monday + timedelta(days=7), monday + timedelta(days=11)
    if sort == "this":
        return today, max(today, monday + timedelta(days=4))
    if sort == "weekday":
        day: date | None = today + timedelta(days=(WEEKDAYS[values[0]] - today.weekday() - 1) % 7 + 1)
    elif sort in ("relative", "ahead"):
        day = today + timedelta(days=RELATIVE[values[0]] if sort == "relative" else int(values[0]))
    elif sort == "iso":
        day = _date(*map(int, values), today=today)
    elif sort == "slash":
        one, two, year = map(int, values)
        day = _date(year, two, one, today=today) or _date(year, one, two, today=today)
    else:
        number, name = (values[1], values[0]) if sort == "month" else (values[0], values[1])
        year = int(values[2]) if len(values) > 2 else 0
        month = MONTHS[name] if name in MONTHS else int(name)
        day = _date(year + 2000 if 0 < year < 100 else year, month, int(number), today=today)
    return (day, day) if day else None


def _date(year: int, month: int, day: int, *, today: date) -> date | None:
    try:
        if year:
            return date(year, month, day) if abs(year - today.year) <= 2 else None
        this = date(today.year, month, day)
        return this if this >= today else date(today.year + 1, month, day)
    except ValueError:
        return None


_TOUCHING = re.compile(r"[\s,]*(?:(?:on|am|den|the|de|le|la|el)\s+){0,2}")


def _merged(text: str, found: list[_Found], today: date) -> list[_Found]:
    """The days, with those that are said in two ways brought together: `Tuesday, 10 March`; `Tuesday next week`."""
    days: list[_Found] = []
    for item in found:
        before = days[-1] if days else None
        if before is None or not _TOUCHING.fullmatch(text[before.end : item.begin]):
            days.append(item)
        elif "weekday" in (before.sort, item.sort) and "next" in (before.sort, item.sort) and before.sort != item.sort:
            weekday = (before if before.sort == "weekday" else item).days
            assert weekday is not None
            day = today + timedelta(days=7 - today.weekday() + weekday[0].weekday())
            days[-1] = _Found(before.begin, item.end, "merged", (day, day))
        elif before.sort == "weekday" and item.sort in ("iso", "dots", "slash", "named", "month"):
            days[-1] = _Found(before.begin, item.end, "merged", item.days)
        elif text[item.begin : item.end] == "morgen" and text[before.end : item.begin] == " ":
            days[-1] = _Found(before.begin, before.end, before.sort, before.days, (time(9), time(12)))
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
    |(?P<part>(?<!good\s)(?<!guten\s)(?<!buenas\s)\b({_any(PARTS)})s?\b)""",
    re.VERBOSE,
)


def _hours(text: str) -> Iterator[_Found]:
    for match in _HOURS.finditer(text):
        sort = match.lastgroup or ""
        given = match.group(sort)
        if sort == "part":
            begins, ends = PARTS[given if given in PARTS else given[:-1]]
            hours: Hours | None = (time(begins), time(ends))
        else:
            at = match.re.groupindex[sort]
            hours = _clocks(sort, [match.group(number) for number in range(at + 1, at + (7 if sort == "range" else 4))])
        if hours is not None:
            yield _Found(match.start(), match.end(), sort, hours=hours)


def _clocks(sort: str, parts: list[str | None]) -> Hours | None:
    """The hours that the numbers name; None for a bare number, which may be anything, and for 25:00."""
    bare = parts[-1] is None and parts[-2] is None
    if bare and sort in ("clock", "range"):
        return None
    end = _clock(parts[-3], parts[-2], parts[-1])
    if end is None:
        return None
    if sort == "range":
        start = _clock(parts[0], parts[1], parts[2] or (parts[5] if int(parts[0] or 0) <= int(parts[3] or 0) else None))
        return (start, end) if start and start < end else None
    return {"after": (end, time.max), "before": (time.min, end)}.get(sort, (end, None))


def _clock(hour: str | None, minute: str | None, marker: str | None) -> time | None:
    number, half = int(hour or 0), (marker or "").replace(".", "")
    if half in ("am", "pm"):
        if not 1 <= number <= 12:
            return None
        number = number % 12 + (12 if half == "pm" else 0)
    try:
        return time(number, int(minute or 0))
    except ValueError:
        return None


def _kept(found: Iterator[_Found], taken: list[tuple[int, int]]) -> list[_Found]:
    return [item for item in found if all(item.end <= begin or item.begin >= end for begin, end in taken)]


def _paired(text: str, days: list[_Found], hours: list[_Found]) -> list[tuple[_Found, list[Hours]]]:
    """Each day with its hours: a time belongs to the day before it, or else to the day that follows."""
    given: list[list[Hours]] = [[day.hours] if day.hours else [] for day in days]
    for item in hours:
        earlier = [number for number, day in enumerate(days) if day.end <= item.begin]
        later = [number for number, day in enumerate(days) if day.begin >= item.end]
        tied = later and re.fullmatch(rf"\s+(?:(?:{'|'.join(CONNECTORS)})\s+)+", text[item.end : days[later[0]].begin])
        if item.hours and (earlier or later):
            own = given[later[0] if tied or not earlier else earlier[-1]]
            if item.sort != "part" or not own:
                own.append(item.hours)
            elif own == [item.hours]:
                continue
    for number in range(len(days) - 2, -1, -1):  # "Monday or Tuesday afternoon"
        if not given[number] and days[number + 1].begin - days[number].end <= 6:
            given[number] = given[number + 1]
    return list(zip(days, given, strict=True))
