"""The values that a watch measures now, each beside its threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from blackboard.board.mark_tables.mark_states import fading_mark, live_rows
from blackboard.board.mark_tables.watch_scopes import fading_marks
from blackboard.board.result_types import (
    MeasuredValue,
)
from blackboard.board.result_types.row_conversion import optional_datetime
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.measurements import stimuli, watch_states, watch_totals
from blackboard.board.watches.measurements.watch_states import StateKey, rows_behind
from blackboard.core.conditions.condition_types import Comparison
from blackboard.core.conditions.fading_forecasts import first_true, value_at
from blackboard.core.marks.fading_marks import FadingMark


def measured_values(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> tuple[MeasuredValue, ...]:
    """Return the value of each side of a watch's condition in a scope, over the marks that can make it cross."""
    if watch.condition.has_window:
        marks = watch_states.marks_behind(txn, watch, StateKey(watch.id, scope, 0), whole=True)
        return tuple(_measured_at(txn, comparison, marks) for comparison in watch.condition.comparisons())
    if watch.condition.is_over_board and not watch.condition.is_falling and watch.timing is None:
        value, count = watch_totals.measure_marks(txn, watch)
        return (_measured(watch.comparison, value, count),)
    if watch.condition.is_falling:
        marks = fading_marks(txn, watch.condition, scope)
    elif watch.timing is not None:
        marks = [fading_mark(txn, row) for row in live_rows(txn, rows_behind(txn, watch, StateKey(watch.id, scope, 0)))]
    else:
        marks = [fading_mark(txn, row) for row in stimuli.stimuli_of(txn, watch, scope)]
    return tuple(_measured_at(txn, comparison, marks) for comparison in watch.condition.comparisons())


def _measured_at(txn: BoardTransaction, comparison: Comparison, marks: Sequence[FadingMark]) -> MeasuredValue:
    """Return the value of one side of a condition now; for a window also when it will fall."""
    measure = comparison.measure
    behind = [
        mark
        for mark in marks
        if mark.kind in measure.kinds and mark.within == measure.within and mark.has_tags(measure.where)
    ]
    if measure.within is not None:
        behind = [deposit for deposit in behind if measure.covers(deposit.subject)]
    measured = _measured(comparison, value_at(measure, behind, txn.now), len(behind))
    if measure.within is None:
        return measured
    falls_at = first_true(replace(comparison, operator="<"), behind, txn.now)
    if falls_at == txn.now:
        falls_at = min((mark.evaporates_at for mark in behind if mark.evaporates_at is not None), default=None)
    return replace(measured, counts="deposits", falls_at=optional_datetime(falls_at))


def _measured(comparison: Comparison, value: float, marks: int) -> MeasuredValue:
    return MeasuredValue(str(comparison.measure), value, comparison.threshold, comparison.is_met_at(value), marks)
