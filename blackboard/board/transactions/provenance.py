"""The chain of provenance of a mark: the activations that deposited it, and those behind their inputs, to the end."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator

from blackboard.board.transactions.activation_rows import get_activation
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.authors import BOARD
from blackboard.core.marks import Overdue
from blackboard.store.rows import EventRow, MarkRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, MARKS

LONGEST_CHAIN = 10_000
"""The most activations of a chain that are followed, so that one question does not hold the write lock for long."""


def agents_behind(txn: BoardTransaction, row: MarkRow) -> set[str] | None:
    """Return the agents in the chain of provenance of a mark: they deposited or reinforced it, or marks behind it.

    Marks that an agent read count like those that woke it. Behind a mark that says that a need is overdue is the need.
    Returns None if the chain is not known to its end, because a part of it was removed from the history, or because it
    is too long.
    """
    # A watch has the present name of its agent, however often that was renamed.
    names = {watch.id: watch.agent for watch in txn.sql.all(CROSSINGS.all_watches)}
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
        for deposit in txn.sql.all(MARKS.deposits_by_agents, **values):
            agents.add(deposit.author)
            if deposit.activation_id is None or deposit.activation_id in activations:
                continue
            activations.add(deposit.activation_id)
            activation = get_activation(txn, deposit.activation_id)
            if activation is None or len(activations) > LONGEST_CHAIN:
                return None
            agents.add(names.get(activation.watch_id, activation.agent))
            for item in txn.sql.all(ACTIVATIONS.inputs, activation_id=activation.id):
                for event in (item.event, *_need_behind(txn, item.event)):
                    if event is None:
                        return None
                    heapq.heappush(waiting, (-event.id, event.mark_id, event.subject))
    return agents


def _need_behind(txn: BoardTransaction, event: EventRow | None) -> Iterator[EventRow | None]:
    """Yield the deposit of the need which a mark of the board says is overdue; None if it is not known any more."""
    if event is not None and event.kind == Overdue.kind and event.author == BOARD:
        need_id = json.loads(event.payload or "{}").get("need")
        yield None if need_id is None else txn.sql.one(MARKS.get_event, id=need_id)
