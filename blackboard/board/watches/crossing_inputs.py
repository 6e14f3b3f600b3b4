"""The marks behind a crossing, which its activation is given, and their strength now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from blackboard.board.transactions.activation_inputs import event_of, strength_of
from blackboard.board.transactions.active_deployment import RegisteredWatch
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.window_events import events_since
from blackboard.board.watches import need_access, stimuli, watch_states
from blackboard.board.watches.watch_states import StateKey
from blackboard.clock import Instant
from blackboard.core.conditions import Comparison, Condition
from blackboard.core.strength_forecast import value_at
from blackboard.store.rows import CrossingRow, EventRow, MarkRow
from blackboard.store.statements import ACTIVATIONS, MARKS

Input = tuple[EventRow, float]
"""The event that produced the state of a mark, and the strength of the mark now."""


class MarksBehind(NamedTuple):
    """The marks behind a crossing.

    Attributes:
        inputs: The event and the strength of each mark, strongest first. If no live mark is left, they are the
            evaporated marks, because a crossing remains a fact.
        strength: The present value of the watch over the live marks; for a combination, the strength of the strongest
            mark.
    """

    inputs: list[Input]
    strength: float


def marks_behind(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> MarksBehind:
    """Return the marks behind a crossing; the crossing of a schedule has none."""
    if watch.is_scheduled:
        return MarksBehind([], 0.0)
    if crossing.is_per_mark:
        return _mark_behind(txn, crossing)
    if watch.has_window:
        inputs = inputs_in_windows(txn, watch, crossing.subject, _begin(watch, crossing))
        if watch.is_falling and not inputs:  # the last to fall was a side without a window
            inputs = sorted(_evaporated(txn, watch, crossing), key=_strongest_first)
        # Crossings of windows are in the order of the values at their crossing, which do not bound the present values.
        return MarksBehind(inputs, crossing.value)
    if watch.is_falling:
        stored = txn.stored_marks(watch.kinds, None if watch.is_over_board else crossing.subject)
        rows = [row for row in txn.live(stored) if need_access.counts(txn, watch, row)]
    elif crossing.cause is not None:
        rows = txn.live(watch_states.rows_behind(txn, watch, StateKey(watch.id, crossing.subject, 0)))
        rows = rows if watch.is_over_board else _of_sides_that_hold(txn, watch, rows)
    elif watch.is_over_board:
        rows = stimuli.stimuli_of(txn, watch)
    else:
        rows = _of_sides_that_hold(txn, watch, stimuli.stimuli_of(txn, watch, crossing.subject))
    live = [(event_of(txn, row), txn.strength(row)) for row in rows]
    inputs = live or _evaporated(txn, watch, crossing)
    return MarksBehind(sorted(inputs, key=_strongest_first), _strength(watch.condition, live))


def select_inputs(watch: RegisteredWatch, behind: MarksBehind, room: int) -> list[Input]:
    """Return the marks behind a crossing for which a batch has room, strongest first.

    If an `&` joins several sides, each side gets at least one mark. A side without room is left out, and its marks stay
    stimuli.
    """
    condition, inputs = watch.condition, behind.inputs
    if len(inputs) <= room or not condition.is_joint:
        return inputs[:room]
    met = {comparison for comparison in condition.comparisons() if comparison.holds_at(_value(comparison, inputs))}
    if watch.has_window or not condition.holds_if(met.__contains__):  # the marks have faded since
        met = set(condition.comparisons())
    kinds = list(dict.fromkeys(event.kind for event, _ in inputs))
    needed = condition.fewest_kinds(kinds, met.__contains__)
    first = [next(pair for pair in inputs if pair[0].kind == kind) for kind in needed]
    chosen = (first + [pair for pair in inputs if pair not in first])[:room]
    given = {event.kind for event, _ in chosen}
    whole = {
        kind
        for comparison in condition.deciding(lambda one: one in met and not given.isdisjoint(one.measure.kinds))
        for kind in comparison.measure.kinds
    }
    return sorted((pair for pair in chosen if not whole or pair[0].kind in whole), key=_strongest_first)


def inputs_in_windows(txn: BoardTransaction, watch: RegisteredWatch, subject: str, at: Instant) -> list[Input]:
    """Return the marks behind a crossing of a watch with a window, strongest first.

    These are the marks of the deposits that were in the window at an instant or came later, live or not, and the live
    marks that other measures count. The instant is that of the crossing; for a falling watch that of the fall, and the
    deposit that left the window then counts.
    """
    key = StateKey(watch.id, subject, 0)
    marks = watch_states.marks_behind(txn, watch, key, whole=True)
    values = {one: value_at(one.measure, marks, txn.now) for one in watch.condition.comparisons()}
    sides = list(watch.condition.deciding(lambda one: one.holds_at(values[one]))) or list(values)
    found: dict[int, Input] = {}
    for measure in (side.measure for side in sides):
        if measure.within is None:
            rows = [row for row in txn.live(watch_states.rows_behind(txn, watch, key)) if row.kind in measure.kinds]
            found |= {row.id: (event_of(txn, row), txn.strength(row)) for row in rows if measure.covers(row.subject)}
            continue
        since = at - measure.within + (0 if watch.is_falling else 1)
        for deposit in events_since(txn.sql, measure, subject or None, since, ignored=watch.ignored_in_windows):
            if deposit.mark_id not in found and (state := _last_state(txn, watch, deposit.subject, deposit.mark_id)):
                found[deposit.mark_id] = state
    return sorted(found.values(), key=_strongest_first)


def _last_state(txn: BoardTransaction, watch: RegisteredWatch, subject: str, mark_id: int) -> Input | None:
    """Return the present state of a mark, or its last state if it has left the board.

    Returns None if that is not known, or if the mark may not wake the agent.
    """
    if (row := txn.sql.one(MARKS.get_mark, id=mark_id)) is not None:
        return (event_of(txn, row), txn.strength(row)) if need_access.counts(txn, watch, row) else None
    event = txn.sql.one(MARKS.last_deposit, subject=subject, mark_id=mark_id)
    return None if event is None else (event, strength_of(txn, event))


def _mark_behind(txn: BoardTransaction, crossing: CrossingRow) -> MarksBehind:
    """Return the mark of a crossing that concerns a single mark, in its present or last state."""
    if (row := txn.sql.one(MARKS.get_mark, id=crossing.mark_id)) is not None:
        strength = txn.strength(row)
        return MarksBehind([(event_of(txn, row), strength)], strength if txn.live([row]) else 0.0)
    event = txn.sql.one(MARKS.last_deposit, subject=crossing.subject, mark_id=crossing.mark_id)
    return MarksBehind([] if event is None else [(event, strength_of(txn, event))], 0.0)


def _strength(condition: Condition, inputs: Sequence[Input]) -> float:
    """Return the value of a condition over live marks; for a combination, the strength of the strongest mark."""
    if isinstance(condition, Comparison):
        return _value(condition, inputs)
    return max((strength for _, strength in inputs), default=0.0)


def _value(comparison: Comparison, inputs: Sequence[Input]) -> float:
    measure = comparison.measure
    return measure.value(
        [strength for event, strength in inputs if event.kind in measure.kinds and measure.covers(event.subject)]
    )


def _strongest_first(pair: Input) -> tuple[float, int]:
    return -pair[1], pair[0].id


def _of_sides_that_hold(txn: BoardTransaction, watch: RegisteredWatch, rows: list[MarkRow]) -> list[MarkRow]:
    """Select the marks of those sides of an `|` that hold; all marks for an `&`, or if no side holds."""
    fading_marks = [txn.fading(row) for row in rows]
    kinds = {
        kind
        for comparison in watch.condition.deciding(
            lambda comparison: comparison.holds_at(value_at(comparison.measure, fading_marks, txn.now))
        )
        for kind in comparison.measure.kinds
    }
    return [row for row in rows if row.kind in kinds] or rows


def _evaporated(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> list[Input]:
    """Return the last deposits of marks that caused a crossing and evaporated since, with the strengths now.

    They may already be in the history, or still be stored as marks.
    """
    since = _begin(watch, crossing)
    stored = txn.stored_marks(watch.kinds, None if watch.is_over_board else crossing.subject)
    ended = {row.id: (row.subject, row.evaporates_at) for row in map(txn.migrated, stored)}
    strengths = {row.id: txn.strength(row) for row in stored}
    for kind in watch.condition.kinds:
        for event in txn.sql.all(MARKS.evaporations_since, kind=kind, since=crossing.event_id or 0):
            ended[event.mark_id] = event.subject, event.evaporates_at
    result = []
    for mark_id, (subject, ended_at) in ended.items():
        if ended_at is None or not since <= ended_at <= txn.now:
            continue
        if (not crossing.is_over_board and subject != crossing.subject) or not watch.covers(subject):
            continue
        deposit = txn.sql.one(MARKS.last_deposit, subject=subject, mark_id=mark_id)
        if deposit is None or ended_at < deposit.recorded_at:
            continue  # it had faded before it was recorded
        if watch.is_falling or crossing.cause is not None or _was_stimulus(txn, watch, deposit):
            result.append((deposit, strengths[mark_id] if mark_id in strengths else strength_of(txn, deposit)))
    return result


def _begin(watch: RegisteredWatch, crossing: CrossingRow) -> Instant:
    """Return the instant of the fall for which a falling watch crossed. A watch over time crosses later than that."""
    return crossing.held_since if watch.is_falling and crossing.held_since is not None else crossing.crossed_at


def _was_stimulus(txn: BoardTransaction, watch: RegisteredWatch, event: EventRow) -> bool:
    """Return whether an evaporated mark was a stimulus.

    The record of an absorption is deleted with its mark, so the inputs of past activations decide. A record of a
    deposit that was no news stays while a crossing waits.
    """
    counted: int | None = event.id
    if event.author == watch.ignored_author:
        values = {"subject": event.subject, "mark_id": event.mark_id, "author": watch.ignored_author}
        counted = txn.sql.value(MARKS.last_deposit_of_others, **values)
    absorbed = txn.sql.value(ACTIVATIONS.last_absorbed_event, watch_id=watch.id, mark_id=event.mark_id) or 0
    return counted is not None and counted > max(absorbed, stimuli.absorbed_through(txn, watch, event.mark_id))
