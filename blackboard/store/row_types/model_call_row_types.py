"""The rows of the tables for model calls: the calls, their cost, and the pauses of models."""

from __future__ import annotations

from typing import NamedTuple

from blackboard.clock import Instant
from blackboard.core.records.states import CallApi
from blackboard.store.row_types.column_types import Id, Money


class CallRow(NamedTuple):
    """A row of `model_call`. Money is in micro-dollars."""

    id: Id
    activation_id: Id
    agent: str
    model: str
    api: CallApi
    state: str
    body: str
    marks: int
    """The number of marks in the request. After a split, both the number and the request differ."""
    planned_at: Instant
    sent_at: Instant | None = None
    answered_at: Instant | None = None
    applied_at: Instant | None = None
    reserved: Money = 0
    reply: str | None = None
    request_id: str | None = None
    custom_id: str | None = None
    submission: Id | None = None
    """In the Batch API: the first call of the submission."""
    batch_id: str | None = None
    """In the Batch API: the provider's id of the batch."""
    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    cost: Money | None = None
    direct_cost: Money | None = None
    error: str | None = None
    would_hold: str | None = None
    """The reason why a budget in mode `hold` would have held the call."""


class ModelPauseRow(NamedTuple):
    """A row of `model_pause`: a model that refuses calls or gives unusable answers, and is tried from time to time."""

    agent: str
    """The agent to which its answers are unusable; empty if it refuses the calls of all agents."""
    model: str
    reason: str
    since: Instant
    """When the first of the failed calls was sent."""
    failed_at: Instant
    probe_at: Instant
    """The instant from which one call may try the model."""
    failures: int
    """The number of failures in a row. Calls that ran at the same time count once."""
    refusals: int
    """The number of failed calls that may themselves be the cause."""
    is_access: int
    """1 if the key, the account or the address was refused, without reading a request."""
    suspect: Id | None
    """The only activation that failed, if its marks may be the cause; None if the model itself is the cause."""


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
