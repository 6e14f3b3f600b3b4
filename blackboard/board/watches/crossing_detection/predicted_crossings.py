"""Predicted crossings: the computed instants when falling watches will cross, and the next instants of schedules.

The marks of a falling watch fade, so its condition will hold at an instant that can be computed now. This instant is
stored as the instant of the crossing, however late a daemon notices it. A transaction that changes marks first fires
the predicted crossings that are due.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from blackboard.board.mark_tables.mark_states import fading_mark, live_rows
from blackboard.board.mark_tables.marks_in_scopes import fading_marks, stored_marks
from blackboard.board.mark_tables.watch_scopes import scope_of, scope_of_counted_mark, scopes_of_withdrawn
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.transactions.stored_laws import law_key
from blackboard.board.watches.crossing_detection import episode_crossings, falling_crossings
from blackboard.board.watches.crossing_detection.falling_crossings import Fall, may_be_weaker
from blackboard.board.watches.measurements import watch_states, watched_marks
from blackboard.board.watches.waiting_crossings import crossing_retests, scheduled_crossings, watch_guards
from blackboard.board.watches.waiting_crossings.crossing_order import bound_of, set_bound
from blackboard.board.watches.waiting_crossings.measured_crossings import CrossingCause
from blackboard.clock import Instant
from blackboard.core.conditions.fading_forecasts import fallen_side, first_true
from blackboard.core.marks.fading_marks import FadingMark
from blackboard.core.marks.scopes import WHOLE_BOARD, Group
from blackboard.store.row_types.mark_row_types import MarkRow
from blackboard.store.row_types.watch_row_types import CrossingKey, PredictedCrossingRow
from blackboard.store.statements import CROSSINGS, MARKS

PREDICTIONS_PER_QUERY = 500
"""The number of predicted crossings that one query reads, and that one call of `fire_due` fires by default."""


def fire_due_of(txn: BoardTransaction, kind: str, subject: str) -> None:
    """Fire the due predictions that a change of a mark of this kind and subject would make wrong."""
    for watch in txn.active.predicting.get(kind, ()):
        if watch.condition.by is not None or watch_guards.measures_board(watch, kind):
            rows = txn.sql.all(CROSSINGS.due_predicted_of_watch, watch_id=watch.id, now=txn.now)
        else:
            rows = [
                row
                for scope in (subject, WHOLE_BOARD)
                for row in txn.sql.all(CROSSINGS.due_predicted_of_scope, watch_id=watch.id, scope=scope, now=txn.now)
            ]
        for row in rows:
            _fire(txn, watch, row)


def fire_due(txn: BoardTransaction, limit: int = PREDICTIONS_PER_QUERY) -> int:
    """Fire up to `limit` predictions that are due, earliest first, and return their number."""
    rows = txn.sql.all(CROSSINGS.due_predicted, now=txn.now, limit=limit)
    for row in rows:
        watch = txn.active.watches.get(row.watch_id)
        if watch is None:
            txn.sql.run(CROSSINGS.delete_predicted_of_watch, watch_id=row.watch_id)
        else:
            _fire(txn, watch, row)
    return len(rows)


def predict_after_deposit(txn: BoardTransaction, old: MarkRow | None, new: MarkRow) -> None:
    """Predict when each falling watch on a kind will cross, after a deposit of this kind.

    `old` is the live mark before its reinforcement; None for a new mark.
    """
    for watch in txn.active.falling.get(new.kind, ()):
        before, after = watched_marks.counted_states(txn, watch, old, new)
        if watch.timing is not None or (before is None and after is None):
            continue
        if (left := watched_marks.left_group(txn, watch, before, after)) is not None:
            before = None
            if _is_predicted(txn, CrossingKey(watch.id, left)):
                predict_scope(txn, watch, left, txn.now)
        if after is not None:
            scope = scope_of_counted_mark(txn, watch, after)
            if (
                watch.condition.spans_subjects
                and not may_be_weaker(txn, before, after)
                and _is_predicted(txn, CrossingKey(watch.id, scope))
            ):
                continue  # a stronger mark can only delay the crossing, which is computed again when it is due
            if after.anchored_at < txn.now and not watch.condition.has_window:
                _record_past_fall(txn, watch, scope, after)
        predict_watch(txn, watch, new)


def predict_after_window_deposit(txn: BoardTransaction, row: MarkRow) -> None:
    """Predict falling crossings anew after a deposit that changed no mark, for each watch whose window counts it.

    `row` is the mark of its kind and subject.
    """
    for watch in txn.active.falling.get(row.kind, ()):
        scope = (
            scope_of(txn, watch, row) if watch.condition.has_window and watch.condition.covers(row.subject) else None
        )
        if scope is not None and not (
            watch.condition.spans_subjects and _is_predicted(txn, CrossingKey(watch.id, scope))
        ):
            predict_watch(txn, watch, row)


def forecast(txn: BoardTransaction, watch: RegisteredWatch, prediction: PredictedCrossingRow) -> Instant | None:
    """Return the instant when a watch will cross by fading alone; None if it will not.

    The stored instant of a watch over the board may be too early. A deposit that only delays the crossing does not
    change the stored instant, which is computed again when it is due.
    """
    if prediction.due_at is None or watch.condition.is_schedule:
        return prediction.due_at
    if watch.timing is not None:
        state = watch_states.get(txn, prediction.key)
        return None if state is None else episode_crossings.forecast(txn, watch, state)
    marks, _ = _marks_at_crossing(txn, watch, prediction, prediction.due_at)
    return first_true(watch.condition, marks, prediction.due_at)


def next_crossing(txn: BoardTransaction) -> Instant | None:
    """Return the instant of the next crossing by time alone; None if there is none."""
    instants = (next_fall(txn), scheduled_crossings.next_scheduled(txn))
    return min((at for at in instants if at is not None), default=None)


def next_fall(txn: BoardTransaction) -> Instant | None:
    """Return the instant of the next crossing by fading alone; None if there is none."""
    earliest: Instant | None = None
    for watch, row in _predicted_falls(txn):
        if earliest is not None and row.due_at is not None and row.due_at >= earliest:
            break  # stored instants are never too late
        at = forecast(txn, watch, row)
        earliest = min((instant for instant in (earliest, at) if instant is not None), default=None)
    return earliest


def _predicted_falls(txn: BoardTransaction) -> Iterator[tuple[RegisteredWatch, PredictedCrossingRow]]:
    """Yield the predictions of falls with their watches, in the order in which they are due.

    The other predictions are about schedules, rewakes and conditions that must hold.
    """
    watches = {
        watch.id: watch
        for watch in txn.active.watches.values()
        if watch.condition.is_falling and (watch.timing is None or not watch.timing.held_for)
    }
    if not watches:
        return
    values = {"watch_ids": txn.sql.list_of(watches), "limit": PREDICTIONS_PER_QUERY}
    last = PredictedCrossingRow(watch_id=0, scope="", mark_id=0, due_at=0)
    while rows := txn.sql.all(CROSSINGS.predictions_after, **values, **last._asdict()):
        for row in rows:
            watch = watches[row.watch_id]
            if watch.timing is None or _has_yet_to_fall(txn, row):
                yield watch, row
        last = rows[-1]


def _has_yet_to_fall(txn: BoardTransaction, prediction: PredictedCrossingRow) -> bool:
    """Return whether a watch over time waits for a fall, and not for the rewake after a fall."""
    state = watch_states.get(txn, prediction.key)
    return state is not None and state.began_at is None


def predict_board(txn: BoardTransaction, watch: RegisteredWatch, *, since: Instant) -> None:
    """Predict when a falling watch over the board will cross, from its marks at an instant.

    Without marks, and without deposits in its windows, predict nothing.
    """
    key = CrossingKey(watch.id, WHOLE_BOARD)
    if watch.timing is not None:
        episode_crossings.advance_to_now(txn, watch, key, at=since)
        return
    marks = fading_marks(txn, watch.condition, WHOLE_BOARD, since)
    if marks or any(txn.sql.one(MARKS.marks_of_kind, kind=kind) is not None for kind in watch.condition.kinds_of_marks):
        _store_prediction(txn, watch, key, marks, max([since, *(mark.changed_at for mark in marks)]))


def predict_watch(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow, *, since: Instant | None = None) -> None:
    """Predict when a falling watch will cross for a mark, or for the subject, the group or the board that it is in.

    The prediction assumes that the marks have not changed since `since` (default: now). A mark recorded after `since`
    counts from then on.
    """
    since = txn.now if since is None else since
    if (scope := scope_of(txn, watch, row)) is None:
        return
    key = watch.key_of(scope, row)
    if watch.timing is not None:
        episode_crossings.advance_to_now(txn, watch, key, at=since)
    elif not watch.condition.is_per_mark:
        predict_scope(txn, watch, scope, since)
    else:
        marks = [fading_mark(txn, row)]
        if row.reinforcements:
            _set_bound_of_marks(txn, watch, key, marks)
        _store_prediction(txn, watch, key, marks, max(since, marks[0].changed_at))


def predict_scope(txn: BoardTransaction, watch: RegisteredWatch, scope: str, since: Instant) -> None:
    """Predict when a falling watch will cross in a scope, from its marks and its deposits in windows."""
    key, marks = CrossingKey(watch.id, scope), fading_marks(txn, watch.condition, scope, since)
    if scope != WHOLE_BOARD:  # over the board, no other crossing waits
        _set_bound_of_marks(txn, watch, key, marks)
    _store_prediction(txn, watch, key, marks, max([since, *(mark.changed_at for mark in marks)]))


def _set_bound_of_marks(
    txn: BoardTransaction, watch: RegisteredWatch, key: CrossingKey, marks: list[FadingMark]
) -> None:
    """Set the bound of a waiting crossing from the present strengths of its marks."""
    bound = bound_of(watch, [mark.strength(txn.now) for mark in marks])
    set_bound(txn, watch, key, bound, (law_key(mark.state.law) for mark in marks))


def predict_after_withdrawal(txn: BoardTransaction, row: MarkRow, deposited: Collection[Group]) -> None:
    """Drop the predictions for a withdrawn mark, and predict again for its subject, its groups and the board.

    The withdrawal itself makes no watch cross. `deposited` has the groups of its deposits in windows.
    """
    episode_crossings.update_after_withdrawal(txn, row, deposited)
    for watch in txn.active.falling.get(row.kind, ()):
        if watch.timing is not None:
            continue
        if watch.condition.is_per_mark:
            txn.sql.run(CROSSINGS.delete_predicted_crossing, **watch.key_of(row.subject, row)._asdict())
            continue
        for scope in scopes_of_withdrawn(txn, watch, row, deposited):
            key = CrossingKey(watch.id, scope)._asdict()
            txn.sql.run(CROSSINGS.delete_predicted_crossing, **key)
            due_at = first_true(watch.condition, fading_marks(txn, watch.condition, scope), txn.now)
            if due_at is None or due_at > txn.now:
                txn.sql.run(CROSSINGS.set_predicted_crossing, **key, due_at=due_at)


def _record_past_fall(txn: BoardTransaction, watch: RegisteredWatch, scope: str, new: MarkRow) -> None:
    """Record a skipped crossing if a mark that was recorded late fell below the threshold before its record.

    A skipped crossing wakes no agent. Every other mark counts from its last change on. If a crossing is predicted, the
    value is above the threshold now, and nothing is recorded.
    """
    key = watch.key_of(scope, new)
    if _is_predicted(txn, key):
        return
    marks = [fading_mark(txn, new)]
    since = new.anchored_at
    if not watch.condition.is_per_mark:
        rows = live_rows(txn, stored_marks(txn, watch.condition.kinds, scope), since)
        marks += [fading_mark(txn, row) for row in rows if row.id != new.id]
        since = max([since, *(row.changed_at for row in rows if row.id != new.id)])
    at = first_true(watch.condition, marks, since)
    if at is not None and since < at <= txn.now:
        side = fallen_side(watch.condition, marks, since, at)
        fall = Fall(key=key, marks=marks, side=side, at=at, cause=CrossingCause(event_id=new.event_id))
        falling_crossings.skip(txn, watch, fall, "before it was recorded")


def _is_predicted(txn: BoardTransaction, key: CrossingKey) -> bool:
    return txn.sql.one(CROSSINGS.get_predicted_crossing, **key._asdict()) is not None


def _store_prediction(
    txn: BoardTransaction, watch: RegisteredWatch, key: CrossingKey, marks: list[FadingMark], since: Instant
) -> None:
    predicted = _is_predicted(txn, key)
    due_at = first_true(watch.condition, marks, since)
    if due_at == since:  # below the threshold: the watch crosses now if the marks were above before
        if predicted:
            _fire(txn, watch, PredictedCrossingRow(*key, since))
    # The watch may have crossed after `since`, before the backfill reached these marks. Then nothing is predicted.
    elif predicted or since >= txn.now or not txn.sql.one(CROSSINGS.crossed_since, **key._asdict(), since=since):
        txn.sql.run(CROSSINGS.set_predicted_crossing, **key._asdict(), due_at=due_at)


def _fire(txn: BoardTransaction, watch: RegisteredWatch, prediction: PredictedCrossingRow) -> None:
    """Record the crossing of a due prediction, or predict a delayed crossing again.

    The crossing is skipped if the guard of the watch was closed.
    """
    if watch.condition.is_schedule:
        crossing_retests.retest_before_change(txn, watch, WHOLE_BOARD)
        scheduled_crossings.fire(txn, watch, txn.now if prediction.due_at is None else prediction.due_at)
        return
    if watch.timing is not None:
        episode_crossings.fire(txn, watch, prediction)
        return
    computed = txn.now if prediction.due_at is None else prediction.due_at
    marks, event_id = _marks_at_crossing(txn, watch, prediction, computed)
    at = first_true(watch.condition, marks, computed)
    if at is None or at > txn.now:  # a later deposit or an unfinished backfill delayed the crossing
        txn.sql.run(CROSSINGS.set_predicted_crossing, **prediction.key._asdict(), due_at=at)
        return
    txn.sql.run(CROSSINGS.delete_predicted_crossing, **prediction.key._asdict())
    crossing_retests.retest_before_change(txn, watch, prediction.scope)
    side = fallen_side(watch.condition, marks, computed, at)
    fall = Fall(key=prediction.key, marks=marks, side=side, at=at, cause=CrossingCause(event_id=event_id))
    falling_crossings.record(txn, watch, fall)


def _marks_at_crossing(
    txn: BoardTransaction, watch: RegisteredWatch, prediction: PredictedCrossingRow, at: Instant
) -> tuple[list[FadingMark], int | None]:
    """Return the marks behind a predicted crossing, and the last event of the mark if there is only one."""
    if not prediction.is_per_mark:
        return fading_marks(txn, watch.condition, prediction.scope, at), None
    row = txn.sql.one(MARKS.get_mark, id=prediction.mark_id)
    return ([], None) if row is None else ([fading_mark(txn, row)], row.event_id)
