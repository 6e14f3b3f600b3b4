"""Agents that the active deployment no longer has, and their unfinished work.

The work stays as it is, because an agent may return, or a successor may take the work over. Until then the work is
shown as held: only a deployment or a person can continue it. The fragment `agent_is_gone` says the same in SQL.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.records.states import ActivationState
from blackboard.store.row_types.activation_row_types import ActivationRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS

HELD_REASON = "its agent is gone"
"""Why work of a gone agent is held."""


class UnfinishedWork(NamedTuple):
    """The amount of unfinished work of a gone agent."""

    activations: int
    crossings: int


def unfinished_work(txn: BoardTransaction) -> dict[str, UnfinishedWork]:
    """Return the unfinished work of each gone agent, by its name."""
    crossings = dict(txn.sql.all(CROSSINGS.count_waiting_for_gone))
    activations = Counter(
        row.agent
        for state in (ActivationState.READY, ActivationState.RUNNING, ActivationState.HELD)
        for row in txn.sql.all(ACTIVATIONS.unfinished_in_state, state=state)
    )
    return {
        agent: UnfinishedWork(activations[agent], crossings.get(agent, 0))
        for agent in sorted(activations.keys() | crossings.keys())
        if is_gone(txn, agent)
    }


def count(txn: BoardTransaction) -> dict[str, int]:
    """Return the number of unfinished activations and waiting crossings of each gone agent, by its name."""
    return {agent: sum(work) for agent, work in unfinished_work(txn).items()}


def is_gone(txn: BoardTransaction, agent: str) -> bool:
    """Return whether the active deployment lacks an agent."""
    return agent not in txn.deployment.agents


def shown_to_people(txn: BoardTransaction, row: ActivationRow) -> ActivationRow:
    """Return an activation for display: as held, and without a next instant, if its agent is gone."""
    if row.state not in (ActivationState.READY, ActivationState.HELD) or not is_gone(txn, row.agent):
        return row
    error = HELD_REASON if row.error is None else f"{HELD_REASON}; before that: {row.error}"
    return row._replace(state=ActivationState.HELD, retry_at=None, error=error)
