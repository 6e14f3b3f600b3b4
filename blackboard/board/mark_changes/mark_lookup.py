"""The look-up of a mark by its id, to read it; and what became of a mark that is not live."""

from __future__ import annotations

from blackboard.board.mark_tables.mark_states import backfilled_row
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.records.event_kinds import HistoryEvent
from blackboard.core.request_limits import is_record_id
from blackboard.errors import NotFound
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow
from blackboard.store.statements import MARKS


def live_mark(txn: BoardTransaction, mark_id: int) -> MarkRow:
    """Return a live mark as it is now under the deployment, without changing it.

    Raises:
        NotFound: There is no live mark with this id.
    """
    row = stored_mark(txn, mark_id)
    if row is not None:
        row = backfilled_row(txn, row)
        if row.is_live(txn.now):
            return row
    raise not_live(txn, mark_id, row)


def stored_mark(txn: BoardTransaction, mark_id: int) -> MarkRow | None:
    """Return the stored mark with an id, live or evaporated; None if there is none."""
    return txn.sql.one(MARKS.get_mark, id=mark_id) if is_record_id(mark_id) else None


def first_event(txn: BoardTransaction, mark_id: int) -> EventRow | None:
    """Return the event that deposited a mark, which has the id of the mark; None if the history has none."""
    event = txn.sql.one(MARKS.get_event, id=mark_id) if is_record_id(mark_id) else None
    return event if event is not None and event.mark_id == mark_id else None


def not_live(txn: BoardTransaction, mark_id: int, row: MarkRow | None) -> NotFound:
    """Return the error that says why a mark is not live. `row` is the stored mark, if there is one."""
    return NotFound(f"{_what_became_of(txn, mark_id, row)}; 'blackboard marks' lists the live marks")


def _what_became_of(txn: BoardTransaction, mark_id: int, row: MarkRow | None) -> str:
    """Return why a mark is not live, as far as the history shows it."""
    if row is not None:
        return f"mark {mark_id} has evaporated"
    first = first_event(txn, mark_id)
    if first is None:
        return f"there is no mark {mark_id}"
    last = txn.sql.existing(MARKS.last_event_of_mark, subject=first.subject, mark_id=mark_id)
    return f"mark {mark_id} was withdrawn" if last.event == HistoryEvent.WITHDRAWN else f"mark {mark_id} has evaporated"
