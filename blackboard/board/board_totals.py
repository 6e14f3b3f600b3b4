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
from blackboard.store import marks as M
from blackboard.store import watching as W
from blackboard.store.rows import MarkRow
from blackboard.store.transaction import Statement

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


def watermark(m: BoardTransaction, watch: Watch) -> int:
    """The event up to which a watch over the board has absorbed everything."""
    return m.tx.one(W.WATERMARK, id=watch.id)[0]  # type: ignore[no-any-return]


def is_stimulus(m: BoardTransaction, watch: Watch, row: MarkRow) -> bool:
    """Whether the mark, as it lies there, counts for a watch over the board."""
    if row.author == watch.not_author or not watch.covers(row.subject):
        return False
    if row.event_id <= watermark(m, watch):
        return False
    taken = m.tx.one(W.ABSORBED, watch_id=watch.id, mark_id=row.id)
    return taken is None or row.event_id > taken[0]


def is_evaporated(m: BoardTransaction, watch: Watch, row: MarkRow) -> bool:
    """Whether the mark evaporated and was taken out of the sums for that."""
    group = _groups(m, watch).get((row.kind, row.law))
    return group is not None and row.evaporates_at is not None and row.evaporates_at <= group.evaporated_through


def add(m: BoardTransaction, watch: Watch, row: MarkRow, sign: int) -> None:
    """Count a mark in (+1) or out (-1). One that is counted out must have been a stimulus."""
    groups = _groups(m, watch)
    group = groups.get((row.kind, row.law))
    if group is None:
        group = groups[row.kind, row.law] = Total(anchor=m.now, evaporated_through=m.now, new=True)
    if row.evaporates_at is not None and row.evaporates_at <= group.evaporated_through:
        return  # taken out when the group was settled, or evaporated as it was left
    if row.evaporates_at is not None and (m.next_end is None or row.evaporates_at < m.next_end):
        m.next_end = row.evaporates_at
    _count(m, row, group, sign)


def remove_evaporated(m: BoardTransaction, watch: Watch, kind: str, law_key: str) -> None:
    """Marks of this kind and law are about to leave the live board because they evaporated: take them out at once."""
    group = _groups(m, watch).get((kind, law_key))
    change = m.active.law_changes.get((kind, law_key))
    if group is not None:
        _remove_evaporated(m, watch, kind, law_key, group, m.now if change is None else min(m.now, change[1]))


def reset(m: BoardTransaction, watch: Watch) -> None:
    """Everything counted so far was absorbed."""
    m.tx.run(W.DELETE_TOTALS, watch_id=watch.id)
    m.totals[watch.id] = {}


def value(m: BoardTransaction, watch: Watch) -> tuple[float, int]:
    """The value of the watch's measure now, and how many marks stand behind it."""
    if not watch.keeps_totals:
        return measured(m, watch)
    count, total, exact = 0, 0.0, True
    for (kind, law_key), group in _groups(m, watch).items():
        change = m.active.law_changes.get((kind, law_key))
        _remove_evaporated(m, watch, kind, law_key, group, m.now if change is None else min(m.now, change[1]))
        if group.marks:
            law = m.laws.get(m.tx, law_key)
            exact = exact and change is None and law.sums(1.0, 0, 0) is not None
            count += group.marks
            total += m.kind(kind).weight * _sum_of(m, law, group, change)
    value = float(count) if watch.leaf.measure.function == "count" else max(0.0, total)
    if not exact and watch.leaf.met(value):  # the bound says perhaps: look
        return measured(m, watch)
    return value, count


def save(m: BoardTransaction) -> None:
    """Write what this transaction has changed."""
    for watch_id, groups in m.totals.items():
        for (kind, law), group in groups.items():
            if not group.changed:
                continue
            numbers = {name: getattr(group, name) for name in ("marks", "sum0", "sum1", "anchor", "evaporated_through")}
            if group.new:
                m.tx.run(W.INSERT_TOTAL, watch_id=watch_id, kind=kind, law=law, **numbers)
            else:
                m.tx.run(W.UPDATE_TOTAL, watch=watch_id, of_kind=kind, of_law=law, **numbers)
            group.new = group.changed = False


def measured(m: BoardTransaction, watch: Watch) -> tuple[float, int]:
    """The same, from the marks themselves: exact whatever the law, and nothing is written."""
    marks = [m.fading(row) for row in stimuli_of_board(m, watch)]
    return value_at(next(watch.condition.leaves()).measure, marks, m.now), len(marks)


def stimuli_of_board(m: BoardTransaction, watch: Watch) -> list[MarkRow]:
    """The live marks of the whole board that the watch has not absorbed."""
    rows: list[MarkRow] = []
    mark = watermark(m, watch)
    for kind in watch.condition.kinds:
        found = m.tx.all(
            M.BOARD_STIMULI,
            watch_id=watch.id,
            kind=kind,
            watermark=mark,
            now=m.horizon(kind),
            not_author=watch.not_author,
        )
        rows += [row for row in m.live(found) if watch.covers(row.subject)]
    return rows


def rebuild(m: BoardTransaction, watch: Watch) -> None:
    """Count afresh from the marks: after a change of the deployment, or a claim that left some over."""
    reset(m, watch)
    if not keeps_totals(watch):
        return
    groups = _groups(m, watch)
    if watch.leaf.measure.subject is None and not m.active.migrating.intersection(watch.kinds):
        for kind in watch.kinds:
            after = ""
            while (found := m.tx.one(M.LAWS_IN_USE, kind=kind, after=after)) is not None:
                after = found[0]
                marks, sum0, sum1 = _summed(m, M.STIMULI_SUMMED, watch, kind, after, m.now, up_to=m.now)
                groups[kind, after] = Total(
                    marks, sum0, sum1, anchor=m.now, evaporated_through=m.now, new=True, changed=True
                )
        return
    for row in stimuli_of_board(m, watch):
        if (group := groups.get((row.kind, row.law))) is None:
            group = groups[row.kind, row.law] = Total(anchor=m.now, evaporated_through=m.now, new=True)
        _count(m, row, group, +1)


def _groups(m: BoardTransaction, watch: Watch) -> dict[tuple[str, str], Total]:
    if (groups := m.totals.get(watch.id)) is None:
        rows = m.tx.all(W.TOTALS, watch_id=watch.id)
        groups = m.totals[watch.id] = {(kind, law): Total(*rest) for kind, law, *rest in rows}
    return groups


def _count(m: BoardTransaction, row: MarkRow, group: Total, sign: int) -> None:
    law = m.laws.get(m.tx, row.law)
    _bring_up(m, law, group)
    sums = law.sums(row.intensity, row.anchored_at, group.anchor) or (row.intensity, 0.0)
    _add(group, 1, *sums, sign=sign)


def _add(group: Total, marks: int, sum0: float, sum1: float, *, sign: int) -> None:
    group.marks += sign * marks
    group.sum0 += sign * sum0
    group.sum1 += sign * sum1
    if group.marks <= 0:  # what rounding left behind does not outlive the marks
        group.marks, group.sum0, group.sum1 = 0, 0.0, 0.0
    group.changed = True


def _bring_up(m: BoardTransaction, law: Decay, group: Total) -> None:
    """Move the sums' anchor to now, so that they never grow out of the range of a float."""
    if group.anchor == m.now:
        return
    if law.name == "exponential":
        group.sum0 = law.total((group.sum0, group.sum1), group.anchor, m.now)
    elif law.name == "linear":
        group.sum1 = law.total((group.sum0, group.sum1), group.anchor, m.now) - group.sum0
    group.anchor = m.now


def _sum_of(m: BoardTransaction, law: Decay, group: Total, change: tuple[str, int] | None) -> float:
    """The sum of what is left of a group's marks, or more than that where it cannot be known without a look."""
    sums = (group.sum0, group.sum1)
    now = law.total(sums, group.anchor, m.now) if law.sums(1.0, 0, 0) is not None else group.sum0
    if change is None or law.sums(1.0, 0, 0) is None:
        return now
    # Those that follow fade by the new law from the instant of the change, all alike; those left since, by their own.
    new_law, at = change
    return max(now, law.total(sums, group.anchor, at) * m.laws.get(m.tx, new_law).share(m.now - at))


def _remove_evaporated(m: BoardTransaction, watch: Watch, kind: str, law_key: str, group: Total, up_to: int) -> None:
    """Take out what evaporated since the last look and was not yet moved to the history."""
    if up_to <= group.evaporated_through:
        return
    if not m.stale:
        pass  # nothing has evaporated that still lies there
    elif watch.leaf.measure.subject is None:
        _bring_up(m, m.laws.get(m.tx, law_key), group)
        gone = _summed(
            m, M.EXPIRED_SUMMED, watch, kind, law_key, group.anchor, after=group.evaporated_through, up_to=up_to
        )
        _add(group, *gone, sign=-1)
    else:
        for row in _expired(m, watch, kind, law_key, group.evaporated_through, up_to):
            _count(m, row, group, -1)
    # Noted even if nothing was found, so that no later look goes over the same range again.
    group.evaporated_through, group.changed = up_to, True


def _expired(m: BoardTransaction, watch: Watch, kind: str, law_key: str, after: int, up_to: int) -> list[MarkRow]:
    found = m.tx.all(
        M.EXPIRED_STIMULI, watch_id=watch.id, after=after, up_to=up_to, kind=kind, law=law_key,
        not_author=watch.not_author,
    )  # fmt: skip
    return [row for row in (MarkRow(*values[:-1]) for values in found) if watch.covers(row.subject)]


def _summed(
    m: BoardTransaction,
    statements: dict[str, Statement],
    watch: Watch,
    kind: str,
    law_key: str,
    anchor: int,
    **span: int,
) -> tuple[int, float, float]:
    """How many stimuli of one law, and their two sums at an anchor, added up by the database."""
    law = m.laws.get(m.tx, law_key)
    found = m.tx.one(
        statements.get(law.name, statements["other"]),
        watch_id=watch.id, kind=kind, law=law_key, not_author=watch.not_author, anchor=anchor,
        length=law.parameters[0], **span,
    )  # fmt: skip
    return found[0], found[1], found[2]
