"""Totals of watches over the board or over groups, kept up to date as marks come and go, so that no scan is needed.

For each kind and law in a scope, two sums are kept. The total at any later instant follows from them (see
`Decay.sums`). They do not contain the kind's weight, so a new weight counts at once. Marks that have evaporated are
subtracted once, found by a range of the index on `evaporates_at`.

Laws without exact sums (such as `power` and `curve`) keep the sum of the intensities, an upper bound. The marks
themselves are read only when the bound reaches the threshold. The same holds for marks that have not yet followed a
change of their law or floor.

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

from blackboard.board.mark_sets.watch_scopes import scope_of
from blackboard.board.needs.access import need_access
from blackboard.board.transactions.active_deployment import RegisteredWatch
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.running_sums import TERM_ROUNDING, RunningSums, add_terms, rebase, rounding_of
from blackboard.board.watches.measurements.stimuli import stimuli_of, stored_stimuli_of
from blackboard.clock import Instant
from blackboard.core.conditions.measures import Total
from blackboard.core.forecasts.strength_forecast import value_at
from blackboard.core.marks.decay import Decay
from blackboard.core.marks.measure_scopes import WHOLE_BOARD, group_of
from blackboard.store.query_rows import StimulusSums
from blackboard.store.rows import LawChangeRow, MarkRow, WatchTotalRow
from blackboard.store.statement_file import Statement
from blackboard.store.statements import CROSSINGS, MARKS

UNKNOWN_ERROR = 1e100
"""The error of sums from before the board stored errors. It is larger than any sum, and cannot overflow."""


def update_and_measure(txn: BoardTransaction, watch: RegisteredWatch, scope: str = WHOLE_BOARD) -> tuple[float, int]:
    """Subtract the evaporated marks; return the value of a watch's measure now, and the number of marks behind it.

    The returned value reaches the threshold if and only if the true value does. If it does not, it may be too high.
    """
    if not watch.keeps_sums:
        return measure_marks(txn, watch, scope)
    if _has_no_sums(txn, watch, scope):
        _recount(txn, watch, scope)
    sums = _update_and_bound(txn, watch, scope)
    comparison, measure = watch.comparison, watch.comparison.measure
    if not comparison.holds_at(measure.from_sums(sums.marks, sums.total + sums.error)):
        return measure.from_sums(sums.marks, sums.total), sums.marks
    if not sums.is_exact:
        return measure_marks(txn, watch, scope)
    if not comparison.holds_at(measure.from_sums(sums.marks, sums.total - sums.error)):
        return _count_afresh(txn, watch, scope)
    return measure.from_sums(sums.marks, sums.total), sums.marks


def update_and_measure_live(txn: BoardTransaction, watch: RegisteredWatch, scope: str = WHOLE_BOARD) -> float:
    """Return the value of a watch over all live marks that count for it, as exact as `update_and_measure`."""
    if not sums_of(txn, watch.over_live_marks, scope):
        _recount(txn, watch.over_live_marks, scope)
    return update_and_measure(txn, watch.over_live_marks, scope)[0]


def measure_marks(txn: BoardTransaction, watch: RegisteredWatch, scope: str = WHOLE_BOARD) -> tuple[float, int]:
    """Measure a watch on its marks, exactly for every law; return the value and the number of marks behind it."""
    marks = [txn.fading(row) for row in stimuli_of(txn, watch, scope)]
    return value_at(watch.comparison.measure, marks, txn.now), len(marks)


def update_and_compare(txn: BoardTransaction, watch: RegisteredWatch, scope: str, old: MarkRow, new: MarkRow) -> bool:
    """Bring the sums over all live marks up to date; return whether a stronger mark made them reach the threshold.

    The mark is already written, and the sums contain it.
    """
    over_all, threshold = watch.over_live_marks, watch.threshold
    if not sums_of(txn, over_all, scope):
        _recount(txn, over_all, scope)
    sums = _update_and_bound(txn, over_all, scope)
    if sums.total + sums.error < threshold:
        return False
    before = sums.total - (txn.strength(new) - txn.strength(old))
    error = sums.error + TERM_ROUNDING * sums.total
    if sums.is_exact and before - error >= threshold:
        return False
    if sums.is_exact and sums.total - sums.error >= threshold > before + error:
        return True
    others = [txn.fading(row) for row in stimuli_of(txn, over_all, scope) if row.id != new.id]
    measure = watch.comparison.measure
    return (
        value_at(measure, [*others, txn.fading(old)], txn.now)
        < threshold
        <= value_at(measure, [*others, txn.fading(new)], txn.now)
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
    sums = sums_of(txn, watch, scope).get((row.kind, row.law))
    return sums is not None and row.evaporates_at is not None and row.evaporates_at <= sums.evaporated_through


def add(txn: BoardTransaction, watch: RegisteredWatch, scope: str, row: MarkRow, sign: int) -> None:
    """Add a mark to the sums of a watch (sign +1), or subtract a mark that they contain (sign -1)."""
    if _has_no_sums(txn, watch, scope):
        return  # they will be taken from the marks
    sums = _sums_of_law(txn, watch, scope, row)
    if row.evaporates_at is not None:
        if row.evaporates_at <= sums.evaporated_through:
            return  # it was subtracted when it evaporated, or evaporated at its deposit
        if txn.next_end is None or row.evaporates_at < txn.next_end:
            txn.next_end = row.evaporates_at
    _add_row(txn, row, sums, sign)


def remove_evaporated(txn: BoardTransaction, kind: str, law_key: str) -> None:
    """Subtract the evaporated marks of a kind and law from the sums over the board, before they leave the live board.

    The marks of groups are subtracted one by one as they leave: there may be more groups than marks.
    """
    over_board = [watch for watch in txn.active.rising.get(kind, ()) if watch.keeps_sums and watch.is_over_board]
    for watch in [*over_board, *(watch.over_live_marks for watch in over_board)]:
        if (sums := sums_of(txn, watch, WHOLE_BOARD).get((kind, law_key))) is not None:
            _subtract_evaporated(txn, watch, WHOLE_BOARD, kind, law_key, sums)


def reset(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> None:
    """Set the sums of a watch in a scope to nothing, because all marks were absorbed."""
    txn.sql.run(CROSSINGS.delete_totals_of_scope, watch_id=watch.id, scope=scope)
    txn.totals[watch.id, scope] = {}


def rebuild(txn: BoardTransaction, watch: RegisteredWatch) -> None:
    """Compute the sums of a watch from the marks, after the deployment or the time changed.

    The sums over all live marks, and the sums of groups, are computed when they are needed.
    """
    txn.delete_totals(watch.over_live_marks.id)
    txn.delete_totals(watch.id)
    if watch.is_over_board:
        _recount(txn, watch, WHOLE_BOARD)


def _has_no_sums(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> bool:
    """Return whether a group has no sums yet. The sums over the board exist from the test of a new watch on."""
    return watch.by is not None and not sums_of(txn, watch, scope)


def _recount(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> None:
    """Compute the sums of a scope from its marks, instead of the sums that were kept so far."""
    reset(txn, watch, scope)
    if not watch.keeps_sums:
        return
    is_filtered = watch.by is not None or watch.selects_marks
    if is_filtered or txn.active.migrating.intersection(watch.kinds):
        for row in stored_stimuli_of(txn, watch, scope):  # as they are stored, since the backfill subtracts them so
            sums = _sums_of_law(txn, watch, scope, row)
            if row.is_live(sums.evaporated_through):
                _add_row(txn, row, sums, +1)
        return
    for kind in watch.kinds:
        for law_key in txn.sql.each(MARKS.next_law_in_use, after="", kind=kind):
            kept = RunningSums(anchor=txn.now, evaporated_through=txn.now)
            sums_of(txn, watch, scope)[kind, law_key] = kept
            add_terms(kept, *_sums(txn, MARKS.sum_stimuli, watch, kind, law_key, txn.now, up_to=txn.now), sign=+1)


class _Bounded(NamedTuple):
    """The present value of a watch from its sums, with the error."""

    marks: int
    total: float
    error: float
    """The largest difference between the total and the exact sum of the strengths."""
    is_exact: bool
    """Whether this bounds the error in both directions; otherwise the exact sum and the number may be lower."""


def _update_and_bound(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> _Bounded:
    """Subtract the evaporated marks, and return the total of a watch now."""
    marks, total, error, is_exact = 0, 0.0, 0.0, True
    for (kind, law_key), sums in sums_of(txn, watch, scope).items():
        _subtract_evaporated(txn, watch, scope, kind, law_key, sums)
        if sums.marks:
            law = txn.laws.get(txn.sql, law_key)
            change = txn.active.law_changes.get((kind, law_key))
            is_exact = is_exact and change is None and law.exact_sums
            marks += sums.marks
            weight = txn.kind(kind).weight
            total += weight * _total(txn, law, sums, change)
            error += weight * _error(txn, law, sums)
    return _Bounded(marks, total, error, is_exact)


def sums_of(
    txn: BoardTransaction, watch: RegisteredWatch, scope: str = WHOLE_BOARD
) -> dict[tuple[str, str], RunningSums]:
    """Return the sums of a watch by kind and law. The transaction writes changed sums at its end."""
    if (by_law := txn.totals.get((watch.id, scope))) is None:
        rows = txn.sql.all(CROSSINGS.watch_totals, watch_id=watch.id, scope=scope)
        by_law = txn.totals[watch.id, scope] = {(row.kind, row.law): _stored_sums(row) for row in rows}
    return by_law


def _stored_sums(row: WatchTotalRow) -> RunningSums:
    return RunningSums(
        marks=row.marks,
        sum0=row.sum0,
        sum1=row.sum1,
        anchor=row.anchor,
        evaporated_through=row.evaporated_through,
        error0=UNKNOWN_ERROR if row.error0 is None else row.error0,
        error1=UNKNOWN_ERROR if row.error1 is None else row.error1,
    )


def _sums_of_law(txn: BoardTransaction, watch: RegisteredWatch, scope: str, row: MarkRow) -> RunningSums:
    by_law = sums_of(txn, watch, scope)
    if (sums := by_law.get((row.kind, row.law))) is None:
        evaporated_through = _evaporated_at_most(txn, row.kind, row.law)
        sums = by_law[row.kind, row.law] = RunningSums(anchor=txn.now, evaporated_through=evaporated_through)
    return sums


def _evaporated_at_most(txn: BoardTransaction, kind: str, law_key: str) -> Instant:
    """Return the instant up to which the stored ends of marks are exact. After a change, marks may live longer."""
    change = txn.active.law_changes.get((kind, law_key))
    return txn.now if change is None else min(txn.now, change.changed_at)


def _count_afresh(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> tuple[float, int]:
    """Measure a watch on its marks, as `measure_marks` does, and set the sums to the sums of the marks."""
    rows = stimuli_of(txn, watch, scope)
    terms: defaultdict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        _sums_of_law(txn, watch, scope, row)
        of_mark = txn.laws.get(txn.sql, row.law).sums(row.intensity, row.anchored_at, txn.now)
        terms[row.kind, row.law].append(of_mark)
    for key, sums in sums_of(txn, watch, scope).items():
        sums.clear()
        sums.anchor = txn.now
        if terms[key]:
            sum0, sum1 = map(math.fsum, zip(*terms[key], strict=True))
            add_terms(sums, len(terms[key]), sum0, sum1, sign=+1)
    return value_at(watch.comparison.measure, [txn.fading(row) for row in rows], txn.now), len(rows)


def _add_row(txn: BoardTransaction, row: MarkRow, sums: RunningSums, sign: int) -> None:
    law = txn.laws.get(txn.sql, row.law)
    rebase(law, sums, txn.now)
    add_terms(sums, 1, *law.sums(row.intensity, row.anchored_at, sums.anchor), sign=sign)


def _error(txn: BoardTransaction, law: Decay, sums: RunningSums) -> float:
    """Return the largest difference between the total of sums and the exact sum, without the weight."""
    gap = txn.now - sums.anchor
    error = abs(law.total((sums.error0, 0.0), sums.anchor, txn.now))
    error += abs(law.total((0.0, sums.error1), sums.anchor, txn.now))
    return error + (rounding_of(law, gap) + TERM_ROUNDING) * (abs(sums.sum0) + abs(sums.sum1))


def _total(txn: BoardTransaction, law: Decay, sums: RunningSums, change: LawChangeRow | None) -> float:
    """Return the total intensity x share of sums, or an upper bound while their marks follow a change."""
    pair = (sums.sum0, sums.sum1)
    total = law.total(pair, sums.anchor, txn.now)
    if change is None or not law.exact_sums:
        return total
    # Some of the marks fade by the new law from the instant of the change on, others keep the old one.
    share = txn.laws.get(txn.sql, change.new_law).share(txn.now - change.changed_at)
    return total + law.total(pair, sums.anchor, change.changed_at) * share


def _subtract_evaporated(
    txn: BoardTransaction, watch: RegisteredWatch, scope: str, kind: str, law_key: str, sums: RunningSums
) -> None:
    """Subtract the marks of a scope that evaporated since the last time and are not yet history."""
    up_to = _evaporated_at_most(txn, kind, law_key)
    if up_to <= sums.evaporated_through:
        return
    if txn.has_evaporated_marks:  # otherwise, no mark on the live board has evaporated
        _subtract_until(txn, watch, scope, kind, law_key, sums, up_to)
    # Recorded even if no mark was found, so that the same range is not searched again.
    sums.evaporated_through, sums.changed = up_to, True


def _subtract_until(
    txn: BoardTransaction,
    watch: RegisteredWatch,
    scope: str,
    kind: str,
    law_key: str,
    sums: RunningSums,
    up_to: Instant,
) -> None:
    """Subtract the marks that evaporated after those that are subtracted already, up to an instant."""
    span = {"after": sums.evaporated_through, "up_to": up_to}
    if watch.is_over_board and not watch.selects_marks:
        rebase(txn.laws.get(txn.sql, law_key), sums, txn.now)
        add_terms(sums, *_sums(txn, MARKS.sum_expired_stimuli, watch, kind, law_key, sums.anchor, **span), sign=-1)
        return
    for row in _expired(txn, watch, scope, kind, law_key, span):
        if need_access.counts(txn, watch, row):
            _add_row(txn, row, sums, -1)


def _expired(
    txn: BoardTransaction, watch: RegisteredWatch, scope: str, kind: str, law_key: str, span: dict[str, int]
) -> list[MarkRow]:
    """Return the stimuli of a scope that evaporated in a span of time."""
    values = {"watch_id": watch.id, "kind": kind, "law": law_key, "ignored_author": watch.ignored_author, **span}
    if (group := group_of(scope)) is None:
        return txn.sql.all(MARKS.expired_stimuli, **values)
    return txn.sql.all(MARKS.expired_stimuli.using("group"), tag=group.tag, key=group.key, **values)


def _sums(
    txn: BoardTransaction,
    statement: Statement[StimulusSums],
    watch: RegisteredWatch,
    kind: str,
    law_key: str,
    anchor: Instant,
    **span: int,
) -> StimulusSums:
    """Return the number of stimuli under a law and their two sums at an anchor, computed by the database."""
    law = txn.laws.get(txn.sql, law_key)
    sum0, sum1 = law.sums_sql
    return txn.sql.existing(
        statement.using(sum0=sum0, sum1=sum1),
        watch_id=watch.id,
        kind=kind,
        law=law_key,
        ignored_author=watch.ignored_author,
        anchor=anchor,
        length=law.parameters[0],
        **span,
    )
