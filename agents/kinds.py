"""The kinds of mark on the lead desk. They hold what was said and decided, and no behaviour.

The subject of every mark about a lead is the person: the email address, or the telephone number. Two enquiries of one
person share it and are two leads, so marks that belong to one enquiry also carry its mark id. `need` and `decision`
are the board's own kinds.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from blackboard.decay import Exponential, Linear, Step
from blackboard.marks import Mark

__all__ = ["Appointment", "Conflict", "Insight", "Lead", "Nudge", "Qualified", "Rejected", "Task"]

Score = Annotated[float, Field(ge=0, le=1)]


class Lead(Mark, kind="lead", decay=Exponential("3d"), floor=0.02, on_repeat="separate"):
    """An enquiry as a web form gives it; nothing in it is trusted."""

    message: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    company: str | None = None
    source: str | None = None
    """Where the form stood, such as `website` or `ads`."""
    submitted_at: str | None = None
    """What the form said about the time; kept as it came."""


class Qualified(Mark, kind="qualified", decay=Exponential("2d"), floor=0.02, on_repeat="separate"):
    """A lead that is worth a meeting. Its intensity is its score."""

    lead: int
    """The lead's mark id."""
    score: Score
    reason: str
    wants: str = ""
    times: list[str] = Field(default_factory=list)
    """When they can meet, in the desk's time zone: `2026-03-04T10:00`, `2026-03-04`, `2026-03-04T09:00/12:00`."""
    who: str = ""
    source: str | None = None


class Rejected(Mark, kind="rejected", decay=Exponential("14d"), on_repeat="separate"):
    """A lead that is not worth a meeting, and why."""

    lead: int
    score: Score
    reason: str
    source: str | None = None


class Nudge(Mark, kind="nudge", decay=Step("30d")):
    """A reminder for a person whose qualified lead went cold without an appointment."""

    qualified: int
    text: str


class Appointment(Mark, kind="appointment", decay=Step("180d"), on_repeat="separate", unique="slot"):
    """A booked meeting. No two live ones share a slot: the database sees to that."""

    slot: str
    """The start, as an instant in UTC: `2026-03-04T09:00:00Z`."""
    ends: str
    qualified: int
    """The mark id of the qualified lead that it is for."""
    lead: int
    who: str = ""
    about: str = ""
    also: list[int] = Field(default_factory=list)
    """Further qualified marks of the same person that a decision settled with this one meeting."""


class Conflict(Mark, kind="conflict", decay=Exponential("2d"), on_repeat="separate"):
    """A wish that could not be booked: the slot was taken, or nothing free fits."""

    qualified: int
    lead: int
    reason: str
    wanted: list[str] = Field(default_factory=list)
    free: list[str] = Field(default_factory=list)
    """A few free slots near the wish, in local time, such as `2026-03-04T10:00`."""
    who: str = ""
    about: str = ""
    again: bool = False
    """Whether a decision had already been tried: the coordinator then asks a person and decides nothing itself."""


class Insight(Mark, kind="insight", decay=Exponential("14d"), on_repeat="separate"):
    """A pattern among outcomes. Each outcome is evidence for exactly one insight."""

    pattern: str
    evidence: list[int] = Field(min_length=1)
    """The mark ids of the qualified and rejected marks that it rests on."""


class Task(Mark, kind="task", decay=Linear("7d"), on_repeat="separate"):
    """Something to do that the desk reads as context and a person can take up."""

    todo: str
    insight: int
    """The mark id of the insight that led to it."""
