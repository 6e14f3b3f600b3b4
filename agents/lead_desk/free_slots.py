"""Free slots: working hours minus what is busy, as instants. Pure; it reads no calendar and books nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from lead_desk.calendar_file import Busy
from lead_desk.desk_settings import DAYS, Desk
from lead_desk.requested_time import Wish, local

__all__ = ["fitting", "free_slots", "is_free", "minute", "nearest_to"]


def free_slots(desk: Desk, busy: Sequence[Busy], now: datetime) -> list[datetime]:
    """The starts, in the desk's zone, at which a meeting fits before the horizon, in order.

    Starts lie on multiples of the slot from the first working hour by the wall clock, on both sides of a clock change.
    """
    opens, closes = desk.working_hours
    earliest = now + timedelta(microseconds=desk.notice)
    latest = now + timedelta(microseconds=desk.horizon)
    day, last = now.astimezone(desk.time_zone).date(), latest.astimezone(desk.time_zone).date()
    free = []
    while day <= last:
        end = datetime.combine(day, closes, desk.time_zone)
        wall = datetime.combine(day, opens)
        while DAYS[day.weekday()] in desk.working_days and wall + desk.length <= end.replace(tzinfo=None):
            start = local(day, wall.time(), desk.time_zone)
            if start and earliest <= start <= latest and is_free(start, desk.length, busy):
                free.append(start)
            wall += desk.length
        day += timedelta(days=1)
    return free


def is_free(start: datetime, length: timedelta, busy: Iterable[Busy]) -> bool:
    """Whether a meeting that starts then overlaps nothing; lengths are true lengths, also across a clock change."""
    begin = start.astimezone(UTC)
    end = begin + length
    return not any(begin < until.astimezone(UTC) and since.astimezone(UTC) < end for since, until in busy)


def fitting(wish: Wish, free: Iterable[datetime], length: timedelta) -> list[datetime]:
    """The free starts that a wish allows. An exact time is met by the slot that it falls in."""
    if wish.end is None:
        asked = wish.start.astimezone(UTC)
        return [start for start in free if start.astimezone(UTC) <= asked < start.astimezone(UTC) + length]
    begin, end = wish.start.astimezone(UTC), wish.end.astimezone(UTC)
    return [start for start in free if begin <= start.astimezone(UTC) and start.astimezone(UTC) + length <= end]


def nearest_to(wish: Wish | None, free: Sequence[datetime], limit: int) -> list[datetime]:
    """Up to `limit` free starts nearest to a wish, in order of time; the first ones without a wish."""
    if wish is None:
        return list(free[:limit])
    middle = wish.start if wish.end is None else wish.start + (wish.end - wish.start) / 2
    ranked = sorted(free, key=lambda start: (abs(start.astimezone(UTC) - middle.astimezone(UTC)), start))
    return sorted(ranked[:limit])


def minute(at: datetime) -> str:
    """A start as the models and people see it: local time to the minute."""
    return f"{at:%Y-%m-%dT%H:%M}"
