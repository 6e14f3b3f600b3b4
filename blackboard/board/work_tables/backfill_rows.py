"""Rows of planned backfills, and the functions that plan a backfill, continue it and end it."""

from __future__ import annotations

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant
from blackboard.core.records.backfill_targets import BackfillTarget
from blackboard.store.row_types.deployment_row_types import BackfillRow
from blackboard.store.statements import CROSSINGS


def plan_backfill(txn: BoardTransaction, target: BackfillTarget) -> None:
    """Plan a backfill over the marks as they are now."""
    _insert(txn, target, txn.now, txn.last_event_id)


def continue_backfill(txn: BoardTransaction, row: BackfillRow, target: BackfillTarget) -> None:
    """Replace a backfill by its rest, which comes after the other backfills."""
    txn.sql.run(CROSSINGS.delete_backfill, id=row.id)
    _insert(txn, target, row.at, row.up_to)


def end_backfill(txn: BoardTransaction, row: BackfillRow) -> None:
    """Delete a backfill that is done. After the last backfill, empty the list of states that were tested."""
    txn.sql.run(CROSSINGS.delete_backfill, id=row.id)
    if txn.sql.one(CROSSINGS.backfills) is None:
        txn.sql.run(CROSSINGS.delete_followed)


def _insert(txn: BoardTransaction, target: BackfillTarget, at: Instant, up_to: int) -> None:
    row = {"task": target.task, "name": target.name, "at": at, "up_to": up_to, "position": 0}
    txn.sql.run(CROSSINGS.insert_backfill, **row)
