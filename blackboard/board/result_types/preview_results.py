"""The results of a preview: what a deployment would change."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from blackboard.core.marks.scopes import GroupValue
from blackboard.core.specs.watch_spec import Per

MAX_NAMED_UNREADABLE_MARKS = 5
"""The largest number of marks of a kind that are named."""


@dataclass(frozen=True)
class PredictedEvaporation:
    """A mark that would evaporate immediately."""

    mark_id: int
    kind: str
    subject: str
    remaining: float
    """The part of the mark's intensity that is left."""
    floor: float


@dataclass(frozen=True)
class PredictedCrossing:
    """A crossing as it would be under the deployment."""

    agent: str
    watch: str
    subject: str | None
    """None for the board or a group."""
    group_tag: str | None
    """The tag whose values make the groups of the watch; None if the watch measures no groups."""
    group: GroupValue | None
    """The value of that tag."""
    mark_id: int | None
    value: float
    """The value of the watch at the crossing; for a crossing that ends, the value of the former watch."""
    threshold: float


@dataclass(frozen=True)
class PredictedWake(PredictedCrossing):
    """A crossing that the deployment would cause."""

    guard_closed: bool
    """Whether its guard would be closed: the crossing is then deferred, or skipped by a watch that drops."""


@dataclass(frozen=True)
class PredictedRetest(PredictedCrossing):
    """A crossing that waits for a watch that the deployment changes."""

    stays: bool
    """Whether the crossing stays under the new watch; otherwise it ends as skipped."""


@dataclass(frozen=True)
class PredictedTimedCrossing:
    """A crossing of a watch over time that time alone would cause, if its marks only fade."""

    agent: str
    watch: str
    subject: str | None
    """None for the board or a group."""
    group_tag: str | None
    """The tag whose values make the groups of the watch; None if the watch measures no groups."""
    group: GroupValue | None
    """The value of that tag."""
    mark_id: int | None
    crosses_at: datetime


@dataclass(frozen=True)
class PredictedSchedule:
    """A schedule as it would be under the deployment."""

    agent: str
    watch: str
    schedule: str
    is_new: bool
    """Whether the schedule is new or changed, so it begins with the deployment."""
    upcoming: tuple[datetime, ...]
    """The next instants of the schedule."""


@dataclass(frozen=True)
class PredictedActivations:
    """The activations that the waiting crossings of a watch over subjects would become: each makes at most one call."""

    agent: str
    watch: str
    per: Per
    subjects: int
    marks: int
    per_subject: int
    """The number of activations if each takes the marks of one subject."""
    per_batch: int
    """The least number of activations if each takes a batch."""


@dataclass
class UnreadableMarks:
    """The live marks of a kind that do not fit."""

    reason: str
    """Why the first mark does not fit."""
    count: int = 0
    marks: list[int] = field(default_factory=list)
    """The ids of the first few."""

    def add(self, mark_id: int) -> None:
        """Count a mark, and name it if it is among the first few."""
        self.count += 1
        if self.count <= MAX_NAMED_UNREADABLE_MARKS:
            self.marks.append(mark_id)

    def __str__(self) -> str:
        """Return a text with the first few marks, and the reason of the first."""
        ids = ", ".join(map(str, self.marks)) + (", ..." if self.count > len(self.marks) else "")
        return f"{self.count} live marks ({ids}): {self.reason}"


@dataclass(frozen=True)
class Preview:
    """The effects that a deployment would have at one instant."""

    as_of: datetime
    changes: tuple[str, ...]
    """One text for each change; empty if the deployment is active already."""
    evaporates: tuple[PredictedEvaporation, ...]
    sooner: dict[str, int]
    """How many marks of each kind would evaporate earlier than they do now, though not immediately."""
    wakes: tuple[PredictedWake, ...]
    """The crossings that follow, including those that are due and not yet recorded."""
    retests: tuple[PredictedRetest, ...]
    """The crossings that wait already, and whose watch changes."""
    refusal: str | None
    """Why `init` would refuse the deployment; None if `init` would accept it."""
    idle_workers: dict[str, str]
    """The workers that would then not claim for some of their agents, with the reasons."""
    gone_agents: dict[str, int]
    """How many crossings and activations would be held because their agent would be gone, by its name."""
    own_laws: dict[str, int]
    """How many live marks of each kind have a law of their own, which no change of the kind's law replaces."""
    schedules: tuple[PredictedSchedule, ...] = ()
    """The schedules of all agents."""
    activations: tuple[PredictedActivations, ...] = ()
    """The activations that waiting crossings would become, for each watch over subjects that has such crossings."""
    timed_crossings: tuple[PredictedTimedCrossing, ...] = ()
    """The crossings that watches over time would wait for, earliest first."""
    unreadable: dict[str, UnreadableMarks] = field(default_factory=dict)
    """For each kind, the live marks that do not fit its class."""
