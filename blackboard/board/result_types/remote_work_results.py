"""Results for remote workers: activations that they have claimed, and the states of their runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from blackboard.core.marks.scopes import GroupValue


@dataclass(frozen=True)
class ClaimedMark:
    """A mark that a remote agent is given with an activation, frozen as it was then."""

    id: int
    event_id: int
    """The event that gave the mark this state; pass it as `if_event`."""
    kind: str
    subject: str
    payload: Mapping[str, JsonValue]
    author: str
    strength: float
    relevance: float | None
    """How relevant the mark is to what the agent searched for; None if no search found the mark."""
    occurred_at: datetime
    deposited_at: datetime
    reinforced_at: datetime
    reinforcements: int


@dataclass(frozen=True)
class RemoteActivation:
    """An activation that a worker of a remote agent has claimed."""

    id: int
    agent: str
    fence: int
    """The number of this run, which the worker names when it continues or ends it."""
    attempt: int
    """The number of the attempt, from 1. Runs that did not end do not count."""
    lease_until: datetime
    """When the lease ends, unless the worker extends it by a heartbeat."""
    lease_seconds: float
    """How long the lease runs, counted from the claim."""
    watch: str
    """The name of the watch that woke the agent."""
    reason: str
    """The condition that woke the agent, with its value and threshold."""
    now: datetime
    """The instant when the activation took its marks. It is the same in each retry."""
    scheduled_for: datetime | None
    """The instant of the schedule that woke the agent; None if marks woke it."""
    subject: str | None
    """The one subject that it is about, if its watch wakes the agent per subject."""
    subjects: tuple[str, ...]
    """The subjects of its marks; the subject of the strongest mark comes first."""
    group: GroupValue | None
    """The value of the tag that its marks share, if its watch measures groups."""
    board_id: str
    """The id of the board, which no other board has."""
    error: str | None
    """Why the previous attempt failed; None if there was none."""
    marks: tuple[ClaimedMark, ...]
    """The marks that woke the agent, strongest first."""
    reads: tuple[ClaimedMark, ...]
    """The marks that the agent reads in addition, strongest first."""
    traceparent: str | None = None
    """The trace context that the work continues, in the form of W3C Trace Context; None if nothing is traced."""


@dataclass(frozen=True)
class RunState:
    """The state of an activation after a heartbeat of its remote worker, or at the end of its run."""

    id: int
    agent: str
    fence: int
    attempt: int
    state: str
    lease_until: datetime | None
    """When the lease ends; None if the run has ended."""
    retry_at: datetime | None
    """When the activation is tried again; None if it is not."""
    marks: tuple[int, ...]
    """The marks that the run deposited, reinforced, withdrew or found gone. Empty while the activation is not done."""
