"""The rows of the tables: a named tuple for each, from which `tables` takes the columns and their order."""

from __future__ import annotations

from typing import NamedTuple

from blackboard.clock import Instant as Instant
from blackboard.core.marks.fading_marks import is_live
from blackboard.core.marks.scopes import WHOLE_BOARD, scope_in
from blackboard.core.records.states import CallApi
from blackboard.durations import Duration
from blackboard.store.view_columns import VIEWS

# `schema.tables` takes the type of a column from the name by which a field spells its type, since a named tuple keeps
# the text of an annotation. So these names are not interchangeable, although most of them stand for `int`.
Id = int
"""The id of a row whose number may exceed 32 bits."""
Money = int
"""Whole micro-dollars."""
Flag = int
"""0 or 1; by default 0."""
Number = int
"""A number of 64 bits."""
AddedNumber = int
"""A number of 64 bits in a column that a migration added to a table with rows; by default 0."""
AddedInstant = Instant
"""An instant in a column that a migration added to a table with rows; by default 0."""
AddedDuration = Duration
"""A duration in a column that a migration added to a table with rows; by default 0."""


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
    """The furthest that such a deposit was ahead."""
    skewed_at: AddedInstant = 0
    """When the last such deposit was recorded."""
    purge_owed_at: Instant | None = None
    """The instant since which the full-text index may contain erased words that no purge has begun to remove. None if
    there are no such words."""
    unfinished_purge_owed_at: Instant | None = None
    """The instant since which an unfinished purge has been owed; None if there is none."""


class DeploymentRow(NamedTuple):
    """A row of `deployment`."""

    version: int
    deployed_at: Instant
    content: str


class LawRow(NamedTuple):
    """A row of `law`."""

    law: str
    name: str
    length: float
    """The length of time in the SQL expression of the law, in microseconds; 0 if it has none."""
    shape: float
    """The other number in it, such as an exponent; 0 if it has none."""
    spec: str


class LawSegmentRow(NamedTuple):
    """A row of `law_segment`: a straight piece of a curve."""

    law: str
    age: Duration
    share: float
    slope: float


class KindRow(NamedTuple):
    """A row of `kind`."""

    name: str
    weight: float
    floor: float
    law: str


class LawChangeRow(NamedTuple):
    """A row of `law_change`: a change of law or floor that the backfill has not yet carried to all marks."""

    kind: str
    law: str
    new_law: str
    changed_at: Instant


class MarkRow(NamedTuple):
    """A row of `mark`: a live mark, or an evaporated mark that is not yet moved to the history.

    Its id is the id of its first event, so it is never used again.
    """

    id: Id
    kind: str
    subject: str
    payload: str
    author: str
    intensity: float
    law: str
    anchored_at: Instant
    event_id: Id
    deposited_at: Instant
    reinforced_at: Instant
    reinforcements: int
    evaporates_at: Instant | None
    order_key: float | None
    other_event_id: Id | None = None
    """The last event that counts for the agent that caused the mark's last event:

    | author of the last event | value |
    |---|---|
    | not an agent | the last event |
    | an agent; others caused earlier events | the last event of the others |
    | an agent, which caused all events | None |
    """
    activation_id: Id | None = None
    """The activation of the last deposit; None if its author is not an agent."""
    own_law: Flag = 0
    """Whether the deposit named the law, and the kind had another law. Such a mark keeps its law when the law of the
    kind changes."""
    occurred_at: AddedInstant = 0
    """When the deposit occurred whose payload and author the mark shows, which is the latest of its deposits."""
    last_author: str | None = None
    """The author of the last event; None if that is `author`."""

    @property
    def changed_by(self) -> str:
        """The author of the last event: of a deposit, or of a reinforcement, which keeps the payload."""
        return self.author if self.last_author is None else self.last_author

    @property
    def changed_at(self) -> Instant:
        """When the board recorded the present state: at the last deposit, or at a later change of the law."""
        return max(self.reinforced_at, self.anchored_at)

    def is_live(self, at: Instant) -> bool:
        """Return whether the mark is live at an instant."""
        return is_live(self.evaporates_at, at)


class EventRow(NamedTuple):
    """A row of `event`: a change of a mark, with the state after it."""

    id: Id
    recorded_at: Instant
    mark_id: Id
    kind: str
    subject: str
    event: str
    intensity: float
    law: str
    evaporates_at: Instant | None
    author: str
    activation_id: Id | None
    payload: str | None
    own_law: Flag = 0
    """As in `MarkRow`."""
    occurred_at: AddedInstant = 0
    """When it happened; at or before `recorded_at`, when the board learned of it."""
    anchored_at: AddedInstant = 0
    """The instant of `intensity`. It is later than `occurred_at` if a later deposit was known before.

    For a stale deposit, it is the time of the deposit that had replaced it.
    """
    deposited_intensity: float | None = None
    """The intensity of the deposit itself, with the trust in its author; None for other events."""
    shown_event_id: Id | None = None
    """The later deposit whose payload the mark still shows after this deposit; None for all other events."""
    traceparent: str | None = None
    """The trace context of the deposit; None for other events, and if there was none."""


def mark_after(event: EventRow) -> MarkRow:
    """Return the mark in its state after an event, without its payload and its earlier events."""
    return MarkRow(
        id=event.mark_id,
        kind=event.kind,
        subject=event.subject,
        payload="{}",
        author=event.author,
        intensity=event.intensity,
        law=event.law,
        anchored_at=event.anchored_at,
        event_id=event.id,
        deposited_at=event.recorded_at,
        reinforced_at=event.recorded_at,
        reinforcements=0,
        evaporates_at=event.evaporates_at,
        order_key=None,
        activation_id=event.activation_id,
        own_law=event.own_law,
        occurred_at=event.occurred_at,
    )


class WindowEventRow(NamedTuple):
    """A row of `window_event`: a deposit that a window of the active deployment may count."""

    kind: str
    subject: str
    occurred_at: Instant
    event_id: Id
    mark_id: Id
    intensity: float
    """The intensity of the deposit itself, with the trust in its author."""
    agent: str
    """The agent that deposited it; "" if it was none."""


class WindowTagRow(NamedTuple):
    """A row of `window_tag`: a value of a tag of a deposit, which a window of the active deployment uses to find it."""

    kind: str
    name: str
    value: str
    """The key of the value, as in `MarkTagRow`."""
    occurred_at: Instant
    event_id: Id
    subject: str


class DepositKeyRow(NamedTuple):
    """A row of `deposit_key`: the first request that an author made with a key for a kind.

    `author` or `kind` is "" if an earlier version did not record it. Such a key holds for every author or kind.
    """

    key: str
    author: str
    kind: str
    digest: str
    """The digest of the request; "" if an earlier version stored the key."""
    mark_id: Id
    event_id: Id
    at: Instant
    source: str | None = None
    """The file that the deposit was loaded from, as `loaded_files` names it; None for other deposits."""


class ReadPositionRow(NamedTuple):
    """A row of `read_position`: all lines of a followed file before the position were deposited."""

    source: str
    """The file, as `loaded_files` names it."""
    author: str
    kind: str
    inode: str
    """As text: it may need 64 bits without a sign."""
    generation: Id
    """The number of files that were read at this path, including this file."""
    position: Id
    """Bytes from the start of the file; all lines before it are deposited or rejected."""
    digest: str
    """A digest of the bytes right before the position, which identifies the file after a restart."""
    header: str
    """The line with the names of the columns; "" for a file without one."""
    at: Instant


class OpenNeedRow(NamedTuple):
    """A row of `open_need`: a need on the board that has a due time or an assignee, or that agents may answer."""

    mark_id: Id
    due_at: Instant | None
    remind_at: Instant | None
    """The due time until the board has deposited the mark `overdue`; then None."""
    assignee: str
    """Who should answer; "" if nobody is named."""
    answerable_by: str | None = None
    """The agents that may answer it, as a JSON list: the agents that it names, without the agents in its chain."""
    agents_behind: str | None = None
    """The agents in its chain of provenance, as a JSON list; None if it names no agents, or the chain is not known."""


class UniqueValueRow(NamedTuple):
    """A row of `unique_value`: a mark and the value of its unique field, in a form that equal values share."""

    kind: str
    value: str
    mark_id: Id


class MarkTagRow(NamedTuple):
    """A row of `mark_tag`: a value of a tag that a mark has. A tag with a list of texts has a row for each text."""

    kind: str
    name: str
    value: str
    """The key of the value (see `tags`), which equal values share."""
    mark_id: Id


class SearchKindRow(NamedTuple):
    """A row of `search_kind`: the full-text index of a kind, or a former one that is being removed."""

    number: int
    kind: str
    phase: str
    """What is being done: see `search_documents.Phase`."""
    position: Id
    """How far this work has come: the id of the last event, or of the last document."""
    up_to: Id
    """The last event with which the index will be filled."""


class SearchFieldRow(NamedTuple):
    """A row of `search_field`: a field of the payload whose text is in an index."""

    number: int
    position: int
    path: str
    """The path of the field, as the JSON functions of SQLite take it."""


class SearchDocRow(NamedTuple):
    """A row of `search_doc`: a document of the full-text index: the text of one mark."""

    id: Id
    """The number of the index above 40 bits, and the id of the mark below."""
    event_id: Id
    """The event that holds the payload."""


class WatchRow(NamedTuple):
    """A row of `watch`."""

    id: int
    agent: str
    name: str
    condition: str
    active: int
    watermark: Id
    """For a watch over the board: every event up to this id is absorbed."""
    scheduled_from: Instant | None = None
    """For a schedule: the instant of its first deployment; an interval counts from it."""


class AbsorbedRow(NamedTuple):
    """A row of `absorbed`: the event up to which a watch has absorbed a mark."""

    watch_id: int
    mark_id: Id
    event_id: Id
    activation_id: Id
    given_event_id: Id | None = None
    """The event of the state in which the agent was last given the mark, or in which a guard dropped its crossing."""


class WatchTotalRow(NamedTuple):
    """A row of `watch_total`: sums that give the total and count of a watch in a scope without a scan."""

    watch_id: int
    scope: str
    """The group, or "" for the board."""
    kind: str
    law: str
    marks: int
    sum0: float
    """The first of the two sums of `Decay.sums`, for the anchor."""
    sum1: float
    """The second of the two sums, for the anchor."""
    anchor: Instant
    evaporated_through: Instant
    """The sums exclude marks that evaporated up to this instant."""
    error0: float | None
    """The largest rounding error of the first sum; None if it is unknown."""
    error1: float | None
    """The largest rounding error of the second sum; None if it is unknown."""


class PredictedCrossingRow(NamedTuple):
    """A row of `predicted_crossing`: the next instant when time alone affects a watch, unless a mark changes.

    A falling watch will cross then, a schedule is due, or the `WatchStateRow` of a watch changes.
    """

    watch_id: int
    subject: str
    """As in `CrossingRow`, like `mark_id`."""
    mark_id: Id
    due_at: Instant | None

    @property
    def scope(self) -> str:
        """The scope that it concerns."""
        return self.subject

    @property
    def is_per_mark(self) -> bool:
        """Whether it concerns a single mark; see `CrossingRow`."""
        return self.mark_id != 0


class WatchStateRow(NamedTuple):
    """A row of `watch_state`: the stored state of a watch over time (see `episodes.Episode`).

    A rising watch whose condition does not hold, and which may cross, has no row. A falling watch has one while its
    value is at or above the threshold, or has been before it fell.
    """

    watch_id: int
    subject: str
    """As in `CrossingRow`, like `mark_id`."""
    mark_id: Id
    began_at: Instant | None
    crossed_at: Instant | None
    event_id: Id
    """The last event of the board when the condition began to hold."""
    dropped: Flag = 0
    """Whether the guard of a rising watch dropped its last crossing."""

    @property
    def scope(self) -> str:
        """The scope that it concerns."""
        return self.subject


class FollowedWatchRow(NamedTuple):
    """A row of `followed_watch`: a state of a watch over time that was tested after the last change of the deployment.

    A state is tested by the backfill, or before one of its marks changes. This row prevents a second test. The rows are
    deleted when the backfill of the change is done.
    """

    watch_id: int
    subject: str
    """As in `CrossingRow`, like `mark_id`."""
    mark_id: Id


SCHEDULE = "schedule"
"""The value for the measure of a crossing that a schedule caused."""


class CrossingRow(NamedTuple):
    """A row of `crossing`.

    It concerns a single mark or else (`mark_id` is 0) its scope. These columns are part of a unique key, which NULL
    would not keep unique.
    """

    id: Id
    watch_id: int
    subject: str
    """The scope, as in the other tables of watches: a subject, a group, or "" for the whole board."""
    mark_id: Id
    state: str
    crossed_at: Instant
    noticed_at: Instant
    value: float
    threshold: float
    marks: int
    """The number of marks behind it at its last test."""
    urgent: int
    ready_at: Instant | None
    """It may be claimed from this instant; None if only a new mark can change that."""
    held_by: str | None
    law: str
    order_key: float | None
    event_id: Id | None
    activation_id: Id | None
    closed_at: Instant | None
    measure: str | None = None
    """The measure of the side that was met, whose value and threshold these are; None unless there are several.

    `SCHEDULE` if a schedule caused it.
    """
    cause: str | None = None
    """Why a watch over time crossed: `held`, or `rewake` (see `episodes.EpisodeCause`). Its activation is given all
    live marks that count, also those that the watch has absorbed. None if unabsorbed marks alone caused it."""
    began_at: Instant | None = None
    """When the condition of a watch over time began to hold; for a falling watch the instant of the fall."""

    @property
    def scope(self) -> str:
        """The scope that it concerns."""
        return self.subject

    @property
    def is_per_mark(self) -> bool:
        """Whether it concerns a single mark."""
        return self.mark_id != 0

    @property
    def is_over_board(self) -> bool:
        """Whether it concerns the whole board."""
        return self.scope == WHOLE_BOARD

    @property
    def is_scheduled(self) -> bool:
        """Whether a schedule caused the crossing, rather than marks."""
        return self.measure == SCHEDULE


class ActivationRow(NamedTuple):
    """A row of `activation`."""

    id: Id
    agent: str
    watch_id: int
    subject: str | None
    """The scope that it is about: a subject, or a group; None for several subjects and for the whole board."""
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
    """The newest model call on the board at that time."""
    deaths: int | None = None
    """The number of deaths in a row of its worker, without a stored answer or failure since; None for 0."""
    scheduled_for: Instant | None = None
    """The instant of the schedule that woke it; None if marks woke it."""
    conflicts: AddedNumber = 0
    """The number of conflicts in a row of its results with the board."""
    reads_again: Flag = 0
    """Whether its next claim reads its marks again, because of a conflict."""
    read_at: Instant | None = None
    """When its marks were last read; None if that was when it was created."""
    result_digest: str | None = None
    """The digest of the result with which a remote worker finished it, so that the same result may come again."""
    traceparent: str | None = None
    """The trace context that its last claim by a remote worker was given; None if there was none."""

    @property
    def scope(self) -> str:
        """The scope that it is about; for several subjects, the whole board."""
        return scope_in(self.subject)


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
    subject: str
    """The scope, as in `CrossingRow`."""
    until: Instant


class BackfillRow(NamedTuple):
    """A row of `backfill`: work after a change of the deployment, done in bounded batches."""

    id: int
    task: str
    name: str
    at: Instant
    up_to: Id
    position: Id


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
    """The agents that it serves, with the digests of its code, as a JSON object."""
    schema: str | None = None
    """The newest schema that it knows."""
    model: str | None = None
    """The provider and model that answer its agents, as text."""
    lock_key: Number | None = None
    """The number of the lock that it holds on a server while it lives; None without such a lock."""


class WriterRow(NamedTuple):
    """A row of `writer`: the last commit of one process on a server; see `CommitRecord`."""

    id: str
    n: Number
    """The number of the last transaction that was committed."""
    at: Instant
    """The time of the server at that transaction."""


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
    """The number of marks in the request. After a split it differs, and so does the request."""
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


class ActivityEventRow(NamedTuple):
    """A row of `activity_event`: what an agent, a person or a program did. A column that does not apply is NULL."""

    id: Id
    """0 for the next id. An id follows the last id that its transaction sees, so ids are committed in order."""
    recorded_at: Instant
    event: str
    agent: str | None = None
    watch_id: int | None = None
    subject: str | None = None
    """The scope: a subject, or a group."""
    activation_id: Id | None = None
    crossing_id: Id | None = None
    mark_id: Id | None = None
    """The need, or the mark of a crossing whose watch measures each mark by itself."""
    old_state: str | None = None
    """The state of the activation before; None if it began."""
    state: str | None = None
    author: str | None = None
    """Who acted; None for the board and its daemons."""
    token: str | None = None
    """The name of a token that was made or revoked."""
    version: int | None = None
    """The version of a deployment."""


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
    """What the message says, in JSON (see `outbox.Notice`)."""
    created_at: Instant
    subject: str | None
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

    @property
    def scope(self) -> str:
        """The scope that the message is about."""
        return scope_in(self.subject)


class SecretRow(NamedTuple):
    """A row of `secret`: a random text that is stored on this board only."""

    name: str
    value: str


COLUMNS: dict[str, tuple[str, ...]] = {
    "absorbed": AbsorbedRow._fields,
    "access_token": AccessTokenRow._fields,
    "activation": ActivationRow._fields,
    "activity_event": ActivityEventRow._fields,
    "agent_state": AgentStateRow._fields,
    "backfill": BackfillRow._fields,
    "board": BoardRow._fields,
    "watch_total": WatchTotalRow._fields,
    "crossing": CrossingRow._fields,
    "deployment": DeploymentRow._fields,
    "deposit_key": DepositKeyRow._fields,
    "event": EventRow._fields,
    "kind": KindRow._fields,
    "law_change": LawChangeRow._fields,
    "live": MarkRow._fields,  # the fragment live_marks under this name
    "mark": MarkRow._fields,
    "mark_tag": MarkTagRow._fields,
    "message": MessageRow._fields,
    "model_call": CallRow._fields,
    "model_pause": ModelPauseRow._fields,
    "open_need": OpenNeedRow._fields,
    "predicted_crossing": PredictedCrossingRow._fields,
    "search_doc": SearchDocRow._fields,
    "search_kind": SearchKindRow._fields,
    "watch": WatchRow._fields,
    "watch_state": WatchStateRow._fields,
    "followed_watch": FollowedWatchRow._fields,
    "read_position": ReadPositionRow._fields,
    "window_event": WindowEventRow._fields,
    "window_tag": WindowTagRow._fields,
    "worker": WorkerRow._fields,
    **VIEWS,
}
"""The columns of tables and views, which replace `{mark.*}` in a statement."""
