"""Renewal of inputs: after a conflict, an activation gets its marks and its additional reads as they are now."""

from __future__ import annotations

from blackboard.board import open_needs
from blackboard.board.activations.agent_claims.additional_reads import record_reads
from blackboard.board.activations.agent_claims.searches_in_reads import MarksBySearch, SearchKey, searches_for
from blackboard.board.deployment_effects import mark_backfill
from blackboard.board.mark_tables.mark_rows import with_shown_payload
from blackboard.board.mark_tables.mark_states import mark_strength
from blackboard.board.mark_tables.watch_scopes import scope_of
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.crossing_detection import rising_crossings
from blackboard.board.watches.measurements import absorbed_marks, stimuli, watch_totals, watched_marks
from blackboard.board.work_tables.activation_inputs import absorbed_events, event_of, inputs_of
from blackboard.board.work_tables.activation_rows import get_activation, recount_marks
from blackboard.board.work_tables.crossing_rows import close_crossing
from blackboard.core.records.states import CrossingState
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.store.row_types.activation_row_types import ActivationRow
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, MARKS


def searches_to_renew(txn: BoardTransaction, agent_spec: AgentSpec, row: ActivationRow) -> list[SearchKey]:
    """Return the searches of an activation that is renewed: for its marks as they were given, and as they are now."""
    events = []
    for event in absorbed_events(txn, row.id):
        mark = txn.sql.one(MARKS.get_mark, id=event.mark_id)
        events += [event] if mark is None else [event, event_of(txn, mark)]
    return searches_for(agent_spec, (with_shown_payload(txn, event) for event in events))


def renew_inputs(
    txn: BoardTransaction, agent_spec: AgentSpec, row: ActivationRow, marks_by_search: MarksBySearch
) -> ActivationRow:
    """Give an activation its absorbed marks in their present state, read its other marks again, and return it.

    A closed need is not given again. Any other mark that has left the board keeps the state in which it was given, with
    the strength 0. The same holds for a mark whose tags the watch no longer counts. If another activation of the watch
    was given a mark in the meantime, this activation also keeps the former state of the mark, so that no event is
    absorbed twice.
    """
    watch = txn.active.watches.get(row.watch_id)
    for event in absorbed_events(txn, row.id):
        values = {"activation_id": row.id, "mark_id": event.mark_id}
        if open_needs.is_closed(txn, event):
            txn.sql.run(ACTIVATIONS.delete_input, **values)
        else:
            event_id, strength = _present_state(txn, watch, row, event)
            txn.sql.run(ACTIVATIONS.renew_input, **values, event_id=event_id, strength=strength)
    txn.sql.run(ACTIVATIONS.delete_reads, activation_id=row.id)
    inputs, _ = inputs_of(txn, row.id)
    recount_marks(txn, row)
    record_reads(txn, agent_spec, row.id, inputs, marks_by_search)
    return get_activation(txn, row.id) or row


def _present_state(
    txn: BoardTransaction, watch: RegisteredWatch | None, row: ActivationRow, event: EventRow
) -> tuple[int, float]:
    """Return the event and the strength of a mark that an activation is given again, and absorb a new event."""
    stored = txn.sql.one(MARKS.get_mark, id=event.mark_id)
    mark = None if stored is None else mark_backfill.backfill(txn, stored)
    if mark is None or not mark.is_live(txn.now):
        return event.id, 0.0
    if watch is not None and watch.condition.has_where and not watched_marks.is_counted(txn, watch, mark):
        return event.id, 0.0
    strength = mark_strength(txn, mark)
    if mark.event_id == event.id or not _may_absorb(txn, row, mark):
        return event.id, strength
    if watch is not None and watch.absorbs:
        _absorb(txn, watch, row, mark)
    return mark.event_id, strength


def _may_absorb(txn: BoardTransaction, row: ActivationRow, mark: MarkRow) -> bool:
    """Return whether no activation of the watch was given the last event of a mark."""
    values = {"watch_id": row.watch_id, "mark_id": mark.id}
    return (txn.sql.value(ACTIVATIONS.last_absorbed_event, **values) or 0) < mark.event_id


def _absorb(txn: BoardTransaction, watch: RegisteredWatch, row: ActivationRow, mark: MarkRow) -> None:
    """Absorb the last event of a mark, and take over the waiting crossings that this mark alone has caused."""
    scope = scope_of(txn, watch, mark)
    if scope is None:
        return
    if watch.keeps_sums and stimuli.is_stimulus(txn, watch, mark, absorbed_marks.last_absorbed(txn, watch, mark.id)):
        watch_totals.add(txn, watch, scope, mark, -1)
    absorbed_marks.absorb(txn, watch, mark.id, mark.event_id, row.id)
    for crossing in txn.sql.all(CROSSINGS.waiting_of_scope, watch_id=watch.id, scope=scope):
        if crossing.is_per_mark:
            is_over = crossing.mark_id == mark.id
        else:
            is_over = crossing.cause is None and not rising_crossings.stimuli_hold_at(
                txn, watch, crossing.scope, crossing.noticed_at
            )
        if is_over:
            close_crossing(txn, crossing, CrossingState.CLAIMED, row)
