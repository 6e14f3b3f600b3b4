"""Extraction of times from text in six languages.

No time is guessed, and impossible times are dropped. A weekday means the next such day after today. A date without a
year means the next such date. Hours with a named zone are converted, and days that the writer excludes are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from lead_desk.language.date_words import (
    AFFIRMATIONS,
    AFTER_CONJUNCTION,
    AFTER_EXCEPTION,
    AFTER_NEGATION,
    CONJUNCTIONS,
    CONNECTORS,
    CONTRACTED_VERBS,
    EXCEPTIONS,
    HOUR_PREPOSITIONS,
    LABELS,
    LIMITS_OF_NEGATION,
    MONTHS,
    NEGATIONS_AFTER,
    NEGATIONS_BEFORE,
    NEXT_WEEK,
    PARTS_OF_DAY,
    REGRETS,
    RELATIVE_DAYS,
    THIS_WEEK,
    UNITS,
    VERBS_BEFORE_NEGATION,
    WEEKDAYS,
)
from lead_desk.language.requested_time import RequestedTime, local_time, midnight_in, whole_days
from lead_desk.language.text_normalization import MAX_CHARACTERS, normalize_text
from lead_desk.language.zone_names import replace_zones, zone_after

__all__ = ["extract_times"]

MAX_TIMES = 5
_SATURDAY = 5


class Hours(NamedTuple):
    """Hours of a day."""

    start: time
    end: time | None = None
    """None for a single time, and time.max for the end of the day."""
    zone: tzinfo | None = None
    """The time zone that the text names for them."""


@dataclass(frozen=True)
class _Mention:
    """A mention of days or hours in a text. `days` is None for an impossible date."""

    begin: int
    end: int
    category: str
    days: tuple[date, date] | None = None
    hours: Hours | None = None
    is_excluded: bool = False
    """Whether the writer cannot meet then: `except Friday`."""


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
    days = _with_exclusions(folded, _merge_days(folded, list(_find_days(folded, today)), today))
    hours = _outside(_find_hours(folded, zones), [(day.begin, day.end) for day in days])
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


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def _phrases(words: Iterable[str]) -> str:
    """Return the same, where a line break may also separate the words of a phrase."""
    return _alternatives(words).replace(r"\ ", r"\s")


_EXCEPT = _alternatives(EXCEPTIONS)
_EXCLUDED_BEFORE = re.compile(
    rf"(?P<exception>\b(?:{_EXCEPT}))\s(?:(?:{_alternatives(AFTER_EXCEPTION)})\s){{0,2}}$"
    rf"|(?:\b(?:{_alternatives(NEGATIONS_BEFORE)})|n['\u2019]t)\s(?:(?:{_alternatives(AFTER_NEGATION)})\s){{0,3}}$"
)
_EXCLUDED_AFTER = re.compile(
    rf"\s(?:(?:{_phrases(VERBS_BEFORE_NEGATION)})\s)?(?:(?:{_alternatives(REGRETS)})\s)?"
    rf"(?:{_alternatives(NEGATIONS_AFTER)}|(?:{_alternatives(CONTRACTED_VERBS)})n['\u2019]t)\b"
    rf"(?!\s(?:{_phrases(LIMITS_OF_NEGATION)}|\d))"
)
_AFFIRMED_AFTER = re.compile(
    rf"[^.;,!?\n]{{0,30}}?(?:\b(?:{_alternatives(AFFIRMATIONS)})\b"
    rf"|\d{{1,2}}(?:[:.h]\d\d|\s?[ap]\.?m\b|\s?uhr|h\b)|\b(?:{_alternatives(HOUR_PREPOSITIONS)})\s\d)"
)
_AND = re.compile(
    rf"\s?(?:,|&|/|\b(?:{_alternatives(CONJUNCTIONS)})\b){{1,9}}\s?(?:(?:{_alternatives(AFTER_CONJUNCTION)})\s)?"
)


def _with_exclusions(text: str, days: list[_Mention]) -> list[_Mention]:
    """Return the days, excluded if the writer cannot meet: `except Friday or Monday`; `Friday does not work`."""
    checked: list[_Mention] = []
    for day in days:
        before = text[max(0, day.begin - 40) : day.begin]
        follows = bool(checked) and _AND.fullmatch(text[checked[-1].end : day.begin]) is not None
        is_excluded = (
            _EXCLUDED_BEFORE.search(before) is not None
            or _EXCLUDED_AFTER.match(text, day.end) is not None
            or (follows and checked[-1].is_excluded and _AFFIRMED_AFTER.match(text, day.end) is None)
        )
        checked.append(replace(day, is_excluded=is_excluded))
    return checked


def _rest_of_week(
    text: str, days: list[_Mention], hours: list[_Mention], today: date
) -> list[tuple[_Mention, list[Hours]]]:
    """Return the coming week with its hours if all days are exceptions: `any day except Friday`; else nothing."""
    if not all(day.is_excluded for day in days) or not any(_is_exception(text, day) for day in days):
        return []
    week = _Mention(0, 0, "rest", (today + timedelta(days=1), today + timedelta(days=7)))
    excluded_afternoons = {day.end + 1 for day in days}  # "except Friday afternoon" says nothing of other afternoons
    others = [item for item in hours if item.category != "part" or item.begin not in excluded_afternoons]
    return [(week, [item.hours for item in others if item.hours])]


def _is_exception(text: str, day: _Mention) -> bool:
    match = _EXCLUDED_BEFORE.search(text[max(0, day.begin - 40) : day.begin])
    return match is not None and match["exception"] is not None


def _without(days: tuple[date, date], excluded: Iterable[_Mention]) -> list[tuple[date, date]]:
    """Return the parts of some days that remain without the excluded days. A weekday is excluded in every week."""
    first, last = days
    parts: list[tuple[date, date]] = []
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        if any(_excludes(item, day) for item in excluded):
            continue
        if parts and parts[-1][1] == day - timedelta(days=1):
            parts[-1] = (parts[-1][0], day)
        else:
            parts.append((day, day))
    return parts


def _single_days(days: tuple[date, date]) -> list[tuple[date, date]]:
    """Return each single day of a range, without Saturdays and Sundays: `next week at 10`."""
    first, last = days
    each = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    return [(day, day) for day in each if first == last or day.weekday() < _SATURDAY]


def _excludes(item: _Mention, day: date) -> bool:
    if item.days is None:
        return False
    if item.category == "weekday":
        return item.days[0].weekday() == day.weekday()
    return item.days[0] <= day <= item.days[1]


def _requested_times(
    parts: Iterable[tuple[date, date]], hours: Sequence[Hours], zone: ZoneInfo
) -> Iterator[RequestedTime]:
    """Yield the times that some days have at some hours; whole days if there are no hours."""
    spans: list[Hours | None] = [*hours] or [None]
    every_day = (days for part in parts for days in (_single_days(part) if hours else [part]))
    for days in every_day:
        for span in spans:
            if (requested := _requested_time(days, span, zone)) is not None:
                yield requested


def _requested_time(days: tuple[date, date], hours: Hours | None, zone: ZoneInfo) -> RequestedTime | None:
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


_MONTH = _alternatives(MONTHS)
_DAY = re.compile(
    rf"""(?P<iso>(?<!\d)(\d{{4}})-(\d{{1,2}})-(\d{{1,2}})(?!\d))
    |(?P<dots>(?<![\d.])(\d{{1,2}})\.\s?(\d{{1,2}})\.(?:\s?(\d{{4}})(?!\d)|(\d\d)(?![\d:h]))?(?!\d))
    |(?P<slash>(?<!\d)(\d{{1,2}})/(\d{{1,2}})/(\d{{4}})(?!\d))
    |(?P<named>(?<!\d)(\d{{1,2}})(?:st|nd|rd|th|\.|º|er)?\s?(?:of\s|de\s|di\s)?\s?
        ({_MONTH})\b(?:,?\s?(?:de\s)?(\d{{4}}))?)
    |(?P<month>\b({_MONTH})\s(\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)(?:,?\s?(\d{{4}})(?!\d))?)
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
    """Return the first and the last day that words mean, seen from today; None if there is no such day."""
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


_SEPARATOR = re.compile(r"[\s,]{0,9}(?:(?:on|am|den|the|de|le|la|el)\s){0,2}")


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
            days[-1] = _Mention(before.begin, before.end, before.category, before.days, Hours(time(9), time(12)))
        else:
            days.append(item)
    return days


_CLOCK = r"(\d{1,2})(?:[:.h](\d\d))?\s?(a\.?m\.?|p\.?m\.?|uhr|h|o'?clock)?"
_HOURS = re.compile(
    rf"""(?P<between>\b(?:between|from|zwischen|von|entre|de|da|tra|tussen|van)\s(?:les?\s|las\s)?
        {_CLOCK}\s?(?:-|\u2013|to|till|until|bis|à|a|y|et|e|en|and|und|tot)\s?{_CLOCK}(?![\d:%]))
    |(?P<range>(?<![\d.:]){_CLOCK}\s?(?:-|\u2013|to|bis|à|a|until|and|und|et|y)\s?{_CLOCK}(?![\d:]))
    |(?P<after>\b(?:after|from|nach|ab|après|apres|después\sde\slas|a\spartir\sde\slas|dopo\sle|na)\s{_CLOCK}(?![\d:]))
    |(?P<before>\b(?:before|until|vor|bis|avant|antes\sde\slas|prima\sdelle|voor)\s{_CLOCK}(?![\d:]))
    |(?P<at>\b(?:at|um|à|a\slas|alle|om)\s{_CLOCK}(?![\d:%]))
    |(?P<clock>(?<![\d.:/-]){_CLOCK}(?![\d:]))
    |(?P<part>(?<!good\s)(?<!guten\s)(?<!buenas\s)\b({_alternatives(PARTS_OF_DAY)})s?\b)""",
    re.VERBOSE,
)


_RANGES = ("between", "range")
_EXCLUDED_HOURS = re.compile(
    rf"\b(?:{_EXCEPT}|not|nicht|pas|non|niet|never)\s(?:(?:in|am|at|the|le|la|les|por|de|il|op|s)\s?){{0,3}}$"
)
"""Words before hours at which the writer cannot meet: `not before 10`, `außer vormittags`."""
_UNIT = re.compile(
    rf"\s?(?:[€$£%]|(?:{_alternatives(UNITS)})\b)"
    r"|\s?[a-zà-ÿ'\u2019-]{2,30}(?:\s[a-zà-ÿ'\u2019-]{2,30})?\s(?:street|road|avenue|ave|lane|boulevard|blvd|square)\b"
)
_LABEL = re.compile(rf"(?:[€$£#§+]\s?|\b(?:{_alternatives(LABELS)})\.?:?\s?|\d[\s/]\s?)$")
_DURATION_BEFORE = re.compile(
    r"\b(?:a|an|one|within|in|every|for|per|about|innerhalb|binnen|eine?n?|alle|für|pro|une?|pendant|durante|una?)\s$"
)


def _is_other_number(text: str, match: re.Match[str], parts: Sequence[str | None]) -> bool:
    """Return whether a number is a price, a count, a version, a telephone number or a duration."""
    before = text[max(0, match.start() - 20) : match.start()]
    if parts[-1] is not None and parts[-1] != "h":  # "3pm", "15 uhr"
        return False
    if parts[-1] == "h" and parts[-2] is None and len(parts) == 3:
        return _DURATION_BEFORE.search(before) is not None  # "a 2h call"
    has_colon = ":" in match.group()
    if _UNIT.match(text, match.end()) is not None or re.match(r"[.,]\d", text[match.end() :]):
        return not has_colon
    return not has_colon and _LABEL.search(before) is not None


def _find_hours(text: str, zones: Sequence[tzinfo]) -> Iterator[_Mention]:
    """Find the hours of a text. If the text names only one zone, all its hours are in that zone."""
    common = zones[0] if zones and all(zone == zones[0] for zone in zones) else None
    for match in _HOURS.finditer(text):
        category = match.lastgroup or ""
        word = match.group(category)
        if category == "part":
            begin, end = PARTS_OF_DAY[word if word in PARTS_OF_DAY else word[:-1]]
            hours: Hours | None = Hours(time(begin), time(end))
        else:
            first = match.re.groupindex[category] + 1
            groups = range(first, first + (6 if category in _RANGES else 3))
            parts = [match.group(number) for number in groups]
            hours = None if _is_other_number(text, match, parts) else _clock_hours(category, parts)
        if hours is not None and _EXCLUDED_HOURS.search(text[max(0, match.start() - 40) : match.start()]):
            hours = _other_hours(hours)
        if hours is not None:
            zone = zone_after(text, match.end(), zones) or common
            yield _Mention(match.start(), match.end(), category, hours=hours._replace(zone=zone))


def _other_hours(hours: Hours) -> Hours | None:
    """Return the hours of a day outside of some hours; None for a single time, which excludes too little."""
    if hours.end is None:
        return None
    if hours.end == time.max:
        return Hours(time.min, hours.start)
    is_early = hours.start < time(12)
    return Hours(hours.end, time.max) if is_early else Hours(time.min, hours.start)


def _clock_hours(category: str, parts: list[str | None]) -> Hours | None:
    """Return the hours of a clock time; None for impossible hours and for a bare number, which may mean anything."""
    is_bare = parts[-1] is None and parts[-2] is None
    if is_bare and category in ("clock", "range"):
        return None
    end = _clock_time(parts[-3], parts[-2], parts[-1])
    if end is None:
        return None
    if category in _RANGES:
        ascending = int(parts[0] or 0) <= int(parts[3] or 0)
        start = _clock_time(parts[0], parts[1], parts[2] or (parts[5] if ascending else None))  # "9 to 11am"
        return Hours(start, end) if start and start < end else None
    return {"after": Hours(end, time.max), "before": Hours(time.min, end)}.get(category, Hours(end))


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


_CONNECTION = re.compile(rf"\s(?:(?:{'|'.join(CONNECTORS)})\s){{1,9}}")


def _pair(text: str, days: list[_Mention], hours: list[_Mention]) -> list[tuple[_Mention, list[Hours]]]:
    """Pair each day with its hours. A time belongs to the day before it, or else to the day that follows."""
    hours_of_days: list[list[Hours]] = [[day.hours] if day.hours else [] for day in days]
    for item in hours:
        earlier = [number for number, day in enumerate(days) if day.end <= item.begin]
        later = [number for number, day in enumerate(days) if day.begin >= item.end]
        tied = later and _CONNECTION.fullmatch(text, item.end, days[later[0]].begin)
        if item.hours and (earlier or later):
            own = hours_of_days[later[0] if tied or not earlier else earlier[-1]]
            if item.category != "part" or not own:
                own.append(item.hours)
    for number in range(len(days) - 2, -1, -1):  # "Monday or Tuesday afternoon"
        if not hours_of_days[number] and days[number + 1].begin - days[number].end <= 6:
            hours_of_days[number] = hours_of_days[number + 1]
    return list(zip(days, hours_of_days, strict=True))
