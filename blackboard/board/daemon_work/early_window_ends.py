"""The early end of a batch window, for a worker that waits for quiescence."""

from __future__ import annotations

from collections.abc import Set

from blackboard.board.activations.agent_claims.agent_readiness import (
    agent_deferral,
    budget_deferral,
    next_ready,
    ready_instants,
)
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.store.statements import ACTIVATIONS, CROSSINGS


def close_earliest_window(txn: BoardTransaction, agents: Set[str]) -> bool:
    """End the earliest batch window of these agents now, and return whether there was one.

    No window ends while an activation runs, or if other work is due before the window ends: both may bring more marks.
    Schedules do not count, because a schedule may always be due.
    """
    if txn.sql.one(ACTIVATIONS.running) is not None or txn.sql.one(CROSSINGS.backfills) is not None:
        return False
    names = agents & txn.deployment.agents.keys()
    windows = [
        window
        for watch in txn.active.watches.values()
        if watch.agent_spec.name in names
        and agent_deferral(txn, watch.agent_spec.name) is None
        and budget_deferral(txn, watch) is None
        if (window := txn.sql.one(CROSSINGS.first_window, watch_id=watch.id, now=txn.now)) is not None
    ]
    first = min(windows, key=lambda window: (window.ready_at, window.id), default=None)
    work = ready_instants(txn)
    due = [txn.sql.one(CROSSINGS.next_predicted_fall), *(next_ready(txn, name, work) for name in names)]
    if first is None or any(at is not None and at < first.ready_at for at in due):
        return False
    txn.sql.run(CROSSINGS.defer_crossing, id=first.id, held_by=None, ready_at=txn.now)
    return True
