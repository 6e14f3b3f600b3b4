"""The rows of the workers of a board."""

from __future__ import annotations

import json
import os
import socket

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.worker_registry.served_agents import Code
from blackboard.store.rows import WorkerRow
from blackboard.store.schema.schema_revisions import HEAD
from blackboard.store.statements import ACTIVATIONS
from blackboard.system.files.packaged_files import program_version


def registered_workers(txn: BoardTransaction) -> list[WorkerRow]:
    """Return all registered workers, dead ones included."""
    return txn.sql.all(ACTIVATIONS.workers)


def register(txn: BoardTransaction, worker_id: str, code: Code, *, model: str | None, lock_key: int | None) -> None:
    """Write the row of a worker of this process, unless there is one.

    Args:
        txn: The transaction.
        worker_id: The name that the worker claims in.
        code: The agents that it serves, with the digests of its code.
        model: A text that names the provider and model in use; None if there is none.
        lock_key: The key of the advisory lock that proves its life; None in a file.
    """
    if any(row.id == worker_id for row in registered_workers(txn)):
        return
    txn.sql.run(
        ACTIVATIONS.insert_worker,
        id=worker_id,
        pid=os.getpid(),
        host=socket.gethostname(),
        started_at=txn.now,
        seen_at=txn.now,
        version=program_version(),
        agents=json.dumps(code),
        schema=HEAD,
        model=model,
        lock_key=lock_key,
    )


def record_seen(txn: BoardTransaction, worker_id: str, model: str | None) -> bool:
    """Record that a worker is alive now, and the model that it uses; return whether it is registered."""
    return txn.sql.changed(ACTIVATIONS.see_worker, id=worker_id, seen_at=txn.now, model=model) > 0
