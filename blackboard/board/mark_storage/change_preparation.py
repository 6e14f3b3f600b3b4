"""The steps before a mark changes: watches are tested after a change of the deployment, and due crossings fire."""

from __future__ import annotations

from collections.abc import Callable

from blackboard.board.declaration_changes import watch_reevaluation
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.crossing_detection import predicted_crossings


def prepare_change(
    txn: BoardTransaction, kind: str, subject: str, payload_of_deposit: Callable[[], str] | None = None
) -> None:
    """Record each crossing that must come before a change of a mark of this kind and subject.

    The payload of a deposit may bring the mark into another group.
    """
    watch_reevaluation.evaluate_before_change(txn, kind, subject, payload_of_deposit)
    predicted_crossings.fire_due_of(txn, kind, subject)
