"""Free slots: the starts within working hours at which a meeting overlaps nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from lead_desk.calendar.calendar_file import TimeSpan
from lead_desk.desk_settings import DAY_NAMES, DeskSettings
from lead_desk.language.requested_time import RequestedTime, local_time

__all__ = ["find_free_slots", "format_slot", "is_free", "matching_slots", "nearest_slots"]


def find_free_slots(desk: DeskSettings, busy: Sequence[TimeSpan], now: datetime) -> list[datetime]:
    """Return the free starts before the horizon, in order, in the desk's time zone.

    Starts are multiples of the slot length after the opening time by the wall clock, before and after a clock change.
    """
    opens, closes = desk.working_hours
    earliest, latest = now + desk.notice, now + desk.horizon
    day, last_day = now.astimezone(desk.time_zone).date(), latest.astimezone(desk.time_zone).date()
    free = []
    while day <= last_day:
        end = datetime.combine(day, closes)
        wall_time = datetime.combine(day, opens)
        while DAY_NAMES[day.weekday()] in desk.working_days and wall_time + desk.slot <= end:
            start = local_time(day, wall_time.time(), desk.time_zone)
            if start and earliest <= start <= latest and is_free(start, desk.slot, busy):
                free.append(start)
            wall_time += desk.slot
        day += timedelta(days=1)
    return free


def is_free(start: datetime, length: timedelta, busy: Iterable[TimeSpan]) -> bool:
    """Return whether a meeting overlaps no busy span. `length` is elapsed time, even across a clock change."""
    begin = start.astimezone(UTC)
    end = begin + length
    return not any(begin < until.astimezone(UTC) and since.astimezone(UTC) < end for since, until in busy)


def matching_slots(requested: RequestedTime, free: Iterable[datetime], length: timedelta) -> list[datetime]:
    """Return the free starts that suit a requested time. An exact time is matched by the slot that contains it."""
    begin = requested.start.astimezone(UTC)
    if requested.end is None:
        return [start for start in free if start.astimezone(UTC) <= begin < start.astimezone(UTC) + length]
    end = requested.end.astimezone(UTC)
    return [start for start in free if begin <= start.astimezone(UTC) and start.astimezone(UTC) + length <= end]


def nearest_slots(requested: RequestedTime | None, free: Sequence[datetime], limit: int) -> list[datetime]:
    """Return up to `limit` free starts nearest to a requested time, in order; without a time, the earliest."""
    if requested is None:
        return list(free[:limit])
    middle = requested.start
    if requested.end is not None:
        middle += (requested.end - requested.start) / 2
    ranked = sorted(free, key=lambda start: (abs(start.astimezone(UTC) - middle.astimezone(UTC)), start))
    return sorted(ranked[:limit])


def format_slot(start: datetime) -> str:
    """Return a start as models and people read it: local time to the minute."""
    return f"{start:%Y-%m-%dT%H:%M}"
