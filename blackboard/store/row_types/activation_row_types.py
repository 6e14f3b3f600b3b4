"""The rows of the tables for activations: their inputs, and the pauses and cooldowns of agents."""

from __future__ import annotations

from typing import NamedTuple

from blackboard.clock import Instant
from blackboard.core.marks.scopes import is_group, scope_in
from blackboard.store.row_types.column_types import AddedNumber, Flag, Id
from blackboard.store.row_types.mark_row_types import EventRow


class ActivationRow(NamedTuple):
    """A row of `activation`."""

    id: Id
    agent: str
    watch_id: int
    scope: str | None
    """The subject or the group that it is about; None for several subjects and for the whole board."""
    state: str
    reason: str
    crossed_at: Instant
    created_at: Instant
    started_at: Instant | None = None
    finished_at: Instant | None = None
    retry_at: Instant | None = None
    attempt: int = 0
    interruptions: int = 0
    error: str | None = None
    worker: str | None = None
    lease_until: Instant | None = None
    fence: int = 0
    chain_length: int = 0
    marks_absorbed: int = 0
    marks_deposited: int = 0
    split_from: Id | None = None
    """The activation from which this activation was split."""
    split_after_call: Id | None = None
    """The newest model call on the board when it was split off; None if there was none."""
    deaths: int | None = None
    """How often in a row the worker of the activation died, without an answer or failure in between; None for 0."""
    scheduled_for: Instant | None = None
    """The instant of the schedule that woke it; None if marks woke it."""
    conflicts: AddedNumber = 0
    """How often in a row its result was in conflict with the board."""
    reads_again: Flag = 0
    """Whether its next claim reads its marks again, because of a conflict."""
    read_at: Instant | None = None
    """When its marks were last read; None if that was when it was created."""
    result_digest: str | None = None
    """The digest of the result with which a remote worker finished it, so that the same result may come again."""
    traceparent: str | None = None
    """The trace context that its last claim by a remote worker was given; None if there was none."""

    @property
    def group_scope(self) -> str | None:
        """The group that it is about; None if it is about subjects or the whole board."""
        return self.scope if is_group(scope_in(self.scope)) else None


class InputRow(NamedTuple):
    """A row of `activation_input`: a mark as an activation absorbed or read it."""

    activation_id: Id
    mark_id: Id
    role: str
    event_id: Id
    strength: float
    relevance: float | None = None
    """How well it matches what the agent searched for; None if no search found it."""


class AgentStateRow(NamedTuple):
    """A row of `agent_state`."""

    agent: str
    paused: int
    paused_because: str | None
    cooldown_until: Instant | None
    failures: int
    served_at: Instant | None = None
    """When the last unregistered worker that served the agent was last seen."""


class SubjectCooldownRow(NamedTuple):
    """A row of `subject_cooldown`."""

    agent: str
    scope: str
    """A subject, a group, or "" for the whole board."""
    until: Instant


class AgentLoad(NamedTuple):
    """The unfinished activations of an agent, as a claim needs them."""

    running: int
    """The number of running activations."""
    has_due: bool
    """Whether a deferred activation is due and need not run alone."""
    has_held: bool
    """Whether an activation is held until a later instant."""


class RunToEnd(NamedTuple):
    """An activation whose run ends, and what else its end concerns."""

    activation: ActivationRow
    """The row of the activation."""
    has_parts: bool
    """Whether other activations were split off from this activation."""
    has_answer: bool
    """Whether the activation has an answer of a model that it has not used yet."""


class DeferredWork(NamedTuple):
    """The activations of an agent that were deferred."""

    agent: str
    next_retry: Instant | None
    """When the next deferred activation is due; None if all are due, or wait for a person."""


class StateCount(NamedTuple):
    """The number of activations of an agent in a state."""

    agent: str
    state: str
    number: int


class EndedActivation(NamedTuple):
    """An activation that has ended, with its instants."""

    id: Id
    agent: str
    state: str
    crossed_at: Instant
    created_at: Instant
    started_at: Instant | None
    finished_at: Instant


class ActivationBehind(NamedTuple):
    """An activation that deposited or reinforced a mark."""

    activation_id: Id
    author: str
    known_id: Id | None
    """The id of the activation; None if retention has removed the activation."""
    agent: str | None
    """The present name of the agent of the activation; None if the agent was removed."""


class MarkBehind(NamedTuple):
    """A mark that an activation absorbed or read."""

    mark_id: Id
    event_id: Id | None
    """The event that produced its state; None if retention has removed it."""
    subject: str
    kind: str


class InputEvent(NamedTuple):
    """An input of an activation, with the event that produced the state of the mark."""

    event: EventRow | None
    """None if retention has removed it."""
    mark_id: Id
    role: str
    strength: float
    relevance: float | None
