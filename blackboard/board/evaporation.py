"""Marks leave the live board: they evaporate, or are withdrawn. Their history stays."""

from __future__ import annotations

from blackboard.board import backfill, board_totals, crossings, predicted_crossings
from blackboard.board.activations import close_crossing
from blackboard.board.board_transaction import BoardTransaction, Watch
from blackboard.errors import NotFound
from blackboard.states import CrossingState
from blackboard.store.rows import CrossingRow, MarkRow
from blackboard.store.statements import CROSSINGS, MARKS

__all__ = ["evaporate", "evaporate_due", "withdraw"]


def evaporate_due(txn: BoardTransaction, limit: int) -> int:
    """Move up to `limit` evaporated marks to the history; returns how many. Falls that are due go first."""
    if predicted_crossings.fire_due(txn, limit):
        return limit  # there may be more: the marks wait until no fall is due before them
    rows = [MarkRow(*values) for values in txn.tx.all(MARKS.evaporated_marks, now=txn.now, limit=limit)]
    for kind, law in {(row.kind, row.law) for row in rows}:
        for watch in txn.active.rising.get(kind, ()):
            if watch.keeps_totals:
                board_totals.remove_evaporated(txn, watch, kind, law)
    for row in rows:
        row = backfill.migrate(txn, row)  # its law or floor may be changing, so that it lives on
        if row.evaporates_at is not None and row.evaporates_at <= txn.now:
            evaporate(txn, row)
    return len(rows)


def evaporate(txn: BoardTransaction, row: MarkRow) -> None:
    """Move a mark that has evaporated to the history."""
    remaining = txn.state(row).remaining(txn.now if row.evaporates_at is None else row.evaporates_at)
    txn.record(row, "evaporated", author=row.author, intensity=remaining)
    _remove(txn, row)


def withdraw(txn: BoardTransaction, mark_id: int, author: str) -> MarkRow:
    """Take a live mark from the board. It fires nothing, and cancels the work on it that has not begun.

    Raises:
        NotFound: there is no such live mark.
    """
    values = txn.tx.one(MARKS.get_mark, id=mark_id)
    row = None if values is None else backfill.migrate(txn, MarkRow(*values))
    if row is None or (row.evaporates_at is not None and row.evaporates_at <= txn.now):
        raise NotFound(f"there is no live mark {mark_id}; 'blackboard marks' lists them")
    predicted_crossings.fire_due_of(txn, row.kind, row.subject)
    txn.record(row, "withdrawn", author=author, intensity=txn.state(row).remaining(txn.now))
    _remove(txn, row)
    predicted_crossings.predict_after_withdrawal(txn, row)
    for watch in (*txn.active.rising.get(row.kind, ()), *txn.active.falling.get(row.kind, ())):
        _recheck(txn, watch, row)
    predicted_crossings.release_guards(txn, row.kind, row.subject)
    return row


def _remove(txn: BoardTransaction, row: MarkRow) -> None:
    crossings.remove_from_totals(txn, row)
    txn.tx.run(MARKS.delete_mark, id=row.id)
    txn.tx.run(MARKS.delete_absorbed_of_mark, mark_id=row.id)
    if txn.kind(row.kind).unique is not None:
        txn.tx.run(MARKS.delete_unique_value, mark_id=row.id)


def _recheck(txn: BoardTransaction, watch: Watch, row: MarkRow) -> None:
    """Close the crossings that waited for the withdrawn mark, where without it they would not have come about."""
    subject = "" if watch.over_board else row.subject
    for values in txn.tx.all(CROSSINGS.waiting_of_subject, watch_id=watch.id, subject=subject):
        crossing = CrossingRow(*values)
        if crossing.mark_id != row.id and (crossing.mark_id or _stands(txn, watch, crossing)):
            continue
        close_crossing(txn, crossing, CrossingState.WITHDRAWN)


def _stands(txn: BoardTransaction, watch: Watch, crossing: CrossingRow) -> bool:
    """Whether a crossing of a subject or the board has marks behind it still: as they were then, not as they faded."""
    if watch.falling:
        return watch.over_board or bool(predicted_crossings.live_marks(txn, watch.condition, crossing.subject))
    return crossings.still_holds(txn, watch, crossing.subject, crossing.noticed_at)
