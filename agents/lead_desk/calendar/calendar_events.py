"""The events of a calendar as data, and the parts of them that cannot be read.

Everything that can be understood is read as it was meant. A part that cannot be read blocks its whole day and becomes a
`Problem`. So a mistake in one event does not affect other events, and never frees a time without a notice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from lead_desk.calendar.calendar_text import Component, Property
from lead_desk.calendar.calendar_times import (
    CalendarTime,
    UnreadableValue,
    days_in,
    parse_length,
    parse_period,
    parse_time,
    utc,
    wall_midnight,
)
from lead_desk.calendar.calendar_zones import Zones
from lead_desk.calendar.recurrence_rules import Rule, StepBudget, TooManySteps, parse_rule

__all__ = ["EventReader", "Problem", "Problems", "Series", "printable_uid"]

DAY = timedelta(days=1)
_RECURRENCE = frozenset((b"RRULE", b"EXRULE", b"RDATE", b"EXDATE"))
UNKNOWN_LENGTH = timedelta(hours=1)
"""The length of an event with a time and without an end. By the standard it has no length, and would block no
meeting.
"""
MAX_DATES = 200_000
"""The largest number of dates and periods in all RDATE, EXDATE and FREEBUSY of a file."""
MAX_GUESSES = 2000
"""The largest number of unreadable values that are searched for a day."""
SHORTEST_LENGTH = timedelta(minutes=1)
"""The length of an event that ends when it begins, so that it blocks a meeting at this time."""


@dataclass(frozen=True, order=True)
class Problem:
    """A part of an event that cannot be read."""

    uid: str
    """The UID of the event, or an empty text."""
    what: str
    days: tuple[date, ...] = ()
    """The days that are blocked because of the problem."""
    is_blocked: bool = True
    """Whether any time is blocked because of the problem."""
    is_partial: bool = False
    """Whether the event recurs on unknown days, which are not blocked."""

    def __str__(self) -> str:
        """Return the problem as a sentence."""
        if not self.is_blocked:
            effect = "its day is not known, so it blocks nothing"
        elif self.days:
            effect = f"it blocks {', '.join(map(str, self.days))}"
            effect += ", but not the days on which it recurs" if self.is_partial else ""
        else:
            effect = "it blocks the days or times on which it may take place"
        return f"{self.uid or 'an event without a UID'}: {self.what} cannot be read; {effect}"


@dataclass(slots=True)
class Series:
    """One VEVENT (a single event, a series, or a changed occurrence of a series), or one busy period."""

    uid: str
    start: CalendarTime
    length: timedelta
    whole_days: bool = False
    """Whether each occurrence blocks its whole day, because its times cannot be read."""
    blocks: bool = True
    sequence: int = 0
    rules: tuple[tuple[Rule, CalendarTime | None], ...] = ()
    """The recurrence rules of the event, each with its end; None for a rule without an end."""
    excluded_rules: tuple[tuple[Rule, CalendarTime | None], ...] = ()
    added: tuple[tuple[CalendarTime, timedelta], ...] = ()
    excluded: tuple[CalendarTime, ...] = ()
    replaces: CalendarTime | None = None
    """The occurrence of its series that it replaces."""
    and_following: bool = False
    is_unbounded: bool = False
    """Whether the event has more dates than are read. Such an event blocks all time from its start."""

    @property
    def recurs(self) -> bool:
        """Whether the event has occurrences after its start."""
        return bool(self.rules or self.added or self.is_unbounded)


@dataclass
class Problems:
    """The parts of a calendar that cannot be read, and the days that are blocked because of these parts."""

    found: dict[Problem, None] = field(default_factory=dict)
    days: list[CalendarTime] = field(default_factory=list)
    """The days that are blocked, and times whose whole days are blocked."""
    dates: StepBudget = field(default_factory=lambda: StepBudget(MAX_DATES))
    """How many dates in lists are still read."""
    guesses: StepBudget = field(default_factory=lambda: StepBudget(MAX_GUESSES))
    """How many values are still searched for a day."""

    def note(self, problem: Problem) -> None:
        """Add a problem, unless it was added before."""
        self.found[problem] = None


class EventReader:
    """A reader of the components of one VCALENDAR."""

    def __init__(self, problems: Problems, zones: Zones, holder: Component) -> None:
        self._problems, self._zones = problems, zones
        self._floating = zones.default(holder)
        self._is_cancelled = holder.text("METHOD").upper() == "CANCEL"

    def event(self, component: Component, uid: str) -> Series | None:
        """Return the series of a VEVENT; None if it has no start or no effect."""
        blocks = not self._is_cancelled and _blocks(component)
        mistakes = _Mistakes(self._problems, uid, is_silent=not blocks)
        replaces, and_following = self._replaced(component, mistakes)
        start = self._start(component, mistakes)
        if start is None:
            return None
        length = self._length(component, start, mistakes)
        series = Series(
            uid,
            start,
            SHORTEST_LENGTH if length is None else length,
            whole_days=length is None or not start.zone_is_known,
            blocks=blocks,
            sequence=_number(component.text("SEQUENCE")),
            replaces=replaces,
            and_following=and_following,
        )
        if component.has_any(_RECURRENCE):
            series.rules = tuple(self._rules(component, "RRULE", start, mistakes))
            series.excluded_rules = tuple(self._rules(component, "EXRULE", start, mistakes))
            try:
                series.added = tuple(self._added(component, length, mistakes))
                series.excluded = tuple(self._excluded(component, mistakes))
            except TooManySteps:
                series.is_unbounded = True
                mistakes.add("its list of dates", "it is too long")
        mistakes.report(start)
        return series

    def busy_periods(self, component: Component) -> Iterator[Series]:
        """Yield the busy periods of a VFREEBUSY."""
        uid = component.text("UID")
        for item in component.properties("FREEBUSY"):
            if (item.parameter("FBTYPE") or "").upper() == "FREE":
                continue
            try:
                texts, is_unbounded = self._texts(item), False
            except TooManySteps:
                texts, is_unbounded = [item.value.partition(",")[0]], True
            for text in texts:
                if (period := self._busy_period(uid, item, text, is_unbounded=is_unbounded)) is not None:
                    yield period

    def _busy_period(self, uid: str, item: Property, text: str, *, is_unbounded: bool) -> Series | None:
        mistakes = _Mistakes(self._problems, uid)
        try:
            start, length = parse_period(item, self._zones, self._floating, text)
        except UnreadableValue:
            mistakes.add("FREEBUSY", text, self._days(text))
            mistakes.report()
            return None
        if is_unbounded:
            mistakes.add("its list of periods", "it is too long")
            mistakes.report(start)
        return Series(uid, start, length, whole_days=not start.zone_is_known, is_unbounded=is_unbounded)

    def _texts(self, item: Property) -> list[str]:
        """Return the values of a list.

        Raises:
            TooManySteps: The lists of the file are too long together.
        """
        values = item.value.replace(";", ",")  # vCalendar 1.0 has semicolons in its lists
        self._problems.dates.take(values.count(",") + 1)
        return [text for text in values.split(",") if text.strip()]

    def _days(self, text: str) -> tuple[date, ...]:
        """Return the days that an unreadable value may mean."""
        try:
            self._problems.guesses.take(1)
        except TooManySteps:
            return ()
        return tuple(days_in(text))

    def _time(self, item: Property, text: str | None = None) -> CalendarTime:
        return parse_time(item, self._zones, self._floating, text)

    def _start(self, component: Component, mistakes: _Mistakes) -> CalendarTime | None:
        """Return when an event starts; None, with a recorded mistake, if that cannot be read."""
        item = component.property("DTSTART")
        if item is not None:
            try:
                start = self._time(item)
            except UnreadableValue:
                pass
            else:
                if not start.zone_is_known:
                    mistakes.add("TZID", item.parameter("TZID") or "", blocks_event_only=True)
                return start
        text = "" if item is None else item.value
        others = (component.text(name) for name in ("RECURRENCE-ID", "DTEND", "DUE"))
        mistakes.add("DTSTART", text, {day for value in (text, *others) for day in self._days(value)})
        mistakes.report()
        return None

    def _length(self, component: Component, start: CalendarTime, mistakes: _Mistakes) -> timedelta | None:
        """Return the length of an event; None if it cannot be read."""
        end, duration = component.property("DTEND"), component.property("DURATION")
        if end is not None:
            try:
                return _length_until(self._time(end), start)
            except UnreadableValue:
                if duration is None:
                    mistakes.add("DTEND", end.value)
                    return None
        if duration is None:
            return DAY if start.is_date else UNKNOWN_LENGTH
        try:
            length = parse_length(duration.value)
        except UnreadableValue:
            mistakes.add("DURATION", duration.value)
            return None
        return max(length, SHORTEST_LENGTH) if not start.is_date else max(-(-length // DAY), 1) * DAY

    def _rules(
        self, component: Component, name: str, start: CalendarTime, mistakes: _Mistakes
    ) -> Iterator[tuple[Rule, CalendarTime | None]]:
        for item in component.properties(name):
            rule, problems = parse_rule(item.value)
            until = None
            if rule is not None and rule.until is not None:
                try:
                    until = self._time(item, rule.until)
                except UnreadableValue:
                    problems.append(f"UNTIL={rule.until}")
            for problem in problems:
                mistakes.add(name, problem, is_partial=rule is None and name == "RRULE")
            if rule is not None and not (problems and name == "EXRULE"):  # what such a rule excludes is not known
                yield (rule.without_times() if start.is_date else rule), until

    def _added(
        self, component: Component, length: timedelta | None, mistakes: _Mistakes
    ) -> Iterator[tuple[CalendarTime, timedelta]]:
        values = [(item, text) for item in component.properties("RDATE") for text in self._texts(item)]
        for item, text in values:
            try:
                if "/" in text:
                    yield parse_period(item, self._zones, self._floating, text)
                else:
                    yield self._time(item, text), length or SHORTEST_LENGTH
            except UnreadableValue:
                mistakes.add("RDATE", text, self._days(text))

    def _excluded(self, component: Component, mistakes: _Mistakes) -> Iterator[CalendarTime]:
        for item in component.properties("EXDATE"):
            for text in self._texts(item):
                try:
                    yield self._time(item, text)
                except UnreadableValue:
                    mistakes.add("EXDATE", text, blocks_event_only=True)

    def _replaced(self, component: Component, mistakes: _Mistakes) -> tuple[CalendarTime | None, bool]:
        for item in component.properties("RECURRENCE-ID"):
            try:
                replaced = self._time(item)
            except UnreadableValue:
                mistakes.add("RECURRENCE-ID", item.value, blocks_event_only=True)
            else:
                return replaced, (item.parameter("RANGE") or "").upper() == "THISANDFUTURE"
        return None, False


class _Mistakes:
    """The unreadable parts of one event, until they are reported."""

    def __init__(self, problems: Problems, uid: str, *, is_silent: bool = False) -> None:
        self._problems, self._uid, self._is_silent = problems, uid, is_silent
        self._texts: list[str] = []
        self._days: set[date] = set()
        self._block_start = self._is_partial = False

    def add(
        self,
        name: str,
        text: str,
        days: Iterable[date] = (),
        *,
        blocks_event_only: bool = False,
        is_partial: bool = False,
    ) -> None:
        """Note a value, and the days that it means.

        Args:
            name: The name of the property.
            text: The part of it that cannot be read.
            days: The days that are blocked for it.
            blocks_event_only: Whether the value blocks nothing beyond the event itself.
            is_partial: Whether the event recurs on days that are not known.
        """
        value = "".join(character if character.isprintable() else "?" for character in text[:60])
        self._texts.append(f"{name}:{value}")
        self._days.update(days)
        self._block_start = self._block_start or not blocks_event_only
        self._is_partial = self._is_partial or is_partial

    def report(self, start: CalendarTime | None = None) -> None:
        """Report the noted problems, and block the days that the unreadable values mean, and the day of the start."""
        if not self._texts or self._is_silent:
            return
        days = {CalendarTime(wall_midnight(day), is_date=True) for day in self._days}
        if start is not None and self._block_start:
            days.add(start)
        self._problems.days += days
        shown = tuple(sorted({item.wall.date() for item in days}))
        description = ", ".join(self._texts[:5])
        is_blocked = bool(days) or start is not None
        self._problems.note(Problem(printable_uid(self._uid), description, shown, is_blocked, self._is_partial))


def printable_uid(uid: str) -> str:
    """Return a UID as logs and messages may show it: in one line, and not too long."""
    return "".join(character if character.isprintable() else "?" for character in uid[:200])


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _blocks(component: Component) -> bool:
    if component.text("STATUS").upper() in ("CANCELLED", "CANCELED", "DECLINED"):
        return False
    if transparency := component.text("TRANSP").upper():
        # vCalendar 1.0 has numbers: 0 is busy.
        return not transparency.startswith("TRANSPARENT") and not (transparency.isdecimal() and int(transparency[:9]))
    return component.text("X-MICROSOFT-CDO-BUSYSTATUS").upper() != "FREE"


def _length_until(end: CalendarTime, start: CalendarTime) -> timedelta:
    """Return the length of an event that has an end.

    Raises:
        UnreadableValue: The event ends before it begins, or only one of its two zones is known.
    """
    if start.is_date:
        late = not end.is_date and end.wall > wall_midnight(end.wall.date())
        days = end.wall.date() - start.wall.date() + (DAY if late else timedelta(0))
        if days < timedelta(0):
            raise UnreadableValue
        return max(days, DAY)
    if start.zone == end.zone or end.is_date or end.zone is None or start.zone is None:
        length = end.wall - start.wall
    else:
        length = utc(end.wall, end.zone) - utc(start.wall, start.zone)
    if length < timedelta(0) or start.zone_is_known != end.zone_is_known:
        raise UnreadableValue
    return max(length, SHORTEST_LENGTH)
