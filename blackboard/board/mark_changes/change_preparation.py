"""Preparation of a change of a live mark: the steps that come before it.

The mark is brought up to the active deployment, its watches are tested, and due crossings are recorded.
"""

from __future__ import annotations

from blackboard.board.deployment_effects import mark_backfill, watch_reevaluation
from blackboard.board.mark_changes.mark_lookup import not_live, stored_mark
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.crossing_detection import predicted_crossings
from blackboard.errors import Conflict
from blackboard.store.row_types.mark_row_types import MarkRow


def check_event(if_event: int | None, what: str, live: MarkRow | None) -> None:
    """Check that the live mark is at the event that a request names, if it names one.

    Raises:
        Conflict: The mark has changed since the event `if_event`.
    """
    current = 0 if live is None else live.event_id
    if if_event not in (None, current):
        raise Conflict.of_event(what, if_event, current)


def prepare_change(txn: BoardTransaction, kind: str, subject: str, new_payload: str | None = None) -> None:
    """Record each crossing that must come before a change of a mark of this kind and subject.

    With the payload of a deposit, the crossings of the group that the mark would enter are also recorded.
    """
    watch_reevaluation.evaluate_before_change(txn, kind, subject, new_payload)
    predicted_crossings.fire_due_of(txn, kind, subject)


def live_mark_to_change(txn: BoardTransaction, mark_id: int, if_event: int | None = None) -> MarkRow:
    """Return a live mark after its backfill and the due crossings, which come before its change.

    Raises:
        NotFound: There is no live mark with this id.
        Conflict: The mark has changed since the event `if_event`.
    """
    return row_to_change(txn, mark_id, stored_mark(txn, mark_id), if_event)


def row_to_change(txn: BoardTransaction, mark_id: int, row: MarkRow | None, if_event: int | None) -> MarkRow:
    """Do the work of `live_mark_to_change` for a row that was read already. `row` is None if there was none."""
    if row is not None:
        row = mark_backfill.backfill(txn, row)
        if row.is_live(txn.now):
            prepare_change(txn, row.kind, row.subject)
            check_event(if_event, f"mark {mark_id}", row)
            return row
    raise not_live(txn, mark_id, row)
