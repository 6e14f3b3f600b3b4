"""Totals of watches over the whole board, kept up to date as marks come and go, so that no scan is needed.

For each kind and law, two sums are kept. The total at any later instant follows from them (see `Decay.sums`). They do
not contain the kind's weight, so a new weight counts at once. Marks that have evaporated are subtracted once, found
by a range of the index on `evaporates_at`.

Laws without exact sums (such as `power` and `curve`) keep the sum of the intensities, an upper bound. The marks
themselves are read only when the bound reaches the threshold. The same holds for marks that have not yet followed a
change of their law or floor.

A running sum rounds at every step, so the board keeps a bound on the error of each sum. When the threshold is within
that bound, the marks are read, their strengths are added exactly, and the sums begin anew. So rounding never decides
whether a threshold is reached, and a mark of 1e12 that has left the board leaves no error.

Whether a deposit is news may depend on the total over all live marks, absorbed or not. The board keeps sums for such
a total from the first time that a watch needs it.

A transaction reads the sums once and writes them once, at its end.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from blackboard.board.transactions.active_deployment import RegisteredWatch
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.running_sums import RunningSums
from blackboard.board.watches import need_access
from blackboard.board.watches.stimuli import stimuli_of, stored_stimuli_of
from blackboard.clock import Instant
from blackboard.core.conditions import Total
from blackboard.core.decay import Decay
from blackboard.core.strength_forecast import value_at
from blackboard.durations import Duration
from blackboard.store.query_rows import StimulusSums
from blackboard.store.rows import BoardTotalRow, LawChangeRow, MarkRow
from blackboard.store.statement_file import Statement
from blackboard.store.statements import CROSSINGS, MARKS

ROUNDING = 2.0**-52
"""Twice the largest relative error of one operation on floats."""

TERM_ROUNDING = 2.0**-42
"""More than the relative error of the strength of one mark under any law."""

UNKNOWN_ERROR = 1e100
"""The error of sums from before the board stored errors. It is larger than any sum, and cannot overflow."""


def update_and_measure(txn: BoardTransaction, watch: RegisteredWatch) -> tuple[float, int]:
    """Subtract the evaporated marks; return the value of a watch's measure now, and the number of marks behind it.

    Whether the value reaches the threshold is exact. A value below the threshold may be too high.
    """
    if not watch.keeps_sums:
        return measure_marks(txn, watch)
    sums = _update_and_bound(txn, watch)
    comparison, measure = watch.comparison, watch.comparison.measure
    if not comparison.holds_at(measure.from_sums(sums.marks, sums.total + sums.error)):
        return measure.from_sums(sums.marks, sums.total), sums.marks
    if not sums.is_exact:
        return measure_marks(txn, watch)
    if not comparison.holds_at(measure.from_sums(sums.marks, sums.total - sums.error)):
        return _count_afresh(txn, watch)
    return measure.from_sums(sums.marks, sums.total), sums.marks


def update_and_measure_live(txn: BoardTransaction, watch: RegisteredWatch) -> float:
    """Return the value of a watch over all live marks that count for it, as exact as `update_and_measure`."""
    if not groups_of(txn, watch.over_live_marks):
        _recount(txn, watch.over_live_marks)
    return update_and_measure(txn, watch.over_live_marks)[0]


def measure_marks(txn: BoardTransaction, watch: RegisteredWatch) -> tuple[float, int]:
    """Measure a watch on its marks, exactly for every law; return the value and the number of marks behind it."""
    marks = [txn.fading(row) for row in stimuli_of(txn, watch)]
    return value_at(watch.comparison.measure, marks, txn.now), len(marks)


def update_and_compare(txn: BoardTransaction, watch: RegisteredWatch, old: MarkRow, new: MarkRow) -> bool:
    """Bring the sums over all live marks up to date; return whether a stronger mark made them reach the threshold.

    The mark is already written, and the sums contain it.
    """
    over_all, threshold = watch.over_live_marks, watch.threshold
    if not groups_of(txn, over_all):
        _recount(txn, over_all)
    sums = _update_and_bound(txn, over_all)
    if sums.total + sums.error < threshold:
        return False
    before = sums.total - (txn.strength(new) - txn.strength(old))
    error = sums.error + TERM_ROUNDING * sums.total
    if sums.is_exact and before - error >= threshold:
        return False
    if sums.is_exact and sums.total - sums.error >= threshold > before + error:
        return True
    others = [txn.fading(row) for row in stimuli_of(txn, over_all) if row.id != new.id]
    measure = watch.comparison.measure
    return (
        value_at(measure, [*others, txn.fading(old)], txn.now)
        < threshold
        <= value_at(measure, [*others, txn.fading(new)], txn.now)
    )


def keeps_live_sums(txn: BoardTransaction, watch: RegisteredWatch) -> bool:
    """Return whether the board keeps sums over all live marks for a watch."""
    return (
        watch.keeps_sums
        and (watch.timing is not None or isinstance(watch.comparison.measure, Total))
        and bool(groups_of(txn, watch.over_live_marks))
    )


def watches_with_sums(txn: BoardTransaction, kind: str) -> Iterator[RegisteredWatch]:
    """Yield the rising watches with sums over marks of a kind; a watch with sums over all live marks twice."""
    for watch in txn.active.rising.get(kind, ()):
        yield from sums_of(txn, watch)


def sums_of(txn: BoardTransaction, watch: RegisteredWatch) -> Iterator[RegisteredWatch]:
    """Yield a watch if it keeps sums, and the watch over all live marks if it keeps those."""
    if watch.keeps_sums:
        yield watch
    if keeps_live_sums(txn, watch):
        yield watch.over_live_marks


def is_evaporated(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow) -> bool:
    """Return whether a mark was already subtracted because it evaporated."""
    group = groups_of(txn, watch).get((row.kind, row.law))
    return group is not None and row.evaporates_at is not None and row.evaporates_at <= group.evaporated_through


def add(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow, sign: int) -> None:
    """Add a mark to the sums of a watch (sign +1), or subtract a mark that they contain (sign -1)."""
    group = _group(txn, watch, row)
    if row.evaporates_at is not None:
        if row.evaporates_at <= group.evaporated_through:
            return  # it was subtracted when it evaporated, or evaporated at its deposit
        if txn.next_end is None or row.evaporates_at < txn.next_end:
            txn.next_end = row.evaporates_at
    _add_row(txn, row, group, sign)


def remove_evaporated(txn: BoardTransaction, watch: RegisteredWatch, kind: str, law_key: str) -> None:
    """Subtract the evaporated marks of a kind and law at once, before they leave the live board."""
    group = groups_of(txn, watch).get((kind, law_key))
    if group is not None:
        _subtract_evaporated(txn, watch, kind, law_key, group)


def reset(txn: BoardTransaction, watch: RegisteredWatch) -> None:
    """Set the sums of a watch to nothing, because all marks were absorbed."""
    txn.sql.run(CROSSINGS.delete_board_totals, watch_id=watch.id)
    txn.totals[watch.id] = {}


def rebuild(txn: BoardTransaction, watch: RegisteredWatch) -> None:
    """Compute the sums of a watch from the marks, after the deployment or the time changed.

    The sums over all live marks are computed when they are needed.
    """
    reset(txn, watch.over_live_marks)
    _recount(txn, watch)


def _recount(txn: BoardTransaction, watch: RegisteredWatch) -> None:
    reset(txn, watch)
    if not watch.keeps_sums:
        return
    if watch.selects_marks or txn.active.migrating.intersection(watch.kinds):
        for row in stored_stimuli_of(txn, watch):  # as they are stored, since the backfill subtracts them so
            group = _group(txn, watch, row)
            if row.is_live(group.evaporated_through):
                _add_row(txn, row, group, +1)
        return
    for kind in watch.kinds:
        for law_key in txn.sql.each(MARKS.next_law_in_use, after="", kind=kind):
            group = groups_of(txn, watch)[kind, law_key] = RunningSums(anchor=txn.now, evaporated_through=txn.now)
            sums = _sums(txn, MARKS.sum_stimuli, watch, kind, law_key, txn.now, up_to=txn.now)
            add_terms(group, *sums, sign=+1)


class _Bounded(NamedTuple):
    """The present value of a watch from its sums, with the error."""

    marks: int
    total: float
    error: float
    """The largest difference between the total and the exact sum of the strengths."""
    is_exact: bool
    """Whether this bounds the error in both directions; otherwise the exact sum and the number may be lower."""


def _update_and_bound(txn: BoardTransaction, watch: RegisteredWatch) -> _Bounded:
    """Subtract the evaporated marks, and return the total of a watch now."""
    marks, total, error, is_exact = 0, 0.0, 0.0, True
    for (kind, law_key), group in groups_of(txn, watch).items():
        _subtract_evaporated(txn, watch, kind, law_key, group)
        if group.marks:
            law = txn.laws.get(txn.sql, law_key)
            change = txn.active.law_changes.get((kind, law_key))
            is_exact = is_exact and change is None and law.exact_sums
            marks += group.marks
            weight = txn.kind(kind).weight
            total += weight * _total(txn, law, group, change)
            error += weight * _error(txn, law, group)
    return _Bounded(marks, total, error, is_exact)


def groups_of(txn: BoardTransaction, watch: RegisteredWatch) -> dict[tuple[str, str], RunningSums]:
    """Return the sums of a watch by kind and law. The transaction writes changed sums at its end."""
    if (groups := txn.totals.get(watch.id)) is None:
        rows = txn.sql.all(CROSSINGS.board_totals, watch_id=watch.id)
        groups = txn.totals[watch.id] = {(row.kind, row.law): _sums_of(row) for row in rows}
    return groups


def _sums_of(row: BoardTotalRow) -> RunningSums:
    return RunningSums(
        marks=row.marks,
        sum0=row.sum0,
        sum1=row.sum1,
        anchor=row.anchor,
        evaporated_through=row.evaporated_through,
        error0=UNKNOWN_ERROR if row.error0 is None else row.error0,
        error1=UNKNOWN_ERROR if row.error1 is None else row.error1,
    )


def _group(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow) -> RunningSums:
    groups = groups_of(txn, watch)
    if (group := groups.get((row.kind, row.law))) is None:
        evaporated_through = _evaporated_at_most(txn, row.kind, row.law)
        group = groups[row.kind, row.law] = RunningSums(anchor=txn.now, evaporated_through=evaporated_through)
    return group


def _evaporated_at_most(txn: BoardTransaction, kind: str, law_key: str) -> Instant:
    """Return the instant up to which the stored ends of marks are exact. After a change, marks may live longer."""
    change = txn.active.law_changes.get((kind, law_key))
    return txn.now if change is None else min(txn.now, change.changed_at)


def _count_afresh(txn: BoardTransaction, watch: RegisteredWatch) -> tuple[float, int]:
    """Measure a watch on its marks, as `measure_marks` does, and set the sums to those of the marks."""
    rows = stimuli_of(txn, watch)
    terms: defaultdict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        _group(txn, watch, row)
        sums = txn.laws.get(txn.sql, row.law).sums(row.intensity, row.anchored_at, txn.now)
        terms[row.kind, row.law].append(sums)
    for key, group in groups_of(txn, watch).items():
        group.clear()
        group.anchor = txn.now
        if terms[key]:
            sum0, sum1 = map(math.fsum, zip(*terms[key], strict=True))
            add_terms(group, len(terms[key]), sum0, sum1, sign=+1)
    return value_at(watch.comparison.measure, [txn.fading(row) for row in rows], txn.now), len(rows)


def _add_row(txn: BoardTransaction, row: MarkRow, group: RunningSums, sign: int) -> None:
    law = txn.laws.get(txn.sql, row.law)
    _rebase(txn, law, group)
    add_terms(group, 1, *law.sums(row.intensity, row.anchored_at, group.anchor), sign=sign)


def add_terms(group: RunningSums, marks: int, sum0: float, sum1: float, *, sign: int) -> None:
    """Add the sums of some marks to those of a group (sign +1), or subtract them (sign -1), with the rounding error."""
    group.marks += sign * marks
    group.sum0 += sign * sum0
    group.sum1 += sign * sum1
    of_terms = TERM_ROUNDING + marks * ROUNDING  # the database may have rounded once for each mark
    group.error0 += of_terms * abs(sum0) + ROUNDING * abs(group.sum0)
    group.error1 += of_terms * abs(sum1) + ROUNDING * abs(group.sum1)
    if group.marks <= 0:  # rounding errors must not remain when the marks are gone
        group.clear()
    group.changed = True


def _rebase(txn: BoardTransaction, law: Decay, group: RunningSums) -> None:
    """Move the anchor of the sums to now, so that they stay in the range of a float."""
    if group.anchor == txn.now:
        return
    sums = (group.sum0, group.sum1)
    rebased = law.rebase(sums, group.anchor, txn.now)
    if rebased != sums:
        # The new sums are linear in the old ones, so each old error is carried over alone.
        of_first = law.rebase((group.error0, 0.0), group.anchor, txn.now)
        of_second = law.rebase((0.0, group.error1), group.anchor, txn.now)
        rounding = _rounding(law, txn.now - group.anchor) * (abs(sums[0]) + abs(sums[1]))
        group.error0 = abs(of_first[0]) + abs(of_second[0]) + rounding
        group.error1 = abs(of_first[1]) + abs(of_second[1]) + rounding
        group.sum0, group.sum1 = rebased
    group.anchor = txn.now


def _rounding(law: Decay, gap: Duration) -> float:
    """Return a bound on the relative rounding error of a law's formulas over a gap between two instants."""
    length = law.parameters[0]
    return 4 * ROUNDING * (2 + (gap / length if length else 0.0))


def _error(txn: BoardTransaction, law: Decay, group: RunningSums) -> float:
    """Return the largest difference between the total of a group and its exact sum, without the weight."""
    gap = txn.now - group.anchor
    error = abs(law.total((group.error0, 0.0), group.anchor, txn.now))
    error += abs(law.total((0.0, group.error1), group.anchor, txn.now))
    return error + (_rounding(law, gap) + TERM_ROUNDING) * (abs(group.sum0) + abs(group.sum1))


def _total(txn: BoardTransaction, law: Decay, group: RunningSums, change: LawChangeRow | None) -> float:
    """Return the total intensity x share of a group, or an upper bound while its marks follow a change."""
    sums = (group.sum0, group.sum1)
    total = law.total(sums, group.anchor, txn.now)
    if change is None or not law.exact_sums:
        return total
    # Some marks of the group fade by the new law from the instant of the change on, others keep the old one.
    share = txn.laws.get(txn.sql, change.new_law).share(txn.now - change.changed_at)
    return total + law.total(sums, group.anchor, change.changed_at) * share


def _subtract_evaporated(
    txn: BoardTransaction, watch: RegisteredWatch, kind: str, law_key: str, group: RunningSums
) -> None:
    """Subtract the marks of a group that evaporated since the last time and are not yet history."""
    up_to = _evaporated_at_most(txn, kind, law_key)
    if up_to <= group.evaporated_through:
        return
    if txn.has_evaporated_marks:  # otherwise, no mark on the live board has evaporated
        span = {"after": group.evaporated_through, "up_to": up_to}
        if not watch.selects_marks:
            _rebase(txn, txn.laws.get(txn.sql, law_key), group)
            sums = _sums(txn, MARKS.sum_expired_stimuli, watch, kind, law_key, group.anchor, **span)
            add_terms(group, *sums, sign=-1)
        else:
            values = {
                "watch_id": watch.id,
                "kind": kind,
                "law": law_key,
                "ignored_author": watch.ignored_author,
                **span,
            }
            for row in txn.sql.all(MARKS.expired_stimuli, **values):
                if need_access.counts(txn, watch, row):
                    _add_row(txn, row, group, -1)
    # Recorded even if no mark was found, so that the same range is not searched again.
    group.evaporated_through, group.changed = up_to, True


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
