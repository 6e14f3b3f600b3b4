"""News: whether a deposit on a mark makes it a stimulus again, although the agent was already given the mark.

A sensor that reports the same thing each minute must cost no call. So such a deposit is news only if one of these
holds:

- Its payload differs, as JSON, from the payload that the agent was last given.
- Its stored intensity is above the intensity that the agent was last given.
- The condition did not hold just before it and holds after it, over all live marks, absorbed or not.

With `min_increase`, the mark must also be stronger by that much than the state that the agent was last given, faded to
the present.
"""

from __future__ import annotations

from collections.abc import Iterable

from blackboard.board.mark_tables.mark_states import fading_mark, live_rows, mark_strength, marks_with_strength
from blackboard.board.mark_tables.marks_in_scopes import stored_marks
from blackboard.board.mark_tables.watch_scopes import scope_of_counted_mark
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.measurements import watch_totals, watched_marks
from blackboard.core.conditions.fading_forecasts import met_side
from blackboard.core.conditions.measures import Count, Total
from blackboard.core.marks.payload_json import is_same_payload
from blackboard.store.live_mark_statements import live_marks
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow, mark_after

RELATIVE_MARGIN = 1e-6
"""More than the relative difference of strengths between SQL and Python."""


def update_and_assess(
    txn: BoardTransaction, watch: RegisteredWatch, given: EventRow, old: MarkRow, new: MarkRow
) -> bool:
    """Bring the sums of a rising watch up to date, and return whether a deposit is news for it.

    Args:
        txn: The transaction of the deposit, after the mark was written.
        watch: The rising watch, which is over the kind of the mark.
        given: The event of the state in which the agent was last given the mark.
        old: The mark just before the deposit.
        new: The mark after the deposit.
    """
    increase = watch.spec.min_increase
    # Deposits that were no news add up, so a mark that grows slowly is news in the end.
    if increase is not None and mark_strength(txn, new) - mark_strength(txn, mark_after(given)) < increase:
        return False
    if given.payload is None or not is_same_payload(given.payload, new.payload) or new.intensity > given.intensity:
        return True
    return mark_strength(txn, new) > mark_strength(txn, old) and _update_and_compare(txn, watch, old, new)


def _update_and_compare(txn: BoardTransaction, watch: RegisteredWatch, old: MarkRow, new: MarkRow) -> bool:
    """Bring the sums up to date, and return whether a condition over all live marks begins to hold."""
    comparison, measure = watch.comparison, watch.comparison.measure
    if watch.condition.is_per_mark or (watch.measures_sums and measure.is_maximum):
        if not comparison.is_met_at(mark_strength(txn, new)) or comparison.is_met_at(mark_strength(txn, old)):
            return False
        return watch.condition.is_per_mark or not _another_reaches(txn, watch, new)
    if watch.measures_sums and isinstance(measure, Count):
        return False  # the count of the marks is the same as before
    scope = scope_of_counted_mark(txn, watch, new)
    if watch.keeps_sums and isinstance(measure, Total):
        return watch_totals.update_and_compare(txn, watch, scope, old, new)
    others = [
        fading_mark(txn, row)
        for row in live_rows(txn, stored_marks(txn, watch.condition.kinds, scope))
        if row.id != new.id
    ]
    return (
        met_side(watch.condition, [*others, fading_mark(txn, new)], txn.now) is not None
        and met_side(watch.condition, [*others, fading_mark(txn, old)], txn.now) is None
    )


def _another_reaches(txn: BoardTransaction, watch: RegisteredWatch, mark: MarkRow) -> bool:
    """Return whether another live mark of the board or the group reaches the threshold of a watch."""
    return any(
        row.id != mark.id
        and watched_marks.is_counted(txn, watch, row)
        and watch.comparison.is_met_at(mark_strength(txn, row))
        for row in _strong_marks(txn, watch, mark)
    )


def _strong_marks(txn: BoardTransaction, watch: RegisteredWatch, mark: MarkRow) -> Iterable[MarkRow]:
    """Return the live marks that may reach the threshold of a watch: those of a mark's group, or else of the board."""
    if watch.condition.by is not None:
        return live_rows(txn, stored_marks(txn, watch.condition.kinds, scope_of_counted_mark(txn, watch, mark)))
    lowest = watch.comparison.threshold * (1 - RELATIVE_MARGIN)
    statement = live_marks("kind", "min_strength")
    return (
        row.mark
        for kind in watch.condition.kinds
        for row in marks_with_strength(txn, statement, as_of=txn.now, kind=kind, min_strength=lowest)
    )
