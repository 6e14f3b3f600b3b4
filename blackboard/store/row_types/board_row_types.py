"""The rows of the tables for the whole board: its state, processes, tokens, activity and messages."""

from __future__ import annotations

from typing import NamedTuple

from blackboard.clock import Instant
from blackboard.store.row_types.column_types import AddedDuration, AddedInstant, AddedNumber, Id, Number


class BoardRow(NamedTuple):
    """The row of `board`."""

    id: int
    uid: str
    created_at: Instant
    last_recorded_at: Instant
    """The latest instant that the board has recorded without an event of a mark."""
    version: int
    """The version of the active deployment."""
    paused: int
    paused_because: str | None
    views_hash: str | None
    """The hash of the views' texts."""
    compaction_owed_at: Instant | None
    """The instant since which unused parts of the file may contain words of an erased subject; None if they do not."""
    skewed_deposits: AddedNumber = 0
    """The number of deposits that occurred ahead of the board's time, within `max_skew`."""
    largest_skew: AddedDuration = 0
    """The largest time by which such a deposit was ahead."""
    skewed_at: AddedInstant = 0
    """When the last such deposit was recorded."""
    purge_owed_at: Instant | None = None
    """The instant since which the full-text index may contain erased words that no purge has begun to remove. None if
    there are no such words."""
    unfinished_purge_owed_at: Instant | None = None
    """The instant since which an unfinished purge has been owed; None if there is none."""


class WorkerRow(NamedTuple):
    """A row of `worker`."""

    id: str
    pid: int
    host: str
    started_at: Instant
    seen_at: Instant
    version: str | None
    """The program's version."""
    agents: str | None = None
    """The agents that it serves, with the digests of their code, as a JSON object."""
    schema: str | None = None
    """The newest schema that it knows."""
    model: str | None = None
    """The provider and model that answer its agents, as text."""
    lock_key: Number | None = None
    """The number of the lock that it holds on PostgreSQL while it lives; None without such a lock."""


class WriterRow(NamedTuple):
    """A row of `writer`: the last commit of one process on PostgreSQL; see `CommitRecord`."""

    id: str
    n: Number
    """The number of the last transaction that was committed."""
    at: Instant
    """The time of the database server at that transaction."""


class AccessTokenRow(NamedTuple):
    """A row of `access_token`: what the holder of a token may do, and in whose name."""

    digest: str
    """The hash of the token. The token itself is nowhere on the board."""
    name: str
    author: str
    scopes: str
    """The scopes, separated by spaces."""
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None


class SecretRow(NamedTuple):
    """A row of `secret`: a random text that is stored on this board only."""

    name: str
    value: str


class ActivityEventRow(NamedTuple):
    """A row of `activity_event`: what an agent, a person or a program did. A column that does not apply is NULL."""

    id: Id
    """0 for the next id. An id follows the last id that its transaction sees, so ids are committed in order."""
    recorded_at: Instant
    event: str
    agent: str | None = None
    watch_id: int | None = None
    scope: str | None = None
    """The subject or the group that it is about."""
    activation_id: Id | None = None
    crossing_id: Id | None = None
    mark_id: Id | None = None
    """The need, or the mark of a crossing whose watch measures each mark by itself."""
    old_state: str | None = None
    """The earlier state of the activation; None if the activation began."""
    state: str | None = None
    author: str | None = None
    """Who acted; None for the board and its daemons."""
    token: str | None = None
    """The name of a token that was made or revoked."""
    version: int | None = None
    """The version of a deployment."""


class MessageRow(NamedTuple):
    """A row of `message`: a message to people outside, for one sink."""

    id: Id
    message_id: str
    """The id of the message, the same at every attempt."""
    sink: str
    topic: str
    occurrence: str
    """The key of the event that the message is about. A sink gets one message for each key."""
    content: str
    """What the message says, in JSON (see `message_rows.Notice`)."""
    created_at: Instant
    scope: str | None
    """The subject or the group that it is about."""
    agent: str | None
    mark_id: Id | None
    activation_id: Id | None
    crossing_id: Id | None
    state: str
    due_at: Instant
    """When it is sent next, or when the lease of its deliverer ends. For a finished message: when it was sent."""
    attempts: int
    fence: int
    """The number of its leases. A deliverer whose lease has ended finds another number."""
    finished_at: Instant | None = None
    error: str | None = None
    """Why the last attempt failed."""


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
    database_time: Instant | None
    """The time of the database server; None for a file."""


class DueInstants(NamedTuple):
    """The instants when the board will have work by time alone, and whether it has work in the background."""

    next_predicted: Instant | None
    """When the next predicted crossing is due."""
    next_need: Instant | None
    """When the next need is due."""
    has_backfill: bool
    has_search: bool
    """Whether a full-text index is being filled or removed."""


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
