"""The quarantine of crossings that would continue a loop of activations: a person decides about them."""

from __future__ import annotations

from blackboard.board.activations.agent_claims import loop_detection
from blackboard.board.activations.agent_claims.additional_reads import (
    MarksBySearch,
    record_reads,
)
from blackboard.board.activations.agent_claims.crossing_activations import claimed_inputs, insert_claimed
from blackboard.board.activations.agent_claims.crossing_selection import Selection
from blackboard.board.activations.run_ends import quarantine_needs
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.core.marks.scopes import is_group, subject_of
from blackboard.core.records.states import ActivationState
from blackboard.store.row_types.mark_row_types import EventRow
from blackboard.store.row_types.watch_row_types import CrossingRow


def quarantine_loops(
    txn: BoardTransaction, watch: RegisteredWatch, selection: Selection, found: MarksBySearch
) -> Selection:
    """Quarantine the crossings that would continue a loop, ask a person, and return the other crossings."""
    agent_spec = watch.agent
    chain_length = loop_detection.chain_length(txn, selection.events)
    measured = Selection(selection.crossings, selection.inputs, chain_length)
    if (reason := loop_detection.rate_problem(txn, agent_spec)) is not None:
        _quarantine(txn, watch, measured, f"agent/{agent_spec.name}", reason, found)
        return Selection()
    if not loop_detection.may_loop(agent_spec, chain_length):
        return measured
    accepted = Selection()
    for crossing in measured.crossings:
        inputs = {key: pair for key, pair in measured.inputs.items() if _is_behind(pair[0], crossing)}
        part = Selection([crossing], inputs)
        part.chain_length = loop_detection.chain_length(txn, part.events)
        reason = loop_detection.loop_problem(txn, agent_spec, crossing.scope, part.events, part.chain_length)
        if reason is None:
            accepted.crossings.append(crossing)
            accepted.inputs.update(inputs)
            accepted.chain_length = max(accepted.chain_length, part.chain_length)
        else:
            _quarantine(txn, watch, part, subject_of(crossing.scope) or f"agent/{agent_spec.name}", reason, found)
    return accepted


def _is_behind(event: EventRow, crossing: CrossingRow) -> bool:
    if crossing.is_per_mark:
        return event.mark_id == crossing.mark_id
    # An activation about a group has no other crossing.
    return crossing.is_over_board or is_group(crossing.scope) or event.subject == crossing.scope


def _quarantine(
    txn: BoardTransaction, watch: RegisteredWatch, selection: Selection, subject: str, reason: str, found: MarksBySearch
) -> None:
    row = insert_claimed(txn, watch, selection, ActivationState.QUARANTINED, finished_at=txn.now, error=reason)
    record_reads(txn, watch.agent, row.id, claimed_inputs(txn, selection), found)
    quarantine_needs.ask_about_quarantine(txn, subject, reason)
