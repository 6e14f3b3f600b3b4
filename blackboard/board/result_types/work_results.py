"""Results about work: the agenda, activations, model calls, schedules and costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from pydantic import JsonValue

from blackboard.board.result_types.mark_results import MarkEvent
from blackboard.core.marks.scopes import GroupValue
from blackboard.core.records.states import HeldBy


@dataclass(frozen=True)
class EarlyWake:
    """The outcome of waking an agent early: what still holds the crossing."""

    crossing_id: int
    agent: str
    watch: str
    subject: str | None
    group_tag: str | None
    """The tag whose values make the groups of the watch; None if the watch measures no groups."""
    group: GroupValue | None
    """The value of that tag that the marks share."""
    held_by: str | None
    """What still holds the crossing, such as `guard`; None if a daemon may claim the crossing now."""
    until: datetime | None
    """When this hold ends, if it ends by itself."""


@dataclass(frozen=True)
class AgendaItem:
    """A crossing that waits, or whose activation is deferred."""

    id: int
    agent: str
    watch: str
    subject: str | None
    group_tag: str | None
    """The tag whose values make the groups of its watch; None if the watch measures no groups."""
    group: GroupValue | None
    """The value of that tag that its marks share."""
    mark_id: int | None
    state: Literal["waiting", "deferred"]
    condition: str
    reason: str
    value: float
    threshold: float
    crossed_at: datetime
    noticed_at: datetime
    late_seconds: float
    ready_at: datetime | None
    held_by: str | None


@dataclass(frozen=True)
class ActivationRecord:
    """An activation."""

    id: int
    agent: str
    watch: str | None
    subject: str | None
    """The subject of its marks; None if they have several, or if its watch is over the board or groups."""
    group_tag: str | None
    """The tag whose values make the groups of its watch; None if the watch measures no groups."""
    group: GroupValue | None
    """The value of that tag that its marks share."""
    state: str
    reason: str
    crossed_at: datetime
    scheduled_for: datetime | None
    """The instant of the schedule that woke its agent; None if marks woke it."""
    started_at: datetime | None
    finished_at: datetime | None
    retry_at: datetime | None
    attempt: int
    interruptions: int
    error: str | None
    mark_ids: tuple[int, ...]
    """The marks that it absorbs."""
    marks_absorbed: int
    marks_deposited: int
    chain_length: int
    worker: str | None


@dataclass(frozen=True)
class ActivityRecord:
    """An act of an agent, a person or a program. Fields that do not apply are None."""

    id: int
    recorded_at: datetime
    event: str
    """What happened, as in `ActivityEvent`."""
    agent: str | None
    watch: str | None
    subject: str | None
    group_tag: str | None
    """The tag whose values make the groups of its watch; None if the watch measures no groups."""
    group: GroupValue | None
    """The value of that tag that its marks share."""
    activation_id: int | None
    crossing_id: int | None
    mark_id: int | None
    """The need, the mark of a message, or the mark of a crossing whose watch measures each mark alone."""
    old_state: str | None
    """The state of the activation before; None if it began."""
    state: str | None
    author: str | None
    """Who acted; None for the board and its daemons."""
    token: str | None
    """The name of a token that was made or revoked."""
    version: int | None
    """The version of a deployment."""


@dataclass(frozen=True)
class ScheduleRecord:
    """A schedule of an agent, with the instants before and after now."""

    agent: str
    watch: str
    schedule: str
    catch_up: str
    """How missed instants are treated: `once` (the last), `all` or `none`."""
    scheduled_from: datetime
    """The first deployment of the schedule, from which an interval counts."""
    next_at: datetime | None
    """The next instant that the board has stored; None while a crossing waits to be claimed."""
    waits_since: datetime | None
    """The first instant that has not woken its agent yet; None if there is none."""
    held_by: str | None
    """The reason why that crossing waits, if there is one."""
    last_at: datetime | None
    """The last instant that no longer waits; None before the first."""
    last_late_seconds: float | None
    """How long after that last instant the board noticed it."""
    upcoming: tuple[datetime, ...]
    """The next instants of the schedule."""


@dataclass(frozen=True)
class Prediction:
    """The instant when time alone will affect a watch, if no mark changes before.

    A falling watch crosses then, a condition over time has held for long enough, or a schedule is due.
    """

    agent: str
    watch: str
    condition: str
    subject: str | None
    group_tag: str | None
    """The tag whose values make the groups of its watch; None if the watch measures no groups."""
    group: GroupValue | None
    """The value of that tag."""
    mark_id: int | None
    """The mark, if each mark is measured alone."""
    due_at: datetime


@dataclass(frozen=True)
class EndingDeferral:
    """The deferral of a crossing that ends by time alone, if no mark changes before."""

    agent: str
    watch: str
    condition: str
    subject: str | None
    group_tag: str | None
    """The tag whose values make the groups of its watch; None if the watch measures no groups."""
    group: GroupValue | None
    """The value of that tag."""
    mark_id: int | None
    """The mark, if each mark is measured alone."""
    held_by: HeldBy
    """What defers the crossing."""
    ends_at: datetime


@dataclass(frozen=True)
class GivenMark:
    """A mark that an activation was given, in its state at that time and its state now."""

    mark_id: int
    role: Literal["given", "read"]
    """`given` if the watch gave it to the agent; `read` if the agent reads it in addition."""
    kind: str | None
    """None if the history no longer contains the mark; then the subject and payload are None too."""
    subject: str | None
    payload: Mapping[str, JsonValue] | None
    strength: float
    """The strength of the mark when it was given."""
    state: str
    """`live`, `evaporated` or `withdrawn`; `unknown` if the history no longer contains it."""
    strength_now: float
    changed_at: datetime | None
    """When it was reinforced, evaporated or withdrawn since; None if nothing has happened to it."""


@dataclass(frozen=True)
class ModelCallRecord:
    """A call of a language model."""

    id: int
    model: str
    api: str
    state: str
    input_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    reserved_usd: float
    planned_at: datetime
    sent_at: datetime | None
    answered_at: datetime | None
    error: str | None


@dataclass(frozen=True)
class ModelCallTexts:
    """The texts of a model call: the request and the answer."""

    id: int
    request: JsonValue
    """The body of the request."""
    answer: JsonValue
    """The body of the answer; None if there is none yet."""


@dataclass(frozen=True)
class ActivationDetails:
    """One activation with its marks, what it did to marks, and its model calls."""

    activation: ActivationRecord
    is_stuck: bool
    """Whether a person may retry or discard the activation: it failed, is held or is quarantined."""
    split_from: int | None
    """The activation that this activation was split from; None if it was not split from another."""
    parts: tuple[int, ...]
    """The activations that were split from this activation, and have taken marks over from it."""
    marks: tuple[GivenMark, ...]
    deposits: tuple[MarkEvent, ...]
    """The events of marks that the activation caused, oldest first."""
    calls: tuple[ModelCallRecord, ...]
    """The model calls of the activation, oldest first."""
    cost_usd: float
    """The known cost of these calls."""


@dataclass(frozen=True)
class ModelCostRow:
    """The tokens and the cost of the calls of one model by one API."""

    model: str
    api: str
    calls: int
    marks: int
    """The number of marks in the requests of these calls."""
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    usd: float
    usd_direct: float
    """What these calls would have cost outside the Batch API."""


@dataclass(frozen=True)
class ActivationUsage:
    """The tokens and the cost of the model calls of an activation."""

    activation_id: int
    calls: int
    tokens_in: int
    """The tokens of the requests of these calls, including tokens from the cache."""
    tokens_out: int
    usd: float


@dataclass(frozen=True)
class CostRow:
    """The cost of one agent's model calls on one day (UTC)."""

    day: date
    agent: str
    calls: int
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    usd: float
    marks_deposited: int
    usd_per_mark: float | None
    share_from_cache: float | None
    usd_direct: float
    unknown: int
    usd_reserved: float
