"""Mentions of days in a text, in six languages: dates, weekdays, `tomorrow`, and days that the writer excludes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, time, timedelta

from lead_desk.language.date_words import (
    AFFIRMATIONS,
    AFTER_CONJUNCTION,
    AFTER_EXCEPTION,
    AFTER_NEGATION,
    AT_HOUR,
    CONJUNCTIONS,
    CONTRACTED_VERBS,
    EXCEPTIONS,
    FROM_HOUR,
    LIMITS_OF_NEGATION,
    MONTHS,
    NEGATIONS_AFTER,
    NEGATIONS_BEFORE,
    NEXT_WEEK,
    REGRETS,
    RELATIVE_DAYS,
    THIS_WEEK,
    VERBS_BEFORE_NEGATION,
    WEEKDAYS,
    alternatives,
    phrases,
)
from lead_desk.language.time_mention_types import DayForm, DayMention, DayRange, Hours

__all__ = ["EXCEPT", "find_days", "is_exception"]

MAX_YEARS = 2
"""How many years from today a date with a year may be."""
CHARACTERS_BEFORE = 40
"""The number of characters before a day, or before hours, in which words may exclude them."""
_DATES = (DayForm.ISO, DayForm.DOTS, DayForm.SLASH, DayForm.DAY_MONTH, DayForm.MONTH_DAY)


def find_days(text: str, today: date) -> list[DayMention]:
    """Find the days of a text, seen from today, in the order of the text."""
    return _with_exclusions(text, _merge_days(text, _mentions_of_days(text, today), today))


EXCEPT = alternatives(EXCEPTIONS)
_EXCLUDED_BEFORE = re.compile(
    rf"(?P<exception>\b(?:{EXCEPT}))\s(?:(?:{alternatives(AFTER_EXCEPTION)})\s){{0,2}}$"
    rf"|(?:\b(?:{alternatives(NEGATIONS_BEFORE)})|n['\u2019]t)\s(?:(?:{alternatives(AFTER_NEGATION)})\s){{0,3}}$"
)
_EXCLUDED_AFTER = re.compile(
    rf"\s(?:(?:{phrases(VERBS_BEFORE_NEGATION)})\s)?(?:(?:{alternatives(REGRETS)})\s)?"
    rf"(?:{alternatives(NEGATIONS_AFTER)}|(?:{alternatives(CONTRACTED_VERBS)})n['\u2019]t)\b"
    rf"(?!\s(?:(?:{phrases(LIMITS_OF_NEGATION)})\b|(?:{phrases(FROM_HOUR)})\s\d|\d))"
)
_AFFIRMED_AFTER = re.compile(
    rf"[^.;,!?\n]{{0,30}}?(?:\b(?:{alternatives(AFFIRMATIONS)})\b"
    rf"|\d{{1,2}}(?:[:.h]\d\d|\s?[ap]\.?m\b|\s?uhr|h\b)|\b(?:{phrases(AT_HOUR)})\s\d)"
)
_AND = re.compile(
    rf"\s?(?:,|&|/|\b(?:{alternatives(CONJUNCTIONS)})\b){{1,9}}\s?(?:(?:{alternatives(AFTER_CONJUNCTION)})\s)?"
)


def _with_exclusions(text: str, days: list[DayMention]) -> list[DayMention]:
    """Return the days, and mark those that the writer excludes: `except Friday or Monday`; `Friday does not work`."""
    checked: list[DayMention] = []
    for day in days:
        last = checked[-1].end if checked else 0
        before = text[max(last, day.begin - CHARACTERS_BEFORE) : day.begin]
        follows = bool(checked) and _AND.fullmatch(text[last : day.begin]) is not None
        is_excluded = (
            _EXCLUDED_BEFORE.search(before) is not None
            or _EXCLUDED_AFTER.match(text, day.end) is not None
            or (follows and checked[-1].is_excluded and _AFFIRMED_AFTER.match(text, day.end) is None)
        )
        checked.append(replace(day, is_excluded=is_excluded))
    return checked


def is_exception(text: str, day: DayMention) -> bool:
    """Return whether a text excludes a day from the days that it names: `any day except Friday`."""
    match = _EXCLUDED_BEFORE.search(text[max(0, day.begin - CHARACTERS_BEFORE) : day.begin])
    return match is not None and match["exception"] is not None


_MONTH = alternatives(MONTHS)
_DAY = re.compile(
    rf"""(?P<iso>(?<!\d)(\d{{4}})-(\d{{1,2}})-(\d{{1,2}})(?!\d))
    |(?P<dots>(?<![\d.])(\d{{1,2}})\.\s?(\d{{1,2}})\.(?:\s?(\d{{4}})(?!\d)|(\d\d)(?![\d:h]))?(?!\d))
    |(?P<slash>(?<!\d)(\d{{1,2}})/(\d{{1,2}})/(\d{{4}})(?!\d))
    |(?P<named>(?<!\d)(\d{{1,2}})(?:st|nd|rd|th|\.|º|er)?\s?(?:of\s|de\s|di\s)?\s?
        ({_MONTH})\b(?:,?\s?(?:de\s)?(\d{{4}}))?)
    |(?P<month>\b({_MONTH})\s(\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)(?:,?\s?(\d{{4}})(?!\d))?)
    |(?P<next>\b(?:{alternatives(NEXT_WEEK)})\b)|(?P<this>\b(?:{alternatives(THIS_WEEK)})\b)
    |(?P<ahead>\b(?:in|dans|en|tra|over)\s(\d{{1,3}})\s(?:days?|tagen?|jours?|días?|dias?|giorni|dagen)\b)
    |(?P<relative>(?<!guten\s)(?<!\bla\s)\b({alternatives(RELATIVE_DAYS)})\b)
    |(?P<weekday>\b({alternatives(WEEKDAYS)})s?\b)""",
    re.VERBOSE,
)


def _mentions_of_days(text: str, today: date) -> Iterator[DayMention]:
    for match in _DAY.finditer(text):
        form = DayForm(match.lastgroup or "")
        values = [value for value in match.groups() if value is not None][1:]
        yield DayMention(match.start(), match.end(), form, _day_range(form, values, today))


def _day_range(form: DayForm, values: list[str], today: date) -> DayRange | None:
    """Return the first and the last day that words mean, seen from today; None if there is no such day."""
    monday = today - timedelta(days=today.weekday())
    if form is DayForm.NEXT_WEEK:
        return DayRange(monday + timedelta(days=7), monday + timedelta(days=11))
    if form is DayForm.THIS_WEEK:
        return DayRange(today, max(today, monday + timedelta(days=4)))
    if form is DayForm.WEEKDAY:
        day: date | None = today + timedelta(days=(WEEKDAYS[values[0]] - today.weekday() - 1) % 7 + 1)
    elif form in (DayForm.RELATIVE, DayForm.AHEAD):
        day = today + timedelta(days=RELATIVE_DAYS[values[0]] if form is DayForm.RELATIVE else int(values[0]))
    elif form is DayForm.ISO:
        day = _date(*map(int, values), today=today)
    elif form is DayForm.SLASH:
        first, second, year = map(int, values)
        day = _date(year, second, first, today=today) or _date(year, first, second, today=today)
    else:
        number, name = (values[1], values[0]) if form is DayForm.MONTH_DAY else (values[0], values[1])
        year = int(values[2]) if len(values) > 2 else 0
        month = MONTHS[name] if name in MONTHS else int(name)
        day = _date(year + 2000 if 0 < year < 100 else year, month, int(number), today=today)
    return DayRange(day, day) if day else None


def _date(year: int, month: int, day: int, *, today: date) -> date | None:
    try:
        if year:
            return date(year, month, day) if abs(year - today.year) <= MAX_YEARS else None
        this_year = date(today.year, month, day)
        return this_year if this_year >= today else date(today.year + 1, month, day)
    except ValueError:
        return None


_SEPARATOR = re.compile(r"[\s,]{0,9}(?:(?:on|am|den|the|de|le|la|el)\s){0,2}")


def _merge_days(text: str, mentions: Iterable[DayMention], today: date) -> list[DayMention]:
    """Merge adjacent mentions of one day: `Tuesday, 10 March`; `Tuesday next week`."""
    days: list[DayMention] = []
    for item in mentions:
        before = days[-1] if days else None
        if before is None or not _SEPARATOR.fullmatch(text[before.end : item.begin]):
            days.append(item)
        elif {before.form, item.form} == {DayForm.WEEKDAY, DayForm.NEXT_WEEK}:
            weekday = (before if before.form is DayForm.WEEKDAY else item).days
            assert weekday is not None
            day = today + timedelta(days=7 - today.weekday() + weekday.first.weekday())
            days[-1] = DayMention(before.begin, item.end, DayForm.MERGED, DayRange(day, day))
        elif before.form is DayForm.WEEKDAY and item.form in _DATES:
            days[-1] = DayMention(before.begin, item.end, DayForm.MERGED, item.days)
        elif text[item.begin : item.end] == "morgen" and text[before.end : item.begin] == " ":
            days[-1] = replace(before, hours=Hours(time(9), time(12)))
        else:
            days.append(item)
    return days
