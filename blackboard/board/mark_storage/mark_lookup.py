"""Look-up of a live mark before a change of it: the mark is brought up to date with the deployment first."""

from __future__ import annotations

from blackboard.board.declaration_changes import mark_migration
from blackboard.board.mark_storage import change_preparation
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.records.record_ids import MAX_ID
from blackboard.errors import Conflict, NotFound
from blackboard.store.rows import MarkRow
from blackboard.store.statements import MARKS


def live_mark_to_change(txn: BoardTransaction, mark_id: int, if_event: int | None = None) -> MarkRow:
    """Return a live mark after the due crossings and pending migrations that must come before its change.

    Raises:
        NotFound: There is no live mark with this id.
        Conflict: The mark has changed since the event `if_event`.
    """
    row = txn.sql.one(MARKS.get_mark, id=mark_id) if 0 < mark_id <= MAX_ID else None
    return row_to_change(txn, mark_id, row, if_event)


def row_to_change(txn: BoardTransaction, mark_id: int, row: MarkRow | None, if_event: int | None) -> MarkRow:
    """Do the work of `live_mark_to_change` for a row that was read already; None if there was no row."""
    if row is not None:
        row = mark_migration.migrate(txn, row)
        if row.is_live(txn.now):
            change_preparation.prepare_change(txn, row.kind, row.subject)
            check_event(if_event, f"mark {mark_id}", row)
            return row
    raise NotFound(f"{_what_became_of(txn, mark_id, row)}; 'blackboard marks' lists the live marks")


def live_mark(txn: BoardTransaction, mark_id: int) -> MarkRow:
    """Return a live mark as it is now under the deployment, without changing it.

    Raises:
        NotFound: There is no live mark with this id.
    """
    row = txn.sql.one(MARKS.get_mark, id=mark_id) if 0 < mark_id <= MAX_ID else None
    if row is not None:
        row = txn.migrated(row)
        if row.is_live(txn.now):
            return row
    raise NotFound(f"{_what_became_of(txn, mark_id, row)}; 'blackboard marks' lists the live marks")


def check_event(if_event: int | None, what: str, live: MarkRow | None) -> None:
    """Check that the live mark is at the event that a request names, if it names one.

    Raises:
        Conflict: The mark has changed since the event `if_event`.
    """
    current = 0 if live is None else live.event_id
    if if_event not in (None, current):
        raise Conflict.of_event(what, if_event, current)


def _what_became_of(txn: BoardTransaction, mark_id: int, row: MarkRow | None) -> str:
    """Return why a mark is not live, as far as the history shows it."""
    first = txn.sql.one(MARKS.get_event, id=mark_id) if 0 < mark_id <= MAX_ID else None
    if row is not None:
        return f"mark {mark_id} has evaporated"
    if first is None or first.mark_id != mark_id:
        return f"there is no mark {mark_id}"
    last = txn.sql.existing(MARKS.last_event_of_mark, subject=first.subject, mark_id=mark_id)
    return f"mark {mark_id} was withdrawn" if last.event == "withdrawn" else f"mark {mark_id} has evaporated"
