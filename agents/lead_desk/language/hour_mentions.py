"""Mentions of hours in a text, in six languages: clock times, spans, and parts of the day."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import time, tzinfo
from typing import NamedTuple

from lead_desk.language.date_words import (
    AFTER_HOUR,
    AFTER_ITALIAN_NEVER,
    ARTICLES_OF_HOURS,
    AT_HOUR,
    BEFORE_HOUR,
    BEFORE_NEGATED_HOURS,
    BETWEEN_HOURS,
    FROM_HOUR,
    LABELS,
    NEGATIONS_BEFORE,
    PARTS_OF_DAY,
    TO_HOUR,
    TO_HOUR_AFTER_FROM,
    UNITS,
    alternatives,
    phrases,
)
from lead_desk.language.day_mentions import CHARACTERS_BEFORE, EXCEPT
from lead_desk.language.time_mention_types import DayMention, HourForm, HourMention, Hours
from lead_desk.language.zone_names import zone_after

__all__ = ["find_hours"]

LABEL_CHARACTERS = 20
"""The number of characters before a number in which a label may show that it is no time: `room 12`."""

_CLOCK = r"(\d{1,2})(?:[:.h](\d\d))?\s?(a\.?m\.?|p\.?m\.?|uhr|h|o'?clock)?"


def _to_clock(words: tuple[str, ...]) -> str:
    return rf"\s?(?:-|\u2013|(?:{phrases(words)})(?:\s(?:{alternatives(ARTICLES_OF_HOURS)})\b)?)\s?{_CLOCK}"


_HOURS = re.compile(
    rf"""(?P<between>\b(?:{phrases((*BETWEEN_HOURS, *FROM_HOUR))})\s(?:(?:{alternatives(ARTICLES_OF_HOURS)})\s)?
        {_CLOCK}{_to_clock(TO_HOUR_AFTER_FROM)}(?![\d:%]))
    |(?P<range>(?<![\d.:]){_CLOCK}{_to_clock(TO_HOUR)}(?![\d:]))
    |(?P<after>\b(?:{phrases(AFTER_HOUR)})\s{_CLOCK}(?![\d:]))
    |(?P<before>\b(?:{phrases(BEFORE_HOUR)})\s{_CLOCK}(?![\d:]))
    |(?P<at>\b(?:{phrases(AT_HOUR)})\s{_CLOCK}(?![\d:%]))
    |(?P<clock>(?<![\d.:/-]){_CLOCK}(?![\d:]))
    |(?P<part>(?<!good\s)(?<!guten\s)(?<!buenas\s)\b({alternatives(PARTS_OF_DAY)})s?\b)""",
    re.VERBOSE,
)


_RANGES = (HourForm.BETWEEN, HourForm.RANGE)
_EXCLUDED_HOURS = re.compile(
    rf"(?:\b(?:{EXCEPT}|{alternatives(NEGATIONS_BEFORE)})|n['\u2019]t)\s"
    rf"(?:(?:{phrases(BEFORE_NEGATED_HOURS)})\s){{0,3}}(?:l['\u2019])?$"
)
"""Words before hours at which the writer cannot meet: `not before 10`, `außer vormittags`."""
_MONTH_OF_MAY = re.compile(rf"mai\s(?!(?:{alternatives(AFTER_ITALIAN_NEVER)})\b)")
"""The month, before a word that is not Italian: `im Mai vor 10 Uhr`."""
_UNIT = re.compile(
    rf"\s?(?:[€$£%]|(?:{alternatives(UNITS)})\b)"
    r"|\s?[a-zà-ÿ'\u2019-]{2,30}(?:\s[a-zà-ÿ'\u2019-]{2,30})?\s(?:street|road|avenue|ave|lane|boulevard|blvd|square)\b"
)
_LABEL = re.compile(rf"(?:[€$£#§+]\s?|\b(?P<word>{alternatives(LABELS)})\.?:?\s?|\d[\s/]\s?)$")
_DURATION_BEFORE = re.compile(
    r"\b(?:a|an|one|within|in|every|for|per|about|innerhalb|binnen|eine?n?|alle|für|pro|une?|pendant|durante|una?)\s$"
)


class _ClockParts(NamedTuple):
    """The groups of one `_CLOCK`, as the text has them."""

    hour: str
    minute: str | None
    marker: str | None
    """What follows the number: `pm`, `uhr`, `h`."""

    @property
    def is_bare(self) -> bool:
        """Whether the clock time is only a number."""
        return self.minute is None and self.marker is None


def _is_other_number(text: str, match: re.Match[str], clocks: Sequence[_ClockParts]) -> bool:
    """Return whether a number is a price, a count, a version, a telephone number or a duration."""
    before = text[max(0, match.start() - LABEL_CHARACTERS) : match.start()]
    last = clocks[-1]
    if last.marker is not None and last.marker != "h":  # "3pm", "15 uhr"
        return False
    if last.marker == "h" and last.minute is None and len(clocks) == 1:
        return _DURATION_BEFORE.search(before) is not None  # "a 2h call"
    has_colon = ":" in match.group()
    if _UNIT.match(text, match.end()) is not None or re.match(r"[.,]\d", text[match.end() :]):
        return not has_colon
    label = None if has_colon else _LABEL.search(before)
    # `no 10` is a number; `no antes de las 10` is a negation.
    return label is not None and (match.group()[0].isdigit() or label["word"] not in NEGATIONS_BEFORE)


def find_hours(text: str, zones: Sequence[tzinfo], days: Iterable[DayMention]) -> Iterator[HourMention]:
    """Find the hours of a text outside of its days. If the text names only one zone, all its hours are in that zone."""
    spans = [(day.begin, day.end) for day in days]
    common = zones[0] if zones and all(zone == zones[0] for zone in zones) else None
    for match in _HOURS.finditer(text):
        if any(begin < match.end() and match.start() < end for begin, end in spans):
            continue
        form = HourForm(match.lastgroup or "")
        word = match.group(form)
        if form is HourForm.PART_OF_DAY:
            begin, end = PARTS_OF_DAY[word if word in PARTS_OF_DAY else word[:-1]]
            hours: Hours | None = Hours(time(begin), time(end))
        else:
            first = match.re.groupindex[form] + 1
            begins = (first, first + 3) if form in _RANGES else (first,)
            clocks = [_ClockParts(*match.group(begin, begin + 1, begin + 2)) for begin in begins]
            hours = None if _is_other_number(text, match, clocks) else _clock_hours(form, clocks)
        # A day is no negation of the hours after it: `5. Mai vor 10 Uhr`, where an Italian `mai` would be one.
        before = max(0, match.start() - CHARACTERS_BEFORE, *(end for _, end in spans if end <= match.start()))
        excluded = _EXCLUDED_HOURS.search(text, before, match.start())
        if hours is not None and excluded is not None and not _MONTH_OF_MAY.match(text, excluded.start()):
            hours = _other_hours(hours)
        if hours is not None:
            zone = zone_after(text, match.end(), zones) or common
            yield HourMention(match.start(), match.end(), form, hours._replace(zone=zone))


def _other_hours(hours: Hours) -> Hours | None:
    """Return the hours that are left if some are excluded; None for a single time, which excludes too little.

    If the excluded hours begin before noon and end before midnight, return the hours after them. In all other cases,
    return the hours before them.
    """
    if hours.end is None:
        return None
    if hours.end == time.max:
        return Hours(time.min, hours.start)
    is_early = hours.start < time(12)
    return Hours(hours.end, time.max) if is_early else Hours(time.min, hours.start)


def _clock_hours(form: HourForm, clocks: Sequence[_ClockParts]) -> Hours | None:
    """Return the hours of a clock time; None for impossible hours and for a bare number, which may mean anything."""
    first, last = clocks[0], clocks[-1]
    if last.is_bare and form in (HourForm.CLOCK, HourForm.RANGE):
        return None
    end = _clock_time(last)
    if end is None:
        return None
    if form in _RANGES:
        ascending = int(first.hour) <= int(last.hour)
        marker = first.marker or (last.marker if ascending else None)  # "9 to 11am"
        start = _clock_time(first._replace(marker=marker))
        return Hours(start, end) if start and start < end else None
    return {HourForm.AFTER: Hours(end, time.max), HourForm.BEFORE: Hours(time.min, end)}.get(form, Hours(end))


def _clock_time(clock: _ClockParts) -> time | None:
    number, suffix = int(clock.hour), (clock.marker or "").replace(".", "")
    if suffix in ("am", "pm"):
        if not 1 <= number <= 12:
            return None
        number = number % 12 + (12 if suffix == "pm" else 0)
    try:
        return time(number, int(clock.minute or 0))
    except ValueError:
        return None
