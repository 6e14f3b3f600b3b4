"""Crossings of rising watches, tested in the transaction of each deposit for the watches on its kind.

A function's name says what it does. `_update` brings the sums of a watch up to date. `_test` compares marks or sums
with the condition, and stores the result: a crossing, or the new bound of a crossing that waits. `_record_crossing` and
`_raise_bound_of_marks` are these two results.
"""

from __future__ import annotations

from blackboard.board.mark_tables.mark_states import fading_mark, mark_strength
from blackboard.board.mark_tables.watch_scopes import scope_of_counted_mark, scopes_of
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.measurements import watch_states, watch_totals, watched_marks
from blackboard.board.watches.measurements.news import update_and_assess
from blackboard.board.watches.measurements.stimuli import (
    absorb_silently,
    is_stimulus,
    last_absorbed,
    last_given_event,
    stimuli_of,
)
from blackboard.board.watches.measurements.watch_states import StateKey
from blackboard.board.watches.waiting_crossings import dropped_crossings, measured_crossings
from blackboard.board.watches.waiting_crossings.crossing_order import bound_of, set_bound
from blackboard.board.watches.waiting_crossings.measured_crossings import Measurement
from blackboard.clock import Instant
from blackboard.core.conditions.condition_types import Comparison
from blackboard.core.conditions.fading_forecasts import met_side
from blackboard.core.marks.scopes import WHOLE_BOARD
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow
from blackboard.store.statements import CROSSINGS


def evaluate_deposit(txn: BoardTransaction, old: MarkRow | None, new: MarkRow) -> list[RegisteredWatch]:
    """Evaluate each rising watch on the kind after a deposit, and return the watches with a new crossing.

    `old` is the live mark before it was reinforced; None for a new mark.
    """
    crossed = []
    for watch in txn.active.rising.get(new.kind, ()):
        before, after = watched_marks.counted_states(txn, watch, old, new)
        if after is None or watched_marks.left_group(txn, watch, before, after) is not None:
            _update_after_departure(txn, watch, before)
            before = None
        if after is not None and _update_and_test(txn, watch, before, after, is_known=old is not None):
            crossed.append(watch)
    return crossed


def evaluate_unchanged(txn: BoardTransaction, row: MarkRow, author: str) -> list[RegisteredWatch]:
    """Evaluate the watches whose guard dropped a crossing of a mark, after a deposit that did not change the mark."""
    return [
        watch
        for watch in txn.active.rising.get(row.kind, ())
        if watch.guard_drops
        and watched_marks.is_counted(txn, watch, row)
        and author != watch.ignored_author
        and dropped_crossings.bring_back(txn, watch, row)
        and any(evaluate_scope(txn, watch, scope) for scope in scopes_of(txn, watch, [row]))
    ]


def _update_after_departure(txn: BoardTransaction, watch: RegisteredWatch, old: MarkRow | None) -> None:
    """Subtract a mark from the sums that no longer count it. The crossings that it caused remain."""
    if old is not None:
        for sums, scope in watch_totals.sums_behind(txn, watch, old):
            if is_stimulus(txn, sums, old, last_absorbed(txn, sums, old.id)):
                watch_totals.add(txn, sums, scope, old, -1)


def _update_and_test(
    txn: BoardTransaction, watch: RegisteredWatch, old: MarkRow | None, new: MarkRow, *, is_known: bool
) -> bool:
    """Update the sums of a watch after a deposit, and test it if the deposit is news. Return whether it crosses.

    `old` is None if the mark did not count in its scope before; `is_known` says whether it was on the board.
    """
    scope = scope_of_counted_mark(txn, watch, new)
    if watch.keeps_sums and watch_totals.keeps_live_sums(txn, watch, scope):
        _update_sums(txn, watch.over_live_marks, scope, old, new, absorbed=0)
    is_own = new.changed_by == watch.ignored_author and new.other_event_id != new.event_id
    if old is not None and watch.guard_drops and not is_own:
        dropped_crossings.bring_back(txn, watch, old)
    absorbed = last_absorbed(txn, watch, new.id) if is_known else 0
    is_given = old is not None and not is_stimulus(txn, watch, old, absorbed)
    if old is not None and is_given and not is_own:
        known, was_dropped = _known_state(txn, watch, old)
        if known is not None and not update_and_assess(txn, watch, known, old, new):
            absorb_silently(txn, watch, new, known, dropped=was_dropped)
            return False
    if watch.keeps_sums:
        _update_sums(txn, watch, scope, old, new, absorbed)
    if is_own:
        _raise_bound_after_own(txn, watch, scope, new)
        return False
    return _test_after_deposit(txn, watch, scope, old, new)


def _update_sums(
    txn: BoardTransaction, watch: RegisteredWatch, scope: str, old: MarkRow | None, new: MarkRow, absorbed: int
) -> None:
    """Replace a mark by its new state in the sums of a watch, as far as the two are stimuli."""
    if old is not None and is_stimulus(txn, watch, old, absorbed):
        watch_totals.add(txn, watch, scope, old, -1)
    if is_stimulus(txn, watch, new, absorbed):
        watch_totals.add(txn, watch, scope, new, +1)


def _known_state(txn: BoardTransaction, watch: RegisteredWatch, mark: MarkRow) -> tuple[EventRow | None, bool]:
    """Return the event with which a deposit is compared to decide whether it is news, and whether a guard dropped it.

    It is the event of the mark that the agent was last given. If the agent was given none, it is the last event whose
    crossing the guard dropped.
    """
    given = last_given_event(txn, watch, mark)
    if given is None and watch.guard_drops:
        return dropped_crossings.last_dropped(txn, watch, mark), True
    return given, False


def remove_from_totals(txn: BoardTransaction, row: MarkRow) -> None:
    """Subtract a mark that leaves the live board from all totals that contain it."""
    for watch, scope in watch_totals.sums_with(txn, row):
        if not watch_totals.is_evaporated(txn, watch, scope, row) and is_stimulus(
            txn, watch, row, last_absorbed(txn, watch, row.id)
        ):
            watch_totals.add(txn, watch, scope, row, -1)


def evaluate_scope(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> bool:
    """Evaluate a rising watch on all its stimuli of a scope; return whether a crossing is new."""
    if watch.measures_sums:
        return _test_sums(txn, watch, scope, None)
    return _test_marks(txn, watch, scope, stimuli_of(txn, watch, scope), txn.now)


def evaluate_as_of(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow, at: Instant) -> bool:
    """Evaluate a watch over subjects on an existing mark as of an earlier instant.

    A mark that was recorded after `at` was tested then, and counts from then on.
    """
    if not watch.condition.is_per_mark:
        return evaluate_scope_as_of(txn, watch, row.subject, at)
    rows = [row] if is_stimulus(txn, watch, row, last_absorbed(txn, watch, row.id)) else []
    return _test_marks(txn, watch, row.subject, rows, max([at, *(stimulus.changed_at for stimulus in rows)]))


def evaluate_scope_as_of(txn: BoardTransaction, watch: RegisteredWatch, scope: str, at: Instant) -> bool:
    """Evaluate a watch on a subject or a group as of an earlier instant, or of the last mark if that is later."""
    rows = stimuli_of(txn, watch, scope)
    return _test_marks(txn, watch, scope, rows, max([at, *(stimulus.changed_at for stimulus in rows)]))


def stimuli_hold_at(txn: BoardTransaction, watch: RegisteredWatch, scope: str, at: Instant) -> bool:
    """Return whether the current stimuli of a watch that is not per mark meet its condition at an instant."""
    marks = [fading_mark(txn, row) for row in stimuli_of(txn, watch, scope)]
    return met_side(watch.condition, marks, at) is not None


def measure_and_compare(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> bool:
    """Bring the sums of a watch that is not per mark up to date, and return whether its condition holds now."""
    if watch.measures_sums:
        return watch.comparison.is_met_at(watch_totals.update_and_measure(txn, watch, scope)[0])
    return stimuli_hold_at(txn, watch, scope, txn.now)


def _record_crossing(
    txn: BoardTransaction,
    watch: RegisteredWatch,
    scope: str,
    mark_id: int,
    measured: Measurement,
    *,
    crossed_at: Instant | None = None,
) -> bool:
    """Record a crossing for which the unabsorbed marks are enough, and return whether it is new.

    Nothing is recorded while a watch over time may not cross.
    """
    at = txn.now if crossed_at is None else crossed_at
    key = StateKey(watch.id, scope, mark_id)
    if not watch_states.admits_news(txn, watch, key, at):
        return False
    is_new = measured_crossings.cross(txn, watch, key, measured, at)
    if is_new and watch.timing is not None:
        watch_states.record_crossing(txn, key, at)
    return is_new


def _test_after_deposit(
    txn: BoardTransaction, watch: RegisteredWatch, scope: str, old: MarkRow | None, new: MarkRow
) -> bool:
    """Test a watch after a deposit, with few reads, and return whether a crossing is new."""
    measure = watch.comparison.measure
    if watch.condition.is_per_mark:
        return _test_marks(txn, watch, scope, [new], txn.now)
    if watch.measures_sums and measure.is_maximum:
        # The maximum reaches the threshold only when the new mark does.
        value = mark_strength(txn, new)
        if watch.comparison.is_met_at(value):
            return _record_crossing(txn, watch, scope, 0, Measurement(value, 1))
        if scope != WHOLE_BOARD and _waits(txn, watch, scope):
            _raise_bound_of_marks(txn, watch, scope, stimuli_of(txn, watch, scope))
        return False
    if watch.measures_sums:
        return _test_sums(txn, watch, scope, new)
    if (
        watch.condition.by is None
        and old is None
        and txn.kind(new.kind).on_repeat != "separate"
        and watch.condition.kinds == (new.kind,)
    ):
        # It is the only mark of its kind and subject, so nothing needs to be read. Often it is also too weak.
        if isinstance(watch.condition, Comparison) and not watch.comparison.is_met_at(
            measure.value([mark_strength(txn, new)])
        ):
            return False
        return _test_marks(txn, watch, scope, [new], txn.now)
    return evaluate_scope(txn, watch, scope)


def _test_marks(txn: BoardTransaction, watch: RegisteredWatch, scope: str, rows: list[MarkRow], at: Instant) -> bool:
    """Test a watch on marks of a scope at an instant, and return whether a crossing is new."""
    if watch.condition.is_per_mark:
        strengths = [(row, mark_strength(txn, row, at)) for row in rows]
        strong = [(row, strength) for row, strength in strengths if watch.comparison.is_met_at(strength)]
        if not strong:
            _raise_bound_of_marks(txn, watch, scope, rows)
        new = [
            _record_crossing(txn, watch, scope, row.id, Measurement(strength, 1, [row]), crossed_at=at)
            for row, strength in strong
        ]
        return any(new)
    side = met_side(watch.condition, [fading_mark(txn, row) for row in rows], at) if rows else None
    if side is None:
        _raise_bound_of_marks(txn, watch, scope, rows)
        return False
    measured = Measurement(side.value, len(rows), rows, comparison=side.comparison)
    return _record_crossing(txn, watch, scope, 0, measured, crossed_at=at)


def _raise_bound_after_own(txn: BoardTransaction, watch: RegisteredWatch, scope: str, new: MarkRow) -> None:
    """Raise the bound of a waiting crossing after the agent itself reinforced one of its marks."""
    if new.other_event_id is None or watch.condition.is_over_board:
        return
    if watch.measures_sums:
        value, _ = watch_totals.update_and_measure(txn, watch, scope)
        set_bound(txn, watch, scope, 0, value, [])
    else:
        _raise_bound_of_marks(
            txn, watch, scope, [new] if watch.condition.is_per_mark else stimuli_of(txn, watch, scope)
        )


def _raise_bound_of_marks(txn: BoardTransaction, watch: RegisteredWatch, scope: str, rows: list[MarkRow]) -> None:
    """Raise the bound of a waiting crossing whose marks a deposit made stronger, but not as strong as the threshold."""
    if len(rows) > 1 or any(row.reinforcements for row in rows):
        mark_id = rows[0].id if watch.condition.is_per_mark else 0
        strengths = [mark_strength(txn, row) for row in rows]
        bound = bound_of(watch, strengths)
        set_bound(txn, watch, scope, mark_id, bound, measured_crossings.laws_of(txn, rows))


def _test_sums(txn: BoardTransaction, watch: RegisteredWatch, scope: str, new: MarkRow | None) -> bool:
    """Test a watch over the board or groups on its sums, and return whether a crossing is new."""
    value, count = watch_totals.update_and_measure(txn, watch, scope)
    if not watch.comparison.is_met_at(value):
        if scope != WHOLE_BOARD and new is not None:  # of several groups, the strongest is claimed first
            set_bound(txn, watch, scope, 0, value, [])
        return False
    strongest = 0.0
    if watch.agent_spec.settings.urgent_above is not None:
        # A crossing that waits has considered all marks but the new one.
        rows = [new] if new is not None and _waits(txn, watch, scope) else stimuli_of(txn, watch, scope)
        strongest = max((mark_strength(txn, row) for row in rows), default=0.0)
    return _record_crossing(txn, watch, scope, 0, Measurement(value, count, strongest=strongest))


def _waits(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> bool:
    """Return whether a crossing of a scope waits."""
    return txn.sql.one(CROSSINGS.waiting_crossing, watch_id=watch.id, scope=scope, mark_id=0) is not None
