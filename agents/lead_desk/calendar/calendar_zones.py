"""The zones that a calendar file names: a name of IANA or Windows, a place, an offset, or a definition in the file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from lead_desk.calendar.calendar_text import Component
from lead_desk.calendar.recurrence_rules import Frequency, Rule, StepBudget, TooManySteps, parse_rule
from lead_desk.language.zone_names import ABBREVIATIONS, find_place

__all__ = ["Zones"]

_OFFSET = re.compile(r"(?:UTC|GMT|Z)?\s{0,5}([+-])\s{0,5}(\d{1,2})(?::?(\d\d))?(?::?(\d\d))?", re.IGNORECASE)
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)?Z?", re.ASCII)
_NUMBER_AT_END = re.compile(r"(?<=[a-z]{4})[\s_]?\d$")
"""The suffix that Outlook appends to the name of a zone that it defines a second time."""
_MAX_OFFSET = timedelta(hours=24)
MAX_NAME_CHARACTERS = 100


class Zones:
    """The zones of one file."""

    def __init__(self, definitions: Iterable[Component] = ()) -> None:
        self._defined: dict[str, Component] = {}
        for component in definitions:
            self._defined.setdefault(_clean(component.text("TZID")), component)
        self._found: dict[str, tzinfo | None] = {}

    def find(self, name: str) -> tzinfo | None:
        """Return the zone of a TZID; None if nothing says what it is."""
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def default(self, holder: Component) -> tzinfo | None:
        """Return the zone that a VCALENDAR states for times without a zone; None if it states none."""
        name = holder.text("X-WR-TIMEZONE") or holder.text("TZ")
        return _old_zone(name, holder) or self.find(name) if name else None

    def _find(self, name: str) -> tzinfo | None:
        clean = _clean(name)
        if len(clean) > MAX_NAME_CHARACTERS:
            return None
        known = _known_zone(clean)
        if known is None and (defined := self._defined.get(clean)) is not None:
            known = _known_zone(_clean(defined.text("X-LIC-LOCATION"))) or _defined_zone(defined)
        if known is None:
            known = _known_zone(_NUMBER_AT_END.sub("", clean))
        if known is None and (place := find_place(clean) or ABBREVIATIONS.get(clean.upper())) is not None:
            known = ZoneInfo(place)
        return known or _fixed_zone(clean)


def _clean(name: str) -> str:
    """Return a name as names are compared: without case, quotes, and the address before it."""
    name = name.strip().strip('"').strip().casefold()
    return name.removeprefix("tzone://").removeprefix("microsoft/").lstrip("/")


def _known_zone(name: str) -> tzinfo | None:
    if name in ("utc", "z", "gmt", "coordinated universal time"):
        return UTC
    names = _names()
    parts = name.split("/")
    # Some programs put the address of their database before the name.
    for place in range(len(parts)):
        if (zone := names.get("/".join(parts[place:]))) and (place == 0 or len(parts) - place > 1):
            return ZoneInfo(zone)
    return None


@cache
def _names() -> dict[str, str]:
    windows = {name.casefold(): place for name, place in WINDOWS_TO_OLSON.items()}
    return windows | {name.casefold(): name for name in available_timezones()}


def _fixed_zone(text: str) -> tzinfo | None:
    offset = _offset(text)
    return None if offset is None else timezone(offset)


def _offset(text: str) -> timedelta | None:
    if (match := _OFFSET.fullmatch(text.strip())) is None:
        return None
    sign, hours, minutes, seconds = match.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0), seconds=int(seconds or 0))
    return (-offset if sign == "-" else offset) if offset < _MAX_OFFSET else None


@dataclass(frozen=True)
class _Observance:
    """One STANDARD or DAYLIGHT part: an offset, and the wall times at which the offset begins."""

    before: timedelta
    after: timedelta
    start: datetime
    dates: tuple[datetime, ...] = ()
    rules: tuple[tuple[Rule, datetime | None], ...] = ()
    """Yearly rules, and the wall time up to which each holds."""

    def onsets(self, year: int) -> Iterator[datetime]:
        """Yield the wall times of a year from which the offset holds."""
        yield from (onset for onset in (self.start, *self.dates) if onset.year == year)
        begin, end = datetime(year, 1, 1), datetime(year, 12, 31, 23, 59)  # noqa: DTZ001 -- wall times
        for rule, until in self.rules:
            yield from rule.occurrences(self.start, begin, end if until is None else min(end, until), StepBudget())


class _DefinedZone(tzinfo):
    """A zone that a file defines in a VTIMEZONE."""

    def __init__(self, observances: Sequence[_Observance]) -> None:
        self._observances = observances
        self._first = min(observances, key=lambda item: item.start)
        # A rule has an onset each year. The last onset of a rule that has ended is in the year of its end or the year
        # before.
        ends = [until.year for item in observances for _, until in item.rules if until is not None]
        fixed = [onset.year for item in observances for onset in (item.start, *item.dates)]
        self._years = {*ends, *(year - 1 for year in ends), *fixed}
        self._onsets: dict[int, list[tuple[datetime, timedelta]]] = {}

    def utcoffset(self, at: datetime | None) -> timedelta:
        """Return the offset at a wall time: the offset of the last onset before that time."""
        assert at is not None
        wall = at.replace(tzinfo=None, fold=0)
        for year in sorted({wall.year, wall.year - 1, *self._years}, reverse=True):
            for onset, offset in reversed(self._onsets_of(year) if 0 < year <= wall.year else []):
                if onset <= wall:
                    return offset
        return self._first.before

    def dst(self, at: datetime | None) -> timedelta | None:
        """Return None: nothing in the program uses it."""
        return None

    def tzname(self, at: datetime | None) -> str | None:
        """Return None: nothing in the program uses it."""
        return None

    def _onsets_of(self, year: int) -> list[tuple[datetime, timedelta]]:
        if year not in self._onsets:
            onsets = {(onset, item.after) for item in self._observances for onset in item.onsets(year)}
            self._onsets[year] = sorted(onsets)
        return self._onsets[year]


def _defined_zone(component: Component) -> tzinfo | None:
    """Return the zone of a VTIMEZONE; None if it cannot be read."""
    try:
        zone = _DefinedZone([_observance(part) for part in component.parts if part.name in ("STANDARD", "DAYLIGHT")])
        zone.utcoffset(datetime(2000, 1, 1))  # noqa: DTZ001 -- a wall time
    except (ValueError, OverflowError, TooManySteps):
        return None
    return zone


def _old_zone(offset: str, holder: Component) -> tzinfo | None:
    """Return a zone of vCalendar 1.0: an offset, with another offset in each summer.

    `TZ:-08` and `DAYLIGHT:TRUE;-07;20260308T020000;20261101T020000;PST;PDT`.
    """
    if (usual := _offset(offset)) is None:
        return None
    summers: list[_Observance] = []
    try:
        for item in holder.properties("DAYLIGHT"):
            stated, *values = item.value.split(";")
            if stated.strip().upper() == "TRUE" and (summer := _offset(values[0])) is not None:
                begin, end = _wall(values[1]), _wall(values[2])
                summers += [_Observance(usual, summer, begin), _Observance(summer, usual, end)]
    except (ValueError, IndexError):
        return None
    return _DefinedZone(summers) if summers else timezone(usual)


def _observance(part: Component) -> _Observance:
    before, after = _offset(part.text("TZOFFSETFROM")), _offset(part.text("TZOFFSETTO"))
    if before is None or after is None:
        raise ValueError(
            f"the offset {part.text('TZOFFSETFROM' if before is None else 'TZOFFSETTO')!r} is not like +0100"
        )
    rules = []
    for item in part.properties("RRULE"):
        rule, problems = parse_rule(item.value)
        if rule is None or problems or rule.frequency != Frequency.YEARLY or rule.interval > 1 or rule.count:
            raise ValueError("a rule cannot be read")
        until = None if rule.until is None else _wall(rule.until) + before + timedelta(seconds=1)
        rules.append((rule, until))
    dates = tuple(_wall(text) for item in part.properties("RDATE") for text in item.value.split(","))
    return _Observance(before, after, _wall(part.text("DTSTART")), dates, tuple(rules))


def _wall(text: str) -> datetime:
    if (match := _TIME.fullmatch(text.strip())) is None:
        raise ValueError("a time cannot be read")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
    return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 -- a wall time
