"""Results about the state of the board, of its workers and of its agents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from blackboard.board.result_types.mark_results import SearchProgress
from blackboard.board.result_types.message_results import SinkStatus


@dataclass(frozen=True)
class WorkerStatus:
    """A daemon that serves the board."""

    id: str
    pid: int
    host: str
    started_at: datetime
    seen_at: datetime
    version: str | None
    """The version of blackboard that the worker runs."""
    alive: bool
    """Whether the worker is alive. A dead daemon was last seen at `seen_at`, and the next daemon recovers its work."""
    agents: tuple[str, ...]
    """The agents whose code the worker has."""
    model: str | None
    """The provider and model that answer these agents, in words."""
    problem: str | None
    """Why the worker does not claim for some of these agents; None if it claims for all."""


@dataclass(frozen=True)
class ModelCallCounts:
    """The number of model calls that were made, of open calls by state, and the money that is reserved for them."""

    made: int
    """The number of calls that were sent to a provider, with or without success, within `keep_model_calls`."""
    planned: int
    sent: int
    answered: int
    unknown: int
    reserved_usd: float


@dataclass(frozen=True)
class WaitingNeed:
    """A need that waits for an answer, in short form; see `NeedRecord`."""

    id: int
    subject: str
    due_at: datetime | None
    """When the need should be answered; None for no due time."""
    assignee: str
    """Who should answer the need; "" if nobody is named."""
    overdue: bool
    """Whether the due time has passed."""
    answerable_by: tuple[str, ...] = ()
    """As in `NeedRecord`, like `waits_for`."""
    waits_for: tuple[str, ...] = ()
    why_not: str | None = None
    """In the explanation of an agent that writes decisions: why it may not answer; None if it may."""


@dataclass(frozen=True)
class NeedsOverview:
    """The needs that wait for an answer."""

    open: int
    overdue: int
    first: tuple[WaitingNeed, ...]
    """The first of them in the order of their due times."""


@dataclass(frozen=True)
class MenuCounts:
    """The numbers of what waits for people and agents, as the menu of the pages shows it."""

    needs: int
    """The needs that wait for an answer."""
    waiting: int
    """The crossings that wait."""
    stuck: int
    """The activations that are dead or quarantined."""
    running: int
    """The activations that run."""
    paused: bool
    """Whether the whole board is paused."""


@dataclass(frozen=True)
class BoardStatus:
    """The state of the board."""

    as_of: datetime
    doubted_clock: datetime | None
    """The instant of the clock if it is too far ahead to be believed; otherwise None."""
    deployment: int
    """The version of the active deployment."""
    paused: bool
    """Whether the whole board is paused."""
    paused_because: str | None
    paused_agents: Mapping[str, str | None]
    """The agents that are paused, with the reason if one was given."""
    paused_models: Mapping[str, str]
    """The paused models, with the reason. Such a model is tried with one call at a time."""
    unusable_answers: Mapping[str, Mapping[str, str]]
    """For each agent, the models that are paused for it because their answers are unusable, with the reason."""
    marks: Mapping[str, int]
    """The number of live marks of each kind."""
    last_event_id: int
    waiting: int
    """The number of crossings that wait."""
    activations: Mapping[str, int]
    """The number of activations in each state."""
    gone_agents: Mapping[str, int]
    """The number of crossings and activations that are held because their agent is not in the deployment, by agent."""
    needs: NeedsOverview
    next_predicted_crossing: datetime | None
    next_due_need: datetime | None
    """When the next need is due; in the past if it is due, and no daemon has noticed it."""
    next_evaporation: datetime | None
    model_calls: ModelCallCounts
    backfills: int
    searches: tuple[SearchProgress, ...]
    """The full-text index of each kind with search, and the indexes that are being removed."""
    sinks: tuple[SinkStatus, ...]
    """The sinks with messages that were not delivered."""
    workers: tuple[WorkerStatus, ...]
    file_bytes: int | None = None
    """The size of the database file; None on PostgreSQL."""
    log_bytes: int | None = None
    """The size of the write-ahead log; None on PostgreSQL."""


@dataclass(frozen=True)
class AgentStatus:
    """A registered agent with its watches and its state."""

    agent: str
    watches: Mapping[str, str]
    """The condition of each watch."""
    writes: tuple[str, ...]
    withdraws: tuple[str, ...]
    """The kinds whose marks it may withdraw although other authors deposited them."""
    per: Mapping[str, Literal["subject", "batch"]]
    """Whether an activation of each watch takes the marks of one subject or a batch."""
    state: str
    until: datetime | None
    """The end of the state, if it ends by itself."""
    waiting: int
    activations: Mapping[str, int]
    """The number of activations in each state."""
    remote: bool = False
    """Whether workers outside the daemon claim for it."""
