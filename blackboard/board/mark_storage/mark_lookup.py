"""The live mark of an id, as a change of it needs it: up to date with the deployment."""

from __future__ import annotations

from blackboard.board.mark_storage import backfill
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.errors import NotFound
from blackboard.store.rows import MarkRow
from blackboard.store.statements import MARKS


def prepare_change(txn: BoardTransaction, mark_id: int) -> MarkRow:
    """Return a live mark, after what must happen before one of its kind and subject changes.

    Raises:
        NotFound: There is no live mark with this id.
    """
    row = txn.sql.one(MARKS.get_mark, id=mark_id)
    if row is not None:
        row = backfill.migrate(txn, row)
        if row.is_live(txn.now):
            backfill.prepare_change(txn, row.kind, row.subject)
            return row
    raise NotFound(f"{_what_became_of(txn, mark_id, row)}; 'blackboard marks' lists the live marks")


def _what_became_of(txn: BoardTransaction, mark_id: int, row: MarkRow | None) -> str:
    """Return why a mark is not live, as far as the history knows."""
    first = txn.sql.one(MARKS.get_event, id=mark_id)
    if row is not None:
        return f"mark {mark_id} has evaporated"
    if first is None or first.mark_id != mark_id:
        return f"there is no mark {mark_id}"
    last = txn.sql.existing(MARKS.last_event_of_mark, subject=first.subject, mark_id=mark_id)
    return f"mark {mark_id} was withdrawn" if last.event == "withdrawn" else f"mark {mark_id} has evaporated"
