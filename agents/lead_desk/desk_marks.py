"""The kinds of mark on the lead desk.

The subject of every mark about a lead is the person: the email address or the telephone number, in one spelling. Two
enquiries of one person are two leads with the same subject, so marks about one enquiry also have its mark id. `need`
and `decision` are the board's own kinds.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from blackboard import Exponential, Linear, Mark, Step
from lead_desk.contact_addresses import fold_address

__all__ = ["Appointment", "BookingConflict", "Insight", "Lead", "Nudge", "Qualified", "Rejected", "Task"]

Score = Annotated[float, Field(ge=0, le=1)]


class Lead(Mark, kind="lead", decay=Exponential("3d"), floor=0.02, on_repeat="separate"):
    """An enquiry as a web form delivers it. Its contents are not trusted."""

    message: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    company: str | None = None
    source: str | None = None
    """Where the enquiry came from, such as `website` or `ads`."""
    submitted_at: str | None = None
    """The time that the form states, unchanged. Days such as "tomorrow" count from it."""

    @field_validator("subject")
    @classmethod
    def _fold_subject(cls, subject: str) -> str:
        """Give all spellings of one person the same form. The marks of the agents use it too."""
        return fold_address(subject)


class Qualified(Mark, kind="qualified", decay=Exponential("2d"), floor=0.02, on_repeat="separate"):
    """A lead that deserves a meeting. Its intensity is its score."""

    lead: int
    """The mark id of the lead."""
    score: Score
    reason: str
    wants: str = ""
    times: list[str] = Field(default_factory=list)
    """Requested times in the desk's time zone: `2026-03-04T10:00`, `2026-03-04`, `2026-03-04T09:00/12:00`."""
    who: str = ""
    source: str | None = None


class Rejected(Mark, kind="rejected", decay=Exponential("14d"), on_repeat="separate"):
    """A lead that does not deserve a meeting, and the reason."""

    lead: int
    score: Score
    reason: str
    source: str | None = None


class Nudge(Mark, kind="nudge", decay=Step("30d")):
    """A reminder of a person whose qualified lead went cold without an appointment."""

    qualified: int
    text: str


class Appointment(Mark, kind="appointment", decay=Step("180d"), on_repeat="separate", unique="slot"):
    """A booked meeting. The database ensures that no two live appointments share a slot."""

    slot: str
    """The start in UTC: `2026-03-04T09:00:00Z`."""
    ends: str
    qualified: int
    """The mark id of the qualified lead."""
    lead: int
    who: str = ""
    about: str = ""
    also: list[int] = Field(default_factory=list)
    """Mark ids of further qualified leads of the same person that this meeting covers."""


class BookingConflict(Mark, kind="conflict", decay=Exponential("2d"), on_repeat="separate"):
    """A meeting request that could not be booked: the slot was taken, or no free slot fits."""

    qualified: int
    lead: int
    reason: str
    wanted: list[str] = Field(default_factory=list)
    free: list[str] = Field(default_factory=list)
    """A few free slots near the requested time, in local time, such as `2026-03-04T10:00`."""
    who: str = ""
    about: str = ""
    again: bool = False
    """Whether a decision has already been tried. If so, the coordinator asks a person."""


class Insight(Mark, kind="insight", decay=Exponential("14d"), on_repeat="separate"):
    """A pattern in the outcomes. Each outcome is evidence for exactly one insight."""

    pattern: str
    evidence: list[int] = Field(min_length=1)
    """The mark ids of the qualified and rejected leads that show it."""


class Task(Mark, kind="task", decay=Linear("7d"), on_repeat="separate"):
    """Something to do. The agents read it as context; a person can do it."""

    todo: str
    insight: int
    """The mark id of the insight that led to the task."""
