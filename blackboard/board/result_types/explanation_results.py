"""Results that explain why an agent wakes or waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from blackboard.board.result_types.status_results import WaitingNeed
from blackboard.core.marks.scopes import GroupValue

NO_REASON = "no reason given"
"""The text that is shown for a pause without a reason."""


@dataclass(frozen=True)
class RunningActivation:
    """An activation that runs."""

    id: int
    subject: str | None
    group_tag: str | None
    """The tag whose values make the groups of its watch; None if the watch measures no groups."""
    group: GroupValue | None
    """The value of that tag that its marks share."""
    started_at: datetime | None
    worker: str | None


@dataclass(frozen=True)
class DeferredActivation:
    """An activation that waits for its next attempt, or for a person."""

    id: int
    subject: str | None
    group_tag: str | None
    """The tag whose values make the groups of its watch; None if the watch measures no groups."""
    group: GroupValue | None
    """The value of that tag that its marks share."""
    state: str
    error: str | None
    retry_at: datetime | None


@dataclass(frozen=True)
class LastActivation:
    """The newest activation for a subject."""

    id: int
    state: str
    reason: str
    at: datetime
    error: str | None


@dataclass(frozen=True)
class MeasuredValue:
    """The value of one comparison of a condition."""

    measure: str
    value: float
    threshold: float
    met: bool
    marks: int
    """The number of marks that were measured, or of deposits in a window."""
    counts: Literal["marks", "deposits"] = "marks"
    """The things that were measured: live marks, or the deposits in a window."""
    falls_at: datetime | None = None
    """For a window: when the value falls below the threshold or, if it is below now, when the next deposit leaves."""


@dataclass(frozen=True)
class WaitingCrossing:
    """A crossing that waits for its agent."""

    subject: str | None
    group_tag: str | None
    """The tag whose values make the groups of its watch; None if the watch measures no groups."""
    group: GroupValue | None
    """The value of that tag that its marks share."""
    mark_id: int | None
    value: float
    crossed_at: datetime
    held_by: str | None
    ready_at: datetime | None


@dataclass(frozen=True)
class OwnLaw:
    """A live mark that fades by a law of its own, not by the law of its kind."""

    mark_id: int
    kind: str
    subject: str
    law: str
    evaporates_at: datetime | None


@dataclass(frozen=True)
class WatchEpisode:
    """The stored state of a watch over time: for a subject, the board, or one mark."""

    mark_id: int | None
    """The mark, if each mark is measured alone."""
    began_at: datetime | None
    """When the condition began to hold; None if it does not hold now."""
    crossed_at: datetime | None
    """When the watch last crossed, if it has not been cleared since."""
    crosses_at: datetime | None
    """When the watch crosses next if the marks only fade; None if it does not."""


@dataclass(frozen=True)
class WatchExplanation:
    """The reasons why one watch has or has not crossed."""

    watch: str
    condition: str
    guard: str | None
    waiting: tuple[WaitingCrossing, ...]
    """The first 20 crossings that wait."""
    waiting_count: int
    verdict: str
    """The reason, in one sentence."""
    values: tuple[MeasuredValue, ...] | None = None
    """The measured values; None if the watch measures subjects or groups, and the caller named none."""
    live_marks: int | None = None
    """The number of live marks that the condition names, absorbed or not; None if they were not counted."""
    guard_open: bool | None = None
    guard_opens_at: datetime | None = None
    predicted_at: tuple[datetime | None, ...] | None = None
    """When a falling watch or a watch over time will cross by fading alone, or the next instants of a schedule; None
    for all other watches.
    """
    own_laws: tuple[OwnLaw, ...] = ()
    """The first 20 live marks with a law of their own, of its kinds and, if one was given, of the subject."""
    per: Literal["subject", "batch"] = "batch"
    """Whether an activation takes the marks of one subject, or of one group, or a batch."""
    on_guard: Literal["defer", "drop"] = "defer"
    """How a crossing is treated while the guard is closed: `defer` or `drop`."""
    episodes: tuple[WatchEpisode, ...] = ()
    """For a watch over time and one subject or group, its stored states. The next to cross is first."""
    group_tag: str | None = None
    """The tag whose values make the groups of the watch; None if the watch measures no groups."""
    group: GroupValue | None = None
    """The value of that tag that is explained; None if all waiting crossings are explained."""


@dataclass(frozen=True)
class Explanation:
    """The reasons why an agent has or has not woken."""

    agent: str
    subject: str | None
    as_of: datetime
    held_by: str | None
    until: datetime | None
    unserved: str | None
    """Why no daemon claims for the agent; None if a daemon does."""
    unserved_since: datetime | None
    """When a daemon that claimed for the agent was last seen; None if no such daemon is known."""
    running: tuple[RunningActivation, ...]
    concurrency: int
    deferred: tuple[DeferredActivation, ...]
    watches: tuple[WatchExplanation, ...]
    last: LastActivation | None
    needs: tuple[WaitingNeed, ...]
    """The first needs on the subject that wait for an answer; none without a subject."""
