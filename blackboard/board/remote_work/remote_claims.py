"""The claims of remote agents: a program outside the daemon claims an activation under a lease.

A claim absorbs and freezes marks as the claim of a daemon does.
"""

from __future__ import annotations

from blackboard.board.activation_tables.activation_inputs import ActivationInput
from blackboard.board.activations.agent_claims import agent_readiness, claims
from blackboard.board.activations.agent_claims.additional_reads import NeedsSearches
from blackboard.board.activations.agent_claims.claims import Claim, Claimer
from blackboard.board.activations.call_records import budgets
from blackboard.board.activations.run_ends import activation_recovery, activation_results
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.need_answers import overdue_needs
from blackboard.board.remote_work.remote_runs import is_late, running_of
from blackboard.board.transactions import agent_states
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.crossing_detection import predicted_crossings
from blackboard.clock import Instant
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.store.statements import CROSSINGS, MARKS

DUE_AT_ONCE = 100
"""The largest number of due crossings and needs that one claim records."""


def may_claim(txn: BoardTransaction, agent_spec: AgentSpec) -> bool:
    """Return whether a claim could succeed, or would first have other work to do. It needs no writing transaction."""
    due = (txn.sql.value(CROSSINGS.next_predicted), txn.sql.value(MARKS.next_due_need))
    return (
        any(at is not None and at <= txn.now for at in due)
        or any(is_late(txn, row) for row in running_of(txn, agent_spec))
        or agent_spec.name in agent_readiness.agents_with_suspects(txn)
        or agent_readiness.may_claim(txn, agent_spec.name)
    )


def next_instant(txn: BoardTransaction, agent_spec: AgentSpec) -> Instant | None:
    """Return the next instant when time alone may make a claim possible; None if there is none."""
    instants = [
        agent_readiness.next_ready(txn, agent_spec.name, agent_readiness.waiting_work(txn)),
        txn.sql.value(CROSSINGS.next_predicted),
        txn.sql.value(MARKS.next_due_need),
        *(row.lease_until for row in running_of(txn, agent_spec)),
    ]
    return min((at for at in instants if at is not None), default=None)


def note_presence(txn: BoardTransaction, agent_spec: AgentSpec) -> None:
    """Record that a worker claims or waits for an agent now."""
    agent_states.set_served_at(txn, agent_spec.name, txn.now)


def claim(
    txn: BoardTransaction, agent_spec: AgentSpec, claimer: Claimer, classes: MarkClasses
) -> Claim | NeedsSearches | None:
    """Claim the next activation of a remote agent for a worker.

    There may be no daemon, so its work comes first: due crossings and needs are recorded, and expired runs of the agent
    are recovered. An activation whose marks were all erased is finished at once.
    """
    overdue_needs.fire_due(txn, DUE_AT_ONCE, classes)
    predicted_crossings.fire_due(txn, DUE_AT_ONCE)
    for row in running_of(txn, agent_spec):
        if is_late(txn, row):
            activation_recovery.recover_remote(txn, row)
    claimer = claimer._replace(lease=min(claimer.lease, agent_spec.settings.timeout))
    while True:
        claimed = claims.claim_suspect(txn, agent_spec, claimer) or claims.claim(txn, agent_spec, claimer)
        if not isinstance(claimed, Claim):
            return claimed
        if claimed.row.scheduled_for is None and not readable(claimed.inputs):
            activation_results.finish(txn, claimed.row, agent_spec, [], classes)
        elif (spent := budgets.exhausted_by_activation(txn, agent_spec, claimed.row.id)) is not None:
            activation_results.defer(txn, claimed.row, until=None, reason=spent, is_held=True)
        else:
            return claimed


def readable(inputs: tuple[ActivationInput, ...]) -> list[ActivationInput]:
    """Return the inputs whose payloads were not erased."""
    return [item for item in inputs if item.event.payload is not None]
