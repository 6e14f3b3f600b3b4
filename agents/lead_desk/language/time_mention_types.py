"""Types of mentions of times: the days and hours in a text, as `day_mentions` and `hour_mentions` find them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time, tzinfo
from enum import StrEnum
from typing import NamedTuple

__all__ = ["DayForm", "DayMention", "DayRange", "HourForm", "HourMention", "Hours"]


class DayForm(StrEnum):
    """The form of a mention of days. Most values are the names of groups in the pattern of `day_mentions`."""

    ISO = "iso"
    DOTS = "dots"
    SLASH = "slash"
    DAY_MONTH = "named"
    MONTH_DAY = "month"
    NEXT_WEEK = "next"
    THIS_WEEK = "this"
    AHEAD = "ahead"
    RELATIVE = "relative"
    WEEKDAY = "weekday"
    MERGED = "merged"
    """A date and its weekday, or a weekday of next week."""
    REST_OF_WEEK = "rest"
    """The days of the coming week that the text does not exclude."""


class HourForm(StrEnum):
    """The form of a mention of hours: the name of its group in the pattern of `hour_mentions`."""

    BETWEEN = "between"
    RANGE = "range"
    AFTER = "after"
    BEFORE = "before"
    AT = "at"
    CLOCK = "clock"
    PART_OF_DAY = "part"


class Hours(NamedTuple):
    """Hours of a day."""

    start: time
    end: time | None = None
    """None for a single time, and time.max for the end of the day."""
    zone: tzinfo | None = None
    """The time zone that the text names for them."""


class DayRange(NamedTuple):
    """The days from a first to a last day."""

    first: date
    last: date


@dataclass(frozen=True)
class DayMention:
    """A mention of days in a text."""

    begin: int
    end: int
    form: DayForm
    days: DayRange | None
    """None for an impossible date."""
    hours: Hours | None = None
    """The hours that belong to the mention itself, as in `Montag morgen`."""
    is_excluded: bool = False
    """Whether the writer cannot meet then: `except Friday`."""


@dataclass(frozen=True)
class HourMention:
    """A mention of hours in a text."""

    begin: int
    end: int
    form: HourForm
    hours: Hours
