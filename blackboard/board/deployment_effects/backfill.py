"""The backfill: marks and crossings follow a change of the deployment in bounded batches, as of its instant.

A change plans jobs, and each job has one of three tasks. It tests the waiting crossings of a changed watch again, it
lets the marks of a changed kind follow, or it tests a watch on live marks and on deposits in windows.

After a change of law, a mark fades by the old law up to the instant of the change, and by the new law from then on. Its
strength does not jump. A mark with a law of its own keeps it. A change of a weight, of a threshold or of an agent can
make a watch cross. So the watch is tested on the live marks as they were at the instant of the change, after the
crossings that already wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from blackboard.board.deployment_effects import mark_backfill, watch_reevaluation
from blackboard.board.mark_tables.window_deposits import scopes_in_windows
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.measurements.stimuli import read_stimuli_of_subjects
from blackboard.board.watches.waiting_crossings import crossing_retests
from blackboard.board.work_tables.backfill_rows import continue_backfill, end_backfill
from blackboard.core.marks.scopes import Group, group_of
from blackboard.core.records.backfill_targets import BackfillTarget, BackfillTask
from blackboard.store.row_types.deployment_row_types import BackfillRow
from blackboard.store.row_types.mark_row_types import MarkRow
from blackboard.store.statements import CROSSINGS, DEPLOYMENTS, MARKS, WINDOWS

MARKS_PER_STEP = 1000
"""The number of marks of a kind that one step of a backfill reads, if no other writer waits for its end."""


def run_batch(txn: BoardTransaction, limit: int = MARKS_PER_STEP) -> int:
    """Run a part of the oldest backfill, over at most `limit` marks of each kind.

    Returns:
        The number of marks that it touched, at least 1; 0 if there is no backfill.
    """
    job = txn.sql.one(CROSSINGS.backfills)
    if job is None:
        return 0
    target = BackfillTarget.parse(job.task, job.name)
    txn.drop_row_cache()
    return max(1, _TASKS[target.task](txn, job, target, limit))


def _retest_crossings(txn: BoardTransaction, job: BackfillRow, target: BackfillTarget, limit: int) -> int:
    """Test again the waiting crossings of a watch that has changed."""
    watch = txn.active.watches.get(target.watch_id)
    count = 0 if watch is None else crossing_retests.run_batch(txn, watch, limit)
    if count < limit:
        end_backfill(txn, job)
    return count


def _backfill_kind(txn: BoardTransaction, job: BackfillRow, target: BackfillTarget, limit: int) -> int:
    if job.position == 0:
        for watch in txn.active.falling.get(target.kind, ()):
            if watch.condition.is_over_board:
                watch_reevaluation.evaluate_fall_of_board(txn, watch, {target.kind})
    rows = _next_marks(txn, job, target.kind, job.up_to, limit)
    mark_backfill.read_together(txn, rows)
    for row in rows:
        mark_backfill.backfill(txn, row)
    position = job.up_to if len(rows) < limit else rows[-1].event_id
    if position >= job.up_to:
        txn.sql.run(DEPLOYMENTS.delete_law_changes, kind=target.kind)
    _advance(txn, job, position)
    return len(rows)


def _test_watch(txn: BoardTransaction, job: BackfillRow, target: BackfillTarget, limit: int) -> int:
    """Test a watch on live marks as they were at the change, or at their own deposit if that came later."""
    watch = txn.active.watches.get(target.watch_id)
    if watch is None:
        end_backfill(txn, job)
        return 0
    if watch.condition.is_over_board:
        watch_reevaluation.evaluate_board(txn, watch, job)
        return 1
    if watch.condition.by is not None:
        return _test_groups(txn, watch, job, target, limit)
    # Every kind advances to the same event, so the position shows how far the whole backfill has come.
    touched, last = 0, job.up_to
    for kind in watch.condition.kinds_of_marks:
        rows = _next_marks(txn, job, kind, job.up_to, limit)
        touched += len(rows)
        if len(rows) == limit:
            last = min(last, rows[-1].event_id)
    for kind in watch.condition.kinds_of_marks:
        rows = _next_marks(txn, job, kind, last, limit)
        if watch.absorbs:
            read_stimuli_of_subjects(txn, watch, (row.subject for row in rows))
        for row in rows:
            watch_reevaluation.evaluate_mark(txn, watch, mark_backfill.backfill(txn, row), job)
    _advance(txn, job, last)
    return touched


def _test_groups(
    txn: BoardTransaction, watch: RegisteredWatch, job: BackfillRow, target: BackfillTarget, limit: int
) -> int:
    """Test a watch over groups on the next groups that have marks, or deposits in its windows."""
    scopes = list(islice(_groups(txn, watch, target.last_scope), limit))
    for scope in scopes:
        watch_reevaluation.evaluate_group(txn, watch, scope, job)
    return _after_scopes(txn, job, target, scopes, limit)


def _groups(txn: BoardTransaction, watch: RegisteredWatch, after: str) -> Iterator[str]:
    """Yield the groups after a group that have marks, or deposits in windows, of the kinds of a watch."""
    tag, group = watch.condition.by or "", group_of(after)
    key: str | None = "" if group is None else group.key
    while key is not None:
        following = [
            txn.sql.value(MARKS.next_tag_value, kind=kind, tag=tag, after=key) for kind in watch.condition.kinds
        ]
        following += [
            txn.sql.value(WINDOWS.next_group_in_windows, kind=kind, tag=tag, after=key)
            for kind in watch.condition.kinds_in_windows
        ]
        key = min((next_key for next_key in following if next_key is not None), default=None)
        if key is not None:
            yield Group(tag, key).scope


def _test_window(txn: BoardTransaction, job: BackfillRow, target: BackfillTarget, limit: int) -> int:
    """Test a watch with a window on the next subjects with deposits, including those without marks."""
    watch = txn.active.watches.get(target.watch_id)
    found = () if watch is None else scopes_in_windows(txn.sql, watch.condition, target.last_scope)
    subjects = list(islice(found, limit))
    for subject in subjects:
        if watch is not None and watch.condition.covers(subject):
            watch_reevaluation.evaluate_deposits(txn, watch, subject, job)
    return _after_scopes(txn, job, target, subjects, limit)


def _after_scopes(
    txn: BoardTransaction, job: BackfillRow, target: BackfillTarget, tested: Sequence[str], limit: int
) -> int:
    """Continue after the tested scopes, or end the job if there were fewer than the limit; return the number tested."""
    if len(tested) == limit:
        continue_backfill(txn, job, replace(target, last_scope=tested[-1]))
    else:
        end_backfill(txn, job)
    return len(tested)


def _next_marks(txn: BoardTransaction, job: BackfillRow, kind: str, up_to: int, limit: int) -> list[MarkRow]:
    return txn.sql.all(MARKS.marks_changed_between, kind=kind, after=job.position, up_to=up_to, limit=limit)


def _advance(txn: BoardTransaction, job: BackfillRow, position: int) -> None:
    if position >= job.up_to:
        end_backfill(txn, job)
    else:
        txn.sql.run(CROSSINGS.move_backfill, id=job.id, position=position)


_TASKS = {
    BackfillTask.CROSSINGS: _retest_crossings,
    BackfillTask.KIND: _backfill_kind,
    BackfillTask.WATCH: _test_watch,
    BackfillTask.VALUES: _test_watch,
    BackfillTask.WINDOW: _test_window,
}
