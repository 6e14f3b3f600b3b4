"""The reading side: marks at any instant, agents, agenda, activations, status and costs. It writes nothing."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from itertools import chain, islice, takewhile
from typing import Any, Literal, NamedTuple, TypeVar

from blackboard.board.activations import model_pauses
from blackboard.board.activations.agent_readiness import agent_hold, budget_hold, held_by_of
from blackboard.board.mark_storage.mark_lookup import live_mark
from blackboard.board.reading import needs_overview, search_progress
from blackboard.board.registration.mark_class_registry import MarkClasses
from blackboard.board.result_types import (
    ActivationRecord,
    AgendaItem,
    AgentStatus,
    BoardStatus,
    CostRow,
    DeploymentRecord,
    MarkEvent,
    MarkPosition,
    MarkRecord,
    ModelCallCounts,
    ScheduleRecord,
    WorkerStatus,
    optional_datetime,
    result_of,
)
from blackboard.board.transactions import agent_state, tagged_marks
from blackboard.board.transactions.activation_inputs import strongest, with_shown_payload
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches import scheduled_crossings
from blackboard.board.watches.crossing_order import waiting_with_strengths
from blackboard.board.watches.predicted_crossings import next_crossing
from blackboard.board.worker_registry import gone_agents, served_agents
from blackboard.clock import Instant, iso, to_datetime
from blackboard.core.deployment import Deployment
from blackboard.core.marks import Mark, StoredMark
from blackboard.core.reinforcement import FadingState
from blackboard.core.states import OPEN_CALLS, ActivationState
from blackboard.core.tags import TagFilter, Where
from blackboard.durations import DAY
from blackboard.errors import InvalidMark, UnknownName, UsageError, nearest
from blackboard.store.live_marks import live_marks
from blackboard.store.rows import (
    ActivationRow,
    CrossingRow,
    DeploymentRow,
    EventRow,
    MarkRow,
    ModelPauseRow,
    mark_after,
)
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, DEPLOYMENTS, MARKS, MODEL_CALLS

M = TypeVar("M", bound=Mark)
SAME_STRENGTH = 1e-12
"""The share of a strength by which Python and SQL may differ, because they round differently."""
MarkAt = tuple[MarkRow, float, float, int]
"""A mark with its kind's weight and its strength at an instant."""


def marks(txn: BoardTransaction, kind: str | None = None, **filters: Any) -> list[MarkRecord]:
    """Return the marks that are live now, or at another instant, strongest first.

    Raises:
        UnknownName: The kind is not registered, or has no tag that the filter names.
        UsageError: `min_strength` is not a number, or a value cannot be that of a tag.
    """
    if kind is not None:
        txn.require_kind(kind)
    return [record_of(row, weight, strength, as_of) for row, weight, strength, as_of in _marks(txn, kind, **filters)]


def record_of(row: MarkRow, weight: float, strength: float, as_of: Instant) -> MarkRecord:
    """Return a mark as it is shown, with the weight of its kind and its strength at an instant."""
    return MarkRecord(  # not by `result_of`: a board may return thousands
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        payload=json.loads(row.payload),
        author=row.author,
        weight=weight,
        intensity=row.intensity,
        strength=strength,
        law=row.law,
        deposited_at=to_datetime(row.deposited_at),
        reinforced_at=to_datetime(row.reinforced_at),
        occurred_at=to_datetime(row.occurred_at),
        recorded_at=to_datetime(row.reinforced_at),
        fades_from=to_datetime(row.anchored_at),
        evaporates_at=optional_datetime(row.evaporates_at),
        as_of=to_datetime(as_of),
        age_seconds=max(0, as_of - row.anchored_at) / 1e6,
        reinforcements=row.reinforcements,
        event_id=row.event_id,
        activation_id=row.activation_id,
        own_law=bool(row.own_law),
    )


def marks_of_class(
    txn: BoardTransaction, model: type[M], classes: MarkClasses, **filters: Any
) -> tuple[list[M], list[str]]:
    """Return the live marks of a class, strongest first, and the errors of marks that do not fit the class.

    Raises:
        UnknownName: The kind has no tag that the filter names.
        UsageError: `min_strength` is not a number, or a value cannot be that of a tag.
    """
    readable: list[M] = []
    unreadable: list[str] = []
    if model.kind not in txn.deployment.kinds:
        model.defaults.tag_schema.filter(filters.get("where") or {})
        return readable, unreadable
    for row, _, strength, _ in _marks(txn, model.kind, **filters):
        stored = StoredMark(
            row.id,
            row.event_id,
            row.author,
            strength,
            row.deposited_at,
            row.reinforced_at,
            row.reinforcements,
            row.occurred_at,
        )
        try:
            readable.append(classes.make_as(model, row, stored))
        except InvalidMark as error:
            unreadable.append(str(error))
    return readable, unreadable


def _marks(
    txn: BoardTransaction,
    kind: str | None,
    *,
    subject: str | None = None,
    min_strength: float | None = None,
    at: Instant | None = None,
    limit: int | None = None,
    where: Where | None = None,
    after: MarkPosition | None = None,
) -> list[MarkAt]:
    if min_strength is not None and math.isnan(min_strength):
        raise UsageError("min_strength must be a number, not nan")
    if where and kind is None:
        return _in_order(
            item
            for name in kinds_with_tags(txn, where)
            for item in _marks(
                txn, name, subject=subject, min_strength=min_strength, at=at, limit=limit, where=where, after=after
            )
        )[:limit]
    tags = None if kind is None else tagged_marks.filter_of(txn, kind, where)
    if at is not None and at < txn.now:
        past = _past_marks(txn, kind, subject, at, tags)
        return _in_order(
            item for item in past if (min_strength is None or item[2] >= min_strength) and _follows(item, after)
        )[:limit]
    if at is None and subject is None and limit is not None and after is None:
        return [item for item in _strongest(txn, kind, limit, tags) if min_strength is None or item[2] >= min_strength]
    as_of = at if at is not None else txn.now if after is None else after.as_of
    options: dict[str, Any] = {"kind": kind, "subject": subject, "min_strength": min_strength, "limit": limit}
    filters = {name: value for name, value in options.items() if value is not None}
    names = [*filters] if after is None else [*filters, "after"]
    statement = live_marks(*names)
    if tags is not None:
        tags, _ = tagged_marks.rarest_first(txn, tags)
        statement = live_marks(*names, tags=len(tags.keys))
        filters |= tagged_marks.parameters(txn, tags)
    rows = txn.marks_with_strength(statement, as_of=as_of, **filters, **_bounds(after))
    if not txn.active.law_changes:
        return [(row.mark, row.weight, row.strength, as_of) for row in rows]
    return [(txn.migrated(row.mark), row.weight, row.strength, as_of) for row in rows]


def _bounds(after: MarkPosition | None) -> dict[str, Any]:
    """Return the parameters that bound a list to what follows a position.

    Python and SQL may compute a strength differently in its last digits, so almost equal strengths are in the order of
    their ids.
    """
    if after is None:
        return {}
    margin = SAME_STRENGTH * after.strength
    return {
        "after_id": after.mark_id,
        "at_most": after.strength + margin,
        "strictly_below": after.strength - margin,
    }


def _follows(item: MarkAt, after: MarkPosition | None) -> bool:
    return after is None or (-item[2], item[0].id) > (-after.strength, after.mark_id)


def _in_order(items: Iterable[MarkAt]) -> list[MarkAt]:
    return sorted(items, key=lambda item: (-item[2], item[0].id))


def kinds_with_tags(txn: BoardTransaction, where: Where) -> list[str]:
    """Return the kinds that have all the tags of a filter.

    Raises:
        UnknownName: No kind has such a tag.
    """
    kinds = txn.active.kinds
    known = {tag for kind in kinds.values() for tag in kind.tags}
    for tag in where:
        if tag not in known:
            raise UnknownName("tag", tag, known)
    return [name for name, kind in kinds.items() if where.keys() <= {*kind.tags}]


def _strongest(txn: BoardTransaction, kind: str | None, limit: int, tags: TagFilter | None) -> list[MarkAt]:
    """Return the strongest live marks now.

    The first few marks of each kind are read from the index, so nothing is sorted on a board of any size.
    """
    kinds = [kind] if kind else txn.deployment.kinds
    pairs = [pair for name in kinds for pair in strongest(txn, name, limit, tags=tags)]
    pairs.sort(key=lambda pair: (-pair[1], pair[0].id))
    return [(txn.migrated(row), txn.kind(row.kind).weight, strength, txn.now) for row, strength in pairs[:limit]]


def _past_marks(
    txn: BoardTransaction, kind: str | None, subject: str | None, at: Instant, tags: TagFilter | None
) -> Iterator[MarkAt]:
    """Yield the marks that were live at a past instant, with the weights of that time, from the history.

    Their payloads decide whether they pass a filter by the tags that the kind has today.
    """
    versions = _versions(txn, at)
    last_events = txn.sql.all(MARKS.last_events_up_to, at=at)
    for event in last_events:
        if (kind is not None and event.kind != kind) or (subject is not None and event.subject != subject):
            continue
        fading = _fading(txn, event, versions, at)
        if not fading.is_live(at):
            continue
        weight = next((then.kind(event.kind).weight for _, then in versions[::-1] if event.kind in then.kinds), 1.0)
        law = txn.laws.get(txn.sql, fading.law)
        strength = weight * FadingState(fading.intensity, fading.anchored_at, law).remaining(at)
        deposits: list[EventRow] = [
            item
            for item in txn.sql.all(MARKS.events_of_subject, subject=event.subject)
            if item.mark_id == event.mark_id and item.recorded_at <= at and item.event in ("deposited", "reinforced")
        ]
        first, last = deposits[0] if deposits else event, deposits[-1] if deposits else event
        shown = with_shown_payload(txn, last)
        if tags is not None and not tags.matches(json.loads(shown.payload or "{}")):
            continue
        row = fading._replace(
            payload=shown.payload or "{}",
            author=shown.author,
            activation_id=shown.activation_id,
            occurred_at=shown.occurred_at,
            event_id=last.id,
            deposited_at=first.recorded_at,
            reinforced_at=last.recorded_at,
            reinforcements=max(0, len(deposits) - 1),
        )
        yield row, weight, strength, at


def _fading(txn: BoardTransaction, event: EventRow, versions: list[tuple[int, Deployment]], at: Instant) -> MarkRow:
    """Return the fading part of a mark after an event, with the changes of its floor and law up to an instant."""
    row = mark_after(event)
    state = FadingState(event.intensity, event.anchored_at, txn.laws.get(txn.sql, event.law))
    floor: float | None = None
    for since, then in versions:
        if event.kind not in then.kinds:
            continue
        kind = then.kind(event.kind)
        if floor not in (None, kind.floor) and since > event.recorded_at and (row.evaporates_at or since + 1) > since:
            ends = state.evaporates_at(kind)
            row = row._replace(evaporates_at=None if ends is None else max(since, ends))
        floor = kind.floor
    change = txn.active.law_changes.get((event.kind, event.law))
    return row if change is None or change.changed_at > at else txn.migrated(row)


def _versions(txn: BoardTransaction, at: Instant) -> list[tuple[int, Deployment]]:
    """Return every deployment that became active up to an instant, oldest first, with its beginning."""
    return [
        (row.deployed_at, Deployment.model_validate_json(row.content))
        for row in txn.sql.all(DEPLOYMENTS.deployments)
        if row.deployed_at <= at
    ]


def history(
    txn: BoardTransaction,
    subject: str,
    *,
    at: Instant | None = None,
    after: int | None = None,
    limit: int | None = None,
) -> list[MarkEvent]:
    """Return the events of a subject's marks, oldest first, up to an instant and after another event."""
    options = {name: value for name, value in (("at", at), ("after", after), ("limit", limit)) if value is not None}
    return [
        event_record(row) for row in txn.sql.all(MARKS.events_of_subject.using(*options), subject=subject, **options)
    ]


def mark(txn: BoardTransaction, mark_id: int) -> MarkRecord:
    """Return one live mark.

    Raises:
        NotFound: There is no live mark with this id; the message says what became of it.
    """
    row = live_mark(txn, mark_id)
    return record_of(row, txn.kind(row.kind).weight, txn.strength(row), txn.now)


def event_record(row: EventRow) -> MarkEvent:
    """Return an event as it is shown."""
    return result_of(MarkEvent, row, payload=None if row.payload is None else json.loads(row.payload))


def subjects(
    txn: BoardTransaction, prefix: str, limit: int, *, after: str = "", at: Instant | None = None
) -> list[str]:
    """Return subjects of the history, in alphabetical order, that begin with a prefix and follow another subject."""
    start, options = max(prefix, after), {} if at is None else {"at": at}
    following = txn.sql.each(MARKS.next_subject.using(*options), after=start, **options)
    itself = [prefix] if prefix > after and history(txn, prefix, at=at, limit=1) else []
    return [*islice(chain(itself, takewhile(lambda subject: subject.startswith(prefix), following)), limit)]


def tag_values(txn: BoardTransaction, tag: str, kind: str | None, limit: int) -> list[str | bool | int | float]:
    """Return the first values that a tag of live marks has. A text whose digest stands for it is left out."""
    names = [name for name, spec in txn.deployment.kinds.items() if kind in (None, name) and tag in spec.tags]
    keys = (key for name in names for key in txn.sql.each(MARKS.next_tag_value, after="", kind=name, tag=tag))
    shown = (json.loads(key) for key in dict.fromkeys(keys) if not key.startswith("#"))
    return [*islice(shown, limit)]


def agents(txn: BoardTransaction) -> list[AgentStatus]:
    """Return each registered agent with its watches and its state."""
    waiting = {row.watch_id: row.number for row in txn.sql.all(CROSSINGS.count_waiting)}
    counts: dict[str, dict[str, int]] = {}
    for row in txn.sql.all(ACTIVATIONS.count_by_state):
        counts.setdefault(row.agent, {})[row.state] = row.number
    result = []
    for agent in txn.deployment.agents.values():
        block = agent_hold(txn, agent.name)
        watches = txn.active.watches_by_agent.get(agent.name, [])
        states = counts.get(agent.name, {})
        result.append(
            AgentStatus(
                agent=agent.name,
                watches={watch.spec.name: str(watch.condition) for watch in watches},
                writes=tuple(agent.writes),
                withdraws=tuple(agent.withdraws),
                per={watch.spec.name: agent.per_of(watch.spec) for watch in watches},
                state="running" if states.get(ActivationState.RUNNING) else (block.reason if block else "waits"),
                until=optional_datetime(block.until) if block else None,
                waiting=sum(waiting.get(watch.id, 0) for watch in watches),
                activations=states,
            )
        )
    return result


def agenda(txn: BoardTransaction, limit: int | None = None) -> list[AgendaItem]:
    """Return the crossings that wait or whose activation is deferred, strongest first, each with the reason."""
    items: list[tuple[float, AgendaItem]] = []
    deferred = ACTIVATIONS.deferred_crossings
    for row in txn.sql.all(deferred) if limit is None else txn.sql.all(deferred.using("limit"), limit=limit):
        block = agent_hold(txn, row.agent)
        held_by, retry_at = (block.reason if block else row.error), row.retry_at
        if gone_agents.is_gone(txn, row.agent):
            held_by, retry_at = gone_agents.HELD_BY, None
        watch = _WatchNames(row.agent, row.watch, row.condition)
        items.append((row.crossing.value, _agenda_item(row.crossing, watch, "deferred", held_by, retry_at)))
    gone = CROSSINGS.waiting_for_gone
    for left in txn.sql.all(gone) if limit is None else txn.sql.all(gone.using("limit"), limit=limit):
        watch = _WatchNames(left.agent, left.watch, left.condition)
        items.append((left.crossing.value, _agenda_item(left.crossing, watch, "waiting", gone_agents.HELD_BY, None)))
    for registered in txn.active.watches.values():
        block = agent_hold(txn, registered.agent.name) or budget_hold(txn, registered)
        watch = _WatchNames(registered.agent.name, registered.spec.name, str(registered.condition))
        for crossing, strength in waiting_with_strengths(txn, registered, limit):
            held_by = crossing.held_by or (block.reason if block else held_by_of(txn, crossing))
            items.append((strength, _agenda_item(crossing, watch, "waiting", held_by, crossing.ready_at)))
    return [item for _, item in sorted(items, key=lambda pair: (-pair[0], pair[1].id))[:limit]]


def schedules(txn: BoardTransaction, limit: int) -> list[ScheduleRecord]:
    """Return each schedule with up to `limit` of its next instants, in their order."""
    result = []
    for watch in txn.active.watches.values():
        if not watch.is_scheduled:
            continue
        crossing, last = scheduled_crossings.waiting(txn, watch), scheduled_crossings.last(txn, watch)
        block = agent_hold(txn, watch.agent.name) or budget_hold(txn, watch)
        held_by = None if crossing is None else crossing.held_by or (block.reason if block else None)
        result.append(
            ScheduleRecord(
                agent=watch.agent.name,
                watch=watch.spec.name,
                schedule=str(watch.condition),
                catch_up=watch.catch_up,
                scheduled_from=to_datetime(watch.scheduled_from),
                next_at=optional_datetime(scheduled_crossings.next_stored(txn, watch)),
                waits_since=None if crossing is None else to_datetime(crossing.crossed_at),
                held_by=held_by,
                last_at=None if last is None else to_datetime(last.crossed_at),
                last_late_seconds=None if last is None else (last.noticed_at - last.crossed_at) / 1e6,
                upcoming=tuple(map(to_datetime, scheduled_crossings.upcoming(txn, watch, limit))),
            )
        )
    return sorted(result, key=lambda row: (row.upcoming[:1], row.agent, row.watch))


class _WatchNames(NamedTuple):
    agent: str
    watch: str
    condition: str


def _agenda_item(
    row: CrossingRow,
    watch: _WatchNames,
    state: Literal["waiting", "deferred"],
    held_by: str | None,
    ready_at: Instant | None,
) -> AgendaItem:
    return result_of(
        AgendaItem,
        row,
        **watch._asdict(),
        state=state,
        reason=f"{watch.condition}: {_measured(row)}",
        late_seconds=(row.noticed_at - row.crossed_at) / 1e6,
        ready_at=ready_at,
        held_by=held_by,
    )


def _measured(row: CrossingRow) -> str:
    """Return the measured value of a crossing, or the instant for which a schedule caused it."""
    if row.is_scheduled:
        return f"due at {iso(row.crossed_at)}"
    return f"{'' if row.measure is None else f'{row.measure} = '}{row.value}"


def activations(
    txn: BoardTransaction,
    *,
    agent: str | None = None,
    states: Collection[str] | None = None,
    limit: int = 20,
    before: int | None = None,
) -> list[ActivationRecord]:
    """Return activations, newest first: of one agent or all, in some states or all, and older than one of them.

    Raises:
        UnknownName: There is no such agent, and there never was one.
        UsageError: There is no such state.
    """
    options: dict[str, Any] = {} if before is None else {"before": before}
    watches = txn.sql.all(CROSSINGS.all_watches)
    if agent is not None:
        if all(row.agent != agent for row in watches):
            txn.deployment.agent(agent)
        options["agent"] = agent
    if states is not None:
        known = [str(state) for state in ActivationState]
        if unknown := sorted(set(states) - set(known)):
            raise UsageError(f"{unknown[0]!r} is not a state of activations{nearest(unknown[0], known)}")
        options["states"] = txn.sql.list_of(map(str, states))
    rows = txn.sql.all(ACTIVATIONS.newest.using(*options), limit=limit, **options)
    names = {watch.id: watch.name for watch in watches}
    return [activation_record(txn, row, names.get(row.watch_id)) for row in rows]


def activation_record(txn: BoardTransaction, row: ActivationRow, watch: str | None) -> ActivationRecord:
    """Return an activation as it is shown."""
    return result_of(
        ActivationRecord,
        gone_agents.shown_to_people(txn, row),
        watch=watch,
        scheduled_for=optional_datetime(row.scheduled_for),
        mark_ids=tuple(txn.sql.all(ACTIVATIONS.absorbed_marks, activation_id=row.id)),
    )


def deployments(txn: BoardTransaction, *, before: int | None = None, limit: int = 20) -> list[DeploymentRecord]:
    """Return versions of the deployment, newest first, and older than one of them."""
    rows = [row for row in txn.sql.all(DEPLOYMENTS.deployments) if before is None or row.version < before]
    return [_deployment_record(txn, row) for row in rows[: -limit - 1 : -1]]


def _deployment_record(txn: BoardTransaction, row: DeploymentRow) -> DeploymentRecord:
    deployment = Deployment.model_validate_json(row.content)
    return DeploymentRecord(
        version=row.version,
        deployed_at=to_datetime(row.deployed_at),
        active=row.version == txn.deployment.version,
        agents=tuple(sorted(deployment.agents)),
        kinds=tuple(sorted(deployment.kinds)),
    )


def unserved_agents(txn: BoardTransaction, dead: Collection[str]) -> list[str]:
    """Return the agents for which no living worker claims."""
    return [agent for agent in sorted(txn.deployment.agents) if served_agents.unserved(txn, agent, dead) is not None]


def uid(txn: BoardTransaction) -> str:
    """Return the id of the board, which no other board has."""
    return txn.sql.existing(ACTIVATIONS.board).uid


def costs(txn: BoardTransaction, days: int) -> list[CostRow]:
    """Return the cost of model calls by day and agent, for a number of days up to today."""
    since = to_datetime(txn.now - (days - 1) * DAY).date().isoformat()
    rows = txn.sql.all(MODEL_CALLS.costs, since=since)
    return [result_of(CostRow, row, day=date.fromisoformat(str(row.day))) for row in rows]


def _unusable_answers(paused: Sequence[ModelPauseRow]) -> dict[str, dict[str, str]]:
    """Return the models that are paused for single agents, with the reason, by agent."""
    agents: dict[str, dict[str, str]] = {}
    for pause in paused:
        if pause.agent:
            agents.setdefault(pause.agent, {})[pause.model] = pause.reason
    return agents


def _count_states(txn: BoardTransaction) -> dict[str, int]:
    """Count the activations by state. A ready activation whose agent is gone counts as held."""
    states: Counter[str] = Counter()
    for row in txn.sql.all(ACTIVATIONS.count_by_state):
        is_held = row.state == ActivationState.READY and gone_agents.is_gone(txn, row.agent)
        states[ActivationState.HELD if is_held else row.state] += row.number
    return dict(states)


def status(
    txn: BoardTransaction, dead: Collection[str], file_bytes: int | None = None, log_bytes: int | None = None
) -> BoardStatus:
    """Return the state of the board.

    Args:
        txn: The transaction.
        dead: Registered workers that are known to be dead.
        file_bytes: The size of its file, if it has one.
        log_bytes: The size of its write-ahead log.
    """
    board = txn.sql.existing(ACTIVATIONS.board)
    open_calls = dict.fromkeys(OPEN_CALLS, 0) | dict(txn.sql.all(MODEL_CALLS.count_open_calls))
    paused = [pause for pause in model_pauses.all_pauses(txn) if not pause.suspect]
    return BoardStatus(
        as_of=to_datetime(txn.now),
        doubted_clock=optional_datetime(txn.doubted),
        deployment=txn.deployment.version,
        paused=bool(board.paused),
        paused_because=board.paused_because,
        paused_agents=agent_state.paused(txn),
        paused_models={pause.model: pause.reason for pause in paused if not pause.agent},
        unusable_answers=_unusable_answers(paused),
        marks=dict(txn.sql.all(MARKS.count_live_marks, now=txn.now)),
        events=txn.last_event,
        waiting=sum(row.number for row in txn.sql.all(CROSSINGS.count_waiting)),
        activations=_count_states(txn),
        gone_agents=gone_agents.count(txn),
        needs=needs_overview.overview(txn),
        next_predicted_crossing=optional_datetime(next_crossing(txn)),
        next_due_need=optional_datetime(txn.sql.value(MARKS.next_due_need)),
        next_evaporation=optional_datetime(txn.sql.value(MARKS.next_evaporation)),
        model_calls=ModelCallCounts(
            made=txn.sql.value(MODEL_CALLS.count_sent),
            **open_calls,
            reserved_usd=txn.sql.value(MODEL_CALLS.reserved_money) / 1_000_000,
        ),
        backfills=len(txn.sql.all(CROSSINGS.backfills)),
        searches=search_progress.progress(txn),
        workers=tuple(
            result_of(
                WorkerStatus,
                row,
                alive=row.id not in dead,
                agents=tuple(served_agents.code_of(row)),
                problem=served_agents.problem(txn, row),
            )
            for row in txn.sql.all(ACTIVATIONS.workers)
        ),
        file_bytes=file_bytes,
        log_bytes=log_bytes,
    )
