"""The rows of statements that select something other than whole rows of a table.

The first field may be the row of a table, such as `MarkRow`: it has all columns of that table.
"""

from __future__ import annotations

from typing import NamedTuple

from blackboard.core.records.states import CallApi
from blackboard.store.rows import (
    AbsorbedRow,
    ActivationRow,
    ActivityEventRow,
    CrossingRow,
    EventRow,
    Id,
    Instant,
    MarkRow,
    Money,
    WindowEventRow,
)


class TransactionStart(NamedTuple):
    """The values that each transaction reads first."""

    deployment_version: int
    paused: int
    """Whether the board is paused."""
    paused_because: str | None
    last_recorded_at: Instant
    last_event_id: Id | None
    last_event_at: Instant | None
    next_evaporation: Instant | None
    schema: str
    server_time: Instant | None
    """The time of the server; None for a file."""


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
    """Whether others were split off from it."""
    has_answer: bool
    """Whether it has an answer of a model that it has not used yet."""


class MarkWithEvent(NamedTuple):
    """A mark, and the event that produced its state."""

    mark: MarkRow
    event: EventRow


class AbsorbedByWatch(NamedTuple):
    """The absorption of a mark by a watch, so far."""

    absorbed: AbsorbedRow | None
    """None if it has not absorbed the mark, or if there is no mark."""
    watch_id: Id
    watermark: Id | None
    """The event up to which a watch over the board has absorbed everything."""


class DueInstants(NamedTuple):
    """The instants when the board will have work by time alone, and whether it has work in the background."""

    next_predicted: Instant | None
    """When the next predicted crossing is due."""
    next_need: Instant | None
    """When the next need is due."""
    has_backfill: bool
    has_search: bool
    """Whether a full-text index is being filled or removed."""


class WaitingWatch(NamedTuple):
    """A watch with waiting crossings."""

    watch_id: Id
    next_ready: Instant | None
    """When the next of its crossings becomes ready by time alone; None if none will."""


class DeferredWork(NamedTuple):
    """The activations of an agent that were deferred."""

    agent: str
    next_retry: Instant | None
    """When the next of them is due; None if all are due, or wait for a person."""


class NamedCount(NamedTuple):
    """The number of rows of a kind, an agent or a state."""

    name: str
    number: int


class SinkMessages(NamedTuple):
    """The messages of a sink that were not delivered."""

    sink: str
    waiting: int
    retried: int
    """The number of waiting messages that have failed at least once."""
    given_up: int
    waiting_since: Instant | None
    error: str | None


class DocText(NamedTuple):
    """A document of the full-text index, and the payload that holds its text."""

    id: Id
    payload: str | None


class FoundDoc(NamedTuple):
    """A document of the full-text index that matches a query."""

    id: Id
    relevance: float


class MarkStrength(NamedTuple):
    """The strength of a live mark; None under a law that this process does not know."""

    id: Id
    strength: float | None


class MarkKey(NamedTuple):
    """A mark, with the number that orders the marks of its law by strength."""

    id: Id
    order_key: float


class StateCount(NamedTuple):
    """The number of activations of an agent in a state."""

    agent: str
    state: str
    number: int


class EventCount(NamedTuple):
    """The number of events with one name, for marks of one kind."""

    kind: str
    event: str
    number: int


class DeferralCount(NamedTuple):
    """The number of waiting crossings of a watch that one reason holds, and the instant of the first."""

    watch_id: int
    held_by: str | None
    number: int
    oldest: Instant


class EndedActivation(NamedTuple):
    """An activation that has ended, with its instants."""

    id: Id
    agent: str
    state: str
    crossed_at: Instant
    created_at: Instant
    started_at: Instant | None
    finished_at: Instant


class CallUsage(NamedTuple):
    """The tokens of a model call; each number is None as long as it is unknown."""

    id: Id
    agent: str
    model: str
    state: str
    input_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None
    cost: Money | None


class WatchCount(NamedTuple):
    """The number of waiting crossings of a watch."""

    watch_id: int
    number: int


class LiveCount(NamedTuple):
    """The number of live marks of a kind, and the number of their subjects."""

    marks: int
    subjects: int


class WaitingNeedRow(NamedTuple):
    """A need that waits for an answer."""

    id: Id
    subject: str
    due_at: Instant | None
    assignee: str
    answerable_by: str | None
    """As in `OpenNeedRow`."""


class NeedCount(NamedTuple):
    """The number of needs that wait for an answer."""

    number: int
    overdue: int
    unnoticed: int
    """The number of overdue needs that no daemon has noticed."""


class LiveMark(NamedTuple):
    """A live mark with the weight of its kind."""

    mark: MarkRow
    weight: float
    strength: float
    """NULL under a law that this process does not know; `marks_with_strength` raises an error then."""


class StimulusSums(NamedTuple):
    """The number of stimuli of one kind and law, and the two sums of `Decay.sums`."""

    marks: int
    sum0: float
    sum1: float


class WindowPayload(NamedTuple):
    """A deposit that windows count, and its payload; None if it was erased."""

    deposit: WindowEventRow
    payload: str | None


class BatchWindow(NamedTuple):
    """A crossing whose batch window is open, and when the window ends."""

    id: Id
    ready_at: Instant


class GoneCrossing(NamedTuple):
    """A crossing that waits for an agent that is gone, with its watch."""

    crossing: CrossingRow
    agent: str
    watch: str
    condition: str


class DeferredCrossing(NamedTuple):
    """A crossing whose activation was deferred, with its watch."""

    crossing: CrossingRow
    agent: str
    watch: str
    condition: str
    error: str | None
    """Why the activation was deferred."""
    retry_at: Instant | None


class ActivationBehind(NamedTuple):
    """An activation that deposited or reinforced a mark."""

    activation_id: Id
    author: str
    known_id: Id | None
    """Its id; None if retention has removed it."""
    agent: str | None
    """The present name of its agent; None if it was removed."""


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


class ActivityEntry(NamedTuple):
    """An entry of the activity, with the name of its watch."""

    entry: ActivityEventRow
    watch: str | None


class LastIds(NamedTuple):
    """The id of the last event of a mark, and the id of the last activity; None if there is none."""

    event_id: Id | None
    activity_id: Id | None


class NewestWork(NamedTuple):
    """The newest crossing and the newest activation; None if there is none."""

    crossing_id: Id | None
    activation_id: Id | None


class Spent(NamedTuple):
    """The cost of model calls since the beginning of a day and of an hour."""

    day_money: Money
    day_calls: int
    hour_money: Money
    hour_calls: int


class SpentByActivation(NamedTuple):
    """The cost of the model calls of an activation."""

    money: Money
    calls: int


class UsageByActivation(NamedTuple):
    """The tokens and the cost of the model calls of an activation. Money is in micro-dollars."""

    activation_id: Id
    calls: int
    tokens_in: int
    tokens_out: int
    cost: Money


class ErasedEvent(NamedTuple):
    """An event of an erased subject, in a file of any version."""

    id: Id
    recorded_at: Instant


class ModelCost(NamedTuple):
    """The tokens and the cost of the calls of a model by one API. Money is in micro-dollars."""

    model: str
    api: CallApi
    calls: int
    marks: int
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    cost: Money
    direct_cost: Money


class DailyCost(NamedTuple):
    """A row of the view `costs`."""

    day: str
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
