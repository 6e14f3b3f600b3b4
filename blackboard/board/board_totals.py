"""Totals of watches over the whole board, kept up to date as marks come and go, so that no scan is needed.

For each kind and law, two sums are kept. The total at any later instant follows from them (see `Decay.sums`). They do
not contain the kind's weight, so a new weight counts at once. Marks that have evaporated are subtracted once, found
by a range of the index on `evaporates_at`.

Laws without exact sums (such as `power` and `curve`) keep the sum of the intensities, an upper bound. The marks
themselves are read only when the bound reaches the threshold. The same holds for marks that have not yet followed a
change of their law or floor.

A transaction reads the sums once and writes them once, at its end.
"""

from __future__ import annotations

from blackboard.board.board_transaction import BoardSums, BoardTransaction, RegisteredWatch
from blackboard.board.stimuli import stimuli_of
from blackboard.decay import Decay
from blackboard.store.rows import LawChangeRow, MarkRow
from blackboard.store.statements import CROSSINGS, MARKS, Statement
from blackboard.strength_forecast import value_at


def update_and_measure(txn: BoardTransaction, watch: RegisteredWatch) -> tuple[float, int]:
    """Subtract what has evaporated; return the value of a watch's measure now, and the number of marks behind it.

    Below the threshold the value may be too high; at or above it is exact.
    """
    if not watch.keeps_totals:
        return measured(txn, watch)
    marks, total, is_exact = 0, 0.0, True
    for (kind, law_key), group in _groups(txn, watch).items():
        _subtract_evaporated(txn, watch, kind, law_key, group)
        if group.marks:
            law = txn.laws.get(txn.tx, law_key)
            change = txn.active.law_changes.get((kind, law_key))
            is_exact = is_exact and change is None and law.exact_sums
            marks += group.marks
            total += txn.kind(kind).weight * _total(txn, law, group, change)
    value = watch.comparison.measure.from_sums(marks, total)
    if not is_exact and watch.comparison.holds_at(value):
        return measured(txn, watch)
    return value, marks


def measured(txn: BoardTransaction, watch: RegisteredWatch) -> tuple[float, int]:
    """Return the same as `update_and_measure`, computed from the marks: exact for every law and measure."""
    marks = [txn.fading(row) for row in stimuli_of(txn, watch)]
    return value_at(watch.comparison.measure, marks, txn.now), len(marks)


def is_evaporated(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow) -> bool:
    """Return whether a mark was already subtracted because it evaporated."""
    group = _groups(txn, watch).get((row.kind, row.law))
    return group is not None and row.evaporates_at is not None and row.evaporates_at <= group.evaporated_through


def add(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow, sign: int) -> None:
    """Add a mark to the sums of a watch (sign +1), or subtract one that they contain (sign -1)."""
    group = _group(txn, watch, row)
    if row.evaporates_at is not None:
        if row.evaporates_at <= group.evaporated_through:
            return  # it was subtracted when it evaporated, or evaporated at its deposit
        if txn.next_end is None or row.evaporates_at < txn.next_end:
            txn.next_end = row.evaporates_at
    _add_row(txn, row, group, sign)


def remove_evaporated(txn: BoardTransaction, watch: RegisteredWatch, kind: str, law_key: str) -> None:
    """Subtract the evaporated marks of a kind and law at once, before they leave the live board."""
    group = _groups(txn, watch).get((kind, law_key))
    if group is not None:
        _subtract_evaporated(txn, watch, kind, law_key, group)


def reset(txn: BoardTransaction, watch: RegisteredWatch) -> None:
    """Set the sums of a watch to nothing, because all marks were absorbed."""
    txn.tx.run(CROSSINGS.delete_board_totals, watch_id=watch.id)
    txn.totals[watch.id] = {}


def rebuild(txn: BoardTransaction, watch: RegisteredWatch) -> None:
    """Compute the sums of a watch from the marks, after the deployment changed or a claim left marks behind."""
    reset(txn, watch)
    if not watch.keeps_totals:
        return
    if watch.comparison.measure.subject is not None or txn.active.migrating.intersection(watch.kinds):
        for row in stimuli_of(txn, watch):
            _add_row(txn, row, _group(txn, watch, row), +1)
        return
    for kind in watch.kinds:
        law_key = ""
        while (law_key := txn.tx.value(MARKS.next_law_in_use, kind=kind, after=law_key)) is not None:
            sums = _sums(txn, MARKS.sum_stimuli, watch, kind, law_key, txn.now, up_to=txn.now)
            total = BoardSums(*sums, anchor=txn.now, evaporated_through=txn.now, changed=True)
            _groups(txn, watch)[kind, law_key] = total


def _groups(txn: BoardTransaction, watch: RegisteredWatch) -> dict[tuple[str, str], BoardSums]:
    if (groups := txn.totals.get(watch.id)) is None:
        rows = txn.tx.all(CROSSINGS.board_totals, watch_id=watch.id)
        groups = txn.totals[watch.id] = {(kind, law_key): BoardSums(*numbers) for kind, law_key, *numbers in rows}
    return groups


def _group(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow) -> BoardSums:
    groups = _groups(txn, watch)
    if (group := groups.get((row.kind, row.law))) is None:
        group = groups[row.kind, row.law] = BoardSums(anchor=txn.now, evaporated_through=txn.now)
    return group


def _add_row(txn: BoardTransaction, row: MarkRow, group: BoardSums, sign: int) -> None:
    law = txn.laws.get(txn.tx, row.law)
    _rebase(txn, law, group)
    _add(group, 1, *law.sums(row.intensity, row.anchored_at, group.anchor), sign=sign)


def _add(group: BoardSums, marks: int, sum0: float, sum1: float, *, sign: int) -> None:
    group.marks += sign * marks
    group.sum0 += sign * sum0
    group.sum1 += sign * sum1
    if group.marks <= 0:  # rounding errors must not remain when the marks are gone
        group.marks, group.sum0, group.sum1 = 0, 0.0, 0.0
    group.changed = True


def _rebase(txn: BoardTransaction, law: Decay, group: BoardSums) -> None:
    """Move the anchor of the sums to now, so that they stay in the range of a float."""
    if group.anchor != txn.now:
        group.sum0, group.sum1 = law.rebase((group.sum0, group.sum1), group.anchor, txn.now)
        group.anchor = txn.now


def _total(txn: BoardTransaction, law: Decay, group: BoardSums, change: LawChangeRow | None) -> float:
    """Return the total intensity x share of a group, or an upper bound."""
    sums = (group.sum0, group.sum1)
    total = law.total(sums, group.anchor, txn.now)
    if change is None or not law.exact_sums:
        return total
    # Marks from before the change fade by the new law from its instant on, later marks by their own law.
    share = txn.laws.get(txn.tx, change.new_law).share(txn.now - change.changed_at)
    return max(total, law.total(sums, group.anchor, change.changed_at) * share)


def _subtract_evaporated(
    txn: BoardTransaction, watch: RegisteredWatch, kind: str, law_key: str, group: BoardSums
) -> None:
    """Subtract the marks of a group that evaporated since the last time and are not yet history."""
    change = txn.active.law_changes.get((kind, law_key))
    up_to = txn.now if change is None else min(txn.now, change.changed_at)
    if up_to <= group.evaporated_through:
        return
    if txn.has_evaporated_marks:  # otherwise no mark on the live board has evaporated
        span = {"after": group.evaporated_through, "up_to": up_to}
        if watch.comparison.measure.subject is None:
            _rebase(txn, txn.laws.get(txn.tx, law_key), group)
            sums = _sums(txn, MARKS.sum_expired_stimuli, watch, kind, law_key, group.anchor, **span)
            _add(group, *sums, sign=-1)
        else:
            values = {
                "watch_id": watch.id,
                "kind": kind,
                "law": law_key,
                "ignored_author": watch.ignored_author,
                **span,
            }
            for row in txn.tx.all(MARKS.expired_stimuli, **values):
                if watch.covers(row.subject):
                    _add_row(txn, row, group, -1)
    # Recorded even if nothing was found, so that the same range is not searched again.
    group.evaporated_through, group.changed = up_to, True


def _sums(
    txn: BoardTransaction,
    statement: Statement,
    watch: RegisteredWatch,
    kind: str,
    law_key: str,
    anchor: int,
    **span: int,
) -> tuple[int, float, float]:
    """Return the number of stimuli under a law and their two sums at an anchor, computed by the database."""
    law = txn.laws.get(txn.tx, law_key)
    sum0, sum1 = law.sums_sql
    row = txn.tx.one(
        statement.using(sum0=sum0, sum1=sum1),
        watch_id=watch.id,
        kind=kind,
        law=law_key,
        ignored_author=watch.ignored_author,
        anchor=anchor,
        length=law.parameters[0],
        **span,
    )
    return row.marks, row.sum0, row.sum1
