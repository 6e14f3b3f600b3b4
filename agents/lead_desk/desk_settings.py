"""The desk's settings: the section `[settings.lead_desk]` of the deployment file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from blackboard import read_section
from blackboard.agent_package_support import parse_duration, parse_mode
from blackboard.errors import InvalidDuration

__all__ = ["DAY_NAMES", "SECTIONS", "DeskSettings", "format_local", "format_utc"]

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DayName = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _parse_time_of_day(value: Any) -> time:
    try:
        hours, minutes = str(value).split(":")
        return time(int(hours), int(minutes))
    except ValueError:
        raise ValueError(f"{value!r} is not a time of day; write it like 09:00") from None


def _parse_zone(value: Any) -> ZoneInfo:
    try:
        return ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value!r} is not an IANA time zone; write it like Europe/Berlin") from None


def _parse_length(value: Any) -> timedelta:
    try:
        return timedelta(microseconds=parse_duration(value))
    except InvalidDuration as error:
        raise ValueError(str(error)) from None


TimeOfDay = Annotated[time, BeforeValidator(_parse_time_of_day)]
Zone = Annotated[ZoneInfo, BeforeValidator(_parse_zone)]
Length = Annotated[timedelta, BeforeValidator(_parse_length)]
Mode = Annotated[int, BeforeValidator(parse_mode)]


SECTION = "lead_desk"


class DeskSettings(BaseModel):
    """The calendar file, and the times when meetings may take place."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    calendar: Path = Path("calendar.ics")
    """The .ics file. A relative path starts at the daemon's working directory."""
    calendar_mode: Mode | None = None
    """The mode of the .ics file. Without it a file keeps its mode, and only this user reads and writes a new file."""
    time_zone: Zone = ZoneInfo("UTC")
    working_hours: tuple[TimeOfDay, TimeOfDay] = (time(9), time(17))
    working_days: tuple[DayName, ...] = Field(default=("mon", "tue", "wed", "thu", "fri"), min_length=1)
    slot: Length = timedelta(minutes=30)
    """The length of a meeting. Meetings start at multiples of it after the opening time."""
    horizon: Length = timedelta(days=14)
    """The longest time ahead for which meetings are booked."""
    notice: Length = timedelta(hours=1)
    """The minimum time between now and a meeting."""

    @field_validator("slot", "horizon")
    @classmethod
    def _check_range(cls, value: timedelta) -> timedelta:
        if not timedelta(minutes=5) <= value <= timedelta(days=366):
            raise ValueError("must be at least 5m and at most 366d")
        return value

    @model_validator(mode="after")
    def _check_hours(self) -> Self:
        opens, closes = self.working_hours
        if opens >= closes:
            raise ValueError(f"working_hours: {opens:%H:%M} must be before {closes:%H:%M}")
        return self

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> DeskSettings:
        """Read the section `lead_desk`. Missing settings have their defaults.

        Raises:
            ConfigurationError: The section has mistakes; all are listed.
        """
        return read_section(settings, SECTION, cls)

    def open_all_day(self) -> DeskSettings:
        """Return these settings with every hour of the next 2 days open, on the same grid of slots.

        This is for times that a person has decided on.
        """
        opens = self.working_hours[0]
        offset = timedelta(hours=opens.hour, minutes=opens.minute) % self.slot
        first = time(offset.seconds // 3600, offset.seconds // 60 % 60)
        changes = {
            "working_hours": (first, time.max),
            "working_days": DAY_NAMES,
            "horizon": timedelta(days=2),
            "notice": timedelta(0),
        }
        return self.model_copy(update=changes)


SECTIONS = {SECTION: DeskSettings}
"""The `sections` that each agent of the desk declares, so that mistakes in the section are found before it runs."""


def format_local(instant: datetime, zone: ZoneInfo) -> str:
    """Return an instant as models read it: `Wed 2026-03-04 10:00`, in local time."""
    local = instant.astimezone(zone)
    return f"{DAY_NAMES[local.weekday()].title()} {local:%Y-%m-%d %H:%M}"


def format_utc(instant: datetime) -> str:
    """Return an instant as marks store it: `2026-03-04T09:00:00Z`. Equal instants have equal texts."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
