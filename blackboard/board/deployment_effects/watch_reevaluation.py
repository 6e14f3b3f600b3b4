"""Reevaluation of watches after a change of the deployment, as of its instant, before the backfill reaches their marks.

A backfill tests a watch on all live marks, in batches. Before a mark changes, and before a predicted crossing fires,
the watches that this concerns are tested for its subject. So each watch crosses as of the instant of the change, even
if the subject changes before the backfill reaches it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from blackboard.board.deployment_effects import mark_backfill
from blackboard.board.mark_tables import watch_scopes
from blackboard.board.mark_tables.marks_in_scopes import stored_marks
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.crossing_detection import episode_crossings, predicted_crossings, rising_crossings
from blackboard.board.watches.measurements import watch_totals, watched_marks
from blackboard.board.watches.waiting_crossings import crossing_retests, watch_guards
from blackboard.board.work_tables.backfill_rows import end_backfill
from blackboard.core.marks.scopes import WHOLE_BOARD, Group
from blackboard.core.records.backfill_targets import BackfillTarget, BackfillTask
from blackboard.store.row_types.deployment_row_types import BackfillRow
from blackboard.store.row_types.mark_row_types import MarkRow
from blackboard.store.row_types.watch_row_types import CrossingKey, PredictedCrossingRow
from blackboard.store.statements import CROSSINGS, MARKS

TESTS = (BackfillTask.WATCH, BackfillTask.VALUES, BackfillTask.WINDOW)
"""The tasks of backfills that test a watch."""


def evaluate_before_change(txn: BoardTransaction, kind: str, subject: str, new_payload: str | None = None) -> None:
    """Before a mark of this kind and subject changes, test the watches that a new deployment may have made cross.

    `new_payload` is the payload of a deposit as JSON text, which may bring the mark into another group.
    """
    if txn.active.backfills:
        for watch in dict.fromkeys([*txn.active.measuring.get(kind, ()), *txn.active.predicting.get(kind, ())]):
            for scope in _scopes_to_test(txn, watch, kind, subject, new_payload):
                _test_watch(txn, watch, scope)


def _scopes_to_test(
    txn: BoardTransaction, watch: RegisteredWatch, kind: str, subject: str, new_payload: str | None
) -> Iterator[str]:
    """Yield the scopes of a watch that a mark may affect: those with the mark, and those whose guards it may open."""
    yield from _scopes_of(txn, watch, kind, subject, new_payload)
    if watch_guards.measures_board(watch, kind):
        rows = txn.sql.all(CROSSINGS.due_predicted_of_watch, watch_id=watch.id, now=txn.now)
        yield from (row.scope for row in rows)


def _scopes_of(
    txn: BoardTransaction, watch: RegisteredWatch, kind: str, subject: str, new_payload: str | None
) -> Iterator[str]:
    """Yield the subject or, for a watch over groups, the groups of its marks and of the new payload."""
    if watch.condition.by is None:
        yield subject
        return
    scopes = [*watch_scopes.scopes_of(txn, watch, stored_marks(txn, [kind], subject))]
    if (
        new_payload is not None
        and (scope := watch_scopes.scope_of_payload(txn, watch, kind, subject, new_payload)) is not None
    ):
        scopes.append(scope)
    yield from dict.fromkeys(scopes)


def evaluate_before_firing(txn: BoardTransaction, limit: int) -> None:
    """Update the next `limit` due predictions after a change of the deployment, before they fire.

    A change may mean that a watch crossed earlier than was predicted, or not at all.
    """
    prepared: set[PredictedCrossingRow] = set()
    while txn.active.backfills and (due := set(txn.sql.all(CROSSINGS.due_predicted, now=txn.now, limit=limit))):
        if due <= prepared:
            return
        for row in due - prepared:
            if (watch := txn.active.watches.get(row.watch_id)) is not None and not watch.condition.is_schedule:
                _test_watch(txn, watch, row.scope)
        prepared |= due


def _test_watch(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> None:
    """Test a watch in a scope after a change of the deployment, unless the backfill has reached it.

    So the watch crosses as of the instant of the change, even if the scope changes before the backfill reaches it.
    """
    if watch.id in txn.active.retests:
        _retest_crossings(txn, watch, scope)
    if watch.condition.is_falling:
        _backfill_marks(txn, watch, scope)
    jobs = [(job, BackfillTarget.parse(job.task, job.name)) for job in txn.sql.all(CROSSINGS.backfills)]
    for job, target in jobs:
        if target.task in TESTS and target.watch_id == watch.id:
            _run_test(txn, watch, scope, job, target.task)


def _backfill_marks(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> None:
    """Let the marks of a falling watch follow a change of their law. The watch may fall earlier under the new law."""
    kinds = txn.active.kinds_in_backfill.intersection(watch.condition.kinds)
    if watch.condition.is_over_board:
        evaluate_fall_of_board(txn, watch, kinds)
        return
    for row in stored_marks(txn, kinds, scope):
        mark_backfill.backfill(txn, row)


def _run_test(txn: BoardTransaction, watch: RegisteredWatch, scope: str, job: BackfillRow, task: BackfillTask) -> None:
    """Run the test of a backfill for one scope, on the marks that the backfill has not reached."""
    if watch.condition.is_over_board:
        evaluate_board(txn, watch, job)
    elif watch.condition.by is not None:
        evaluate_group(txn, watch, scope, job)
    elif watch.condition.covers(scope) and task == BackfillTask.WINDOW:
        evaluate_deposits(txn, watch, scope, job)
    elif watch.condition.covers(scope):
        rows = stored_marks(txn, watch.condition.kinds_of_marks, scope)
        for row in [row for row in rows if job.position < row.event_id <= job.up_to]:
            evaluate_mark(txn, watch, mark_backfill.backfill(txn, row), job)


def _retest_crossings(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> None:
    """Test again the crossings that depend on the marks of a scope: the former watch may have had other scopes."""
    former = {scope, WHOLE_BOARD}
    for row in stored_marks(txn, watch.condition.kinds, scope) if scope != WHOLE_BOARD else ():
        tags = txn.sql.all(MARKS.tags_of_mark, mark_id=row.id)
        former |= {row.subject, *(Group(tag.name, tag.value).scope for tag in tags)}
    for former_scope in sorted(former):
        crossing_retests.retest_before_change(txn, watch, former_scope)


def evaluate_mark(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow, job: BackfillRow) -> None:
    """Test a watch on a mark as it was at the change, or at its own deposit if that came later."""
    at = max(job.at, row.anchored_at)
    if not watched_marks.is_counted(txn, watch, row) or not row.is_live(at):
        return
    if watch.timing is not None:
        key = watch.key_of(row.subject, row)
        episode_crossings.update_after_deployment(txn, watch, key, at, is_changed=job.task == BackfillTask.WATCH)
    elif watch.condition.is_falling:
        predicted_crossings.predict_watch(txn, watch, row, since=at)
    if watch.absorbs:
        rising_crossings.evaluate_as_of(txn, watch, row, at)


def evaluate_deposits(txn: BoardTransaction, watch: RegisteredWatch, scope: str, job: BackfillRow) -> None:
    """Test a watch with a window on the deposits of a scope, which may no longer have marks."""
    if watch.timing is not None:
        key = CrossingKey(watch.id, scope)
        episode_crossings.update_after_deployment(txn, watch, key, job.at, is_changed=False)
    else:
        predicted_crossings.predict_scope(txn, watch, scope, job.at)


def evaluate_group(txn: BoardTransaction, watch: RegisteredWatch, scope: str, job: BackfillRow) -> None:
    """Test a watch over groups on the marks and the deposits of one group."""
    for row in stored_marks(txn, txn.active.kinds_in_backfill.intersection(watch.condition.kinds_of_marks), scope):
        mark_backfill.backfill(txn, row)
    if watch.timing is not None:
        key = CrossingKey(watch.id, scope)
        episode_crossings.update_after_deployment(txn, watch, key, job.at, is_changed=job.task == BackfillTask.WATCH)
    elif watch.condition.is_falling:
        predicted_crossings.predict_scope(txn, watch, scope, job.at)
    if watch.absorbs:
        rising_crossings.evaluate_scope_as_of(txn, watch, scope, job.at)


def evaluate_board(txn: BoardTransaction, watch: RegisteredWatch, job: BackfillRow) -> None:
    """Test a watch over the board, and end its backfill."""
    if watch.absorbs and job.task == BackfillTask.WATCH:  # a change of weight, law or floor keeps the sums right
        watch_totals.rebuild(txn, watch)
    if watch.timing is not None:
        key = CrossingKey(watch.id, WHOLE_BOARD)
        episode_crossings.update_after_deployment(txn, watch, key, job.at, is_changed=job.task == BackfillTask.WATCH)
    elif watch.condition.is_falling:
        predicted_crossings.predict_board(txn, watch, since=job.at)
    if watch.absorbs:
        rising_crossings.evaluate_scope(txn, watch, WHOLE_BOARD)
    end_backfill(txn, job)


def evaluate_fall_of_board(txn: BoardTransaction, watch: RegisteredWatch, kinds: Collection[str]) -> None:
    """Test a falling watch over the board at a change of some kinds, before the first mark follows the change.

    If the change makes marks evaporate, the watch crosses at the instant of the change.
    """
    for job in txn.sql.all(CROSSINGS.backfills):
        if job.position == 0 and BackfillTarget.parse(job.task, job.name).kind in kinds:
            predicted_crossings.predict_board(txn, watch, since=job.at)
