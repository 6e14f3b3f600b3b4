"""Extraction of times from text in six languages.

No time is guessed, and impossible times are dropped. A weekday means the next such day after today. A date without a
year means the next such date. Hours with a named zone are converted, and days that the writer excludes are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from lead_desk.language.date_words import CONNECTORS
from lead_desk.language.day_mentions import find_days, is_exception
from lead_desk.language.hour_mentions import find_hours
from lead_desk.language.requested_time import RequestedTime, local_time, midnight_in, whole_days
from lead_desk.language.text_normalization import MAX_CHARACTERS, normalize_text
from lead_desk.language.time_mention_types import DayForm, DayMention, DayRange, HourForm, HourMention, Hours
from lead_desk.language.zone_names import replace_zones

__all__ = ["extract_times"]

MAX_TIMES = 5
CHARACTERS_BETWEEN = 6
"""The number of characters between two days that share the hours of the second: `Monday or Tuesday afternoon`."""
_SATURDAY = 5


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
    plain, zones = replace_zones(normalize_text(text)[:MAX_CHARACTERS])
    folded = plain.casefold()
    days = find_days(folded, today)
    hours = list(find_hours(folded, zones, days))
    paired = _rest_of_week(folded, days, hours, today) or _pair(folded, days, hours)
    excluded = [day for day in days if day.is_excluded]
    times: dict[str, RequestedTime] = {}
    for day, hours_of_day in paired:
        if day.days is None or day.is_excluded:
            continue
        for requested in _requested_times(_without(day.days, excluded), hours_of_day, zone):
            if requested.is_ahead(now or written_at):
                times.setdefault(str(requested), requested)
    return list(times.values())[:MAX_TIMES]


def _rest_of_week(
    text: str, days: list[DayMention], hours: list[HourMention], today: date
) -> list[tuple[DayMention, list[Hours]]]:
    """Return the coming week with its hours if all days are excluded, as in `any day except Friday`; else nothing."""
    if not all(day.is_excluded for day in days) or not any(is_exception(text, day) for day in days):
        return []
    week = DayMention(0, 0, DayForm.REST_OF_WEEK, DayRange(today + timedelta(days=1), today + timedelta(days=7)))
    excluded_afternoons = {day.end + 1 for day in days}  # "except Friday afternoon" says nothing of other afternoons
    others = [item for item in hours if item.form is not HourForm.PART_OF_DAY or item.begin not in excluded_afternoons]
    return [(week, [item.hours for item in others])]


def _without(days: DayRange, excluded: Iterable[DayMention]) -> list[DayRange]:
    """Return the parts of some days that remain without the excluded days. A weekday is excluded in every week."""
    first, last = days
    parts: list[DayRange] = []
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        if any(_excludes(item, day) for item in excluded):
            continue
        if parts and parts[-1].last == day - timedelta(days=1):
            parts[-1] = DayRange(parts[-1].first, day)
        else:
            parts.append(DayRange(day, day))
    return parts


def _single_days(days: DayRange) -> list[DayRange]:
    """Return each day of a range alone; without Saturdays and Sundays if it has several days: `next week at 10`."""
    first, last = days
    each = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    return [DayRange(day, day) for day in each if first == last or day.weekday() < _SATURDAY]


def _excludes(item: DayMention, day: date) -> bool:
    if item.days is None:
        return False
    if item.form is DayForm.WEEKDAY:
        return item.days.first.weekday() == day.weekday()
    return item.days.first <= day <= item.days.last


def _requested_times(parts: Iterable[DayRange], hours: Sequence[Hours], zone: ZoneInfo) -> Iterator[RequestedTime]:
    """Yield the times that some days have at some hours; whole days if there are no hours."""
    spans: list[Hours | None] = [*hours] or [None]
    every_day = (days for part in parts for days in (_single_days(part) if hours else [part]))
    for days in every_day:
        for span in spans:
            if (requested := _requested_time(days, span, zone)) is not None:
                yield requested


def _requested_time(days: DayRange, hours: Hours | None, zone: ZoneInfo) -> RequestedTime | None:
    first, last = days
    if hours is None or first != last:
        return whole_days(first, last, zone)
    there = hours.zone or zone
    start = local_time(first, hours.start, there)
    if start is None or hours.end is None:
        return RequestedTime(start.astimezone(zone)) if start else None
    is_to_midnight = hours.end == time.max
    end = midnight_in(first + timedelta(days=1), there) if is_to_midnight else local_time(first, hours.end, there)
    if end is None or start >= end:
        return None
    return RequestedTime(start.astimezone(zone), end.astimezone(zone))


_CONNECTION = re.compile(rf"\s(?:(?:{'|'.join(CONNECTORS)})\s){{1,9}}")


def _pair(text: str, days: list[DayMention], hours: list[HourMention]) -> list[tuple[DayMention, list[Hours]]]:
    """Pair each day with its hours.

    Hours belong to the day before them. If a word connects them with the next day, or no day is before them, they
    belong to the next day.
    """
    hours_of_days: list[list[Hours]] = [[day.hours] if day.hours else [] for day in days]
    for item in hours:
        earlier = [number for number, day in enumerate(days) if day.end <= item.begin]
        later = [number for number, day in enumerate(days) if day.begin >= item.end]
        tied = later and _CONNECTION.fullmatch(text, item.end, days[later[0]].begin)
        if earlier or later:
            own = hours_of_days[later[0] if tied or not earlier else earlier[-1]]
            if item.form is not HourForm.PART_OF_DAY or not own:
                own.append(item.hours)
    for number in range(len(days) - 2, -1, -1):  # "Monday or Tuesday afternoon"
        if not hours_of_days[number] and days[number + 1].begin - days[number].end <= CHARACTERS_BETWEEN:
            hours_of_days[number] = hours_of_days[number + 1]
    return list(zip(days, hours_of_days, strict=True))
