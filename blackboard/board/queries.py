"""Reading the board: marks as they are, were or will be; agents, agenda, activations. Nothing here changes anything."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from blackboard.board.board_transaction import BoardTransaction, Watch
from blackboard.board.budgets import DAY
from blackboard.board.inputs import strongest
from blackboard.board.readiness import blocked, held_back
from blackboard.clock import iso
from blackboard.deployment import Deployment
from blackboard.errors import UsageError
from blackboard.reinforcement import State
from blackboard.states import OPEN_CALLS, ActivationState
from blackboard.store.rows import ActivationRow, CrossingRow, EventRow, MarkRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, DEPLOYMENTS, MARKS, MODEL_CALLS
from blackboard.store.view_columns import VIEWS

__all__ = ["MarkRecord", "activations", "agenda", "agents", "costs", "history", "marks", "status", "subjects", "uid"]


@dataclass(frozen=True)
class MarkRecord:
    """A mark as a person sees it, at one instant."""

    id: int
    kind: str
    subject: str
    payload: dict[str, Any]
    author: str
    weight: float
    intensity: float
    strength: float
    law: str
    deposited_at: str | None
    reinforced_at: str | None
    evaporates_at: str | None
    as_of: str | None
    age_seconds: float
    reinforcements: int
    event_id: int


def marks(
    txn: BoardTransaction,
    *,
    kind: str | None = None,
    subject: str | None = None,
    min_strength: float | None = None,
    at: int | None = None,
    limit: int | None = None,
) -> list[MarkRecord]:
    """Marks, strongest first: live now, or at another instant, past or future.

    Raises:
        UnknownName: the kind is not registered.
        UsageError: the least strength is no number.
    """
    if kind is not None:
        txn.kind(kind)
    if min_strength is not None and math.isnan(min_strength):
        raise UsageError("the least strength must be a number, not nan")
    if at is not None and at < txn.now:
        return _past(txn, kind, subject, min_strength, at, limit)
    as_of = txn.now if at is None else at
    if at is None and subject is None and limit is not None:
        # The first few of each kind, straight from the index: whatever the board's size, nothing is sorted.
        pairs = [pair for name in ([kind] if kind else txn.deployment.kinds) for pair in strongest(txn, name, limit)]
        pairs.sort(key=lambda pair: (-pair[1], pair[0].id))
        return [
            _view(row, txn.kind(row.kind).weight, strength, as_of)
            for row, strength in pairs[:limit]
            if min_strength is None or strength >= min_strength
        ]
    narrowed: dict[str, Any] = {"kind": kind, "subject": subject, "min_strength": min_strength, "limit": limit}
    filters = {name: value for name, value in narrowed.items() if value is not None}
    return [
        _view(row.mark, row.weight, row.strength, as_of)
        for row in txn.tx.all(MARKS.live_marks.using(*filters), as_of=as_of, **filters)
    ]


def _view(row: MarkRow, weight: float, strength: float, as_of: int) -> MarkRecord:
    return MarkRecord(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        payload=json.loads(row.payload),
        author=row.author,
        weight=weight,
        intensity=row.intensity,
        strength=strength,
        law=row.law,
        deposited_at=iso(row.deposited_at),
        reinforced_at=iso(row.reinforced_at),
        evaporates_at=iso(row.evaporates_at),
        as_of=iso(as_of),
        age_seconds=max(0, as_of - row.reinforced_at) / 1e6,
        reinforcements=row.reinforcements,
        event_id=row.event_id,
    )


def _past(
    txn: BoardTransaction, kind: str | None, subject: str | None, min_strength: float | None, at: int, limit: int | None
) -> list[MarkRecord]:
    """What lay on the board at a past instant, from the history: each mark's last state, the weights of that time."""
    versions = _versions(txn, at)
    views = []
    for values in txn.tx.run(MARKS.events_at_instant, at=at).fetchall():
        event = EventRow(*values)
        if (kind is not None and event.kind != kind) or (subject is not None and event.subject != subject):
            continue
        fading = _fading(txn, event, versions, at)
        if fading.evaporates_at is not None and fading.evaporates_at <= at:
            continue
        weight = next((then.kind(event.kind).weight for _, then in versions[::-1] if event.kind in then.kinds), 1.0)
        law = txn.laws.get(txn.tx, fading.law)
        strength = weight * State(fading.intensity, fading.anchored_at, law).remaining(at)
        if min_strength is not None and strength < min_strength:
            continue
        deposits = [
            item
            for item in (EventRow(*found) for found in txn.tx.all(MARKS.events_of_subject, subject=event.subject))
            if item.mark_id == event.mark_id and item.recorded_at <= at and item.event in ("deposited", "reinforced")
        ]
        first, last = deposits[0] if deposits else event, deposits[-1] if deposits else event
        row = fading._replace(
            payload=last.payload or "{}",
            author=last.author,
            event_id=last.id,
            deposited_at=first.recorded_at,
            reinforced_at=last.recorded_at,
            reinforcements=max(0, len(deposits) - 1),
        )
        views.append(_view(row, weight, strength, at))
    views.sort(key=lambda view: (-view.strength, view.id))
    return views[:limit]


def _fading(txn: BoardTransaction, event: EventRow, versions: list[tuple[int, Deployment]], at: int) -> MarkRow:
    """A mark as an event left it, and as the changes of floor and law from then to an instant had it."""
    row = MarkRow(
        event.mark_id,
        event.kind,
        event.subject,
        "{}",
        event.author,
        event.intensity,
        event.law,
        event.recorded_at,
        event.id,
        event.recorded_at,
        event.recorded_at,
        0,
        event.evaporates_at,
        None,
    )
    state = State(event.intensity, event.recorded_at, txn.laws.get(txn.tx, event.law))
    floor: float | None = None
    for since, then in versions:
        if event.kind not in then.kinds:
            continue
        kind = then.kind(event.kind)
        if floor not in (None, kind.floor) and since > event.recorded_at and (row.evaporates_at or since + 1) > since:
            ends = state.evaporates_at(kind)
            row = row._replace(evaporates_at=None if ends is None else max(since, ends))
        floor = kind.floor
    _, changed = txn.active.law_changes.get((event.kind, event.law), ("", at + 1))
    return txn.migrated(row) if changed <= at else row


def _versions(txn: BoardTransaction, at: int) -> list[tuple[int, Deployment]]:
    """Every deployment that was in force up to an instant, oldest first, with its beginning."""
    return [
        (since, Deployment.model_validate_json(text))
        for _, since, text in txn.tx.all(DEPLOYMENTS.deployments)
        if since <= at
    ]


def history(txn: BoardTransaction, subject: str) -> Iterator[EventRow]:
    """Every event of a subject's marks, oldest first."""
    return (EventRow(*values) for values in txn.tx.all(MARKS.events_of_subject, subject=subject))


def subjects(txn: BoardTransaction, prefix: str, limit: int) -> list[str]:
    """The first few subjects, in their order, that begin with a prefix and that anything was ever said about."""
    result: list[str] = []
    after: str | None = txn.tx.one(MARKS.next_subject, after=prefix)[0]
    while after is not None and after.startswith(prefix) and len(result) < limit:
        result.append(after)
        after = txn.tx.one(MARKS.next_subject, after=after)[0]
    return result


def agents(txn: BoardTransaction) -> list[dict[str, Any]]:
    """Each registered agent with what it watches and how it is."""
    waiting = {watch_id: (count, oldest) for watch_id, count, oldest in txn.tx.all(CROSSINGS.count_waiting)}
    states: dict[str, dict[str, int]] = {}
    for agent, state, count in txn.tx.all(ACTIVATIONS.count_by_state):
        states.setdefault(agent, {})[state] = count
    rows = []
    for agent in txn.deployment.agents.values():
        block = blocked(txn, agent.name)
        watches = [watch for watch in txn.active.watches.values() if watch.agent.name == agent.name]
        counts = states.get(agent.name, {})
        rows.append(
            {
                "agent": agent.name,
                "watches": {watch.spec.name: str(watch.condition) for watch in watches},
                "writes": list(agent.writes),
                "state": "running" if counts.get(ActivationState.RUNNING) else (block[0] if block else "waits"),
                "until": iso(block[1]) if block else None,
                "waiting": sum(waiting.get(watch.id, (0, 0))[0] for watch in watches),
                "activations": counts,
            }
        )
    return rows


def agenda(txn: BoardTransaction) -> list[dict[str, Any]]:
    """The crossings that wait, or were put back, strongest value first, with what holds each back."""
    rows: list[dict[str, Any]] = []
    for *values, error, retry_at in txn.tx.all(ACTIVATIONS.deferred_crossings):
        if (watch := txn.active.watches.get((row := CrossingRow(*values)).watch_id)) is not None:
            block = blocked(txn, watch.agent.name)
            rows.append(_waits(watch, row, block[0] if block else error, retry_at))
    for watch in txn.active.watches.values():
        block = blocked(txn, watch.agent.name) or held_back(txn, watch)
        for values in txn.tx.all(CROSSINGS.waiting_of_watch, watch_id=watch.id):
            row = CrossingRow(*values)
            held_by = row.held_by or (block[0] if block else None)
            if held_by is None and row.ready_at is not None and row.ready_at > txn.now:
                held_by = "batch_window"
            rows.append(_waits(watch, row, held_by, row.ready_at))
    rows.sort(key=lambda row: (-row["value"], row["id"]))
    return rows


def _waits(watch: Watch, row: CrossingRow, held_by: str | None, ready_at: int | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "agent": watch.agent.name,
        "watch": watch.spec.name,
        "subject": row.subject or None,
        "mark_id": row.mark_id or None,
        "condition": str(watch.condition),
        "value": row.value,
        "threshold": row.threshold,
        "crossed_at": iso(row.crossed_at),
        "late_seconds": (row.noticed_at - row.crossed_at) / 1e6,
        "ready_at": iso(ready_at),
        "held_by": held_by,
    }


def activations(
    txn: BoardTransaction, *, agent: str | None = None, state: str | None = None, limit: int = 20
) -> list[dict[str, Any]]:
    """Activations, newest first."""
    if agent is not None:
        txn.deployment.agent(agent)
    if state is not None:
        found = list(reversed(txn.tx.all(ACTIVATIONS.in_state, state=state)))
    else:
        found = txn.tx.all(ACTIVATIONS.newest, agent=agent or "", limit=limit)
    rows = []
    for values in found:
        row = ActivationRow(*values)
        if agent is None or row.agent == agent:
            rows.append(activation_view(txn, row))
    return rows[:limit]


def activation_view(txn: BoardTransaction, row: ActivationRow) -> dict[str, Any]:
    """An activation as a person sees it."""
    watch = txn.active.watches.get(row.watch_id)
    return {
        "id": row.id,
        "agent": row.agent,
        "watch": watch.spec.name if watch else None,
        "subject": row.subject,
        "state": row.state,
        "reason": row.reason,
        "crossed_at": iso(row.crossed_at),
        "started_at": iso(row.started_at),
        "finished_at": iso(row.finished_at),
        "retry_at": iso(row.retry_at),
        "attempt": row.attempt,
        "interruptions": row.interruptions,
        "error": row.error,
        "marks_absorbed": row.marks_absorbed,
        "marks_deposited": row.marks_deposited,
    }


def uid(txn: BoardTransaction) -> str:
    """The board's own name, unlike any other's."""
    return str(txn.tx.one(ACTIVATIONS.board)[1])


def costs(txn: BoardTransaction, days: int) -> list[dict[str, Any]]:
    """The view `costs` for so many days up to today."""
    since = (iso(txn.now - (days - 1) * DAY) or "")[:10]
    return [dict(zip(VIEWS["costs"], values, strict=True)) for values in txn.tx.all(MODEL_CALLS.costs, since=since)]


def status(txn: BoardTransaction) -> dict[str, Any]:
    """The state of the board in one look."""
    board = txn.tx.one(ACTIVATIONS.board)
    states: dict[str, int] = {}
    for _agent, state, count in txn.tx.all(ACTIVATIONS.count_by_state):
        states[state] = states.get(state, 0) + count
    kinds = txn.tx.all(MARKS.count_live_marks, now=txn.now)
    return {
        "as_of": iso(txn.now),
        "clock": "believed" if txn.doubted is None else f"not believed: it says {iso(txn.doubted)}; see the inbox",
        "deployment": txn.deployment.version,
        "paused": (board[6] or True) if board[5] else False,
        "marks": dict(kinds),
        "events": txn.last_event,
        "waiting": sum(count for _, count, _ in txn.tx.all(CROSSINGS.count_waiting)),
        "activations": states,
        "next_predicted_crossing": iso(txn.tx.one(CROSSINGS.next_predicted)[0]),
        "next_evaporation": iso(txn.tx.one(MARKS.next_evaporation)[0]),
        "model_calls": _calls(txn),
        "backfills": len(txn.tx.all(CROSSINGS.backfills)),
        "workers": [
            {
                "id": row.id,
                "pid": row.pid,
                "host": row.host,
                "started_at": iso(row.started_at),
                "seen_at": iso(row.seen_at),
            }
            for row in txn.tx.all(ACTIVATIONS.workers)
        ],
    }


def _calls(txn: BoardTransaction) -> dict[str, Any]:
    """The model calls whose outcome is not known or not used up yet, and what is reserved for them."""
    counts: dict[str, int] = dict.fromkeys(OPEN_CALLS, 0)
    counts.update(dict(txn.tx.all(MODEL_CALLS.count_open_calls)))
    return {**counts, "reserved_usd": int(txn.tx.one(MODEL_CALLS.reserved_money)[0]) / 1_000_000}
