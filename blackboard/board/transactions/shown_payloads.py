"""The deposit whose payload a mark shows: the deposit that occurred last, which may not be the last recorded one."""

from __future__ import annotations

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.store.rows import EventRow, MarkRow
from blackboard.store.statements import MARKS


def with_shown_payload(txn: BoardTransaction, event: EventRow) -> EventRow:
    """Return a deposit with the payload and the author that its mark showed after it."""
    if event.shown_event_id is None or (shown := txn.sql.one(MARKS.get_event, id=event.shown_event_id)) is None:
        return event
    return event._replace(
        payload=shown.payload,
        author=shown.author,
        activation_id=shown.activation_id,
        occurred_at=shown.occurred_at,
    )


def shown_event_id(txn: BoardTransaction, row: MarkRow) -> int:
    """Return the id of the deposit whose payload a mark shows."""
    last = txn.sql.existing(MARKS.get_event, id=row.event_id)
    return last.id if last.shown_event_id is None else last.shown_event_id
