"""The busy times of a calendar: which spans its events block, within limits of time and memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import chain

from lead_desk.calendar.calendar_events import DAY, EventReader, Problem, Problems, Series, printable_uid
from lead_desk.calendar.calendar_text import Component
from lead_desk.calendar.calendar_times import CalendarTime, local_day, utc, wall_midnight
from lead_desk.calendar.calendar_zones import Zones
from lead_desk.calendar.recurrence_rules import Frequency, Rule, StepBudget, TooManySteps

__all__ = ["BusyCalendar", "TimeSpan"]

TimeSpan = tuple[datetime, datetime]
"""Start and end, both aware."""

ZONE_MARGIN = 2 * DAY
"""More than the largest difference between two zones."""
_MAX_WINDOWS = 4


@dataclass
class BusyCalendar:
    """The busy times of one calendar file."""

    problems: Problems = field(default_factory=Problems)
    single: list[Series] = field(default_factory=list)
    """Events without recurrence."""
    groups: list[list[Series]] = field(default_factory=list)
    """The groups of events with one UID: a series and its changed occurrences."""
    _windows: dict[tuple[date, date, str], list[TimeSpan]] = field(default_factory=dict)

    @classmethod
    def read(cls, root: Component, is_own: Callable[[str], bool]) -> BusyCalendar:
        """Read the components of a file, without the events whose UID is the desk's own."""
        calendar = cls()
        by_uid: dict[str, list[Series]] = defaultdict(list)
        holders = [root, *(part for part in root.parts if part.name == "VCALENDAR")]
        zones = Zones(part for holder in holders for part in holder.parts if part.name == "VTIMEZONE")
        for holder in holders:
            reader = EventReader(calendar.problems, zones, holder)
            for part in holder.parts:
                calendar._read_part(part, reader, by_uid, is_own)
        for uid, group in by_uid.items():
            calendar._add(uid, group)
        return calendar

    def _read_part(
        self, part: Component, reader: EventReader, by_uid: dict[str, list[Series]], is_own: Callable[[str], bool]
    ) -> None:
        """Read one component of a file. An event goes into `by_uid`, since its changes are in other components."""
        if part.name == "VEVENT" and not is_own(uid := part.text("UID")):
            if (series := reader.event(part, uid)) is not None:
                by_uid[uid].append(series)
        elif part.name == "VFREEBUSY":
            for period in reader.busy_periods(part):
                self._add("", [period])

    def _add(self, uid: str, series: list[Series]) -> None:
        if uid:
            series = _newest(series)
        if len(series) > 1 and any(item.recurs for item in series) and any(item.replaces for item in series):
            self.groups.append(series)
            return
        for item in series:
            if item.blocks and item.recurs:
                self.groups.append([item])
            elif item.blocks:
                self.single.append(item)

    def spans(self, begin: datetime, end: datetime, zone: tzinfo) -> list[TimeSpan]:
        """Return the busy times between two instants in UTC and in order. No two overlap.

        Dates, and times without a zone, are read in `zone`.
        """
        first, last = begin.astimezone(UTC).date(), end.astimezone(UTC).date() + DAY
        key = (first, last, str(zone))
        if key not in self._windows:
            while len(self._windows) >= _MAX_WINDOWS:
                self._windows.pop(next(iter(self._windows)), None)
            self._windows[key] = _Window(
                self, utc(wall_midnight(first), UTC), utc(wall_midnight(last), UTC), zone
            ).spans()
        return [span for span in self._windows[key] if span[0] < end and span[1] > begin]


def _newest(series: list[Series]) -> list[Series]:
    """Return the newest revisions of events. Events with equal UID and SEQUENCE all count."""
    newest: dict[CalendarTime | None, int] = {}
    for item in series:
        newest[item.replaces] = max(item.sequence, newest.get(item.replaces, item.sequence))
    return [item for item in series if item.sequence == newest[item.replaces]]


class _Instances:
    """Occurrences of a series that are named elsewhere: by EXDATE, or by the RECURRENCE-ID of a changed occurrence."""

    def __init__(self, times: Iterable[CalendarTime], zone: tzinfo) -> None:
        self._zone = zone
        self._dates: set[date] = set()
        self._days: set[date] = set()
        self._walls: set[datetime] = set()
        self._instants: set[datetime] = set()
        for item in times:
            self._days.add(_day_of(item, zone))
            if item.is_date:
                self._dates.add(item.wall.date())
            else:
                self._instants.add(item.instant(zone))
                if item.zone is None:
                    self._walls.add(item.wall)

    def __contains__(self, start: CalendarTime) -> bool:
        """Return whether one of these times names an occurrence that begins at `start`."""
        if not self._days:
            return False
        day = start.wall.date()
        if start.is_date:
            return day in self._days
        return day in self._dates or start.wall in self._walls or start.instant(self._zone) in self._instants


def _day_of(item: CalendarTime, zone: tzinfo) -> date:
    """Return the whole day that a date or time names."""
    is_shifted = item.zone is UTC and item.wall != wall_midnight(item.wall.date())
    return local_day(item.instant(zone), zone) if is_shifted else item.wall.date()


class _Window:
    """The busy times of one calendar between two instants."""

    def __init__(self, calendar: BusyCalendar, begin: datetime, end: datetime, zone: tzinfo) -> None:
        self._calendar, self._begin, self._end, self._zone = calendar, begin, end, zone
        self._first = _shifted(begin.replace(tzinfo=None), -ZONE_MARGIN)
        self._last = _shifted(end.replace(tzinfo=None), ZONE_MARGIN)
        self._steps = StepBudget()

    def spans(self) -> list[TimeSpan]:
        """Return the spans in order, joined where they overlap."""
        calendar = self._calendar
        candidates = chain(
            (self._span(item, item.start, item.length) for item in calendar.single if self._is_near(item)),
            (span for group in sorted(calendar.groups, key=_density) for span in self._times_of_group(group)),
            (self._whole_days(item, item) for item in calendar.problems.days),
        )
        return _join(sorted(span for span in candidates if span[0] < self._end and span[1] > self._begin))

    def _is_near(self, item: Series) -> bool:
        return item.start.wall < self._last and _shifted(item.start.wall, item.length + ZONE_MARGIN) > self._first

    def _times_of_group(self, group: list[Series]) -> Iterator[TimeSpan]:
        changed = [item for item in group if item.replaces is not None]
        replaced = _Instances((item.replaces for item in changed if item.replaces is not None), self._zone)
        following = sorted((item for item in changed if item.and_following), key=_replaced_wall)
        for item in group:
            if item.is_unbounded and item.blocks:
                yield self._all_time(item)
            try:
                yield from self._times_of_series(item, replaced, following)
            except TooManySteps:
                if item.blocks:
                    reason = "RRULE (it recurs too often, or for too long)"
                    self._calendar.problems.note(Problem(printable_uid(item.uid), reason))
                    yield self._all_time(item)

    def _times_of_series(self, item: Series, replaced: _Instances, following: list[Series]) -> Iterator[TimeSpan]:
        self._steps.take(1)
        for start, length in self._occurrences(item):
            if item.replaces is None:
                if start not in replaced:
                    yield from self._times_of_occurrence(item, start, length, following)
            elif item.blocks:
                yield self._span(item, start, length)

    def _times_of_occurrence(
        self, item: Series, start: CalendarTime, length: timedelta, following: list[Series]
    ) -> Iterator[TimeSpan]:
        """Yield the span of an occurrence, as moved by the last change of "this and all following" that applies."""
        change = next((change for change in reversed(following) if _replaced_wall(change) <= start.wall), None)
        if change is not None:
            moved = _shifted(start.wall, change.start.wall - _replaced_wall(change))
            item, start, length = change, change.start.at(moved), change.length
        if item.blocks:
            yield self._span(item, start, length)

    def _occurrences(self, item: Series) -> Iterator[tuple[CalendarTime, timedelta]]:
        """Yield the start and length of each occurrence that may be in the window."""
        excluded = _Instances(item.excluded, self._zone)
        first = _shifted(self._first, -item.length)
        ruled_out = {wall for rule, until in item.excluded_rules for wall in self._walls(item, rule, until, first)}
        walls = chain([item.start.wall], *(self._walls(item, rule, until, first) for rule, until in item.rules))
        for wall in walls:
            start = item.start.at(wall)
            if start not in excluded and wall not in ruled_out:
                yield start, item.length
        for start, length in item.added:
            if start.wall < self._last and start.wall > _shifted(self._first, -length) and start not in excluded:
                yield start, length

    def _walls(self, item: Series, rule: Rule, until: CalendarTime | None, first: datetime) -> Iterator[datetime]:
        last = self._last if until is None else min(self._last, _shifted(until.wall, ZONE_MARGIN))
        for wall in rule.occurrences(item.start.wall, first, last, self._steps):
            if until is not None and self._is_over(item.start.at(wall), until):
                return
            yield wall

    def _is_over(self, start: CalendarTime, until: CalendarTime) -> bool:
        if start.is_date or until.is_date:
            return start.wall.date() > max(until.wall.date(), _day_of(until, self._zone))
        if until.zone is None:
            return start.wall > until.wall
        return start.instant(self._zone) > until.instant(self._zone)

    def _span(self, item: Series, start: CalendarTime, length: timedelta) -> TimeSpan:
        end = start.at(_shifted(start.wall, length))
        if item.whole_days:
            return self._whole_days(start, end)
        begin = start.instant(self._zone)
        return begin, max(end.instant(self._zone), begin + min(length, DAY))

    def _whole_days(self, start: CalendarTime, end: CalendarTime) -> TimeSpan:
        first, last = (
            local_day(item.instant(self._zone), self._zone) if item.zone_is_known else item.wall.date()
            for item in (start, end)
        )
        return utc(wall_midnight(first), self._zone), utc(_shifted(wall_midnight(max(first, last)), DAY), self._zone)

    def _all_time(self, item: Series) -> TimeSpan:
        """Return all time in which a series may have occurrences."""
        ends = [] if item.is_unbounded else [until for _, until in item.rules]
        last = self._last
        if ends and None not in ends:
            last = min(last, max(_shifted(until.wall, ZONE_MARGIN) for until in ends if until is not None))
        begin = max(item.start.instant(self._zone), self._begin)
        return begin, max(begin, utc(_shifted(last, item.length), UTC))


def _density(group: list[Series]) -> int:
    """Return how often a series recurs. Dense rules come last, because they may use up the steps that are left."""
    return max((rule.frequency for item in group for rule, _ in item.rules), default=Frequency.YEARLY)


def _replaced_wall(item: Series) -> datetime:
    assert item.replaces is not None
    return item.replaces.wall


def _shifted(wall: datetime, by: timedelta) -> datetime:
    """Return a wall time plus a length, at most the latest and at least the earliest time that Python can represent."""
    try:
        return wall + by
    except OverflowError:
        return datetime.max if by > timedelta(0) else datetime.min  # noqa: DTZ901 -- a wall time


def _join(spans: Iterable[TimeSpan]) -> list[TimeSpan]:
    """Join sorted spans that overlap."""
    joined: list[TimeSpan] = []
    for begin, end in spans:
        if joined and begin < joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((begin, end))
    return joined
