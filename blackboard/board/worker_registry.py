"""The registered workers of a board, and the agents that they serve, with the digests of their code.

A deployment names the code of each agent by its digest. A worker claims only for agents whose active code is its own.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Collection, Mapping
from typing import NamedTuple

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.work_tables import agent_states
from blackboard.clock import Instant, iso
from blackboard.core.specs.deployment import Deployment
from blackboard.durations import MINUTE, Duration
from blackboard.store.row_types.board_row_types import WorkerRow
from blackboard.store.schema.schema_revisions import HEAD
from blackboard.store.statements import ACTIVATIONS, DEPLOYMENTS
from blackboard.system.files.packaged_files import program_version

REMOTE_WORKER_PREFIX = "remote:"
"""The beginning of the id of a remote worker. The rest is its author."""
PRESENCE_INTERVAL: Duration = MINUTE
"""How often a waiting worker of a remote agent records that it waits."""
REMOTE_SILENCE: Duration = 5 * MINUTE
"""After this time without a claim or a waiting worker, the board shows a remote agent as unserved."""

AgentCode = Mapping[str, str | None]
"""The digests of the code of some agents, by name."""


class UnservedAgent(NamedTuple):
    """The fact that no worker claims for an agent."""

    reason: str
    """A text for people."""
    since: Instant | None
    """When the last worker that claimed for the agent was last seen; None if no such worker is known."""


def is_current_code(txn: BoardTransaction, agent: str, code: str | None) -> bool:
    """Return whether a daemon with this code may claim for an agent.

    The active deployment must have that code, and no daemon claims for a remote agent.
    """
    spec = txn.deployment.agents.get(agent)
    return spec is not None and not spec.remote and (spec.code is None or code is None or spec.code == code)


def outdated_agents(txn: BoardTransaction, code: AgentCode) -> list[str]:
    """Return the agents that a worker with this code does not claim for."""
    return sorted(agent for agent, digest in code.items() if not is_current_code(txn, agent, digest))


def code_of(worker: WorkerRow) -> dict[str, str | None]:
    """Return the agents that a worker serves, with the digests of their code."""
    return dict(json.loads(worker.agents or "{}"))


def worker_problem(txn: BoardTransaction, worker: WorkerRow) -> str | None:
    """Return why a worker does not claim for some of its agents; None if it claims for all of them."""
    if worker.schema not in (None, HEAD):
        return f"it knows schema {worker.schema} of the board, which is at schema {HEAD}; it claims nothing"
    gone = [agent for agent in code_of(worker) if agent not in txn.deployment.agents]
    other = [agent for agent in outdated_agents(txn, code_of(worker)) if agent not in gone]
    reasons = []
    if other:
        reasons.append(f"it has other code than the active one for {', '.join(other)} and does not claim for it")
    if gone:
        reasons.append(f"the active deployment does not have its agents {', '.join(gone)}")
    return "; ".join(reasons) or None


def unserved_agent(
    txn: BoardTransaction, agent: str, dead: Collection[str], *, silence: Duration = REMOTE_SILENCE
) -> UnservedAgent | None:
    """Return why no worker claims for an agent, and since when; None if a living worker claims.

    A remote agent is unserved if no worker has claimed or waited for it for `silence`, and none runs it. A `silence`
    that is shorter than two intervals of presence counts as two intervals, because a waiting worker reports itself once
    in each interval.
    """
    if (spec := txn.deployment.agents.get(agent)) is not None and spec.remote:
        return _unserved_remote(txn, agent, silence)
    ends: list[Instant | None] = [agent_states.get(txn, agent).served_at]
    idle = None
    workers = txn.sql.all(ACTIVATIONS.workers)
    for row in workers:
        if row.agents is not None and agent not in code_of(row):
            continue
        if row.id in dead:
            ends.append(_served_until(txn, row, agent, row.seen_at))
        elif row.agents is None or _claims_for(txn, row, agent):  # a worker of an earlier version may serve it
            return None
        else:
            idle = row
            ends.append(_served_until(txn, row, agent, txn.now))
    since = max((at for at in ends if at is not None), default=None)
    if idle is not None:
        reason = f"worker {idle.id} does not claim for it: {worker_problem(txn, idle)}"
    elif since is None:
        reason = "no daemon serves it, and no earlier daemon is known"
    else:
        reason = f"no daemon has served it since {iso(since)}"
    return UnservedAgent(reason, since)


def _unserved_remote(txn: BoardTransaction, agent: str, silence: Duration) -> UnservedAgent | None:
    """Return why no worker claims for a remote agent; None if one runs it, or has claimed or waited lately."""
    since = agent_states.get(txn, agent).served_at
    is_leased = any(
        row.agent == agent and row.lease_until is not None and row.lease_until > txn.now
        for row in txn.sql.all(ACTIVATIONS.running)
    )
    if is_leased or (since is not None and since > txn.now - max(silence, 2 * PRESENCE_INTERVAL)):
        return None
    if since is None:
        return UnservedAgent("it is remote, and no worker has claimed for it yet", None)
    return UnservedAgent(f"it is remote, and no worker has claimed or waited for it since {iso(since)}", since)


def board_served_at(txn: BoardTransaction, dead: Collection[str]) -> Instant | None:
    """Return when a worker that served any agent, even a gone one, was last seen; None if none is known.

    Only for a board that no worker serves now.
    """
    ends = [state.served_at for state in txn.sql.all(ACTIVATIONS.agent_states) if state.served_at is not None]
    ends += [row.seen_at for row in txn.sql.all(ACTIVATIONS.workers) if row.id in dead]
    return max(ends, default=None)


def set_code(txn: BoardTransaction, worker_id: str, code: AgentCode) -> None:
    """Record the agents that a worker serves from now on, and the end of its service for its former agents."""
    _record_service(txn, worker_id, is_dead=False)
    txn.sql.run(ACTIVATIONS.set_agents_of_worker, id=worker_id, agents=json.dumps(code))


def remove_worker(txn: BoardTransaction, worker_id: str, *, is_dead: bool) -> None:
    """Remove a worker that ends now, or died after it was last seen; record until when it served its agents."""
    _record_service(txn, worker_id, is_dead=is_dead)
    txn.sql.run(ACTIVATIONS.delete_worker, id=worker_id)


def _record_service(txn: BoardTransaction, worker_id: str, *, is_dead: bool) -> None:
    for row in (row for row in txn.sql.all(ACTIVATIONS.workers) if row.id == worker_id):
        for agent in code_of(row):
            served_at = _served_until(txn, row, agent, row.seen_at if is_dead else txn.now)
            agent_states.set_served_at(txn, agent, served_at)


def _claims_for(txn: BoardTransaction, worker: WorkerRow, agent: str) -> bool:
    return worker.schema in (None, HEAD) and is_current_code(txn, agent, code_of(worker)[agent])


def _served_until(txn: BoardTransaction, worker: WorkerRow, agent: str, seen_at: Instant) -> Instant:
    """Return until when a worker that was last seen at an instant claimed for one of its agents."""
    if is_current_code(txn, agent, code_of(worker).get(agent)):
        return seen_at
    return min(seen_at, _code_since(txn, agent))


def _code_since(txn: BoardTransaction, agent: str) -> Instant:
    """Return the instant since which the deployments have had the present code of an agent.

    For an agent that is gone, return the instant since which they have not had it.
    """
    since = txn.now
    present = _code_in(txn.deployment, agent)
    for row in reversed(txn.sql.all(DEPLOYMENTS.deployments)):
        if _code_in(Deployment.model_validate_json(row.content), agent) != present:
            break
        since = row.deployed_at
    return since


def _code_in(deployment: Deployment, agent: str) -> tuple[bool, str | None]:
    spec = deployment.agents.get(agent)
    return spec is not None, None if spec is None else spec.code


def registered_workers(txn: BoardTransaction) -> list[WorkerRow]:
    """Return all registered workers, also dead workers."""
    return txn.sql.all(ACTIVATIONS.workers)


def register(
    txn: BoardTransaction, worker_id: str, code: AgentCode, *, model: str | None, lock_key: int | None
) -> None:
    """Write the row of a worker of this process, unless there is one.

    Args:
        txn: The transaction.
        worker_id: The name in which the worker claims.
        code: The agents that it serves, with the digests of their code.
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
    return txn.sql.run_and_count(ACTIVATIONS.see_worker, id=worker_id, seen_at=txn.now, model=model) > 0
