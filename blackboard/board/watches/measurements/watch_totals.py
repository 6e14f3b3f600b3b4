"""Totals of watches over the board or over groups, kept up to date as marks come and go, so that no scan is needed.

For each kind and law in a scope, two sums are kept. The total at any later instant follows from them (see
`Decay.sums`). These sums do not contain the kind's weight, so a new weight counts immediately. Marks that have
evaporated are subtracted once, found by a range of the index on `evaporates_at`.

Laws without exact sums (such as `power` and `curve`) keep the sum of the intensities, an upper bound. The marks
themselves are read only when the bound reaches the threshold. The sum is also only a bound while some of its marks have
not yet followed a change of their law or floor.

A running sum rounds at every step, so the board keeps a bound on the error of each sum. When the threshold is within
that bound, the marks are read, their strengths are added exactly, and the sums begin anew. So rounding never decides
whether a threshold is reached, and a mark of 1e12 that has left the board leaves no error.

Whether a deposit is news may depend on the total over all live marks, absorbed or not. The board keeps sums for such
a total from the first time that a watch needs it.

The sums of a group begin when its first mark is tested, and are deleted with its last mark. A group without sums gets
them from its marks when it needs them. So nothing is kept of groups that are gone, and a change of the deployment just
deletes the sums of the groups.

A transaction reads the sums once and writes them once, at its end.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from blackboard.board.mark_tables.mark_states import fading_mark, mark_strength
from blackboard.board.mark_tables.watch_scopes import scope_of
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.transactions.stored_laws import LawOfKind
from blackboard.board.watches.measurements.collected_sums import CollectedSums
from blackboard.board.watches.measurements.law_sums import LawSums, add_row, sums_of, sums_of_law
from blackboard.board.watches.measurements.running_sums import (
    NO_MARKS,
    TERM_ROUNDING,
    BoundedTotal,
    RunningSums,
    add_terms,
    bounded_total,
)
from blackboard.board.watches.measurements.stimuli import stimuli_of, stored_stimuli_of
from blackboard.core.conditions.fading_forecasts import value_at
from blackboard.core.conditions.measures import Total
from blackboard.core.marks.scopes import WHOLE_BOARD
from blackboard.store.row_types.mark_row_types import MarkRow
from blackboard.store.statements import MARKS


class WatchValue(NamedTuple):
    """The value of a watch's measure, with the number of marks behind it."""

    value: float
    mark_count: int


def update_and_measure(txn: BoardTransaction, watch: RegisteredWatch, scope: str = WHOLE_BOARD) -> WatchValue:
    """Subtract the evaporated marks, and return the value of a watch's measure now.

    The returned value reaches the threshold if and only if the true value does. Below the threshold, the returned value
    may be too high.
    """
    if not watch.keeps_sums:
        return measure_marks(txn, watch, scope)
    if _has_no_sums(txn, watch, scope):
        recount(txn, watch, scope)
    sums = _update_and_bound(txn, watch, scope)
    comparison, measure = watch.comparison, watch.comparison.measure
    if not comparison.is_met_at(measure.from_sums(sums.marks, sums.total + sums.error)):
        return WatchValue(measure.from_sums(sums.marks, sums.total), sums.marks)
    if not sums.is_exact:
        return measure_marks(txn, watch, scope)
    if not comparison.is_met_at(measure.from_sums(sums.marks, sums.total - sums.error)):
        return _count_afresh(txn, watch, scope)
    return WatchValue(measure.from_sums(sums.marks, sums.total), sums.marks)


def update_and_measure_live(txn: BoardTransaction, watch: RegisteredWatch, scope: str = WHOLE_BOARD) -> float:
    """Return the value of a watch over all live marks that count for it, as exact as `update_and_measure`."""
    if not sums_of(txn, watch.over_live_marks, scope):
        recount(txn, watch.over_live_marks, scope)
    return update_and_measure(txn, watch.over_live_marks, scope).value


def measure_marks(txn: BoardTransaction, watch: RegisteredWatch, scope: str = WHOLE_BOARD) -> WatchValue:
    """Return the value of a watch by its marks, which is exact for every law."""
    marks = [fading_mark(txn, row) for row in stimuli_of(txn, watch, scope)]
    return WatchValue(value_at(watch.comparison.measure, marks, txn.now), len(marks))


def update_and_compare(txn: BoardTransaction, watch: RegisteredWatch, scope: str, old: MarkRow, new: MarkRow) -> bool:
    """Bring the sums over all live marks up to date; return whether a stronger mark made them reach the threshold.

    The mark is already written, and the sums contain it.
    """
    over_all, threshold = watch.over_live_marks, watch.comparison.threshold
    if not sums_of(txn, over_all, scope):
        recount(txn, over_all, scope)
    sums = _update_and_bound(txn, over_all, scope)
    if sums.total + sums.error < threshold:
        return False
    before = sums.total - (mark_strength(txn, new) - mark_strength(txn, old))
    error = sums.error + TERM_ROUNDING * sums.total
    if sums.is_exact and before - error >= threshold:
        return False
    if sums.is_exact and sums.total - sums.error >= threshold > before + error:
        return True
    others = [fading_mark(txn, row) for row in stimuli_of(txn, over_all, scope) if row.id != new.id]
    measure = watch.comparison.measure
    return (
        value_at(measure, [*others, fading_mark(txn, old)], txn.now)
        < threshold
        <= value_at(measure, [*others, fading_mark(txn, new)], txn.now)
    )


def keeps_live_sums(txn: BoardTransaction, watch: RegisteredWatch, scope: str = WHOLE_BOARD) -> bool:
    """Return whether the board keeps sums over all live marks for a watch in a scope."""
    return (
        watch.keeps_sums
        and (watch.timing is not None or isinstance(watch.comparison.measure, Total))
        and bool(sums_of(txn, watch.over_live_marks, scope))
    )


class KeptSums(NamedTuple):
    """The place where the board keeps sums: for one watch in one scope."""

    watch: RegisteredWatch
    scope: str


def sums_with(txn: BoardTransaction, row: MarkRow) -> Iterator[KeptSums]:
    """Yield the sums over marks of the kind and the scope of a mark."""
    for watch in txn.active.rising.get(row.kind, ()):
        yield from sums_behind(txn, watch, row)


def sums_behind(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow) -> Iterator[KeptSums]:
    """Yield the sums of a watch in the scope of a mark, and its sums over all live marks if it keeps those."""
    scope = scope_of(txn, watch, row) if watch.keeps_sums else None
    if scope is not None:
        yield KeptSums(watch, scope)
        if keeps_live_sums(txn, watch, scope):
            yield KeptSums(watch.over_live_marks, scope)


def is_evaporated(txn: BoardTransaction, watch: RegisteredWatch, scope: str, row: MarkRow) -> bool:
    """Return whether a mark was already subtracted because it evaporated."""
    sums = sums_of(txn, watch, scope).get(LawOfKind(row.kind, row.law))
    return sums is not None and row.evaporates_at is not None and row.evaporates_at <= sums.evaporated_through


def add(txn: BoardTransaction, watch: RegisteredWatch, scope: str, row: MarkRow, sign: int) -> None:
    """Add a mark to the sums of a watch (sign +1), or subtract a mark that they contain (sign -1)."""
    if _has_no_sums(txn, watch, scope):
        return  # the sums will be computed from the marks
    sums = sums_of_law(txn, watch, scope, row)
    if row.evaporates_at is not None:
        if row.evaporates_at <= sums.evaporated_through:
            return  # the mark was subtracted when it evaporated, or evaporated at its deposit
        txn.note_evaporation(row.evaporates_at)
    add_row(txn, row, sums, sign)


def remove_evaporated(txn: BoardTransaction, kind: str, law_key: str) -> None:
    """Subtract the evaporated marks of a kind and law from the sums over the board, before they leave the live board.

    The marks of groups are subtracted one by one as they leave: there may be more groups than marks.
    """
    over_board = [
        watch for watch in txn.active.rising.get(kind, ()) if watch.keeps_sums and watch.condition.is_over_board
    ]
    key = LawOfKind(kind, law_key)
    for watch in [*over_board, *(watch.over_live_marks for watch in over_board)]:
        if (sums := sums_of(txn, watch, WHOLE_BOARD).get(key)) is not None:
            LawSums(txn, watch, WHOLE_BOARD, key, sums).subtract_evaporated()


def reset(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> None:
    """Set the sums of a watch in a scope to nothing, because all marks were absorbed."""
    txn.changes_of(CollectedSums).reset(txn, watch.id, scope)


def rebuild(txn: BoardTransaction, watch: RegisteredWatch) -> None:
    """Compute the sums of a watch from the marks, after the deployment or the time changed.

    The sums over all live marks, and the sums of groups, are computed when they are needed.
    """
    txn.changes_of(CollectedSums).delete(txn, watch.over_live_marks.id)
    txn.changes_of(CollectedSums).delete(txn, watch.id)
    if watch.condition.is_over_board:
        recount(txn, watch, WHOLE_BOARD)


def _has_no_sums(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> bool:
    """Return whether a group has no sums yet. Sums over the board exist as soon as a new watch has been tested."""
    return watch.condition.by is not None and not sums_of(txn, watch, scope)


def recount(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> None:
    """Compute the sums of a scope from its marks, instead of the sums that were kept so far."""
    reset(txn, watch, scope)
    if not watch.keeps_sums:
        return
    is_filtered = watch.condition.by is not None or watch.condition.selects_marks
    if is_filtered or txn.active.kinds_in_backfill.intersection(watch.condition.kinds):
        for row in stored_stimuli_of(txn, watch, scope):  # as stored: the backfill subtracts them so
            sums = sums_of_law(txn, watch, scope, row)
            if row.is_live(sums.evaporated_through):
                add_row(txn, row, sums, +1)
        return
    for kind in watch.condition.kinds:
        for law_key in txn.sql.each(MARKS.next_law_in_use, after="", kind=kind):
            key, sums = LawOfKind(kind, law_key), RunningSums(anchor=txn.now, evaporated_through=txn.now)
            sums_of(txn, watch, scope)[key] = sums
            LawSums(txn, watch, scope, key, sums).add_stimuli()


def _update_and_bound(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> BoundedTotal:
    """Subtract the evaporated marks, and return the total of a watch now."""
    total = NO_MARKS
    for key, sums in sums_of(txn, watch, scope).items():
        if sums.evaporated_through < txn.now:
            LawSums(txn, watch, scope, key, sums).subtract_evaporated()
        if sums.marks:
            of_law = bounded_total(txn, key, sums)
            total = of_law if total is NO_MARKS else total.plus(of_law)
    return total


def _count_afresh(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> WatchValue:
    """Return the value of a watch by its marks, after setting the sums to the sums of the marks."""
    rows = stimuli_of(txn, watch, scope)
    terms: defaultdict[LawOfKind, list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        sums_of_law(txn, watch, scope, row)
        mark_sums = txn.laws.get(txn.sql, row.law).sums(row.intensity, row.anchored_at, txn.now)
        terms[LawOfKind(row.kind, row.law)].append(mark_sums)
    for key, sums in sums_of(txn, watch, scope).items():
        sums.clear()
        sums.anchor = txn.now
        if terms[key]:
            sum0, sum1 = map(math.fsum, zip(*terms[key], strict=True))
            add_terms(sums, len(terms[key]), sum0, sum1, sign=+1)
    return WatchValue(value_at(watch.comparison.measure, [fading_mark(txn, row) for row in rows], txn.now), len(rows))
