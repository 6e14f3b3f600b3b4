"""The chain of provenance of a mark: the activations that deposited it, and those behind their inputs, to the end."""

from __future__ import annotations

import heapq

from blackboard.board.transactions.activation_rows import get_activation
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.store.rows import MarkRow
from blackboard.store.statements import ACTIVATIONS, MARKS

LONGEST_CHAIN = 10_000
"""The most activations of a chain that are followed, so that one question does not hold the write lock for long."""


def agents_behind(txn: BoardTransaction, row: MarkRow) -> set[str] | None:
    """Return the agents in the chain of provenance of a mark: they deposited or reinforced it, or marks behind it.

    Marks that an agent read count like those that woke it. Returns None if the chain is not known to its end, because
    a part of it was removed from the history, or because it is too long.
    """
    agents: set[str] = set()
    marks: set[int] = set()
    activations: set[int] = set()
    # The latest events come first, so each mark is looked at once: the other events behind it are earlier.
    waiting = [(-row.event_id, row.id, row.subject)]
    while waiting and not agents.issuperset(txn.deployment.agents):
        event_id, mark_id, subject = heapq.heappop(waiting)
        if mark_id in marks:
            continue
        marks.add(mark_id)
        values = {"subject": subject, "mark_id": mark_id, "up_to": -event_id, "limit": LONGEST_CHAIN + 1}
        for event in txn.sql.all(MARKS.deposits_by_agents, **values):
            agents.add(event.author)
            if event.activation_id is None or event.activation_id in activations:
                continue
            activations.add(event.activation_id)
            if len(activations) > LONGEST_CHAIN or get_activation(txn, event.activation_id) is None:
                return None
            for item in txn.sql.all(ACTIVATIONS.inputs, activation_id=event.activation_id):
                if item.event is None:
                    return None
                heapq.heappush(waiting, (-item.event.id, item.mark_id, item.event.subject))
    return agents
