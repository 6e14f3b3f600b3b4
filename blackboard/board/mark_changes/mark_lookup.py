"""The look-up of a live mark by its id: to read it, or to change it.

Before a mark changes, it follows the deployment, its watches are tested, and crossings that are due fire.
"""

from __future__ import annotations

from collections.abc import Callable

from blackboard.board.deployment_effects import mark_migration, watch_reevaluation
from blackboard.board.mark_tables.mark_states import migrated_row
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.crossing_detection import predicted_crossings
from blackboard.core.records.event_kinds import HistoryEvent
from blackboard.core.records.request_limits import is_record_id
from blackboard.errors import Conflict, NotFound
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow
from blackboard.store.statements import MARKS


def live_mark(txn: BoardTransaction, mark_id: int) -> MarkRow:
    """Return a live mark as it is now under the deployment, without changing it.

    Raises:
        NotFound: There is no live mark with this id.
    """
    row = stored_mark(txn, mark_id)
    if row is not None:
        row = migrated_row(txn, row)
        if row.is_live(txn.now):
            return row
    raise not_live(txn, mark_id, row)


def stored_mark(txn: BoardTransaction, mark_id: int) -> MarkRow | None:
    """Return the stored mark with an id, live or evaporated; None if there is none, or if no id is so large."""
    return txn.sql.one(MARKS.get_mark, id=mark_id) if is_record_id(mark_id) else None


def first_event(txn: BoardTransaction, mark_id: int) -> EventRow | None:
    """Return the event that deposited a mark, which has the id of the mark; None if the history has none."""
    event = txn.sql.one(MARKS.get_event, id=mark_id) if is_record_id(mark_id) else None
    return event if event is not None and event.mark_id == mark_id else None


def not_live(txn: BoardTransaction, mark_id: int, row: MarkRow | None) -> NotFound:
    """Return the error that says why a mark is not live. `row` is the stored mark, if there is one."""
    return NotFound(f"{_what_became_of(txn, mark_id, row)}; 'blackboard marks' lists the live marks")


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
    if row is not None:
        return f"mark {mark_id} has evaporated"
    first = first_event(txn, mark_id)
    if first is None:
        return f"there is no mark {mark_id}"
    last = txn.sql.existing(MARKS.last_event_of_mark, subject=first.subject, mark_id=mark_id)
    return f"mark {mark_id} was withdrawn" if last.event == HistoryEvent.WITHDRAWN else f"mark {mark_id} has evaporated"


def prepare_change(
    txn: BoardTransaction, kind: str, subject: str, payload_of_deposit: Callable[[], str] | None = None
) -> None:
    """Record each crossing that must come before a change of a mark of this kind and subject.

    The payload of a deposit may bring the mark into another group.
    """
    watch_reevaluation.evaluate_before_change(txn, kind, subject, payload_of_deposit)
    predicted_crossings.fire_due_of(txn, kind, subject)


def live_mark_to_change(txn: BoardTransaction, mark_id: int, if_event: int | None = None) -> MarkRow:
    """Return a live mark after the due crossings and pending migrations that must come before its change.

    Raises:
        NotFound: There is no live mark with this id.
        Conflict: The mark has changed since the event `if_event`.
    """
    return row_to_change(txn, mark_id, stored_mark(txn, mark_id), if_event)


def row_to_change(txn: BoardTransaction, mark_id: int, row: MarkRow | None, if_event: int | None) -> MarkRow:
    """Do the work of `live_mark_to_change` for a row that was read already; None if there was no row."""
    if row is not None:
        row = mark_migration.migrate(txn, row)
        if row.is_live(txn.now):
            prepare_change(txn, row.kind, row.subject)
            check_event(if_event, f"mark {mark_id}", row)
            return row
    raise not_live(txn, mark_id, row)
