"""The desk's own settings, from `[settings.lead_desk]` of the deployment file. It checks them; it reads no files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from blackboard.durations import Duration, Microseconds, parse_duration
from blackboard.errors import ConfigurationError, Mistake, nearest

__all__ = ["DAYS", "Desk", "local_now", "utc_text"]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _clock_time(value: Any) -> time:
    try:
        hours, minutes = str(value).split(":")
        return time(int(hours), int(minutes))
    except ValueError:
        raise ValueError(f"{value!r} is not a time of day; write it like 09:00") from None


ClockTime = Annotated[time, BeforeValidator(_clock_time)]


def _zone(value: Any) -> ZoneInfo:
    try:
        return ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value!r} is not an IANA time zone; write it like Europe/Berlin") from None


class Desk(BaseModel):
    """When meetings may be held, and where the calendar is."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    calendar: Path = Path("calendar.ics")
    """The .ics file; a relative path starts where the daemon was started."""
    time_zone: Annotated[ZoneInfo, BeforeValidator(_zone)] = ZoneInfo("UTC")
    working_hours: tuple[ClockTime, ClockTime] = (time(9), time(17))
    working_days: tuple[Day, ...] = Field(default=("mon", "tue", "wed", "thu", "fri"), min_length=1)
    slot: Duration = Microseconds(parse_duration("30m"))
    """The length of a meeting; meetings start on multiples of it from the first working hour."""
    horizon: Duration = Microseconds(parse_duration("14d"))
    """How far ahead meetings are booked."""
    notice: Duration = Microseconds(parse_duration("1h"))
    """The least time between now and a meeting."""

    @field_validator("slot", "horizon")
    @classmethod
    def _sensible(cls, value: int) -> int:
        if not parse_duration("5m") <= value <= parse_duration("366d"):
            raise ValueError("must lie between 5m and 366d")
        return value

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Self:
        opens, closes = self.working_hours
        if opens >= closes:
            raise ValueError(f"working_hours: {opens:%H:%M} must come before {closes:%H:%M}")
        return self

    @property
    def length(self) -> timedelta:
        return timedelta(microseconds=self.slot)

    @property
    def at_any_hour(self) -> Desk:
        """This desk with the same grid of slots, open at every hour of two days: for times that a person decided on."""
        opens = self.working_hours[0]
        into_the_slot = timedelta(hours=opens.hour, minutes=opens.minute) % self.length
        first = time(into_the_slot.seconds // 3600, into_the_slot.seconds // 60 % 60)
        two_days = parse_duration("2d")
        always = {"working_hours": (first, time.max), "working_days": DAYS, "horizon": two_days, "notice": 0}
        return self.model_copy(update=always)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Desk:
        """The desk that `settings` describes under `desk`; what is missing has its default.

        Raises:
            ConfigurationError: every mistake, each with its place.
        """
        section = settings.get("lead_desk", {})
        if not isinstance(section, Mapping):
            raise ConfigurationError([Mistake("settings.lead_desk", "must be a table")])
        try:
            return cls.model_validate(dict(section))
        except ValidationError as error:
            raise ConfigurationError(_mistakes(error)) from None


def _mistakes(error: ValidationError) -> list[Mistake]:
    found = []
    for problem in error.errors(include_url=False):
        steps = [str(step) for step in problem["loc"] if not str(step).startswith("function-")]
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = f"there is no such setting{nearest(steps[-1], Desk.model_fields)}"
        found.append(Mistake(".".join(["settings.lead_desk", *steps]), message))
    return found


def local_now(desk: Desk, now: datetime) -> str:
    """The instant as the models are told it: `Wed 2026-03-04 10:00`, in the desk's zone."""
    local = now.astimezone(desk.time_zone)
    return f"{DAYS[local.weekday()].title()} {local:%Y-%m-%d %H:%M}"


def utc_text(at: datetime) -> str:
    """An instant as the board keeps it: `2026-03-04T09:00:00Z`. Equal instants have equal texts."""
    return at.astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")
