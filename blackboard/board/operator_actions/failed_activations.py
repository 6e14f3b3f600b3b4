"""Decisions of a person about an activation that failed or is held: to retry or to discard it."""

from __future__ import annotations

from blackboard.board.activation_tables.activation_rows import (
    get_activation,
)
from blackboard.board.activations.call_records import model_calls
from blackboard.board.activations.run_ends.end_steps import INTERRUPTED, close_crossings, end_run, was_split
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.records.states import RETRIABLE, ActivationState, CrossingState
from blackboard.errors import NotFound, WorkError
from blackboard.store.rows import ActivationRow


def retry(txn: BoardTransaction, activation_id: int) -> ActivationRow:
    """Make a dead, held or quarantined activation ready again, and count its attempts from 0.

    Raises:
        NotFound: There is no such activation.
        WorkError: The activation has not failed and is neither held nor quarantined.
    """
    row = _stuck(txn, activation_id)
    model_calls.allow_retry(txn, row.id)
    model_calls.record_reserved_costs(txn, row.id)
    row = row._replace(deaths=None)
    end_run(txn, row, ActivationState.READY, retry_at=txn.now, attempt=0, error=row.error)
    return row


def discard(txn: BoardTransaction, activation_id: int) -> ActivationRow:
    """Give up a dead, held or quarantined activation for good. Its marks do not wake the agent again.

    Raises:
        NotFound: There is no such activation.
        WorkError: The activation has not failed and is neither held nor quarantined.
    """
    row = _stuck(txn, activation_id)
    model_calls.mark_unknown(txn, row.id, INTERRUPTED)
    model_calls.record_reserved_costs(txn, row.id)
    model_calls.discard_calls(txn, row.id)
    end_run(txn, row, ActivationState.DISCARDED, error=row.error)
    close_crossings(txn, row, CrossingState.DISCARDED, has_parts=was_split(txn, row))
    return row


def find_activation(txn: BoardTransaction, activation_id: int) -> ActivationRow:
    """Return an activation.

    Raises:
        NotFound: There is no such activation.
    """
    row = get_activation(txn, activation_id)
    if row is None:
        raise NotFound(f"there is no activation {activation_id}; 'blackboard activations' lists them")
    return row


def is_stuck(row: ActivationRow) -> bool:
    """Return whether a person may retry or discard an activation."""
    return row.state in RETRIABLE or (row.state == ActivationState.READY and bool(row.error))


def _stuck(txn: BoardTransaction, activation_id: int) -> ActivationRow:
    """Return an activation that a person may retry or discard."""
    row = find_activation(txn, activation_id)
    if not is_stuck(row):
        raise WorkError(
            f"activation {activation_id} is {row.state};"
            " only one that failed, is held or is quarantined can be retried or discarded"
        )
    return row
