"""Marks leave the live board: they evaporate, or are withdrawn. Their history stays."""

from __future__ import annotations

from blackboard.board import backfill, board_totals, crossings, predicted_crossings
from blackboard.board.board_transaction import BoardTransaction, Watch
from blackboard.errors import NotFound
from blackboard.store import marks as M
from blackboard.store import watching as W
from blackboard.store.rows import CrossingRow, MarkRow

__all__ = ["evaporate", "evaporate_due", "withdraw"]


def evaporate_due(m: BoardTransaction, limit: int) -> int:
    """Move up to `limit` evaporated marks to the history; returns how many. Falls that are due go first."""
    if predicted_crossings.fire_due(m, limit):
        return limit  # there may be more: the marks wait until no fall is due before them
    rows = [MarkRow(*found) for found in m.tx.all(M.EVAPORATED, now=m.now, limit=limit)]
    for kind, law in {(row.kind, row.law) for row in rows}:
        for watch in m.active.rising.get(kind, ()):
            if watch.keeps_totals:
                board_totals.remove_evaporated(m, watch, kind, law)
    for row in rows:
        row = backfill.migrate(m, row)  # its law or floor may be changing, so that it lives on
        if row.evaporates_at is not None and row.evaporates_at <= m.now:
            evaporate(m, row)
    return len(rows)


def evaporate(m: BoardTransaction, row: MarkRow) -> None:
    """Move a mark that has evaporated to the history."""
    remaining = m.state(row).remaining(m.now if row.evaporates_at is None else row.evaporates_at)
    m.record(row, "evaporated", author=row.author, intensity=remaining)
    _remove(m, row)


def withdraw(m: BoardTransaction, mark_id: int, author: str) -> MarkRow:
    """Take a live mark from the board. It fires nothing, and cancels the work on it that has not begun.

    Raises:
        NotFound: there is no such live mark.
    """
    found = m.tx.one(M.GET_MARK, id=mark_id)
    row = None if found is None else backfill.migrate(m, MarkRow(*found))
    if row is None or (row.evaporates_at is not None and row.evaporates_at <= m.now):
        raise NotFound(f"there is no live mark {mark_id}; 'blackboard marks' lists them")
    predicted_crossings.fire_due_of(m, row.kind, row.subject)
    m.record(row, "withdrawn", author=author, intensity=m.state(row).remaining(m.now))
    _remove(m, row)
    predicted_crossings.predict_after_withdrawal(m, row)
    for watch in (*m.active.rising.get(row.kind, ()), *m.active.falling.get(row.kind, ())):
        _recheck(m, watch, row)
    predicted_crossings.release_guards(m, row.kind, row.subject)
    return row


def _remove(m: BoardTransaction, row: MarkRow) -> None:
    crossings.remove_from_totals(m, row)
    m.tx.run(M.DELETE_MARK, id=row.id)
    m.tx.run(M.FORGET_ABSORBED, mark_id=row.id)
    if m.kind(row.kind).unique is not None:
        m.tx.run(M.DELETE_UNIQUE, mark_id=row.id)


def _recheck(m: BoardTransaction, watch: Watch, row: MarkRow) -> None:
    """Close the crossings that waited for the withdrawn mark, where without it they would not have come about."""
    subject = "" if watch.over_board else row.subject
    for values in m.tx.all(W.WAITING_OF_SUBJECT, watch_id=watch.id, subject=subject):
        crossing = CrossingRow(*values)
        if crossing.mark_id != row.id and (crossing.mark_id or _stands(m, watch, crossing)):
            continue
        m.tx.run(W.CLOSE_CROSSING, key=crossing.id, state="withdrawn", activation_id=None, closed_at=m.now)


def _stands(m: BoardTransaction, watch: Watch, crossing: CrossingRow) -> bool:
    """Whether a crossing of a subject or the board has marks behind it still: as they were then, not as they faded."""
    if watch.falling:
        return watch.over_board or bool(predicted_crossings.live_marks(m, watch.condition, crossing.subject))
    return crossings.still_holds(m, watch, crossing.subject, crossing.noticed_at)
