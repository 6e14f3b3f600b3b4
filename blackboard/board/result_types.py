"""The results that the board returns: frozen dataclasses with aware datetimes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar, overload

from pydantic import JsonValue

from blackboard.clock import Instant, to_datetime
from blackboard.core.built_in_marks import answers
from blackboard.core.scopes import WHOLE_BOARD, GroupValue, group_of

__all__ = [
    "NO_REASON",
    "AccessToken",
    "ActivationDetails",
    "ActivationRecord",
    "AgendaItem",
    "AgentStatus",
    "BackupMention",
    "BoardStatus",
    "CompactionReport",
    "CostRow",
    "DeferredActivation",
    "DeployResult",
    "DeploymentRecord",
    "EarlyWake",
    "ErasureReport",
    "Explanation",
    "GivenMark",
    "LastActivation",
    "MarkEvent",
    "MarkPosition",
    "MarkRecord",
    "MeasuredValue",
    "ModelCallCounts",
    "ModelCallRecord",
    "NeedRecord",
    "NeedsOverview",
    "OwnLaw",
    "Receipt",
    "RunningActivation",
    "ScheduleRecord",
    "SearchProgress",
    "SearchResult",
    "WaitingCrossing",
    "WaitingNeed",
    "WatchEpisode",
    "WatchExplanation",
    "WorkerStatus",
]


F = TypeVar("F", covariant=True)

NO_REASON = "no reason given"
"""The text that is shown for a pause without a reason."""


@dataclass(frozen=True)
class Receipt:
    """The outcome of a deposit."""

    mark_id: int
    event_id: int
    outcome: Literal["deposited", "reinforced", "unchanged", "duplicate", "stale"]
    strength: float
    crossed: tuple[str, ...] = ()
    """The agents whose thresholds the deposit crossed."""


@dataclass(frozen=True)
class AccessToken:
    """What a token stands for. The token itself is shown only when it is made."""

    name: str
    author: str
    """Who signs what its holder deposits and answers."""
    scopes: tuple[str, ...]
    """What its holder may do, such as `read` and `deposit:lead`."""
    state: Literal["valid", "expired", "revoked"]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True)
class EarlyWake:
    """The outcome of waking an agent early: what still holds the crossing."""

    crossing: int
    agent: str
    watch: str
    subject: str | None
    held_by: str | None
    """What holds it, such as `guard`; None if a daemon may claim it now."""
    until: datetime | None
    """When that ends, if it ends by itself."""


@dataclass(frozen=True)
class MarkPosition:
    """The position of a mark in a list of marks, strongest first, as of one instant."""

    as_of: datetime
    strength: float
    mark_id: int


@dataclass(frozen=True)
class DeploymentRecord:
    """A version of the deployment."""

    version: int
    deployed_at: datetime
    active: bool
    """Whether it is the active version."""
    agents: tuple[str, ...]
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class DeployResult:
    """The outcome of a deployment."""

    version: int
    changed: tuple[str, ...]
    """Each change, in words; empty if the deployment was already active."""


@dataclass(frozen=True)
class MarkRecord:
    """A mark at one instant."""

    id: int
    kind: str
    subject: str
    payload: Mapping[str, JsonValue]
    author: str
    weight: float
    intensity: float
    strength: float
    law: str
    deposited_at: datetime
    """When the board recorded its first deposit."""
    reinforced_at: datetime
    """When the board recorded its last deposit."""
    fades_from: datetime
    """The instant from which the share counts: when the last deposit occurred, or a later change of the kind's law."""
    evaporates_at: datetime | None
    as_of: datetime
    age_seconds: float
    """The age at `as_of`, counted from `fades_from`. The strength is weight x intensity x share of this age."""
    reinforcements: int
    event_id: int
    activation_id: int | None
    """The activation of the last deposit; None if its author is not an agent."""
    own_law: bool
    """Whether its deposit named a law other than its kind's. A change of the kind's law does not change this mark."""
    occurred_at: datetime
    """When the shown deposit occurred: the latest occurrence of all its deposits."""
    recorded_at: datetime
    """Equal to `reinforced_at`. All views that have `occurred_at` use this name."""

    @property
    def position(self) -> MarkPosition:
        """Its position in the list that it came from, after which the next page begins."""
        return MarkPosition(self.as_of, self.strength, self.id)


@dataclass(frozen=True)
class SearchResult(Sequence[F]):
    """The marks that a search found, the best first. It is a sequence of these marks."""

    marks: tuple[F, ...]
    relevances: tuple[float, ...]
    """How relevant each of them is to the text."""
    scores: tuple[float, ...]
    """Relevance times strength, by which they are ordered."""
    exact: bool
    """Whether no other mark has a higher score. If more than 10,000 marks match, only the 1,000 most relevant of them
    were ordered by their score."""
    complete: bool
    """Whether the index has all marks that were to be searched. False while a kind that was declared searched is still
    being put into it."""

    @overload
    def __getitem__(self, key: int) -> F: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[F, ...]: ...
    def __getitem__(self, key: int | slice) -> F | tuple[F, ...]:
        return self.marks[key]

    def __len__(self) -> int:
        return len(self.marks)


@dataclass(frozen=True)
class SearchProgress:
    """The full-text index of a kind."""

    kind: str
    marks: int
    """How many marks it has."""
    complete: bool
    """Whether it has all live marks."""
    doing: str
    """What a daemon is doing: adding live or faded marks, or removing a former index; "" if nothing."""
    share: float
    """How much of that is done, from 0 to 1."""


@dataclass(frozen=True)
class NeedRecord(MarkRecord):
    """A need that waits for an answer."""

    withdrawn_causes: tuple[int, ...] = ()
    """The marks that woke the asking agent and that another author has withdrawn since."""
    due_at: datetime | None = None
    """When it should be answered."""
    assignee: str = ""
    """Who should answer it; "" if it is nobody in particular."""
    answerable_by: tuple[str, ...] = ()
    """The agents that may answer it; none if only people may."""
    waits_for: tuple[str, ...] = ()
    """Those of these agents that were woken for it and have not ended their work."""

    @property
    def for_people(self) -> bool:
        """Whether it waits for people: no agent is working on it, or it is overdue, or it has an assignee."""
        return not self.waits_for or self.overdue or bool(self.assignee)

    @property
    def overdue(self) -> bool:
        """Whether the due time has passed."""
        return self.due_at is not None and self.due_at <= self.as_of

    @property
    def question(self) -> str:
        """The question to answer."""
        return str(self.payload.get("question", ""))

    @property
    def options(self) -> tuple[str, ...]:
        """The suggested answers."""
        return answers(self.payload.get("options"))

    @property
    def detail(self) -> str:
        """Background to the question."""
        return str(self.payload.get("detail") or "")


@dataclass(frozen=True)
class MarkEvent:
    """One event in the history of a mark, with the state after it."""

    id: int
    recorded_at: datetime
    """When the board recorded it."""
    mark_id: int
    kind: str
    subject: str
    event: str
    intensity: float
    law: str
    evaporates_at: datetime | None
    author: str
    activation_id: int | None
    payload: Mapping[str, JsonValue] | None
    occurred_at: datetime
    """When it happened: at or before `recorded_at`."""


@dataclass(frozen=True)
class WorkerStatus:
    """A daemon that serves the board."""

    id: str
    pid: int
    host: str
    started_at: datetime
    seen_at: datetime
    version: str | None
    """The version of blackboard that it runs."""
    alive: bool
    """Whether it is alive. A dead daemon was last seen at `seen_at`, and the next daemon recovers its work."""
    agents: tuple[str, ...]
    """The agents whose code it has."""
    model: str | None
    """Which provider and model answer them, in words."""
    problem: str | None
    """Why it does not claim for some of them; None if it claims for all."""


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
    """When it should be answered."""
    assignee: str
    """Who should answer it; "" if it is nobody in particular."""
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
class BoardStatus:
    """The state of the board."""

    as_of: datetime
    doubted_clock: datetime | None
    """The instant of the clock if it is too far ahead to be believed; otherwise None."""
    deployment: int
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
    events: int
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
    """The full-text index of each kind that is searched, and those that are being removed."""
    workers: tuple[WorkerStatus, ...]
    file_bytes: int | None = None
    """The size of the database file; None on a server."""
    log_bytes: int | None = None
    """The size of the write-ahead log; None on a server."""


@dataclass(frozen=True)
class AgentStatus:
    """A registered agent with its watches and its state."""

    agent: str
    watches: Mapping[str, str]
    """The condition of each watch."""
    writes: tuple[str, ...]
    withdraws: tuple[str, ...]
    """The kinds whose marks it may withdraw although others deposited them."""
    per: Mapping[str, Literal["subject", "batch"]]
    """Whether an activation of each watch takes the marks of one subject or a batch."""
    state: str
    until: datetime | None
    """The end of the state, if it ends by itself."""
    waiting: int
    activations: Mapping[str, int]
    """The number of activations in each state."""


@dataclass(frozen=True)
class AgendaItem:
    """A crossing that waits, or whose activation is deferred."""

    id: int
    agent: str
    watch: str
    subject: str | None
    group_tag: str | None
    """The tag by whose values its watch measures groups; None if it does not."""
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
    """The tag by whose values its watch measures groups; None if it does not."""
    group: GroupValue | None
    """The value of that tag that its marks share."""
    state: str
    reason: str
    crossed_at: datetime
    scheduled_for: datetime | None
    """The instant for which a schedule woke its agent; None if marks did."""
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
class ScheduleRecord:
    """A schedule of an agent, with the instants before and after now."""

    agent: str
    watch: str
    schedule: str
    catch_up: str
    """How missed instants are treated: `once` (the last), `all` or `none`."""
    scheduled_from: datetime
    """Its first deployment, from which an interval counts."""
    next_at: datetime | None
    """The next instant that the board has stored; None while a crossing waits to be claimed."""
    waits_since: datetime | None
    """The first instant for which it has not woken its agent yet; None if there is none."""
    held_by: str | None
    """The reason why that crossing waits, if there is one."""
    last_at: datetime | None
    """The last instant that no longer waits."""
    last_late_seconds: float | None
    """How long after that instant it was noticed."""
    upcoming: tuple[datetime, ...]
    """Its next instants."""


@dataclass(frozen=True)
class GivenMark:
    """A mark that an activation was given, in its state at that time and its state now."""

    mark_id: int
    role: Literal["given", "read"]
    """Whether the watch gave it to the agent, or the agent reads it in addition."""
    kind: str | None
    """None if the history no longer contains the mark; then the subject and payload are None too."""
    subject: str | None
    payload: Mapping[str, JsonValue] | None
    strength: float
    """Its strength when it was given."""
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
class ActivationDetails:
    """One activation with its marks, its deposits and its model calls."""

    activation: ActivationRecord
    is_stuck: bool
    """Whether a person may retry or discard it: it failed, is held or is quarantined."""
    split_from: int | None
    """The failed activation from which it was split."""
    parts: tuple[int, ...]
    """The activations that were split from it. They have taken its marks over."""
    marks: tuple[GivenMark, ...]
    deposits: tuple[MarkEvent, ...]
    calls: tuple[ModelCallRecord, ...]
    """Its model calls, oldest first."""
    cost_usd: float
    """The known cost of its calls."""


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


@dataclass(frozen=True)
class RunningActivation:
    """An activation that runs."""

    id: int
    subject: str | None
    group_tag: str | None
    """The tag by whose values its watch measures groups; None if it does not."""
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
    """The tag by whose values its watch measures groups; None if it does not."""
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
    """For a window: the instant at which the value falls below the threshold or, if it is below, at which the next
    deposit leaves."""


@dataclass(frozen=True)
class WaitingCrossing:
    """A crossing that waits for its agent."""

    subject: str | None
    group_tag: str | None
    """The tag by whose values its watch measures groups; None if it does not."""
    group: GroupValue | None
    """The value of that tag that its marks share."""
    mark_id: int | None
    value: float
    crossed_at: datetime
    held_by: str | None
    ready_at: datetime | None


@dataclass(frozen=True)
class OwnLaw:
    """A live mark that fades by a law of its own, not by that of its kind."""

    mark_id: int
    kind: str
    subject: str
    law: str
    evaporates_at: datetime | None


@dataclass(frozen=True)
class WatchEpisode:
    """The stored state of a watch over time: for a subject, the board, or one mark.

    Attributes:
        mark_id: The mark, if each mark is measured alone.
        began_at: When the condition began to hold; None if it does not hold now.
        crossed_at: When the watch last crossed, if it has not been cleared since.
        crosses_at: When it crosses next if the marks only fade; None if it does not.
    """

    mark_id: int | None
    began_at: datetime | None
    crossed_at: datetime | None
    crosses_at: datetime | None


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
    """The measured values; None if no subject or group was given and the watch measures these."""
    live_marks: int | None = None
    """The number of live marks that the condition names, absorbed or not; None if it was not counted."""
    guard_open: bool | None = None
    guard_opens_at: datetime | None = None
    predicted_at: tuple[datetime | None, ...] | None = None
    """When a falling watch or a watch over time will cross by fading alone, or the next instants of a schedule; None
    for all other watches.
    """
    own_laws: tuple[OwnLaw, ...] = ()
    """The first 20 live marks of its kinds, of the subject if one was given, that have a law of their own."""
    per: Literal["subject", "batch"] = "batch"
    """Whether an activation takes the marks of one subject, or of one group, or a batch."""
    on_guard: Literal["defer", "drop"] = "defer"
    """How a crossing is treated while the guard is closed: `defer` or `drop`."""
    episodes: tuple[WatchEpisode, ...] = ()
    """For a watch over time and one subject or group, its stored states. The next to cross is first."""
    group_tag: str | None = None
    """The tag by whose values the watch measures groups; None if it does not."""
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


@dataclass(frozen=True)
class BackupMention:
    """A backup that still contains the subject."""

    path: Path
    events: int | None
    """The number of the subject's events in the backup; None if the backup cannot be read."""


@dataclass(frozen=True)
class ErasureReport:
    """The marks, events and other rows that were erased."""

    name: str
    """The random name that replaces the subject; empty if it was forgotten before, and only the file was compacted."""
    live: int
    """The number of live marks that were removed."""
    events: int
    """The number of events whose payload was erased."""
    activations: int
    """The number of activations that were given or deposited a mark of the subject."""
    calls: tuple[int, ...]
    """The model calls whose request and answer were erased."""
    named_in: tuple[int, ...]
    """Marks of other subjects that name this subject. They are kept for a person to judge."""
    backups: tuple[BackupMention, ...] = ()
    """The known backups that still contain the subject."""
    out_of_reach: tuple[str, ...] = ()
    """Other places that may contain words of the subject and that the program cannot change."""
    not_compacted: str | None = None
    """Why the file may still contain words of the subject in its unused parts; None if it does not."""


@dataclass(frozen=True)
class CompactionReport:
    """The size of a board's file before and after it was compacted."""

    bytes_before: int
    bytes_after: int


R = TypeVar("R")


def optional_datetime(at: Instant | None) -> datetime | None:
    """Return an instant as an aware datetime, and None as None."""
    return None if at is None else to_datetime(at)


def result_of(result: type[R], row: Any, **others: Any) -> R:
    """Return a result whose fields are columns of a row, or `others`.

    Instants, whose names end with `_at`, become datetimes. An empty subject and a mark of 0 become None. A subject that
    stands for a group becomes that group.
    """
    values = row._asdict()
    values |= {"group_tag": None, "group": None}
    if (group := group_of(values.get("subject") or WHOLE_BOARD)) is not None:
        values |= {"subject": None, "group_tag": group.tag, "group": group.value}
    values |= others
    return result(**{field.name: _public(field.name, values[field.name]) for field in fields(result)})  # type: ignore[arg-type]


def _public(name: str, value: Any) -> Any:
    if name.endswith("_at"):
        return optional_datetime(value)
    return value or None if name in ("subject", "mark_id") else value
