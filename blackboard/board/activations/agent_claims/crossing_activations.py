"""The activations of claimed crossings: an activation is inserted, and absorbs the marks of its crossings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Unpack

from blackboard.board.activation_tables.activation_inputs import ActivationInput, as_input
from blackboard.board.activation_tables.activation_rows import insert_activation
from blackboard.board.activation_tables.crossing_rows import close_crossing
from blackboard.board.activations.agent_claims.absorption import absorb_marks
from blackboard.board.activations.agent_claims.crossing_selection import Selection
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.transactions.row_columns import AttemptColumns
from blackboard.board.watches.waiting_crossings import scheduled_crossings
from blackboard.board.watches.waiting_crossings.crossing_records import reason_of
from blackboard.core.marks.scopes import WHOLE_BOARD, nullable_scope
from blackboard.core.records.states import ActivationState, CrossingState
from blackboard.store.row_types.activation_row_types import ActivationRow
from blackboard.store.row_types.watch_row_types import CrossingRow
from blackboard.system.failpoints import failpoint


def insert_claimed(
    txn: BoardTransaction,
    watch: RegisteredWatch,
    selection: Selection,
    state: ActivationState,
    **columns: Unpack[AttemptColumns],
) -> ActivationRow:
    """Insert an activation for selected crossings in a state, close the crossings, and absorb their marks."""
    lead = selection.crossings[0]
    more = f" and {len(selection.crossings) - 1} more" if len(selection.crossings) > 1 else ""
    row = ActivationRow(
        id=0,
        agent=watch.agent.name,
        watch_id=watch.id,
        subject=nullable_scope(_common_scope(selection.crossings)),
        state=state,
        reason=f"{reason_of(watch, lead)}{more}",
        crossed_at=min(crossing.crossed_at for crossing in selection.crossings),
        created_at=txn.now,
        chain_length=selection.chain_length,
        marks_absorbed=len(selection.inputs),
        scheduled_for=lead.crossed_at if watch.condition.is_schedule else None,
    )
    row = insert_activation(txn, row._replace(**columns), state)
    for crossing in selection.crossings:
        close_crossing(txn, crossing, CrossingState.CLAIMED, row)
    if watch.condition.is_schedule:
        scheduled_crossings.follow(txn, watch, lead)
    failpoint("claim.within")
    absorb_marks(txn, watch, row.id, selection)
    return row


def claimed_inputs(txn: BoardTransaction, selection: Selection) -> tuple[ActivationInput, ...]:
    """Return the inputs of an activation for selected crossings."""
    return tuple(as_input(txn, event, strength) for event, strength in selection.inputs.values())


def _common_scope(crossings: Iterable[CrossingRow]) -> str:
    """Return the scope that all these crossings have; the whole board if they have several."""
    scopes = {crossing.scope for crossing in crossings}
    return scopes.pop() if len(scopes) == 1 else WHOLE_BOARD
