"""Crossings of rising watches, tested in the transaction of each deposit for the watches on its kind.

A deposit first brings the sums of a watch up to date. Then a `RisingTest` compares marks or sums with the condition,
and stores the result: a crossing, or the new bound of a crossing that waits.
"""

from __future__ import annotations

from typing import NamedTuple

from blackboard.board.mark_tables.mark_states import fading_mark, mark_strength
from blackboard.board.mark_tables.watch_scopes import scope_of_counted_mark, scopes_of
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.measurements import watch_states, watch_totals, watched_marks
from blackboard.board.watches.measurements.absorbed_marks import absorb_silently, last_absorbed, last_given_event
from blackboard.board.watches.measurements.news import update_and_assess
from blackboard.board.watches.measurements.stimuli import is_stimulus, stimuli_of
from blackboard.board.watches.waiting_crossings import dropped_crossings, measured_crossings
from blackboard.board.watches.waiting_crossings.crossing_order import bound_of, set_bound
from blackboard.board.watches.waiting_crossings.measured_crossings import Measurement
from blackboard.clock import Instant
from blackboard.core.conditions.condition_types import Comparison
from blackboard.core.conditions.fading_forecasts import met_side
from blackboard.core.marks.scopes import WHOLE_BOARD
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow
from blackboard.store.row_types.watch_row_types import CrossingKey
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
        if after is not None and _update_and_test(txn, watch, before, after, was_on_board=old is not None):
            crossed.append(watch)
    return crossed


def evaluate_unchanged(txn: BoardTransaction, row: MarkRow, author: str) -> list[RegisteredWatch]:
    """Evaluate watches after a deposit that did not change its mark, and return the watches with a new crossing.

    The watches that are evaluated are those whose guard dropped an earlier crossing of the mark.
    """
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
    txn: BoardTransaction, watch: RegisteredWatch, old: MarkRow | None, new: MarkRow, *, was_on_board: bool
) -> bool:
    """Update the sums of a watch after a deposit, test it if the deposit is news, and return whether it crosses.

    `old` is the mark before the deposit; None if it did not count in this scope. `was_on_board` says whether the board
    had the mark at all.
    """
    scope = scope_of_counted_mark(txn, watch, new)
    if watch.keeps_sums and watch_totals.keeps_live_sums(txn, watch, scope):
        _update_sums(txn, watch.over_live_marks, scope, old, new, absorbed=0)
    is_own = watch.ignores_last_event(new)
    if old is not None and watch.guard_drops and not is_own:
        dropped_crossings.bring_back(txn, watch, old)
    absorbed = last_absorbed(txn, watch, new.id) if was_on_board else 0
    if old is not None and not is_own and _absorb_without_news(txn, watch, old, new, absorbed):
        return False
    if watch.keeps_sums:
        _update_sums(txn, watch, scope, old, new, absorbed)
    rising = RisingTest(txn, watch, scope)
    if is_own:
        rising.raise_bound_after_own(new)
        return False
    return rising.test_after_deposit(old, new)


def _absorb_without_news(
    txn: BoardTransaction, watch: RegisteredWatch, old: MarkRow, new: MarkRow, absorbed: int
) -> bool:
    """Absorb a deposit on an absorbed mark if it brings no news to the agent, and return whether it was absorbed."""
    if is_stimulus(txn, watch, old, absorbed):
        return False
    known = _known_state(txn, watch, old)
    if known is None or update_and_assess(txn, watch, known.event, old, new):
        return False
    absorb_silently(txn, watch, new, known.event, dropped=known.was_dropped)
    return True


def _update_sums(
    txn: BoardTransaction, watch: RegisteredWatch, scope: str, old: MarkRow | None, new: MarkRow, absorbed: int
) -> None:
    """Replace a mark by its new state in the sums of a watch, as far as each state is a stimulus."""
    if old is not None and is_stimulus(txn, watch, old, absorbed):
        watch_totals.add(txn, watch, scope, old, -1)
    if is_stimulus(txn, watch, new, absorbed):
        watch_totals.add(txn, watch, scope, new, +1)


class _KnownState(NamedTuple):
    """The state of a mark with which a deposit is compared to decide whether it is news."""

    event: EventRow
    """The event that produced the state."""
    was_dropped: bool
    """Whether the agent was not given this state, because the guard dropped its crossing."""


def _known_state(txn: BoardTransaction, watch: RegisteredWatch, mark: MarkRow) -> _KnownState | None:
    """Return the state in which the agent was last given a mark or, if there is none, in which the guard dropped it."""
    if (given := last_given_event(txn, watch, mark)) is not None:
        return _KnownState(given, was_dropped=False)
    dropped = dropped_crossings.last_dropped(txn, watch, mark) if watch.guard_drops else None
    return None if dropped is None else _KnownState(dropped, was_dropped=True)


def remove_from_totals(txn: BoardTransaction, row: MarkRow) -> None:
    """Subtract a mark that leaves the live board from all totals that contain it."""
    for watch, scope in watch_totals.sums_with(txn, row):
        if not watch_totals.is_evaporated(txn, watch, scope, row) and is_stimulus(
            txn, watch, row, last_absorbed(txn, watch, row.id)
        ):
            watch_totals.add(txn, watch, scope, row, -1)


def evaluate_scope(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> bool:
    """Evaluate a rising watch on all its stimuli of a scope; return whether a crossing is new."""
    return RisingTest(txn, watch, scope).test_all()


def evaluate_as_of(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow, at: Instant) -> bool:
    """Evaluate a watch over subjects on an existing mark as of an earlier instant.

    A mark that was recorded after `at` was tested at its record, and counts from then on.
    """
    if not watch.condition.is_per_mark:
        return evaluate_scope_as_of(txn, watch, row.subject, at)
    rows = [row] if is_stimulus(txn, watch, row, last_absorbed(txn, watch, row.id)) else []
    return RisingTest(txn, watch, row.subject).test_since(rows, at)


def evaluate_scope_as_of(txn: BoardTransaction, watch: RegisteredWatch, scope: str, at: Instant) -> bool:
    """Evaluate a watch on a subject or a group as of an earlier instant, or of its last change if that is later."""
    return RisingTest(txn, watch, scope).test_since(stimuli_of(txn, watch, scope), at)


def stimuli_hold_at(txn: BoardTransaction, watch: RegisteredWatch, scope: str, at: Instant) -> bool:
    """Return whether the current stimuli of a watch over several marks meet its condition at an instant."""
    marks = [fading_mark(txn, row) for row in stimuli_of(txn, watch, scope)]
    return met_side(watch.condition, marks, at) is not None


def measure_and_compare(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> bool:
    """Bring the sums of a watch over several marks up to date, and return whether its condition holds now."""
    if watch.measures_sums:
        return watch.comparison.is_met_at(watch_totals.update_and_measure(txn, watch, scope).value)
    return stimuli_hold_at(txn, watch, scope, txn.now)


class RisingTest(NamedTuple):
    """The test of a rising watch on one scope. A method that tests returns whether a crossing is new."""

    txn: BoardTransaction
    watch: RegisteredWatch
    scope: str

    @property
    def key(self) -> CrossingKey:
        """The key of a crossing for all marks of the scope."""
        return CrossingKey(self.watch.id, self.scope)

    def test_after_deposit(self, old: MarkRow | None, new: MarkRow) -> bool:
        """Test the scope after a deposit, with few reads."""
        txn, watch, measure = self.txn, self.watch, self.watch.comparison.measure
        if watch.condition.is_per_mark:
            return self._test_each([new], txn.now)
        if watch.measures_sums:
            return self._test_maximum(new) if measure.is_maximum else self._test_sums(new)
        if not self._is_only_mark(old, new):
            return self.test_all()
        # Nothing needs to be read. Often the mark is also too weak.
        if isinstance(watch.condition, Comparison) and not watch.comparison.is_met_at(
            measure.value([mark_strength(txn, new)])
        ):
            return False
        return self._test_marks([new], txn.now)

    def test_all(self) -> bool:
        """Test all stimuli of the scope."""
        if self.watch.measures_sums:
            return self._test_sums(None)
        return self._test_marks(stimuli_of(self.txn, self.watch, self.scope), self.txn.now)

    def test_since(self, rows: list[MarkRow], at: Instant) -> bool:
        """Test some marks as of an earlier instant, or of the last change of one of them if that is later."""
        return self._test_marks(rows, max([at, *(row.changed_at for row in rows)]))

    def raise_bound_after_own(self, new: MarkRow) -> None:
        """Raise the bound of a waiting crossing after the agent itself reinforced one of its marks."""
        if new.other_event_id is None or self.watch.condition.is_over_board:
            return
        if self.watch.measures_sums:
            value = watch_totals.update_and_measure(self.txn, self.watch, self.scope).value
            set_bound(self.txn, self.watch, self.key, value, [])
        else:
            is_per_mark = self.watch.condition.is_per_mark
            self._raise_bound([new] if is_per_mark else stimuli_of(self.txn, self.watch, self.scope))

    def _is_only_mark(self, old: MarkRow | None, new: MarkRow) -> bool:
        """Return whether a mark that was deposited is the only stored mark that counts in the scope."""
        condition = self.watch.condition
        is_first = old is None and self.txn.kind(new.kind).on_repeat != "separate"
        return is_first and condition.by is None and condition.kinds == (new.kind,)

    def _has_waiting_crossing(self) -> bool:
        return self.txn.sql.one(CROSSINGS.waiting_crossing, **self.key._asdict()) is not None

    def _test_marks(self, rows: list[MarkRow], at: Instant) -> bool:
        """Test some marks at an instant."""
        if self.watch.condition.is_per_mark:
            return self._test_each(rows, at)
        marks = [fading_mark(self.txn, row) for row in rows]
        side = met_side(self.watch.condition, marks, at) if rows else None
        if side is None:
            self._raise_bound(rows)
            return False
        measured = Measurement(side.value, len(rows), rows, comparison=side.comparison)
        return self._record_crossing(self.key, measured, crossed_at=at)

    def _test_each(self, rows: list[MarkRow], at: Instant) -> bool:
        """Test some marks at an instant, each alone."""
        strengths = [(row, mark_strength(self.txn, row, at)) for row in rows]
        strong = [(row, strength) for row, strength in strengths if self.watch.comparison.is_met_at(strength)]
        if not strong:
            self._raise_bound(rows)
        has_new = False
        for row, strength in strong:
            key = self.watch.key_of(self.scope, row)
            has_new |= self._record_crossing(key, Measurement(strength, 1, [row]), crossed_at=at)
        return has_new

    def _test_maximum(self, new: MarkRow) -> bool:
        """Test a maximum over the board or a group after a deposit: it reaches the threshold only if the mark does."""
        value = mark_strength(self.txn, new)
        if self.watch.comparison.is_met_at(value):
            return self._record_crossing(self.key, Measurement(value, 1))
        if self.scope != WHOLE_BOARD and self._has_waiting_crossing():
            self._raise_bound(stimuli_of(self.txn, self.watch, self.scope))
        return False

    def _test_sums(self, new: MarkRow | None) -> bool:
        """Test the sums over the board or a group, after the deposit of a mark if there is one."""
        txn, watch, scope = self.txn, self.watch, self.scope
        value, count = watch_totals.update_and_measure(txn, watch, scope)
        if not watch.comparison.is_met_at(value):
            if scope != WHOLE_BOARD and new is not None:  # of several groups, the strongest is claimed first
                set_bound(txn, watch, self.key, value, [])
            return False
        strongest = 0.0
        if watch.agent_spec.settings.urgent_above is not None:
            # A crossing that waits has considered all marks but the new mark.
            rows = [new] if new is not None and self._has_waiting_crossing() else stimuli_of(txn, watch, scope)
            strongest = max((mark_strength(txn, row) for row in rows), default=0.0)
        return self._record_crossing(self.key, Measurement(value, count, strongest=strongest))

    def _record_crossing(self, key: CrossingKey, measured: Measurement, *, crossed_at: Instant | None = None) -> bool:
        """Record a crossing, and return whether it is new.

        A watch over time may not admit it; then nothing is recorded.
        """
        at = self.txn.now if crossed_at is None else crossed_at
        if not watch_states.admits_news(self.txn, self.watch, key, at):
            return False
        is_new = measured_crossings.cross(self.txn, self.watch, key, measured, at)
        if is_new and self.watch.timing is not None:
            watch_states.record_crossing(self.txn, key, at)
        return is_new

    def _raise_bound(self, rows: list[MarkRow]) -> None:
        """Raise the bound of a waiting crossing after a deposit made its marks stronger without another crossing."""
        if len(rows) > 1 or any(row.reinforcements for row in rows):
            key = self.watch.key_of(self.scope, rows[0])
            bound = bound_of(self.watch, [mark_strength(self.txn, row) for row in rows])
            set_bound(self.txn, self.watch, key, bound, measured_crossings.laws_of(self.txn, rows))
