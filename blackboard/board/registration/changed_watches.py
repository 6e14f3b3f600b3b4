"""Tests of watches after a change of the deployment: as of its instant, wherever the backfill is.

A backfill tests a watch on all live marks, in batches. Before a mark changes, and before a predicted crossing fires,
the watches that this concerns are tested for its subject. So each watch crosses as of the instant of the change, even
if the subject changes before the backfill reaches it.
"""

from __future__ import annotations

from blackboard.board.registration import mark_migration
from blackboard.board.transactions.active_deployment import RegisteredWatch
from blackboard.board.transactions.backfill_targets import BackfillTarget, BackfillTask
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches import (
    board_totals,
    crossing_retests,
    episode_crossings,
    guards,
    need_access,
    predicted_crossings,
    rising_crossings,
)
from blackboard.board.watches.watch_states import StateKey
from blackboard.store.rows import BackfillRow, MarkRow, PredictedCrossingRow
from blackboard.store.statements import CROSSINGS

TESTS = (BackfillTask.WATCH, BackfillTask.VALUES, BackfillTask.WINDOW)
"""The tasks of backfills that test a watch."""


def prepare_change(txn: BoardTransaction, kind: str, subject: str) -> None:
    """Finish backfills, then due crossings, that a change of a mark of this kind and subject could disturb."""
    if txn.active.backfills:
        for watch in dict.fromkeys([*txn.active.measuring.get(kind, ()), *txn.active.predicting.get(kind, ())]):
            _follow_deployment(txn, watch, subject)
            if guards.measures_board(watch, kind):
                for row in txn.sql.all(CROSSINGS.due_predicted_of_watch, watch_id=watch.id, now=txn.now):
                    _follow_deployment(txn, watch, row.subject)
    predicted_crossings.fire_due_of(txn, kind, subject)


def prepare_due(txn: BoardTransaction, limit: int) -> None:
    """Update the next `limit` due predictions after a change of the deployment, before they fire.

    A change may mean that a watch crossed earlier than was predicted, or not at all.
    """
    prepared: set[PredictedCrossingRow] = set()
    while txn.active.backfills and (due := set(txn.sql.all(CROSSINGS.due_predicted, now=txn.now, limit=limit))):
        if due <= prepared:
            return
        for row in due - prepared:
            if (watch := txn.active.watches.get(row.watch_id)) is not None and not watch.is_scheduled:
                _follow_deployment(txn, watch, row.subject)
        prepared |= due


def _follow_deployment(txn: BoardTransaction, watch: RegisteredWatch, subject: str) -> None:
    """Test a watch for a subject after a change of the deployment, unless the backfill has reached it.

    So it crosses as of the instant of the change, even if the subject changes before the backfill reaches it.
    """
    for scope in (subject, ""):  # the former watch may have had another one
        crossing_retests.retest_before_change(txn, watch, scope)
    if watch.is_falling:
        kinds = txn.active.migrating.intersection(watch.kinds)
        if watch.is_over_board:
            mark_migration.test_fall_of_board(txn, watch, kinds)
        else:
            for row in txn.stored_marks(kinds, subject):
                mark_migration.migrate(txn, row)
    for job in txn.sql.all(CROSSINGS.backfills):
        target = BackfillTarget.parse(job.task, job.name)
        if target.task not in TESTS or target.watch_id != watch.id:
            continue
        if watch.is_over_board:
            test_board(txn, watch, job)
        elif watch.covers(subject) and target.task == BackfillTask.WINDOW:
            test_deposits(txn, watch, subject, job)
        elif watch.covers(subject):
            for row in txn.stored_marks(watch.kinds_of_marks, subject):
                if job.position < row.event_id <= job.up_to:
                    test_mark(txn, watch, mark_migration.migrate(txn, row), job)


def test_mark(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow, job: BackfillRow) -> None:
    """Test a watch on a mark as it was at the change, or at its own deposit if that came later."""
    at = max(job.at, row.anchored_at)
    if not need_access.counts(txn, watch, row) or not row.is_live(at):
        return
    if watch.timing is not None:
        key = StateKey.of(watch, row)
        episode_crossings.follow_deployment(txn, watch, key, at, is_changed=job.task == BackfillTask.WATCH)
    elif watch.is_falling:
        predicted_crossings.predict_watch(txn, watch, row, since=at)
    if watch.absorbs:
        rising_crossings.evaluate_as_of(txn, watch, row, at)


def test_deposits(txn: BoardTransaction, watch: RegisteredWatch, subject: str, job: BackfillRow) -> None:
    """Test a watch with a window on the deposits of a subject, which may no longer have marks."""
    if watch.timing is not None:
        key = StateKey(watch.id, subject, 0)
        episode_crossings.follow_deployment(txn, watch, key, job.at, is_changed=False)
    else:
        predicted_crossings.predict_subject(txn, watch, subject, job.at)


def test_board(txn: BoardTransaction, watch: RegisteredWatch, job: BackfillRow) -> None:
    """Test a watch over the board, which ends its backfill."""
    if watch.absorbs and job.task == BackfillTask.WATCH:  # a change of weight, law or floor keeps the sums right
        board_totals.rebuild(txn, watch)
    if watch.timing is not None:
        key = StateKey(watch.id, "", 0)
        episode_crossings.follow_deployment(txn, watch, key, job.at, is_changed=job.task == BackfillTask.WATCH)
    elif watch.is_falling:
        predicted_crossings.predict_board(txn, watch, since=job.at)
    if watch.absorbs:
        rising_crossings.evaluate(txn, watch, "")
    txn.end_backfill(job)
