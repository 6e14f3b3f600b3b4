"""The agents that workers serve, and with which code.

A deployment names the code of each agent by its digest. A worker claims only for agents whose active code is its own.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from blackboard.board.board_session import BoardSession
from blackboard.board.board_transaction import BoardTransaction
from blackboard.board.liveness import living_workers
from blackboard.store.rows import WorkerRow
from blackboard.store.schema import HEAD, SEEN
from blackboard.store.statements import ACTIVATIONS

Code = Mapping[str, str | None]
"""The digests of the code of some agents, by name."""


def is_current(txn: BoardTransaction, agent: str, code: str | None) -> bool:
    """Return whether a worker with this code of an agent may claim for it: the active deployment declares that code."""
    spec = txn.deployment.agents.get(agent)
    return spec is not None and (spec.code is None or code is None or spec.code == code)


def outdated(txn: BoardTransaction, code: Code) -> list[str]:
    """Return the agents for which a worker with this code does not claim."""
    return sorted(agent for agent, digest in code.items() if not is_current(txn, agent, digest))


def code_of(worker: WorkerRow) -> dict[str, str | None]:
    """Return the agents that a worker serves, with the digests of its code."""
    return dict(json.loads(worker.agents or "{}"))


def problem(txn: BoardTransaction, worker: WorkerRow) -> str | None:
    """Return why a worker does not claim for some of its agents; None if it claims for all of them."""
    if worker.schema not in (None, HEAD):
        return f"it knows schema {worker.schema} of the board, which is at schema {HEAD}; it claims nothing"
    gone = [agent for agent in code_of(worker) if agent not in txn.deployment.agents]
    other = [agent for agent in outdated(txn, code_of(worker)) if agent not in gone]
    reasons = []
    if other:
        reasons.append(f"it has other code than the active one for {', '.join(other)} and does not claim for it")
    if gone:
        reasons.append(f"the active deployment does not have its agents {', '.join(gone)}")
    return "; ".join(reasons) or None


def unserved(txn: BoardTransaction, agent: str, dead: Collection[str]) -> str | None:
    """Return why nobody claims for an agent although a living worker has some code of it; None if somebody does."""
    servers = [row for row in txn.sql.all(ACTIVATIONS.workers) if row.id not in dead and agent in code_of(row)]
    idle = [row for row in servers if row.schema not in (None, HEAD) or not is_current(txn, agent, code_of(row)[agent])]
    if not idle or len(idle) < len(servers):
        return None
    return f"worker {idle[0].id} does not claim for it: {problem(txn, idle[0])}"


def is_served(txn: BoardTransaction, agent: str, dead: Collection[str]) -> bool:
    """Return whether a living worker serves an agent, with whatever code. A worker of an earlier version may."""
    workers = [row for row in txn.sql.all(ACTIVATIONS.workers) if row.id not in dead]
    return any(row.agents is None or agent in code_of(row) for row in workers)


def dead_workers(session: BoardSession) -> frozenset[str]:
    """Return which registered workers are dead: by their locks or, on a server, since they were not seen lately."""
    rows, now = session.read(lambda txn: (txn.sql.all(ACTIVATIONS.workers), txn.now))
    seen = {row.id: row.seen_at for row in rows}
    alive = living_workers(session.database.path, seen)
    if alive is None:
        alive = {worker for worker, seen_at in seen.items() if seen_at > now - SEEN}
    return frozenset(seen.keys() - alive)
