"""The total or count that a watch over the whole board sees, kept up as marks come and go, never scanned for.

For each kind and law two sums are kept from which the total at any later instant follows (see `Decay.sums`), without
the kind's weight, so that a change of weight counts at once. Marks that have evaporated are taken out by a range of
the index on `evaporates_at`, each once. The power law and curves have no such sums: for them the sum of intensities
is kept, an upper bound, and the marks are read only when that bound reaches the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

from blackboard.board.moment import Moment, Watch
from blackboard.forecast import value_at
from blackboard.store import marks as M
from blackboard.store import watching as W
from blackboard.store.rows import MarkRow

__all__ = ["add", "counted", "forget", "is_stimulus", "keeps_totals", "stimuli_of_board", "value"]


@dataclass
class _Group:
    marks: int = 0
    sum0: float = 0.0
    sum1: float = 0.0
    anchor: int = 0
    settled: int = 0


def keeps_totals(watch: Watch) -> bool:
    """Whether sums are kept for it: a total or a count over the whole board."""
    return watch.keeps_totals


def watermark(m: Moment, watch: Watch) -> int:
    """The event up to which a watch over the board has absorbed everything."""
    return m.tx.one(W.WATERMARK, id=watch.id)[0]  # type: ignore[no-any-return]


def is_stimulus(m: Moment, watch: Watch, row: MarkRow) -> bool:
    """Whether the mark, as it lies there, counts for a watch over the board."""
    if row.author == watch.not_author or not watch.covers(row.subject):
        return False
    if row.event_id <= watermark(m, watch):
        return False
    taken = m.tx.one(W.ABSORBED, watch_id=watch.id, mark_id=row.id)
    return taken is None or row.event_id > taken[0]


def add(m: Moment, watch: Watch, row: MarkRow, sign: int) -> None:
    """Count a mark in (+1) or out (-1). One that is counted out must have been a stimulus."""
    groups = _read(m, watch)
    group = groups.get((row.kind, row.law))
    new = group is None
    group = group or _Group(anchor=m.now, settled=m.now)
    if row.evaporates_at is not None and row.evaporates_at <= group.settled:
        return  # taken out when the group was settled, or evaporated as it was left
    _bring_up(m, row.law, group)
    law = m.laws.get(m.tx, row.law)
    sums = law.sums(row.intensity, row.anchored_at, group.anchor) or (row.intensity, 0.0)
    group.marks += sign
    group.sum0 += sign * sums[0]
    group.sum1 += sign * sums[1]
    _write(m, watch, row.kind, row.law, group, new=new)


def forget(m: Moment, watch: Watch) -> None:
    """Everything counted so far was absorbed."""
    m.tx.run(W.DELETE_TOTALS, watch_id=watch.id)


def value(m: Moment, watch: Watch) -> tuple[float, int]:
    """The value of the watch's measure now, and how many marks stand behind it."""
    leaf = next(watch.condition.leaves())
    if not keeps_totals(watch) or m.in_force.moving.intersection(watch.condition.kinds):
        return counted(m, watch)
    count, total, bounded = 0, 0.0, []
    for (kind, law_key), group in _read(m, watch).items():
        _settle(m, watch, kind, law_key, group)
        law = m.laws.get(m.tx, law_key)
        count += group.marks
        if law.sums(1.0, 0, 0) is None:
            bounded.append((kind, law_key))
            total += m.kind(kind).weight * group.sum0
        elif group.marks:
            total += m.kind(kind).weight * law.total((group.sum0, group.sum1), group.anchor, m.now)
    if leaf.measure.function == "count":
        return float(count), count
    if bounded and total >= leaf.threshold:  # the bound says perhaps: look
        total = sum(m.strength(row) for row in stimuli_of_board(m, watch))
    return max(0.0, total), count


def counted(m: Moment, watch: Watch) -> tuple[float, int]:
    """The same, from the marks themselves: exact whatever the law, and nothing is written."""
    marks = [m.faded(row) for row in stimuli_of_board(m, watch)]
    return value_at(next(watch.condition.leaves()).measure, marks, m.now), len(marks)


def stimuli_of_board(m: Moment, watch: Watch) -> list[MarkRow]:
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


def rebuild(m: Moment, watch: Watch) -> None:
    """Count afresh from the marks: after a change of the deployment, or a claim that left some over."""
    forget(m, watch)
    if not keeps_totals(watch):
        return
    groups: dict[tuple[str, str], _Group] = {}
    for row in stimuli_of_board(m, watch):
        group = groups.setdefault((row.kind, row.law), _Group(anchor=m.now, settled=m.now))
        sums = m.laws.get(m.tx, row.law).sums(row.intensity, row.anchored_at, m.now) or (row.intensity, 0.0)
        group.marks += 1
        group.sum0 += sums[0]
        group.sum1 += sums[1]
    for (kind, law), group in groups.items():
        _write(m, watch, kind, law, group, new=True)


def _read(m: Moment, watch: Watch) -> dict[tuple[str, str], _Group]:
    return {(kind, law): _Group(*rest) for kind, law, *rest in m.tx.all(W.TOTALS, watch_id=watch.id)}


def _write(m: Moment, watch: Watch, kind: str, law: str, group: _Group, *, new: bool) -> None:
    if group.marks <= 0:  # what rounding left behind does not outlive the marks
        group.marks, group.sum0, group.sum1 = 0, 0.0, 0.0
    numbers = vars(group)
    if new:
        m.tx.run(W.INSERT_TOTAL, watch_id=watch.id, kind=kind, law=law, **numbers)
    else:
        m.tx.run(W.UPDATE_TOTAL, watch=watch.id, of_kind=kind, of_law=law, **numbers)


def _bring_up(m: Moment, law_key: str, group: _Group) -> None:
    """Move the sums' anchor to now, so that they never grow out of the range of a float."""
    law = m.laws.get(m.tx, law_key)
    if law.name == "exponential":
        group.sum0 = law.total((group.sum0, group.sum1), group.anchor, m.now)
    elif law.name == "linear":
        group.sum1 = law.total((group.sum0, group.sum1), group.anchor, m.now) - group.sum0
    group.anchor = m.now


def _settle(m: Moment, watch: Watch, kind: str, law_key: str, group: _Group) -> None:
    """Take out what evaporated since the last look and was not yet moved to the history."""
    expired = [
        MarkRow(*found[:-1])
        for found in m.tx.run(
            M.EXPIRED_STIMULI,
            watch_id=watch.id,
            after=group.settled,
            upto=m.now,
            kind=kind,
            law=law_key,
            watermark=watermark(m, watch),
            not_author=watch.not_author,
        )
    ]
    expired = [row for row in expired if watch.covers(row.subject)]
    if not expired:
        return
    _bring_up(m, law_key, group)
    law = m.laws.get(m.tx, law_key)
    for row in expired:
        sums = law.sums(row.intensity, row.anchored_at, group.anchor) or (row.intensity, 0.0)
        group.marks -= 1
        group.sum0 -= sums[0]
        group.sum1 -= sums[1]
    group.settled = m.now
    _write(m, watch, kind, law_key, group, new=False)
