"""Crossings of watches over time: watches with `held_for`, `rewake_every`, `clear_below` or `clear_above`.

The state of such a watch changes when marks change, and at instants that follow from the decay laws. The next of these
instants is stored as a predicted crossing, so that a daemon sleeps until then. The transaction that finds it due makes
all changes up to now. So each crossing has its true instant, however late it is noticed.
"""

from __future__ import annotations

from collections.abc import Collection

from blackboard.board.mark_tables.mark_states import live_rows, mark_strength
from blackboard.board.mark_tables.watch_scopes import scope_of_counted_mark, scopes_of_withdrawn
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.crossing_detection import timed_state_changes
from blackboard.board.watches.crossing_detection.episodes import Episode, forecast_crossing
from blackboard.board.watches.crossing_detection.falling_crossings import may_be_weaker
from blackboard.board.watches.measurements import watch_states, watch_totals, watched_marks, window_totals
from blackboard.board.watches.measurements.absorbed_marks import last_absorbed
from blackboard.board.watches.measurements.stimuli import is_stimulus
from blackboard.board.watches.waiting_crossings import crossing_retests, measured_crossings, watch_guards
from blackboard.board.watches.waiting_crossings.measured_crossings import CrossingCause
from blackboard.clock import Instant
from blackboard.core.conditions.fading_forecasts import first_true, met_side
from blackboard.core.marks.scopes import Group
from blackboard.core.specs.watch_spec import Timing
from blackboard.store.row_types.mark_row_types import MarkRow
from blackboard.store.row_types.watch_row_types import CrossingKey, CrossingRow, PredictedCrossingRow, WatchStateRow
from blackboard.store.statements import CROSSINGS


def update_after_deposit(txn: BoardTransaction, old: MarkRow | None, new: MarkRow) -> list[RegisteredWatch]:
    """Update the states of all watches over time after a deposit, and return the rising watches with a new crossing.

    `old` is the live mark before it was reinforced; None for a new mark.
    """
    crossed = []
    for watch in txn.active.over_time.get(new.kind, ()):
        has_crossed = _update_watch_after_deposit(txn, watch, old, new)
        if has_crossed and not watch.condition.is_falling:
            crossed.append(watch)
    return crossed


def _update_watch_after_deposit(
    txn: BoardTransaction, watch: RegisteredWatch, old: MarkRow | None, new: MarkRow
) -> bool:
    """Update the state of the scope of a deposit, and the state of the group that its mark leaves.

    Returns:
        Whether a crossing is new.
    """
    before, after = watched_marks.counted_states(txn, watch, old, new)
    if before is None and after is None:
        return False
    if (left := watched_marks.left_group(txn, watch, before, after)) is not None:
        advance_to_now(txn, watch, watch.key_of(left, new))
        if after is None:
            return False
        before = None
    key = watch.key_of(scope_of_counted_mark(txn, watch, new), new)
    is_next = old is None and new.is_live(txn.now) and txn.kind(new.kind).on_repeat != "separate"
    if is_next and key.mark_id and watch.condition.is_falling:
        _take_over(txn, key)
    # After the end of a drop the state is advanced in any case. That reads the marks, so no sums are needed here.
    may_change = _end_drop(txn, watch, key) or _update_and_assess(txn, watch, key, before, after)
    if may_change and advance_to_now(txn, watch, key):
        return True
    if not watch.condition.is_falling:
        _renew(txn, watch, key)
    return False


def _take_over(txn: BoardTransaction, key: CrossingKey) -> None:
    """Give the state of a subject's former mark to its new mark.

    A subject has one mark of the kind at a time. For a falling watch, the new mark means that the value has come back.
    """
    for state in txn.sql.all(CROSSINGS.states_of_scope, watch_id=key.watch_id, scope=key.scope):
        watch_states.delete(txn, state.key)
        watch_states.put_and_predict(txn, state._replace(mark_id=key.mark_id), None)


def _update_and_assess(
    txn: BoardTransaction, watch: RegisteredWatch, key: CrossingKey, old: MarkRow | None, new: MarkRow | None
) -> bool:
    """Update the sums that the answer needs, and return whether a deposit may change the state of a watch.

    Over the board or a group, this avoids reading all marks: a stronger mark, or another deposit in a window, can only
    end the episode later. The end is computed again when it is due.
    """
    if watch.condition.has_window:
        return _update_and_assess_window(txn, watch, key)
    if not watch.measures_sums or new is None or may_be_weaker(txn, old, new):
        return True
    state = watch_states.get(txn, key)
    if watch.condition.is_falling:
        # After a crossing, a rise matters until the value reaches `clear_above`.
        return state is None or state.began_at is not None or state.crossed_at is not None
    if state is not None and state.began_at is not None:
        return False
    measure = watch.comparison.measure
    if measure.is_maximum:
        return watch.comparison.is_met_at(mark_strength(txn, new))
    return not measure.keeps_sums or watch.comparison.is_met_at(
        watch_totals.update_and_measure_live(txn, watch, key.scope)
    )


def _update_and_assess_window(txn: BoardTransaction, watch: RegisteredWatch, key: CrossingKey) -> bool:
    """Bring the sums of a window up to date, and return whether a deposit may change the state of its watch."""
    if watch.condition.is_falling or watch.condition.kinds_of_marks:
        return True
    if (state := watch_states.get(txn, key)) is not None:
        return state.began_at is None
    return not watch.may_use_window_sums or window_totals.update_and_compare(txn, watch, key.scope)


def _end_drop(txn: BoardTransaction, watch: RegisteredWatch, key: CrossingKey) -> bool:
    """Allow another crossing if the guard dropped the crossing of this episode and is open now.

    Returns:
        Whether another crossing was allowed.
    """
    if watch.condition.is_falling or not watch.guard_drops:
        return False
    state = watch_states.get(txn, key)
    if state is None or not state.dropped or watch_guards.drops(txn, watch, key.scope, txn.now):
        return False
    watch_states.put(txn, state._replace(crossed_at=None, dropped=0))
    return True


def _renew(txn: BoardTransaction, watch: RegisteredWatch, key: CrossingKey) -> None:
    """Update the measured value of a waiting crossing. It may now fill a batch, be urgent, or precede other crossings.

    Over the board, no other crossing waits. Crossings of a window keep the order of the values at their crossing.
    """
    settings = watch.agent_spec.settings
    ends_early = watch.batch_window and (watch.batch is not None or settings.urgent_above is not None)
    if not ends_early and (watch.condition.is_over_board or watch.condition.has_window):
        return
    waiting = txn.sql.one(CROSSINGS.waiting_crossing, **key._asdict())
    if waiting is None or waiting.cause is None:
        return  # a deposit that is news updates its own crossing
    if watch.condition.has_window:
        at, value, marks = waiting.crossed_at, waiting.value, []
    else:
        at, marks = txn.now, watch_states.measured_marks(txn, watch, key)
        met = met_side(watch.condition, marks, at)
        value = waiting.value if met is None else met.value
    measured = timed_state_changes.measure(txn, watch, key, marks, at, value)
    measured_crossings.cross(txn, watch, key, measured, at, CrossingCause(waiting.cause))


def update_after_deployment(
    txn: BoardTransaction, watch: RegisteredWatch, key: CrossingKey, at: Instant, *, is_changed: bool
) -> None:
    """Update a state after a change of the deployment, as of its instant.

    Each change updates a state only once: a second time would begin an ended episode anew. `is_changed` is true if the
    watch itself has changed. A changed watch does not cross immediately if its agent was given all these marks before.
    """
    if not watch_states.begin_test(txn, key):
        return
    knows_all = (
        is_changed
        and not watch.condition.has_window
        and not any(
            is_stimulus(txn, watch, row, last_absorbed(txn, watch, row.id))
            for row in live_rows(txn, watch_states.rows_behind(txn, watch, key), at)
        )
    )
    advance_to_now(txn, watch, key, at=at, crossed_at=at if knows_all and not watch.condition.is_falling else None)


def advance_to_now(
    txn: BoardTransaction,
    watch: RegisteredWatch,
    key: CrossingKey,
    *,
    at: Instant | None = None,
    crossed_at: Instant | None = None,
) -> bool:
    """Take a state from an instant (default: now) up to now, and return whether a crossing is new.

    No mark may have changed since that instant. A mark that was recorded later counts from the instant of its record.
    If there is no state yet, it begins with `crossed_at` as the last crossing.
    """
    stored = watch_states.get(txn, key)
    marks = watch_states.measured_marks(txn, watch, key, at)
    start = max([txn.now if at is None else at, *(mark.changed_at for mark in marks)])
    state = stored or WatchStateRow(*key, began_at=None, crossed_at=crossed_at, event_id=txn.last_event_id)
    if stored is None and watch.condition.is_falling and first_true(watch.condition, marks, start) == start:
        return False  # the marks were never above the threshold
    advance = timed_state_changes.StateAdvance(txn, watch, marks, state, next_at=start)
    advance.run()
    _write(txn, watch, key, advance.state, stored, advance.next_at)
    return advance.has_crossed


def fire(txn: BoardTransaction, watch: RegisteredWatch, prediction: PredictedCrossingRow) -> None:
    """Take a state through the instants that are due."""
    crossing_retests.retest_before_change(txn, watch, prediction.scope)
    advance_to_now(txn, watch, prediction.key, at=prediction.due_at)


def update_after_withdrawal(txn: BoardTransaction, row: MarkRow, deposited: Collection[Group]) -> None:
    """Update the states of watches over time after a withdrawal. The withdrawal itself makes no watch cross.

    The state of a falling watch is deleted if the withdrawal brings its value below the threshold. `deposited` has the
    groups that the withdrawn mark's deposits in windows belong to.
    """
    for watch in txn.active.over_time.get(row.kind, ()):
        if watched_marks.may_be_counted(txn, watch, row):
            for scope in scopes_of_withdrawn(txn, watch, row, deposited):
                _update_watch_after_withdrawal(txn, watch, watch.key_of(scope, row))


def _update_watch_after_withdrawal(txn: BoardTransaction, watch: RegisteredWatch, key: CrossingKey) -> None:
    state = watch_states.get(txn, key)
    if watch.condition.is_falling and (key.mark_id or (state is not None and state.began_at is None)):
        marks = watch_states.measured_marks(txn, watch, key)
        if first_true(watch.condition, marks, txn.now) == txn.now:
            watch_states.delete(txn, key)
            return
    advance_to_now(txn, watch, key)


def take_back(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> None:
    """Let a watch cross again for a new episode after the crossing of the last episode was withdrawn."""
    key = crossing.key
    if watch.timing is not None and (state := watch_states.get(txn, key)) is not None:
        state = state._replace(crossed_at=None, dropped=0)
        _write(txn, watch, key, state, state, None)
        advance_to_now(txn, watch, key)


def end_rewakes(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> None:
    """End the rewakes of a falling watch that has no marks left: its next rewake would have none either."""
    if watch.condition.is_falling and watch.timing is not None:
        state = watch_states.get(txn, crossing.key)
        if state is None or watch.timing.clear is None:
            watch_states.delete(txn, crossing.key)
        else:
            watch_states.put_and_predict(txn, state, None)


def live_marks_hold_at(txn: BoardTransaction, watch: RegisteredWatch, scope: str, at: Instant) -> bool:
    """Return whether the live marks of a rising watch over time meet its condition at an instant."""
    marks = watch_states.measured_marks(txn, watch, CrossingKey(watch.id, scope), at)
    return met_side(watch.condition, marks, at) is not None


def forecast(txn: BoardTransaction, watch: RegisteredWatch, state: WatchStateRow) -> Instant | None:
    """Return when a watch will cross next, if its marks only fade; None if it will not."""
    predicted = txn.sql.one(CROSSINGS.get_predicted_crossing, **state.key._asdict())
    if predicted is None or predicted.due_at is None:
        return None
    marks = watch_states.measured_marks(txn, watch, state.key, predicted.due_at)
    return forecast_crossing(
        watch.condition, _timing(watch), Episode(state.began_at, state.crossed_at), marks, predicted.due_at
    )


def _timing(watch: RegisteredWatch) -> Timing:
    assert watch.timing is not None
    return watch.timing


def _write(
    txn: BoardTransaction,
    watch: RegisteredWatch,
    key: CrossingKey,
    state: WatchStateRow,
    stored: WatchStateRow | None,
    next_at: Instant | None,
) -> None:
    """Write a state and its next instant, or delete a state that has no further effect."""
    if watch.condition.is_falling:
        # Below the threshold, only a rewake or `clear_above` needs to be remembered.
        is_over = state.began_at is not None and next_at is None and _timing(watch).clear is None
    else:
        is_over = state.began_at is None and state.crossed_at is None
    if not is_over:
        watch_states.put_and_predict(txn, state, next_at)
    elif stored is not None:
        watch_states.delete(txn, key)
