"""Why an agent has, or has not, woken: each watch's value and threshold, guard, rest, pause, and until when."""

from __future__ import annotations

from typing import Any

from blackboard.board import board_totals, predicted_crossings, stimuli
from blackboard.board.board_transaction import BoardTransaction, Watch
from blackboard.board.readiness import blocked
from blackboard.clock import iso
from blackboard.forecast import value_at
from blackboard.states import ActivationState
from blackboard.store.rows import ActivationRow, CrossingRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS

__all__ = ["explain"]


def explain(txn: BoardTransaction, agent: str, subject: str | None) -> dict[str, Any]:
    """Everything that decides whether an agent wakes, now, for one subject or for whatever waits.

    Raises:
        UnknownName: there is no such agent.
    """
    spec = txn.deployment.agent(agent)
    block = blocked(txn, agent)
    running = [
        {"id": row.id, "subject": row.subject, "started_at": iso(row.started_at), "worker": row.worker}
        for row in (ActivationRow(*values) for values in txn.tx.all(ACTIVATIONS.running))
        if row.agent == agent
    ]
    return {
        "agent": agent,
        "subject": subject,
        "as_of": iso(txn.now),
        "held_by": block[0] if block else None,
        "until": iso(block[1]) if block else None,
        "running": running,
        "concurrency": spec.settings.concurrency,
        "deferred": _deferred(txn, agent, subject),
        "watches": [_watch(txn, watch, subject) for watch in txn.active.watches.values() if watch.agent.name == agent],
        "last": _last(txn, agent, subject),
    }


def _watch(txn: BoardTransaction, watch: Watch, subject: str | None) -> dict[str, Any]:
    result: dict[str, Any] = {
        "watch": watch.spec.name,
        "condition": str(watch.condition),
        "guard": None if watch.spec.guard is None else str(watch.spec.guard),
    }
    scope = "" if watch.over_board else subject
    waiting = (
        txn.tx.all(CROSSINGS.waiting_of_watch, watch_id=watch.id)
        if scope is None
        else txn.tx.all(CROSSINGS.waiting_of_subject, watch_id=watch.id, subject=scope)
    )
    result["waiting"] = [_waiting(txn, watch, CrossingRow(*values)) for values in waiting[:20]]
    result["waiting_count"] = len(waiting)
    if scope is None:
        result["verdict"] = _verdict(result, None)
        return result
    result["values"] = _values(txn, watch, scope)
    if not watch.falling and not watch.over_board:
        result["lie_there"] = len(predicted_crossings.live_marks(txn, watch.condition, scope))
    if watch.spec.guard is not None:
        open_now, opens = predicted_crossings.guard_opens(txn, watch, scope)
        result["guard_open"] = open_now
        result["guard_opens_at"] = iso(opens)
    if watch.falling:
        dues = [due for due, of in _predicted(txn, watch, scope) if due is not None or of is not None]
        result["predicted_at"] = [iso(due) for due in dues]
    result["verdict"] = _verdict(result, scope)
    return result


def _values(txn: BoardTransaction, watch: Watch, subject: str) -> list[dict[str, Any]]:
    if watch.over_board and not watch.falling:
        leaf = next(watch.condition.leaves())
        value, count = board_totals.measured(txn, watch)
        return [
            {
                "measure": str(leaf.measure),
                "value": value,
                "threshold": leaf.threshold,
                "met": leaf.is_met(value),
                "marks": count,
            }
        ]
    if watch.falling:
        marks = predicted_crossings.live_marks(txn, watch.condition, None if watch.over_board else subject)
    else:
        marks = [txn.fading(row) for row in stimuli.stimuli_of_subject(txn, watch, subject)]
    result = []
    for leaf in watch.condition.leaves():
        value = value_at(leaf.measure, marks, txn.now)
        counted = sum(1 for mark in marks if mark.kind in leaf.measure.kinds)
        result.append(
            {
                "measure": str(leaf.measure),
                "value": value,
                "threshold": leaf.threshold,
                "met": leaf.is_met(value),
                "marks": counted,
            }
        )
    return result


def _waiting(txn: BoardTransaction, watch: Watch, row: CrossingRow) -> dict[str, Any]:
    held_by = row.held_by
    if held_by is None and row.ready_at is not None and row.ready_at > txn.now:
        held_by = "batch_window"
    return {
        "subject": row.subject or None,
        "mark_id": row.mark_id or None,
        "value": row.value,
        "crossed_at": iso(row.crossed_at),
        "held_by": held_by,
        "ready_at": iso(row.ready_at),
    }


def _predicted(txn: BoardTransaction, watch: Watch, subject: str) -> list[tuple[int | None, int | None]]:
    return [
        (due, mark_id)
        for mark_id, due in txn.tx.all(CROSSINGS.predicted_of_subject, watch_id=watch.id, subject=subject)
    ]


def _deferred(txn: BoardTransaction, agent: str, subject: str | None) -> list[dict[str, Any]]:
    """The activations that wait to be begun again, or for a person: why, and when they are tried next."""
    rows = (
        ActivationRow(*values)
        for state in (ActivationState.READY, ActivationState.HELD)
        for values in txn.tx.all(ACTIVATIONS.unfinished_in_state, state=state)
    )
    return [
        {"id": row.id, "subject": row.subject, "state": row.state, "why": row.error, "tried_at": iso(row.retry_at)}
        for row in rows
        if row.agent == agent and (subject is None or row.subject == subject or _gave(txn, row.id, subject))
    ]


def _last(txn: BoardTransaction, agent: str, subject: str | None) -> dict[str, Any] | None:
    for values in txn.tx.all(ACTIVATIONS.newest, agent=agent, limit=200):
        row = ActivationRow(*values)
        if subject is None or row.subject == subject or (row.subject is None and _gave(txn, row.id, subject)):
            return {
                "id": row.id,
                "state": row.state,
                "reason": row.reason,
                "at": iso(row.finished_at or row.started_at or row.created_at),
                "error": row.error,
            }
    return None


def _gave(txn: BoardTransaction, activation_id: int, subject: str) -> bool:
    return any(row.subject == subject for row in txn.tx.all(ACTIVATIONS.inputs, activation_id=activation_id))


def _verdict(found: dict[str, Any], scope: str | None) -> str:
    """One sentence that says why."""
    if found["waiting"]:
        first = found["waiting"][0]
        held_by, until = first["held_by"], first["ready_at"]
        if held_by == "guard":
            return f"it crossed, and its guard holds it back until {until or 'new marks change that'}"
        if held_by == "cooldown":
            return f"it crossed, and the agent rests for this subject until {until}"
        if held_by == "batch_window":
            return f"it crossed, and gathers more marks until {until}"
        return "it crossed and is ready: the next free daemon takes it"
    if scope is None:
        return "nothing waits"
    if found.get("predicted_at"):
        return f"it has not fallen; by fading alone it will at {found['predicted_at'][0] or 'no time'}"
    counted = any(value["marks"] for value in found["values"])
    if all(value["met"] for value in found["values"]):
        if not counted:
            return "nothing lies there that could fall"
        return "what lies there meets the condition and was absorbed or has crossed before"
    if found.get("lie_there") and not counted:
        return "what lies there is absorbed, or its own; a new or reinforced mark may cross"
    unmet = [f"{v['measure']} is {v['value']:.4g} of {v['threshold']:.4g}" for v in found["values"] if not v["met"]]
    return "it has not crossed: " + "; ".join(unmet)
