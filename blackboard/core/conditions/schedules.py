"""Schedules: instants when an agent wakes, independent of the marks on the board.

    every("1h")                                                     counted from its first deployment
    daily_at("09:00", days="mon-fri", zone="Europe/Berlin")         wall-clock time
    cron("*/15 8-18 * * mon-fri", zone="Europe/Berlin")             the five fields of crontab

A watch has a schedule instead of a condition. A schedule measures no marks, so it cannot be combined with `&`, `|` or
`~`, and cannot be a guard. `condition_parser.parse_condition` reads its text.

The instants are a pure function of the schedule and its anchor. So a daemon that was down, or two daemons that run
together, compute the same instants. APScheduler's triggers walk through the calendar. This module converts a wall-clock
time to an instant, even where the clock is moved for daylight saving.
"""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NoReturn

from blackboard.clock import Instant, from_datetime, to_datetime
from blackboard.core.conditions.condition_types import Comparison, Condition
from blackboard.durations import DAY, SECOND, Duration, DurationLike, format_duration, parse_duration
from blackboard.errors import BlackboardError, InvalidCondition, nearest

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from apscheduler.triggers.base import BaseTrigger

MIN_INTERVAL: Duration = SECOND
"""The shortest interval of `every`."""
MAX_COUNTED_INSTANTS = 100
"""Missed instants are counted up to this number."""
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS_OF_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Schedule(Condition):
    """Instants at which a watch crosses. It has no comparisons, and is about the whole board."""

    def comparisons(self) -> Iterator[Comparison]:
        """Yield nothing: it measures no marks."""
        yield from ()

    def is_met_if(self, decide: Callable[[Comparison], bool]) -> bool:
        """Return False: a schedule has instants, and is never true or false."""
        return False

    def __invert__(self) -> NoReturn:
        raise InvalidCondition(f"~({self}): a schedule cannot be negated")

    @property
    def is_schedule(self) -> bool:
        """Whether it is a schedule."""
        return True

    @cached_property
    def is_falling(self) -> bool:
        """Whether it waits for values to fall: it measures none."""
        return False

    @cached_property
    def is_over_board(self) -> bool:
        """Whether it is about the board: a schedule has no subject."""
        return True

    @abstractmethod
    def next_after(self, at: Instant, anchor: Instant) -> Instant | None:
        """Return the first instant of the schedule after an instant, or None if there is none.

        Args:
            at: Microseconds since the epoch.
            anchor: The instant of its first deployment.
        """

    def latest(self, first: Instant, now: Instant, anchor: Instant) -> Instant:
        """Return the latest instant of the schedule up to `now`, by bisection. `first` is an earlier instant."""
        low, high = first - 1, now
        while high - low > 1:  # the next instant after `low` is due, and the next after `high` is not
            middle = (low + high) // 2
            is_due = (instant := self.next_after(middle, anchor)) is not None and instant <= now
            low, high = (middle, high) if is_due else (low, middle)
        latest = self.next_after(low, anchor)
        return first if latest is None or latest > now else latest

    def count(self, first: Instant, last: Instant, anchor: Instant) -> int:
        """Return the number of instants from one instant to another, counted up to `MAX_COUNTED_INSTANTS`."""
        count, at = 1, first
        while (
            count < MAX_COUNTED_INSTANTS
            and (following := self.next_after(at, anchor)) is not None
            and following <= last
        ):
            count, at = count + 1, following
        return count

    def contains(self, at: Instant, anchor: Instant) -> bool:
        """Return whether an instant belongs to the schedule."""
        return self.next_after(at - 1, anchor) == at

    def instants(self, at: Instant, anchor: Instant) -> Iterator[Instant]:
        """Yield the instants of the schedule after an instant."""
        following: Instant | None = at
        while following is not None and (following := self.next_after(following, anchor)) is not None:
            yield following


@dataclass(frozen=True)
class Every(Schedule):
    """Instants at a fixed interval in microseconds, counted from its anchor."""

    interval: Duration

    def __post_init__(self) -> None:
        if self.interval < MIN_INTERVAL:
            raise InvalidCondition(f"{self}: the shortest interval of a schedule is {format_duration(MIN_INTERVAL)}")

    def next_after(self, at: Instant, anchor: Instant) -> Instant | None:
        """Return the first instant after an instant; the very first is one interval after the anchor."""
        return anchor + max(1, (at - anchor) // self.interval + 1) * self.interval

    def __str__(self) -> str:
        return f'every("{format_duration(self.interval)}")'


@dataclass(frozen=True)
class Calendar(Schedule):
    """Wall-clock times of a time zone.

    A time with a named hour has at most one instant a day. When the clock is moved forward, a skipped time is later by
    the same length: 02:30 is at 03:30. When the clock is moved back, it shows some times twice. Only the first of the
    two instants counts. If the hour is `*`, or a step such as `*/2`, the times are those that the clock shows: none in
    a skipped hour, and two in a repeated hour.
    """

    zone: str

    def __post_init__(self) -> None:
        zone_of(self.zone)

    @property
    @abstractmethod
    def fields(self) -> CronFields:
        """The fields of crontab, and the second."""

    def next_after(self, at: Instant, anchor: Instant) -> Instant | None:
        """Return the first instant of the schedule after an instant."""
        zone, fields, now = zone_of(self.zone), self.fields, to_datetime(at)
        margin = _moved(zone, now)
        reading: datetime | None = now.astimezone(zone).replace(tzinfo=None) - margin
        best: datetime | None = None
        while reading is not None and (reading := _next_reading(fields, reading)) is not None:
            if best is not None and reading > best.astimezone(zone).replace(tzinfo=None) + margin:
                break  # all later readings are later instants
            for instant in _instants_of(reading, zone, each_hour=fields.each_hour):
                if instant > now and (best is None or instant < best):
                    best = instant
            if best is not None and not margin:
                break
        return None if best is None else from_datetime(best)

    def _zone_text(self) -> str:
        return "" if self.zone == "UTC" else f", zone={json.dumps(self.zone)}"


@dataclass(frozen=True)
class CronFields:
    """The fields of a crontab line for APScheduler. Weekdays are names, because APScheduler counts from Monday."""

    second: str
    minute: str
    hour: str
    month: str
    days: tuple[tuple[str, str], ...]
    """Pairs of a day of the month and a weekday. A day belongs to the schedule if it fits one of the pairs."""
    each_hour: bool
    """Whether the hour is `*` or a step of it. Then a skipped hour has no time, and a repeated hour has it twice."""

    @cached_property
    def triggers(self) -> list[BaseTrigger]:
        """The triggers for the wall-clock times. They use UTC, whose clock is never moved."""
        from apscheduler.triggers.cron import CronTrigger  # only boards with schedules pay for the import

        return [
            CronTrigger(
                second=self.second,
                minute=self.minute,
                hour=self.hour,
                month=self.month,
                day=day,
                day_of_week=weekday,
                timezone=UTC,
            )
            for day, weekday in self.days
        ]


@dataclass(frozen=True)
class DailyAt(Calendar):
    """One wall-clock time, on each day or on some weekdays."""

    time: str
    days: str | None

    @property
    def fields(self) -> CronFields:
        """The fields of crontab, and the second."""
        return _daily_fields(self.time, self.days)

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.fields

    def __str__(self) -> str:
        days = "" if self.days is None else f", days={json.dumps(self.days)}"
        return f"daily_at({json.dumps(self.time)}{days}{self._zone_text()})"


@dataclass(frozen=True)
class Cron(Calendar):
    """The five fields of crontab."""

    text: str

    @property
    def fields(self) -> CronFields:
        """The fields of crontab, and the second."""
        return _cron_fields(self.text)

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.fields

    def __str__(self) -> str:
        return f"cron({json.dumps(self.text)}{self._zone_text()})"


def every(interval: DurationLike) -> Every:
    """Return a schedule at a fixed interval, counted from the first deployment of its watch.

    Args:
        interval: A duration such as `1h`, at least a second. A day is 24 hours: use `daily_at` for a wall-clock time.

    Raises:
        InvalidCondition: The interval is not a duration, or too short.
    """
    try:
        return Every(parse_duration(interval))
    except InvalidCondition:
        raise
    except BlackboardError as error:
        raise InvalidCondition(f"every: {error}") from None


def daily_at(time: str, *, days: str | None = None, zone: str = "UTC") -> DailyAt:
    """Return a schedule at one time of the day.

    Args:
        time: The wall-clock time, such as `09:00` or `09:00:30`.
        days: Weekdays such as `mon-fri` or `sat,sun`; by default each day.
        zone: The time zone, such as `Europe/Berlin`.

    Raises:
        InvalidCondition: There is no such time, weekday or zone.
    """
    _require_text("daily_at", time=time, zone=zone, days="" if days is None else days)
    return DailyAt(zone, _canonical_time(time), None if days is None else _canonical(days))


def cron(fields: str, *, zone: str = "UTC") -> Cron:
    """Return a schedule from the five fields of crontab: minute, hour, day of the month, month, weekday.

    Args:
        fields: Such as `0 9 * * 1-5`. Weekdays count from Sunday, which is 0 and 7, or have names. If both the day of
            the month and the weekday are restricted, one of them is enough, as in crontab.
        zone: The time zone, such as `Europe/Berlin`.

    Raises:
        InvalidCondition: A field is not valid, no time ever matches the fields, or there is no such zone.
    """
    _require_text("cron", fields=fields, zone=zone)
    return Cron(zone, _canonical(fields))


def _require_text(function: str, **values: object) -> None:
    for name, value in values.items():
        if not isinstance(value, str) or len(value) > 1000:
            raise InvalidCondition(
                f"{function}: {name} must be a text of at most 1000 characters, not {repr(value)[:40]}"
            )


def _canonical(text: str) -> str:
    return " ".join(text.lower().split())


@lru_cache(100)
def zone_of(name: str) -> ZoneInfo:
    """Return a time zone.

    Raises:
        InvalidCondition: There is no such zone.
    """
    from zoneinfo import ZoneInfo, available_timezones  # few commands need time zones

    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        hint = nearest(name, available_timezones())
        raise InvalidCondition(f"there is no time zone {name!r}{hint}") from None


# -- wall-clock times -------------------------------------------------------------------------------------------------


def _moved(zone: tzinfo, at: datetime) -> timedelta:
    """Return by how much the clock of a zone is moved near an instant; almost always 0."""
    near = (at + timedelta(microseconds=gap) for gap in (-DAY, 0, DAY))
    offsets = [offset for instant in near if (offset := instant.astimezone(zone).utcoffset()) is not None]
    return max(offsets) - min(offsets)


def _next_reading(fields: CronFields, reading: datetime) -> datetime | None:
    """Return the next wall-clock time after `reading`; both without a zone."""
    after = reading.replace(tzinfo=UTC) + _MICROSECOND
    following = [trigger.get_next_fire_time(None, after) for trigger in fields.triggers]
    return min((instant.replace(tzinfo=None) for instant in following if instant is not None), default=None)


def _instants_of(reading: datetime, zone: tzinfo, *, each_hour: bool) -> Iterator[datetime]:
    """Yield the instant of a wall-clock time, in UTC. With `each_hour`, yield all at which a clock shows the time."""
    for fold in (0, 1) if each_hour else (0,):
        instant = reading.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        if not each_hour or instant.astimezone(zone).replace(tzinfo=None) == reading:
            yield instant


# -- texts ------------------------------------------------------------------------------------------------------------

_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_PART = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d+))?", re.ASCII)


def _canonical_time(text: str) -> str:
    match = _TIME.fullmatch(text.strip())
    hour, minute, second = (int(number or 0) for number in match.groups()) if match else (99, 0, 0)
    if hour > 23 or minute > 59 or second > 59:
        raise InvalidCondition(f"daily_at: {text!r} is not a time of the day; write it like 09:00 or 09:00:30")
    return f"{hour:02}:{minute:02}" + (f":{second:02}" if second else "")


@lru_cache(1000)
def _daily_fields(time: str, days: str | None) -> CronFields:
    hour, minute, *second = time.split(":")
    weekdays = "*" if days is None else _weekdays(f"daily_at: days={days!r}", days, low=1)
    return CronFields(second[0] if second else "0", minute, hour, "*", (("*", weekdays),), each_hour=False)


@lru_cache(1000)
def _cron_fields(text: str) -> CronFields:
    """Return the five fields of a cron text in the form that APScheduler takes.

    Raises:
        InvalidCondition: A field is wrong, or no day fits all of them.
    """
    place, fields = f"cron: {text!r}", text.split(" ")
    if len(fields) != 5:
        raise InvalidCondition(
            f"{place}: five fields are needed, not {len(fields)}: minute, hour, day of the month, month, weekday"
        )
    minute, hour, day, month, weekday = fields
    _numbers(f"{place}, minute", minute, 0, 59)
    _numbers(f"{place}, hour", hour, 0, 23)
    days = _numbers(f"{place}, day of the month", day, 1, 31)
    months = _numbers(f"{place}, month", month, 1, 12, MONTHS)
    weekdays = _weekdays(f"{place}, weekday", weekday, low=0)
    any_day, any_weekday = day.startswith("*"), weekday.startswith("*")
    if any_weekday and not any(min(days) <= DAYS_OF_MONTHS[number - 1] for number in months):
        raise InvalidCondition(f"{place} never comes: no month in {month!r} has a day {min(days)}")
    pairs = ((day, weekdays),) if any_day or any_weekday else ((day, "*"), ("*", weekdays))
    return CronFields("0", minute, hour, month, pairs, each_hour="*" in hour)


def _weekdays(place: str, text: str, *, low: int) -> str:
    """Return weekdays as a list of names. Monday is 1; Sunday is 7, in crontab also 0. A range may pass Sunday."""
    if text == "*":
        return text
    chosen = {WEEKDAYS[(number - 1) % 7] for number in _numbers(place, text, low, 7, WEEKDAYS, wraps=True)}
    return ",".join(name for name in WEEKDAYS if name in chosen)


def _numbers(
    place: str, text: str, low: int, high: int, names: tuple[str, ...] = (), *, wraps: bool = False
) -> set[int]:
    """Return the numbers of a field, where names stand for the numbers from 1 on. Weekdays wrap, as in `sat-mon`."""
    numbers: set[int] = set()
    for part in text.split(","):
        if (match := _PART.fullmatch(part)) is None:
            raise InvalidCondition(
                f"{place}: {part!r} is not valid; write *, a number, a range such as 1-5, or a step such as */15"
            )
        first = low if match[1] else _number(place, match[2], low, high, names)
        last = high if match[1] else _number(place, match[3] or match[2], low, high, names)
        if first > last and wraps:
            last += 7
        if first > last:
            raise InvalidCondition(f"{place}: {part!r} begins after its end; write the earlier value first")
        step = int(match[4] or 1)
        if match[4] and not 0 < step <= last - first:
            raise InvalidCondition(f"{place}: the step of {part!r} does not fit in its range; write it like */15")
        numbers.update(range(first, last + 1, step))
    return numbers


def _number(place: str, text: str, low: int, high: int, names: tuple[str, ...]) -> int:
    number = names.index(text) + 1 if text in names else -1
    if text.isdecimal():
        number = int(text)
    if not low <= number <= high:
        known = f"a number from {low} to {high}" + (f", or a name such as {names[0]}" if names else "")
        raise InvalidCondition(f"{place}: {text!r} is not {known}")
    return number
