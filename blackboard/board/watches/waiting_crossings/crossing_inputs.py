"""The marks behind a crossing, which its activation is given, and their strength now."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from blackboard.board.mark_tables import watch_scopes
from blackboard.board.mark_tables.mark_rows import with_shown_payload
from blackboard.board.mark_tables.mark_states import fading_mark, live_rows, mark_strength, tags_of
from blackboard.board.mark_tables.marks_in_scopes import measure_filter, stored_marks
from blackboard.board.mark_tables.window_deposits import deposits_since
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.measurements import stimuli, watch_states, watched_marks
from blackboard.board.watches.waiting_crossings.departed_marks import (
    InputMark,
    begin_of_fall,
    departed_inputs,
    last_counted,
)
from blackboard.board.work_tables.activation_inputs import event_of, strength_of
from blackboard.clock import Instant
from blackboard.core.conditions.condition_types import Comparison, Condition
from blackboard.core.conditions.fading_forecasts import value_at
from blackboard.core.conditions.fewest_marks import fewest_marks
from blackboard.core.conditions.measures import Measure
from blackboard.core.marks.scopes import WHOLE_BOARD
from blackboard.core.marks.tags import Tags
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow, WindowEventRow
from blackboard.store.row_types.watch_row_types import CrossingKey, CrossingRow
from blackboard.store.statements import MARKS


class MarksBehind(NamedTuple):
    """The marks behind a crossing."""

    inputs: list[InputMark]
    """The event and the strength of each mark, strongest first. If no live mark is left, they are the evaporated marks,
    because a crossing remains a fact."""
    strength: float
    """The present value of the watch over the live marks; for a combination, the strength of the strongest mark."""
    sides: Mapping[int, frozenset[Comparison]] = MappingProxyType({})
    """For each mark, by its id, the sides of an `&` that count it."""


def marks_behind(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> MarksBehind:
    """Return the marks behind a crossing; the crossing of a schedule has none."""
    if watch.condition.is_schedule:
        return MarksBehind([], 0.0)
    if crossing.is_per_mark:
        return _mark_behind(txn, watch, crossing)
    if watch.condition.has_window:
        inputs = inputs_in_windows(txn, watch, crossing.scope, begin_of_fall(watch, crossing))
        if watch.condition.is_falling and not inputs:  # the last to fall was a side without a window
            inputs = sorted(departed_inputs(txn, watch, crossing), key=_strongest_first)
        # Crossings of windows are in the order of the values at their crossing, which do not bound the present values.
        return MarksBehind(inputs, crossing.value, _sides(txn, watch, inputs))
    live = [_input_of(txn, row) for row in _live_rows_behind(txn, watch, crossing)]
    inputs = sorted(live or departed_inputs(txn, watch, crossing), key=_strongest_first)
    return MarksBehind(inputs, _strength(watch.condition, live), _sides(txn, watch, inputs))


def _live_rows_behind(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> list[MarkRow]:
    """Return the live marks behind a crossing of a scope."""
    if watch.condition.is_falling:
        stored = stored_marks(txn, watch.condition.kinds, crossing.scope)
        return [row for row in live_rows(txn, stored) if watched_marks.is_counted(txn, watch, row)]
    if crossing.cause is None:
        rows = stimuli.stimuli_of(txn, watch, WHOLE_BOARD if watch.condition.is_over_board else crossing.scope)
    else:
        rows = live_rows(txn, watch_states.rows_behind(txn, watch, CrossingKey(watch.id, crossing.scope)))
    return rows if watch.condition.is_over_board else _rows_of_met_sides(txn, watch, rows)


def select_inputs(watch: RegisteredWatch, behind: MarksBehind, room: int) -> list[InputMark]:
    """Return the marks behind a crossing for which a batch has room, strongest first.

    If an `&` joins several sides, each side gets at least one mark. A side without room is left out, and its marks stay
    stimuli.
    """
    condition, inputs, sides = watch.condition, behind.inputs, behind.sides
    if len(inputs) <= room or not condition.is_joint:
        return inputs[:room]
    met = {side for side in condition.comparisons() if side.is_met_at(_value(side, inputs, sides))}
    if watch.condition.has_window or not condition.is_met_if(met.__contains__):  # the marks have faded since
        met = set(condition.comparisons())
    first = _fewest_inputs(condition, behind, met)
    chosen = (first + [item for item in inputs if item not in first])[:room]
    given = {side for item in chosen for side in sides[item.event.mark_id]}
    whole = set(condition.deciding_comparisons(lambda side: side in met and side in given))
    kept = [item for item in chosen if not whole or not whole.isdisjoint(sides[item.event.mark_id])]
    return sorted(kept, key=_strongest_first)


def _fewest_inputs(condition: Condition, behind: MarksBehind, met: Collection[Comparison]) -> list[InputMark]:
    """Return the fewest marks with which the met sides of a condition hold; stronger marks are preferred."""
    strongest = {behind.sides[item.event.mark_id]: item for item in reversed(behind.inputs)}
    counted = list(dict.fromkeys(behind.sides[item.event.mark_id] for item in behind.inputs))
    return [strongest[sides] for sides in fewest_marks(condition, counted, met.__contains__)]


def _sides(
    txn: BoardTransaction, watch: RegisteredWatch, inputs: Sequence[InputMark]
) -> Mapping[int, frozenset[Comparison]]:
    """Return the sides of an `&` that count each mark. A window counts its deposits, whatever tags their mark has."""
    if not watch.condition.is_joint:
        return {}
    return {
        event.mark_id: frozenset(
            side for side in watch.condition.comparisons() if _counts(side.measure, event, _tags_of(txn, event))
        )
        for event, _ in inputs
    }


def _counts(measure: Measure, event: EventRow, tags: Tags | None) -> bool:
    if measure.within is not None:
        return event.kind in measure.kinds and measure.covers(event.subject)
    return measure.includes(event.kind, event.subject, tags)


def _tags_of(txn: BoardTransaction, event: EventRow) -> Tags | None:
    """Return the tags that a mark had after an event."""
    return tags_of(txn, event.kind, with_shown_payload(txn, event).payload)


def inputs_in_windows(txn: BoardTransaction, watch: RegisteredWatch, scope: str, at: Instant) -> list[InputMark]:
    """Return the marks behind a crossing of a watch with a window, strongest first.

    `at` is the instant of the crossing or, for a falling watch, of the fall. The marks of the deposits that were in the
    window then, or came later, are behind the crossing, whether they are live or not. At a fall, the deposit that left
    the window counts too. The live marks that other measures count are added.
    """
    key = CrossingKey(watch.id, scope)
    marks = watch_states.measured_marks(txn, watch, key, whole=True)
    values = {side: value_at(side.measure, marks, txn.now) for side in watch.condition.comparisons()}
    sides = list(watch.condition.deciding_comparisons(lambda one: one.is_met_at(values[one]))) or list(values)
    inputs_by_mark: dict[int, InputMark] = {}
    for measure in (side.measure for side in sides):
        if measure.within is None:
            rows = live_rows(txn, watch_states.rows_behind(txn, watch, key))
            rows = [row for row in rows if measure.includes(row.kind, row.subject, tags_of(txn, row.kind, row.payload))]
            inputs_by_mark |= {row.id: _input_of(txn, row) for row in rows}
            continue
        since = at - measure.within + (0 if watch.condition.is_falling else 1)
        deposits = deposits_since(
            txn.sql, measure, scope, partial(measure_filter, txn), since, ignored=watch.ignored_in_windows
        )
        for deposit in deposits:
            if deposit.mark_id not in inputs_by_mark and (state := _last_state(txn, watch, scope, deposit, measure)):
                inputs_by_mark[deposit.mark_id] = state
    return sorted(inputs_by_mark.values(), key=_strongest_first)


def _last_state(
    txn: BoardTransaction, watch: RegisteredWatch, scope: str, deposit: WindowEventRow, measure: Measure
) -> InputMark | None:
    """Return the present state of the mark of a deposit, or its last state if it has left the board.

    If the mark has other tags by now than the window counts, return it as the deposit left it, with the strength 0.
    Return None if the state is not known, or if the mark may not wake the agent.
    """
    if (row := txn.sql.one(MARKS.get_mark, id=deposit.mark_id)) is not None:
        state = _input_of(txn, row) if watched_marks.may_be_counted(txn, watch, row) else None
    else:
        event = txn.sql.one(MARKS.last_deposit, subject=deposit.subject, mark_id=deposit.mark_id)
        state = None if event is None else InputMark(event, strength_of(txn, event))
    if state is None or not measure.tags:
        return state
    tags = _tags_of(txn, state.event)
    has_tags = tags is not None and (measure.where is None or tags.match(measure.where))
    if has_tags and (measure.by is None or _scope_of_event(txn, watch, state.event) == scope):
        return state
    event = txn.sql.one(MARKS.get_event, id=deposit.event_id)
    return None if event is None else InputMark(event, 0.0)


def _mark_behind(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> MarksBehind:
    """Return the mark of a crossing that concerns a single mark, in its present or last state."""
    if (found := txn.mark_with_event(crossing.mark_id)) is not None:
        row = found.mark
        if watch.condition.has_where and not watched_marks.is_counted(txn, watch, row):
            counted, _ = last_counted(txn, watch, row.subject, row.subject, row.id)
            return MarksBehind([] if counted is None else [InputMark(counted, 0.0)], 0.0)
        strength = mark_strength(txn, row)
        return MarksBehind([InputMark(found.event, strength)], strength if live_rows(txn, [row]) else 0.0)
    event = txn.sql.one(MARKS.last_deposit, subject=crossing.scope, mark_id=crossing.mark_id)
    return MarksBehind([] if event is None else [InputMark(event, strength_of(txn, event))], 0.0)


def _strength(condition: Condition, inputs: Sequence[InputMark]) -> float:
    """Return the value of a condition over live marks; for a combination, the strength of the strongest mark."""
    if isinstance(condition, Comparison):
        return condition.measure.value([strength for _, strength in inputs])
    return max((strength for _, strength in inputs), default=0.0)


def _value(comparison: Comparison, inputs: Sequence[InputMark], sides: Mapping[int, frozenset[Comparison]]) -> float:
    return comparison.measure.value([strength for event, strength in inputs if comparison in sides[event.mark_id]])


def _strongest_first(item: InputMark) -> tuple[float, int]:
    return -item.strength, item.event.id


def _input_of(txn: BoardTransaction, row: MarkRow) -> InputMark:
    return InputMark(event_of(txn, row), mark_strength(txn, row))


def _rows_of_met_sides(txn: BoardTransaction, watch: RegisteredWatch, rows: list[MarkRow]) -> list[MarkRow]:
    """Select the marks of those sides of an `|` that are met. For an `&`, or if no side is met, select all marks."""
    fading_marks = [fading_mark(txn, row) for row in rows]
    measures = [
        comparison.measure
        for comparison in watch.condition.deciding_comparisons(
            lambda comparison: comparison.is_met_at(value_at(comparison.measure, fading_marks, txn.now))
        )
    ]
    if len(measures) == len(list(watch.condition.comparisons())):
        return rows
    counted = [
        row
        for row in rows
        if any(measure.includes(row.kind, row.subject, tags_of(txn, row.kind, row.payload)) for measure in measures)
    ]
    return counted or rows


def _scope_of_event(txn: BoardTransaction, watch: RegisteredWatch, event: EventRow) -> str | None:
    """Return the scope of a mark as an event left it."""
    payload = with_shown_payload(txn, event).payload
    return watch_scopes.scope_of_payload(txn, watch, event.kind, event.subject, payload)
