"""Marks follow a change of the deployment, in bounded batches, each as of the instant of the change.

A change of law: the old law to that instant, the new one after it, no jump. Any change that can make a watch be met
(a weight, a threshold, a new agent): its marks are tested as they were then.
"""

from __future__ import annotations

from typing import NamedTuple

from blackboard.board import board_totals, crossings, predicted_crossings
from blackboard.board.board_transaction import BoardTransaction, Watch
from blackboard.board.stimuli import absorbed_through, is_stimulus
from blackboard.store.rows import MarkRow
from blackboard.store.statements import CROSSINGS, DEPLOYMENTS, MARKS

__all__ = ["migrate", "run_batch"]


class Backfill(NamedTuple):
    """A row of `follow_up`: work that a change of the deployment left to be done."""

    id: int
    task: str
    name: str
    at: int
    up_to: int
    position: int


def migrate(txn: BoardTransaction, row: MarkRow) -> MarkRow:
    """The mark under the law and floor that its kind now has, if they changed since it was left; otherwise as it is."""
    moved = txn.migrated(row)
    if moved == row:
        return row
    totalled = [
        watch
        for watch in txn.active.rising.get(row.kind, ())
        if watch.keeps_totals and is_stimulus(watch, row, absorbed_through(txn, watch, row.id))
    ]
    for watch in totalled:
        board_totals.add(txn, watch, row, -1)
    txn.rebase(moved)
    if moved.law != row.law:
        txn.record(moved, "law_changed", author=row.author, at=moved.anchored_at)
    for watch in totalled:
        board_totals.add(txn, watch, moved, +1)
    return moved


def run_batch(txn: BoardTransaction, limit: int) -> int:
    """Do a bounded part of the oldest work that waits; returns how many marks it touched, 0 when nothing waits."""
    values = txn.tx.one(CROSSINGS.backfills)
    if values is None:
        return 0
    job = Backfill(*values)
    return max(1, _WORK[job.task](txn, job, limit))


def _relaw(txn: BoardTransaction, job: Backfill, limit: int) -> int:
    kind, law = job.name.split(" ", 1)
    rows = [
        MarkRow(*values) for values in txn.tx.all(MARKS.marks_under_law, kind=kind, law=law, at=job.at, limit=limit)
    ]
    for row in rows:
        migrate(txn, row)
    if len(rows) < limit:
        txn.tx.run(DEPLOYMENTS.delete_law_change, kind=kind, law=law)
        txn.tx.run(CROSSINGS.delete_backfill, id=job.id)
    return len(rows)


def _refloor(txn: BoardTransaction, job: Backfill, limit: int) -> int:
    rows = [
        MarkRow(*values)
        for values in txn.tx.all(
            MARKS.marks_changed_between, kind=job.name, after=job.position, up_to=job.up_to, limit=limit
        )
    ]
    for row in rows:
        migrate(txn, row)
    if len(rows) < limit:
        txn.tx.run(DEPLOYMENTS.delete_floor_changes, kind=job.name)
        txn.tx.run(CROSSINGS.delete_backfill, id=job.id)
    else:
        txn.tx.run(CROSSINGS.move_backfill, id=job.id, position=rows[-1].event_id)
    return len(rows)


def _retest(txn: BoardTransaction, job: Backfill, limit: int) -> int:
    """Test a watch on marks that lie there already, as of the change, or of their own deposit if that came later."""
    watch = txn.active.watches.get(int(job.name))
    if watch is None:
        txn.tx.run(CROSSINGS.delete_backfill, id=job.id)
        return 0
    if watch.over_board:
        _retest_board(txn, watch, job)
        return 1
    touched, last = 0, job.up_to
    for kind in watch.condition.kinds:
        rows = [
            MarkRow(*values)
            for values in txn.tx.all(
                MARKS.marks_changed_between, kind=kind, after=job.position, up_to=job.up_to, limit=limit
            )
        ]
        touched += len(rows)
        if len(rows) == limit:
            last = min(last, rows[-1].event_id)
    for kind in watch.condition.kinds:
        for values in txn.tx.all(MARKS.marks_changed_between, kind=kind, after=job.position, up_to=last, limit=limit):
            _retest_mark(txn, watch, migrate(txn, MarkRow(*values)), job.at)
    if last >= job.up_to:
        txn.tx.run(CROSSINGS.delete_backfill, id=job.id)
    else:
        txn.tx.run(CROSSINGS.move_backfill, id=job.id, position=last)
    return touched


def _retest_mark(txn: BoardTransaction, watch: Watch, row: MarkRow, at: int) -> None:
    at = max(at, row.anchored_at)
    if not watch.covers(row.subject) or (row.evaporates_at is not None and row.evaporates_at <= at):
        return
    if watch.falling:
        predicted_crossings.predict_watch(txn, watch, row, since=at)
    else:
        crossings.test_as_of(txn, watch, row, at)


def _retest_board(txn: BoardTransaction, watch: Watch, job: Backfill) -> None:
    if watch.falling:
        kinds = watch.condition.kinds
        found = next((MarkRow(*row) for kind in kinds for row in txn.tx.all(MARKS.marks_of_kind, kind=kind)), None)
        if found is not None:
            predicted_crossings.predict_watch(txn, watch, found, since=job.at)
    else:
        if job.task == "watch":  # a change of weight, law or floor leaves the sums right
            board_totals.rebuild(txn, watch)
        crossings.test(txn, watch, "")
    txn.tx.run(CROSSINGS.delete_backfill, id=job.id)


_WORK = {"law": _relaw, "floor": _refloor, "watch": _retest, "values": _retest}
