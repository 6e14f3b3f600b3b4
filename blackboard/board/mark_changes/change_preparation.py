"""The steps before a mark changes: it follows the deployment, its watches are tested, and due crossings fire."""

from __future__ import annotations

from collections.abc import Callable

from blackboard.board.declaration_changes import mark_migration, watch_reevaluation
from blackboard.board.mark_changes import mark_lookup
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.crossing_detection import predicted_crossings
from blackboard.store.rows import MarkRow


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
    return row_to_change(txn, mark_id, mark_lookup.stored_mark(txn, mark_id), if_event)


def row_to_change(txn: BoardTransaction, mark_id: int, row: MarkRow | None, if_event: int | None) -> MarkRow:
    """Do the work of `live_mark_to_change` for a row that was read already; None if there was no row."""
    if row is not None:
        row = mark_migration.migrate(txn, row)
        if row.is_live(txn.now):
            prepare_change(txn, row.kind, row.subject)
            mark_lookup.check_event(if_event, f"mark {mark_id}", row)
            return row
    raise mark_lookup.not_live(txn, mark_id, row)
