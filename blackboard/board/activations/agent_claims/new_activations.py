"""New activations: the activation of selected crossings is inserted, and absorbs the marks of the crossings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Unpack

from blackboard.board.activations.agent_claims.crossing_selection import Selection
from blackboard.board.deployment_effects import mark_backfill
from blackboard.board.mark_tables.watch_scopes import scope_of
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.measurements import absorbed_marks, stimuli, watch_totals
from blackboard.board.watches.waiting_crossings import dropped_crossings, scheduled_crossings
from blackboard.board.watches.waiting_crossings.measured_crossings import reason_of
from blackboard.board.work_tables.activation_inputs import ActivationInput, as_input, record_input
from blackboard.board.work_tables.activation_rows import AttemptColumns, insert_activation
from blackboard.board.work_tables.crossing_rows import close_crossing
from blackboard.core.marks.scopes import WHOLE_BOARD, nullable_scope
from blackboard.core.records.states import ActivationState, CrossingState
from blackboard.store.row_types.activation_row_types import ActivationRow
from blackboard.store.row_types.mark_row_types import MarkRow
from blackboard.store.row_types.watch_row_types import CrossingRow
from blackboard.store.statements import MARKS
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
        agent=watch.agent_spec.name,
        watch_id=watch.id,
        scope=nullable_scope(_common_scope(selection.crossings)),
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
        scheduled_crossings.plan_next(txn, watch, lead)
    failpoint("claim.within")
    _absorb_marks(txn, watch, row.id, selection)
    return row


def claimed_inputs(txn: BoardTransaction, selection: Selection) -> tuple[ActivationInput, ...]:
    """Return the inputs of an activation for selected crossings."""
    return tuple(as_input(txn, event, strength) for event, strength in selection.inputs.values())


def _common_scope(crossings: Iterable[CrossingRow]) -> str:
    """Return the scope that all these crossings have; the whole board if their scopes differ."""
    scopes = {crossing.scope for crossing in crossings}
    return scopes.pop() if len(scopes) == 1 else WHOLE_BOARD


def _absorb_marks(txn: BoardTransaction, watch: RegisteredWatch, activation_id: int, selection: Selection) -> None:
    """Record the marks as inputs and as absorbed by the watch."""
    for event, strength in selection.inputs.values():
        record_input(txn, activation_id, event, strength)
    if not watch.absorbs:
        return
    scope = selection.crossings[0].scope if watch.condition.by is not None else WHOLE_BOARD
    candidates = (
        {row.id: row for row in stimuli.stimuli_of(txn, watch, scope)} if watch.condition.spans_subjects else {}
    )
    if (
        watch.condition.is_over_board
        and candidates.keys() <= selection.inputs.keys()
        and not dropped_crossings.dropped_marks(txn, watch, WHOLE_BOARD)
    ):
        _absorb_whole_board(txn, watch, activation_id, selection)
        return
    if watch.keeps_sums:
        for mark_id in selection.inputs:
            row = candidates.get(mark_id) or _faded_stimulus(txn, watch, scope, mark_id)
            if row is not None:
                watch_totals.add(txn, watch, scope, _backfill_if_pending(txn, row), -1)
    for mark_id, (event, _) in selection.inputs.items():
        absorbed_marks.absorb(txn, watch, mark_id, event.id, activation_id)


def _faded_stimulus(txn: BoardTransaction, watch: RegisteredWatch, scope: str, mark_id: int) -> MarkRow | None:
    """Return an evaporated stimulus that is still stored; the sums of its scope may therefore contain it."""
    row = txn.sql.one(MARKS.get_mark, id=mark_id)
    if row is None or scope_of(txn, watch, row) != scope:
        return None
    return row if stimuli.is_stimulus(txn, watch, row, absorbed_marks.last_absorbed(txn, watch, mark_id)) else None


def _absorb_whole_board(
    txn: BoardTransaction, watch: RegisteredWatch, activation_id: int, selection: Selection
) -> None:
    """Absorb every mark that a watch counts, by a watermark instead of a row for each mark."""
    absorbed_marks.absorb_board(txn, watch, activation_id)
    watch_totals.reset(txn, watch, WHOLE_BOARD)
    for event, _ in selection.inputs.values():
        if watch.ignores_event(event):
            # Without a record, the last deposit of another author would count as the state that was given.
            absorbed_marks.absorb(txn, watch, event.mark_id, event.id, activation_id)


def _backfill_if_pending(txn: BoardTransaction, row: MarkRow) -> MarkRow:
    """Return a mark as the running sums count it.

    Until the backfill reaches a mark, the sums count the mark under the old law of its kind. So it is backfilled here.
    """
    if row.kind not in txn.active.kinds_in_backfill:
        return row
    return mark_backfill.backfill(txn, txn.sql.existing(MARKS.get_mark, id=row.id))
