"""Dead workers: which of the registered workers are dead."""

from __future__ import annotations

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.store.database_parts.board_processes import BoardProcesses
from blackboard.store.statements import ACTIVATIONS


def dead_workers(txn: BoardTransaction, processes: BoardProcesses) -> frozenset[str]:
    """Return which registered workers are dead: by their locks, or because they were not seen lately."""
    return frozenset(processes.dead_among(txn.sql.all(ACTIVATIONS.workers), txn.now, txn.sql))
