"""Recurrence rules of calendar events (RFC 5545), followed inside a window and with a limited number of steps.

The usual libraries follow a rule from its first day. If a rule never matches, they search up to the year 9999, and
nothing can interrupt them. Here each period in the window is tested alone, so the cost depends only on the window. Only
a rule with a COUNT is followed from its start.
"""

from __future__ import annotations

import re
from calendar import isleap, monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from enum import IntEnum
from functools import cached_property
from itertools import product

from lead_desk.calendar.vcalendar_recurrence import clip_number, translate_old_rule

__all__ = ["Frequency", "Rule", "StepBudget", "TooManySteps", "parse_rule"]

MAX_STEPS = 50_000
"""The largest number of days and times that are tested for one rule."""
MAX_STEPS_TOGETHER = 1_000_000
"""The largest number of days and times that are tested for all rules of a calendar. This takes a few seconds."""
STEPS_PER_OCCURRENCE = 5
"""The steps that one occurrence in the window costs."""
MAX_TEXT_CHARACTERS = 100_000
"""The longest raw text of a rule that is read."""
MAX_RULE_CHARACTERS = 2000
"""The longest text of a rule after its long numbers are shortened."""
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DAY = re.compile(rf"([+-]?\d{{1,2}})?({'|'.join(_WEEKDAYS)})[A-Z]{{0,10}}")
_RANGES = {
    "BYMONTH": range(1, 13),
    "BYMONTHDAY": range(-31, 32),
    "BYYEARDAY": range(-366, 367),
    "BYWEEKNO": range(-53, 54),
    "BYHOUR": range(24),
    "BYMINUTE": range(60),
    "BYSECOND": range(61),
    "BYSETPOS": range(-366, 367),
}
_LAST_DAY = date.max.toordinal()


class Frequency(IntEnum):
    """The length of a rule's period."""

    YEARLY = 0
    MONTHLY = 1
    WEEKLY = 2
    DAILY = 3
    HOURLY = 4
    MINUTELY = 5
    SECONDLY = 6


_PERIODS_PER_DAY = {Frequency.DAILY: 1, Frequency.HOURLY: 24, Frequency.MINUTELY: 1440, Frequency.SECONDLY: 86400}


class TooManySteps(Exception):
    """A rule is too long or too dense to be followed."""


@dataclass
class StepBudget:
    """The number of steps, dates or guesses that the reading of a calendar may still take."""

    left: int = MAX_STEPS_TOGETHER

    def take(self, steps: int) -> None:
        """Take some steps.

        Raises:
            TooManySteps: Fewer steps are left.
        """
        if steps > self.left:
            self.left = 0
            raise TooManySteps
        self.left -= steps


@dataclass(frozen=True)
class Rule:
    """One RRULE. Its UNTIL stays a text, because only the zone of the event shows which instant it means.

    All times are wall times of the event, without a zone.
    """

    frequency: Frequency
    interval: int = 1
    count: int | None = None
    until: str | None = None
    """The text of UNTIL."""
    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    year_days: tuple[int, ...] = ()
    weeks: tuple[int, ...] = ()
    days: tuple[tuple[int, int], ...] = ()
    """Weekdays from Monday = 0, each with its number within the month or year, or 0 for each weekday."""
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    seconds: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    week_start: int = 0

    def occurrences(self, start: datetime, since: datetime, until: datetime, budget: StepBudget) -> Iterator[datetime]:
        """Yield the occurrences from `since` to before `until` of a series that begins at `start`, in order.

        Raises:
            TooManySteps: The rule is too long or too dense.
        """
        if until <= start:
            return
        walk = _Walk(self._completed(start), start, since, until, StepBudget(min(MAX_STEPS, budget.left)))
        before = walk.budget.left
        try:
            yield from walk.occurrences()
        finally:
            budget.left -= before - walk.budget.left

    def _completed(self, start: datetime) -> Rule:
        """Return the rule with the parts that follow from the start."""
        changes: dict[str, tuple[object, ...]] = {}
        if not (self.weeks or self.year_days or self.month_days or self.days):
            if self.frequency == Frequency.YEARLY:
                changes |= {"months": self.months or (start.month,), "month_days": (start.day,)}
            elif self.frequency == Frequency.MONTHLY:
                changes["month_days"] = (start.day,)
            elif self.frequency == Frequency.WEEKLY:
                changes["days"] = ((0, start.weekday()),)
        if self.frequency < Frequency.HOURLY:
            changes["hours"] = self.hours or (start.hour,)
        if self.frequency < Frequency.MINUTELY:
            changes["minutes"] = self.minutes or (start.minute,)
        if self.frequency < Frequency.SECONDLY:
            changes["seconds"] = self.seconds or (start.second,)
        return replace(self, **changes)  # type: ignore[arg-type]

    def without_times(self) -> Rule:
        """Return the rule for a series of whole days."""
        return replace(self, hours=(), minutes=(), seconds=())


@dataclass
class _Walk:
    """One walk over the periods of a complete rule."""

    rule: Rule
    start: datetime
    since: datetime
    until: datetime
    budget: StepBudget
    all_of_period: bool = field(init=False)
    """Whether all days of a period count, also outside of the window, because the rule has a COUNT or positions."""

    def __post_init__(self) -> None:
        self.all_of_period = self.rule.count is not None or bool(self.rule.positions)

    def occurrences(self) -> Iterator[datetime]:
        count, interval = self.rule.count, self.rule.interval
        first, last = self._period(self.start), self._period(self.until)
        if count is None and (behind := self._period(self.since) - first) > 0:
            first += -(-behind // interval) * interval
        periods = self._periods(first, last)
        wall_times = (
            wall_time for period in periods for wall_time in self._positioned(self._wall_times_of_period(period))
        )
        number = 0
        for wall_time in wall_times:
            if wall_time >= self.until:
                return
            if wall_time < self.start:
                continue
            number += 1
            if count is not None and number > count:
                return
            if wall_time >= self.since:
                self.budget.take(STEPS_PER_OCCURRENCE)
                yield wall_time

    def _periods(self, first: int, last: int) -> Iterator[int]:
        """Yield the periods from the first to the last, except those in hours that the rule excludes."""
        interval = self.rule.interval
        if self.rule.frequency < Frequency.HOURLY:
            yield from range(first, last + 1, interval)
            return
        per_hour = _PERIODS_PER_DAY[self.rule.frequency] // 24
        for number in range(first // per_hour, last // per_hour + 1):
            self.budget.take(1)
            ordinal, hour = divmod(number, 24)
            if (not self.rule.hours or hour in self.rule.hours) and self._is_day(date.fromordinal(ordinal)):
                begin = max(first, number * per_hour)
                begin += (first - begin) % interval
                yield from range(begin, min(last + 1, (number + 1) * per_hour), interval)

    def _period(self, wall_time: datetime) -> int:
        match self.rule.frequency:
            case Frequency.YEARLY:
                return wall_time.year
            case Frequency.MONTHLY:
                return wall_time.year * 12 + wall_time.month - 1
            case Frequency.WEEKLY:
                return (wall_time.toordinal() - 1 - self.rule.week_start) // 7
            case frequency:
                per_day = _PERIODS_PER_DAY[frequency]
                second = wall_time.hour * 3600 + wall_time.minute * 60 + wall_time.second
                return wall_time.toordinal() * per_day + second * per_day // 86400

    def _wall_times_of_period(self, period: int) -> Iterator[datetime]:
        """Yield the wall times of a rule in one of its years, months, weeks, days or shorter periods."""
        match self.rule.frequency:
            case Frequency.YEARLY:
                first, last = date(period, 1, 1).toordinal(), date(period, 12, 31).toordinal()
            case Frequency.MONTHLY:
                year, month = divmod(period, 12)
                first = date(year, month + 1, 1).toordinal()
                last = first + monthrange(year, month + 1)[1] - 1
            case Frequency.WEEKLY:
                first = period * 7 + 1 + self.rule.week_start
                last = first + 6
            case Frequency.DAILY:
                first = last = period
            case _:
                yield from self._within_a_day(period)
                return
        if not self.all_of_period:
            first, last = max(first, self.since.toordinal()), min(last, self.until.toordinal())
        first, last = max(first, 1), min(last, _LAST_DAY)
        self.budget.take(max(1, last - first + 1))
        for ordinal in range(first, last + 1):
            if self._is_day(day := date.fromordinal(ordinal)):
                self.budget.take(len(self._times))
                for at in self._times:
                    yield datetime.combine(day, at)

    @cached_property
    def _times(self) -> Sequence[time]:
        rule = self.rule
        self.budget.take(len(rule.hours) * len(rule.minutes) * len(rule.seconds))
        return [time(*parts) for parts in product(sorted(rule.hours), sorted(rule.minutes), sorted(rule.seconds))]

    def _within_a_day(self, period: int) -> Iterator[datetime]:
        rule = self.rule
        self.budget.take(1)
        per_day = _PERIODS_PER_DAY[rule.frequency]
        ordinal, second = period // per_day, period % per_day * (86400 // per_day)
        hour, minute, second = second // 3600, second // 60 % 60, second % 60
        minutes = rule.minutes if rule.frequency == Frequency.HOURLY else (minute,)
        seconds = (second,) if rule.frequency == Frequency.SECONDLY else rule.seconds
        if (not rule.minutes or any(minute in rule.minutes for minute in minutes)) and (
            not rule.seconds or any(second in rule.seconds for second in seconds)
        ):
            self.budget.take(len(minutes) * len(seconds))
            for parts in product(sorted(minutes), sorted(seconds)):
                yield datetime.combine(date.fromordinal(ordinal), time(hour, *parts))

    def _positioned(self, wall_times: Iterator[datetime]) -> Iterator[datetime]:
        """Return the wall times of a period at the positions of BYSETPOS, if there are any."""
        if not self.rule.positions:
            return wall_times
        times = list(wall_times)
        size = len(times)
        indexes = {number - 1 if number > 0 else size + number for number in self.rule.positions}
        return iter([times[index] for index in sorted(indexes) if 0 <= index < size])

    def _is_day(self, day: date) -> bool:
        """Return whether a day fits all parts of the rule that restrict days."""
        rule = self.rule
        if rule.months and day.month not in rule.months:
            return False
        if rule.month_days:
            from_end = day.day - monthrange(day.year, day.month)[1] - 1
            if day.day not in rule.month_days and from_end not in rule.month_days:
                return False
        if rule.year_days:
            number = day.timetuple().tm_yday
            from_end = number - _days_of_year(day.year) - 1
            if number not in rule.year_days and from_end not in rule.year_days:
                return False
        if rule.weeks:
            number, weeks = _week(day, rule.week_start)
            if number not in rule.weeks and number - weeks - 1 not in rule.weeks:
                return False
        return not rule.days or any(self._is_weekday(day, number, weekday) for number, weekday in rule.days)

    def _is_weekday(self, day: date, number: int, weekday: int) -> bool:
        if day.weekday() != weekday:
            return False
        if number == 0 or self.rule.frequency > Frequency.MONTHLY:
            return True
        if self.rule.frequency == Frequency.MONTHLY or self.rule.months:
            place, size = day.day, monthrange(day.year, day.month)[1]
        else:
            place, size = day.timetuple().tm_yday, _days_of_year(day.year)
        return number in ((place - 1) // 7 + 1, -((size - place) // 7 + 1))


def parse_rule(text: str) -> tuple[Rule | None, list[str]]:
    """Return a rule of the parts that are understood (None without a valid frequency), and the other parts.

    Rules of vCalendar 1.0 are also understood.
    """
    if len(text) > MAX_TEXT_CHARACTERS:
        return None, [f"{text[:40]}..."]
    text = translate_old_rule(text) or text
    if text[:6].upper() == "RRULE:":  # some programs write the name of the property twice
        text = text[6:]
    parts = dict(_part(item) for item in text.split(";") if item.strip())
    if sum(map(len, parts.values())) > MAX_RULE_CHARACTERS:
        return None, [f"{text[:40]}..."]
    problems: list[str] = []
    name = parts.pop("FREQ", "")
    if name not in Frequency.__members__:
        return None, [f"FREQ={name[:40]}"]
    numbers = {key: _numbers(key, parts.pop(key, None), problems) for key in _RANGES}
    rule = Rule(
        Frequency[name],
        interval=_positive("INTERVAL", parts.pop("INTERVAL", None), problems) or 1,
        count=_count(parts.pop("COUNT", None), problems),
        until=parts.pop("UNTIL", None),
        months=numbers["BYMONTH"],
        month_days=numbers["BYMONTHDAY"],
        year_days=numbers["BYYEARDAY"],
        weeks=numbers["BYWEEKNO"],
        days=_weekdays(parts.pop("BYDAY", None), problems),
        hours=numbers["BYHOUR"],
        minutes=numbers["BYMINUTE"],
        seconds=tuple({min(second, 59) for second in numbers["BYSECOND"]}),
        positions=numbers["BYSETPOS"],
        week_start=_week_start(parts.pop("WKST", "MO"), problems),
    )
    plain = {("RSCALE", "GREGORIAN"), ("SKIP", "OMIT")}
    problems += [f"{key}={value}"[:60] for key, value in parts.items() if (key, value) not in plain]
    return rule, problems


def _part(item: str) -> tuple[str, str]:
    name, _, value = item.partition("=")
    return name.strip().upper(), clip_number(value.strip().upper())


def _positive(name: str, value: str | None, problems: list[str]) -> int | None:
    if value is None:
        return None
    if re.fullmatch(r"\+?\d{1,9}", value, re.ASCII) and int(value) > 0:
        return int(value)
    problems.append(f"{name}={value[:40]}")
    return None


def _count(value: str | None, problems: list[str]) -> int | None:
    """Return a COUNT; None if it has no effect, because it is larger than the number of all days."""
    count = _positive("COUNT", value, problems)
    return None if count is not None and count > _LAST_DAY else count


def _numbers(name: str, value: str | None, problems: list[str]) -> tuple[int, ...]:
    numbers = []
    for item in () if value is None else value.split(","):
        number = int(item) if re.fullmatch(r"\s{0,5}[+-]?\d{1,3}\s{0,5}", item, re.ASCII) else None
        if number is None or number not in _RANGES[name] or (number == 0 and _RANGES[name].start < 0):
            problems.append(f"{name}={item[:40]}")
        else:
            numbers.append(number)
    return tuple(numbers)


def _weekdays(value: str | None, problems: list[str]) -> tuple[tuple[int, int], ...]:
    weekdays = []
    for item in () if value is None else value.split(","):
        if (match := _DAY.fullmatch(item.strip())) is None:
            problems.append(f"BYDAY={item[:40]}")
        else:
            weekdays.append((int(match[1] or 0), _WEEKDAYS.index(match[2])))
    return tuple(weekdays)


def _week_start(value: str, problems: list[str]) -> int:
    if value[:2] in _WEEKDAYS:
        return _WEEKDAYS.index(value[:2])
    problems.append(f"WKST={value[:40]}")
    return 0


def _days_of_year(year: int) -> int:
    return 366 if isleap(year) else 365


def _week(day: date, week_start: int) -> tuple[int, int]:
    """Return the number of a day's week, and how many weeks the year of that week has."""
    ordinal = day.toordinal()
    begin = ordinal - (day.weekday() - week_start) % 7
    year = date.fromordinal(min(max(begin + 3, 1), _LAST_DAY)).year  # a week belongs to the year of its middle
    first, following = _first_week(year, week_start), _first_week(year + 1, week_start)
    return (begin - first) // 7 + 1, (following - first) // 7


def _first_week(year: int, week_start: int) -> int:
    """Return the ordinal of the first day of a year's first week: the week with at least four days of the year."""
    new_year = date(year, 1, 1).toordinal() if year <= date.max.year else _LAST_DAY + 1
    offset = ((new_year - 1) % 7 - week_start) % 7
    return new_year - offset if offset <= 3 else new_year - offset + 7
