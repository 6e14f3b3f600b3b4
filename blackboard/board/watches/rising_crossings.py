"""Crossings of rising watches, tested in the transaction of each deposit for the watches on its kind."""

from __future__ import annotations

from blackboard.board.transactions.active_deployment import RegisteredWatch
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches import (
    board_totals,
    crossing_records,
    dropped_crossings,
    need_access,
    watch_states,
)
from blackboard.board.watches.crossing_order import set_bound
from blackboard.board.watches.crossing_records import Measurement
from blackboard.board.watches.news import assess_news
from blackboard.board.watches.stimuli import absorb_silently, absorbed_through, is_stimulus, last_given, stimuli_of
from blackboard.board.watches.watch_states import StateKey
from blackboard.clock import Instant
from blackboard.core.conditions import Comparison
from blackboard.core.strength_forecast import met_side
from blackboard.store.rows import MarkRow
from blackboard.store.statements import CROSSINGS


def evaluate_deposit(txn: BoardTransaction, old: MarkRow | None, new: MarkRow) -> list[RegisteredWatch]:
    """Evaluate each rising watch on the kind after a deposit, and return the watches with a new crossing.

    `old` is the live mark before it was reinforced; None for a new mark.
    """
    crossed = []
    for watch in txn.active.rising.get(new.kind, ()):
        before, after = need_access.as_counted(txn, watch, old, new)
        if after is None:
            _leave(txn, watch, before)
        elif _evaluate_deposit(txn, watch, before, after, is_known=old is not None):
            crossed.append(watch)
    return crossed


def evaluate_unchanged(txn: BoardTransaction, row: MarkRow, author: str) -> list[RegisteredWatch]:
    """Evaluate the watches whose guard dropped a crossing of a mark, after a deposit that did not change the mark."""
    return [
        watch
        for watch in txn.active.rising.get(row.kind, ())
        if watch.drops
        and need_access.counts(txn, watch, row)
        and author != watch.ignored_author
        and dropped_crossings.bring_back(txn, watch, row)
        and evaluate(txn, watch, row.subject)
    ]


def _leave(txn: BoardTransaction, watch: RegisteredWatch, old: MarkRow | None) -> None:
    """Subtract a mark from the sums of a watch for which it does not count any more. What it caused stays."""
    if old is not None:
        for sums in board_totals.sums_of(txn, watch):
            if is_stimulus(txn, sums, old, absorbed_through(txn, sums, old.id)):
                board_totals.add(txn, sums, old, -1)


def _evaluate_deposit(
    txn: BoardTransaction, watch: RegisteredWatch, old: MarkRow | None, new: MarkRow, *, is_known: bool
) -> bool:
    """Bring the sums of a watch up to date after a deposit, and return whether it has a new crossing.

    `old` is None if the mark did not count before; `is_known` says that it was there.
    """
    if board_totals.keeps_live_sums(txn, watch):
        for row, sign in ((old, -1), (new, +1)):
            if row is not None and is_stimulus(txn, watch.over_live_marks, row, 0):
                board_totals.add(txn, watch.over_live_marks, row, sign)
    is_own = new.changed_by == watch.ignored_author and new.other_event_id != new.event_id
    if old is not None and watch.drops and not is_own:
        dropped_crossings.bring_back(txn, watch, old)
    absorbed = absorbed_through(txn, watch, new.id) if is_known else 0
    was_stimulus = old is not None and is_stimulus(txn, watch, old, absorbed)
    if old is not None and not was_stimulus and not is_own and _absorb_unless_news(txn, watch, old, new):
        return False
    if watch.keeps_sums:
        if old is not None and was_stimulus:
            board_totals.add(txn, watch, old, -1)
        if is_stimulus(txn, watch, new, absorbed):
            board_totals.add(txn, watch, new, +1)
    if is_own:
        _set_bound_after_own(txn, watch, new)
        return False
    return _evaluate_new(txn, watch, old, new)


def _absorb_unless_news(txn: BoardTransaction, watch: RegisteredWatch, old: MarkRow, new: MarkRow) -> bool:
    """Absorb a deposit silently if it brings no news to an agent that was given the mark; return whether it did.

    While a guard is closed, a deposit is also absorbed if it brings no news after the crossing that the guard dropped.
    """
    given = last_given(txn, watch, old)
    known = given
    if given is None and watch.drops:
        known = dropped_crossings.last_dropped(txn, watch, old)
    if known is None or assess_news(txn, watch, known, old, new):
        return False
    absorb_silently(txn, watch, new, known, dropped=given is None)
    return True


def remove_from_totals(txn: BoardTransaction, row: MarkRow) -> None:
    """Subtract a mark that leaves the live board from all totals that contain it."""
    for watch in board_totals.watches_with_sums(txn, row.kind):
        if not board_totals.is_evaporated(txn, watch, row) and is_stimulus(
            txn, watch, row, absorbed_through(txn, watch, row.id)
        ):
            board_totals.add(txn, watch, row, -1)


def evaluate(txn: BoardTransaction, watch: RegisteredWatch, subject: str) -> bool:
    """Evaluate a rising watch on all its stimuli of a subject ("" is the board); return whether a crossing is new."""
    if watch.is_over_board:
        return _evaluate_board(txn, watch, None)
    return _evaluate_rows(txn, watch, subject, stimuli_of(txn, watch, subject), txn.now)


def evaluate_as_of(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow, at: Instant) -> bool:
    """Evaluate a watch over subjects on an existing mark as of an earlier instant.

    Marks that were recorded later count from their own record on, where they were tested already.
    """
    if watch.condition.is_per_mark:
        rows = [row] if is_stimulus(txn, watch, row, absorbed_through(txn, watch, row.id)) else []
    else:
        rows = stimuli_of(txn, watch, row.subject)
    return _evaluate_rows(txn, watch, row.subject, rows, max([at, *(stimulus.changed_at for stimulus in rows)]))


def stimuli_hold_at(txn: BoardTransaction, watch: RegisteredWatch, subject: str, at: Instant) -> bool:
    """Return whether the current stimuli of a watch that is not per mark meet its condition at an instant."""
    marks = [txn.fading(row) for row in stimuli_of(txn, watch, subject)]
    return met_side(watch.condition, marks, at) is not None


def measure_and_compare(txn: BoardTransaction, watch: RegisteredWatch, subject: str) -> bool:
    """Measure a watch that is not per mark again, bringing its sums up to date; return whether its condition holds."""
    if watch.is_over_board:
        return watch.comparison.holds_at(board_totals.update_and_measure(txn, watch)[0])
    return stimuli_hold_at(txn, watch, subject, txn.now)


def _cross_for_news(
    txn: BoardTransaction,
    watch: RegisteredWatch,
    subject: str,
    mark_id: int,
    measured: Measurement,
    *,
    crossed_at: Instant | None = None,
) -> bool:
    """Record a crossing that unabsorbed marks alone cause, unless the watch is over time and waits for its episode."""
    at = txn.now if crossed_at is None else crossed_at
    key = StateKey(watch.id, subject, mark_id)
    if not watch_states.admits_news(txn, watch, key, at):
        return False
    is_new = crossing_records.cross(txn, watch, subject, mark_id, measured, crossed_at=at)
    if is_new and watch.timing is not None:
        watch_states.record_crossing(txn, key, at)
    return is_new


def _evaluate_new(txn: BoardTransaction, watch: RegisteredWatch, old: MarkRow | None, new: MarkRow) -> bool:
    """Evaluate a watch on a deposit with as few reads as the measure allows."""
    measure = watch.comparison.measure
    if watch.condition.is_per_mark:
        return _evaluate_rows(txn, watch, new.subject, [new], txn.now)
    if watch.is_over_board and measure.is_maximum:
        # The maximum reaches the threshold only when the new mark does.
        value = txn.strength(new)
        return watch.comparison.holds_at(value) and _cross_for_news(txn, watch, "", 0, Measurement(value, 1))
    if watch.is_over_board:
        return _evaluate_board(txn, watch, new)
    if old is None and txn.kind(new.kind).on_repeat != "separate" and watch.kinds == (new.kind,):
        # It is the only mark of its kind and subject, so nothing needs to be read. Often it is also too weak.
        if isinstance(watch.condition, Comparison) and not watch.comparison.holds_at(
            measure.value([txn.strength(new)])
        ):
            return False
        return _evaluate_rows(txn, watch, new.subject, [new], txn.now)
    return evaluate(txn, watch, new.subject)


def _evaluate_rows(
    txn: BoardTransaction, watch: RegisteredWatch, subject: str, rows: list[MarkRow], at: Instant
) -> bool:
    if watch.condition.is_per_mark:
        strengths = [(row, txn.strength(row, at)) for row in rows]
        strong = [(row, strength) for row, strength in strengths if watch.comparison.holds_at(strength)]
        if not strong:
            _set_bound(txn, watch, subject, rows)
        new = [
            _cross_for_news(txn, watch, subject, row.id, Measurement(strength, 1, [row]), crossed_at=at)
            for row, strength in strong
        ]
        return any(new)
    side = met_side(watch.condition, [txn.fading(row) for row in rows], at) if rows else None
    if side is None:
        _set_bound(txn, watch, subject, rows)
        return False
    measured = Measurement(side.value, len(rows), rows, comparison=side.comparison)
    return _cross_for_news(txn, watch, subject, 0, measured, crossed_at=at)


def _set_bound_after_own(txn: BoardTransaction, watch: RegisteredWatch, new: MarkRow) -> None:
    """Set the bound of a waiting crossing after the agent itself reinforced one of its marks."""
    if new.other_event_id is not None and not watch.is_over_board:
        rows = [new] if watch.condition.is_per_mark else stimuli_of(txn, watch, new.subject)
        _set_bound(txn, watch, new.subject, rows)


def _set_bound(txn: BoardTransaction, watch: RegisteredWatch, subject: str, rows: list[MarkRow]) -> None:
    """Set the bound of a waiting crossing whose marks are below the threshold, though a deposit made them stronger."""
    if len(rows) > 1 or any(row.reinforcements for row in rows):
        mark_id = rows[0].id if watch.condition.is_per_mark else 0
        strengths = [txn.strength(row) for row in rows]
        set_bound(txn, watch, subject, mark_id, strengths, crossing_records.laws_of(txn, rows))


def _evaluate_board(txn: BoardTransaction, watch: RegisteredWatch, new: MarkRow | None) -> bool:
    value, count = board_totals.update_and_measure(txn, watch)
    if not watch.comparison.holds_at(value):
        return False
    strongest = 0.0
    if watch.agent.settings.urgent_above is not None:
        # A crossing that waits has considered all marks but the new one.
        waits = txn.sql.one(CROSSINGS.waiting_crossing, watch_id=watch.id, subject="", mark_id=0) is not None
        rows = [new] if new is not None and waits else stimuli_of(txn, watch)
        strongest = max((txn.strength(row) for row in rows), default=0.0)
    return _cross_for_news(txn, watch, "", 0, Measurement(value, count, strongest=strongest))
