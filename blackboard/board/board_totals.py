"""The total or count that a watch over the whole board sees, kept up as marks come and go, never scanned for.

For each kind and law two sums are kept from which the total at any later instant follows (see `Decay.sums`), without
the kind's weight, so that a change of weight counts at once. Marks that have evaporated are taken out by a range of
the index on `evaporates_at`, each once. The power law and curves have no such sums: for them the sum of intensities
is kept, an upper bound, and the marks are read only when that bound reaches the threshold. So it is with marks that
still follow a change of their law or floor.

A transaction reads the sums once and writes them once, at its end, however many marks it touches.
"""

from __future__ import annotations

from blackboard.board.board_transaction import BoardTransaction, Total, Watch
from blackboard.decay import Decay
from blackboard.forecast import value_at
from blackboard.store.rows import MarkRow
from blackboard.store.statements import CROSSINGS, MARKS, Statement

__all__ = [
    "add",
    "is_evaporated",
    "is_stimulus",
    "keeps_totals",
    "measured",
    "remove_evaporated",
    "reset",
    "save",
    "stimuli_of_board",
    "value",
]


def keeps_totals(watch: Watch) -> bool:
    """Whether sums are kept for it: a total or a count over the whole board."""
    return watch.keeps_totals


def watermark(txn: BoardTransaction, watch: Watch) -> int:
    """The event up to which a watch over the board has absorbed everything."""
    return txn.tx.one(CROSSINGS.get_watermark, id=watch.id)[0]  # type: ignore[no-any-return]


def is_stimulus(txn: BoardTransaction, watch: Watch, row: MarkRow) -> bool:
    """Whether the mark, as it lies there, counts for a watch over the board."""
    if row.author == watch.not_author or not watch.covers(row.subject):
        return False
    if row.event_id <= watermark(txn, watch):
        return False
    taken = txn.tx.one(CROSSINGS.get_absorbed, watch_id=watch.id, mark_id=row.id)
    return taken is None or row.event_id > taken[0]


def is_evaporated(txn: BoardTransaction, watch: Watch, row: MarkRow) -> bool:
    """Whether the mark evaporated and was taken out of the sums for that."""
    group = _groups(txn, watch).get((row.kind, row.law))
    return group is not None and row.evaporates_at is not None and row.evaporates_at <= group.evaporated_through


def add(txn: BoardTransaction, watch: Watch, row: MarkRow, sign: int) -> None:
    """Count a mark in (+1) or out (-1). One that is counted out must have been a stimulus."""
    groups = _groups(txn, watch)
    group = groups.get((row.kind, row.law))
    if group is None:
        group = groups[row.kind, row.law] = Total(anchor=txn.now, evaporated_through=txn.now, new=True)
    if row.evaporates_at is not None and row.evaporates_at <= group.evaporated_through:
        return  # taken out when the group was settled, or evaporated as it was left
    if row.evaporates_at is not None and (txn.next_end is None or row.evaporates_at < txn.next_end):
        txn.next_end = row.evaporates_at
    _count(txn, row, group, sign)


def remove_evaporated(txn: BoardTransaction, watch: Watch, kind: str, law_key: str) -> None:
    """Marks of this kind and law are about to leave the live board because they evaporated: take them out at once."""
    group = _groups(txn, watch).get((kind, law_key))
    change = txn.active.law_changes.get((kind, law_key))
    if group is not None:
        _remove_evaporated(txn, watch, kind, law_key, group, txn.now if change is None else min(txn.now, change[1]))


def reset(txn: BoardTransaction, watch: Watch) -> None:
    """Everything counted so far was absorbed."""
    txn.tx.run(CROSSINGS.delete_board_totals, watch_id=watch.id)
    txn.totals[watch.id] = {}


def value(txn: BoardTransaction, watch: Watch) -> tuple[float, int]:
    """The value of the watch's measure now, and how many marks stand behind it."""
    if not watch.keeps_totals:
        return measured(txn, watch)
    count, total, exact = 0, 0.0, True
    for (kind, law_key), group in _groups(txn, watch).items():
        change = txn.active.law_changes.get((kind, law_key))
        _remove_evaporated(txn, watch, kind, law_key, group, txn.now if change is None else min(txn.now, change[1]))
        if group.marks:
            law = txn.laws.get(txn.tx, law_key)
            exact = exact and change is None and law.exact_sums
            count += group.marks
            total += txn.kind(kind).weight * _sum_of(txn, law, group, change)
    value = float(count) if watch.leaf.measure.function == "count" else max(0.0, total)
    if not exact and watch.leaf.met(value):  # the bound says perhaps: look
        return measured(txn, watch)
    return value, count


def save(txn: BoardTransaction) -> None:
    """Write what this transaction has changed."""
    for watch_id, groups in txn.totals.items():
        for (kind, law), group in groups.items():
            if not group.changed:
                continue
            numbers = {name: getattr(group, name) for name in ("marks", "sum0", "sum1", "anchor", "evaporated_through")}
            if group.new:
                txn.tx.run(CROSSINGS.insert_board_total, watch_id=watch_id, kind=kind, law=law, **numbers)
            else:
                txn.tx.run(CROSSINGS.update_board_total, watch_id=watch_id, kind=kind, law=law, **numbers)
            group.new = group.changed = False


def measured(txn: BoardTransaction, watch: Watch) -> tuple[float, int]:
    """The same, from the marks themselves: exact whatever the law, and nothing is written."""
    marks = [txn.fading(row) for row in stimuli_of_board(txn, watch)]
    return value_at(next(watch.condition.leaves()).measure, marks, txn.now), len(marks)


def stimuli_of_board(txn: BoardTransaction, watch: Watch) -> list[MarkRow]:
    """The live marks of the whole board that the watch has not absorbed."""
    rows: list[MarkRow] = []
    mark = watermark(txn, watch)
    for kind in watch.condition.kinds:
        found = txn.tx.all(
            MARKS.stimuli_of_board,
            watch_id=watch.id,
            kind=kind,
            watermark=mark,
            now=txn.horizon(kind),
            not_author=watch.not_author,
        )
        rows += [row for row in txn.live(found) if watch.covers(row.subject)]
    return rows


def rebuild(txn: BoardTransaction, watch: Watch) -> None:
    """Count afresh from the marks: after a change of the deployment, or a claim that left some over."""
    reset(txn, watch)
    if not keeps_totals(watch):
        return
    groups = _groups(txn, watch)
    if watch.leaf.measure.subject is None and not txn.active.migrating.intersection(watch.kinds):
        for kind in watch.kinds:
            after = ""
            while (values := txn.tx.one(MARKS.next_law_in_use, kind=kind, after=after)) is not None:
                after = values[0]
                marks, sum0, sum1 = _summed(txn, MARKS.sum_stimuli, watch, kind, after, txn.now, up_to=txn.now)
                groups[kind, after] = Total(
                    marks, sum0, sum1, anchor=txn.now, evaporated_through=txn.now, new=True, changed=True
                )
        return
    for row in stimuli_of_board(txn, watch):
        if (group := groups.get((row.kind, row.law))) is None:
            group = groups[row.kind, row.law] = Total(anchor=txn.now, evaporated_through=txn.now, new=True)
        _count(txn, row, group, +1)


def _groups(txn: BoardTransaction, watch: Watch) -> dict[tuple[str, str], Total]:
    if (groups := txn.totals.get(watch.id)) is None:
        rows = txn.tx.all(CROSSINGS.board_totals, watch_id=watch.id)
        groups = txn.totals[watch.id] = {(kind, law): Total(*rest) for kind, law, *rest in rows}
    return groups


def _count(txn: BoardTransaction, row: MarkRow, group: Total, sign: int) -> None:
    law = txn.laws.get(txn.tx, row.law)
    _bring_up(txn, law, group)
    _add(group, 1, *law.sums(row.intensity, row.anchored_at, group.anchor), sign=sign)


def _add(group: Total, marks: int, sum0: float, sum1: float, *, sign: int) -> None:
    group.marks += sign * marks
    group.sum0 += sign * sum0
    group.sum1 += sign * sum1
    if group.marks <= 0:  # what rounding left behind does not outlive the marks
        group.marks, group.sum0, group.sum1 = 0, 0.0, 0.0
    group.changed = True


def _bring_up(txn: BoardTransaction, law: Decay, group: Total) -> None:
    """Move the sums' anchor to now, so that they never grow out of the range of a float."""
    if group.anchor == txn.now:
        return
    group.sum0, group.sum1 = law.rebase((group.sum0, group.sum1), group.anchor, txn.now)
    group.anchor = txn.now


def _sum_of(txn: BoardTransaction, law: Decay, group: Total, change: tuple[str, int] | None) -> float:
    """The sum of what is left of a group's marks, or more than that where it cannot be known without a look."""
    sums = (group.sum0, group.sum1)
    now = law.total(sums, group.anchor, txn.now)
    if change is None or not law.exact_sums:
        return now
    # Those that follow fade by the new law from the instant of the change, all alike; those left since, by their own.
    new_law, at = change
    return max(now, law.total(sums, group.anchor, at) * txn.laws.get(txn.tx, new_law).share(txn.now - at))


def _remove_evaporated(txn: BoardTransaction, watch: Watch, kind: str, law_key: str, group: Total, up_to: int) -> None:
    """Take out what evaporated since the last look and was not yet moved to the history."""
    if up_to <= group.evaporated_through:
        return
    if not txn.stale:
        pass  # nothing has evaporated that still lies there
    elif watch.leaf.measure.subject is None:
        _bring_up(txn, txn.laws.get(txn.tx, law_key), group)
        gone = _summed(
            txn,
            MARKS.sum_expired_stimuli,
            watch,
            kind,
            law_key,
            group.anchor,
            after=group.evaporated_through,
            up_to=up_to,
        )
        _add(group, *gone, sign=-1)
    else:
        for row in _expired(txn, watch, kind, law_key, group.evaporated_through, up_to):
            _count(txn, row, group, -1)
    # Noted even if nothing was found, so that no later look goes over the same range again.
    group.evaporated_through, group.changed = up_to, True


def _expired(txn: BoardTransaction, watch: Watch, kind: str, law_key: str, after: int, up_to: int) -> list[MarkRow]:
    found = txn.tx.all(
        MARKS.expired_stimuli, watch_id=watch.id, after=after, up_to=up_to, kind=kind, law=law_key,
        not_author=watch.not_author,
    )  # fmt: skip
    return [row for row in found if watch.covers(row.subject)]


def _summed(
    txn: BoardTransaction, statement: Statement, watch: Watch, kind: str, law_key: str, anchor: int, **span: int
) -> tuple[int, float, float]:
    """How many stimuli of one law, and their two sums at an anchor, added up by the database."""
    law = txn.laws.get(txn.tx, law_key)
    sum0, sum1 = law.sums_sql
    row = txn.tx.one(
        statement.using(sum0=sum0, sum1=sum1),
        watch_id=watch.id, kind=kind, law=law_key, not_author=watch.not_author, anchor=anchor,
        length=law.parameters[0], **span,
    )  # fmt: skip
    return row.marks, row.sum0, row.sum1
