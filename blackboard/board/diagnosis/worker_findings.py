"""Findings about workers: their code, the agents that none serves, their models and their leases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from blackboard.board import worker_registry
from blackboard.board.activations.run_ends.activation_recovery import is_remote
from blackboard.board.daemon_work.remaining_work import agents_of_waiting_work
from blackboard.board.diagnosis.examined_board import ExaminedBoard
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import iso
from blackboard.core.records.finding import Finding, finding_of
from blackboard.store.statements import ACTIVATIONS

MODEL = "answers"
"""The name of the finding that says which provider and model answer."""


def examine(txn: BoardTransaction, examination: ExaminedBoard) -> Iterator[Finding]:
    """Yield the findings about workers."""
    yield from _workers(txn, examination.dead_workers)
    yield from _models(txn, examination.dead_workers)
    yield from _leases(txn)


def _workers(txn: BoardTransaction, dead: Collection[str]) -> Iterator[Finding]:
    """Yield findings about workers that run other code than the active one, and about dead workers."""
    rows = txn.sql.all(ACTIVATIONS.workers)
    living = [row for row in rows if row.id not in dead]
    for row in living:
        if (problem := worker_registry.worker_problem(txn, row)) is not None:
            others = [other for other in living if worker_registry.worker_problem(txn, other) is None]
            served = {agent for other in others for agent in worker_registry.code_of(other)}
            waits = worker_registry.code_of(row).keys() & txn.deployment.agents.keys() - served
            yield Finding(
                "code",
                "wrong" if waits else "note",
                f"worker {row.id}: {problem}",
                "restart it with the active code, or stop it; or deploy its code",
            )
    if died := [f"{row.id}, last seen at {iso(row.seen_at)}" for row in rows if row.id in dead]:
        yield Finding("workers", "wrong", f"died: {'; '.join(died)}", "start a daemon: it recovers their activations")
    elif living:
        yield Finding("workers", "ok", f"{len(living)} running")
    yield from _service(txn, dead, len(living))


def _service(txn: BoardTransaction, dead: Collection[str], living: int) -> Iterator[Finding]:
    """Report that no worker serves the board or some of its agents, and since when.

    The finding is wrong if work waits for them.
    """
    unserved = {
        agent: problem
        for agent in sorted(txn.deployment.agents)
        if (problem := worker_registry.unserved_agent(txn, agent, dead)) is not None
    }
    waiting = Counter(agents_of_waiting_work(txn, unserved.keys()))
    remote = {agent_spec.name for agent_spec in txn.deployment.agents.values() if agent_spec.remote}
    for agent in unserved if living else unserved.keys() & remote:
        advice = "start a daemon that runs it; 'blackboard run --agents' runs only the agents that it names"
        if agent in remote:
            advice = f"start its worker; 'blackboard claim {agent}' also claims for it"
        yield _unserved_finding("agent", f"{agent}: {unserved[agent].reason}", waiting.pop(agent, 0), advice)
    if living or (remote and remote == txn.deployment.agents.keys()):
        return
    since = worker_registry.board_served_at(txn, dead)
    never = "no daemon serves the board, and no earlier daemon is known"
    unserved_since = never if since is None else f"no daemon has served the board since {iso(since)}"
    yield _unserved_finding(
        "workers",
        f"{unserved_since}, so no agent wakes{', except the agents of remote workers' if remote else ''}",
        waiting.total(),
        "'blackboard run' starts a daemon",
    )


def _unserved_finding(name: str, detail: str, waiting: int, advice: str) -> Finding:
    if not waiting:
        return Finding(name, "note", detail, advice)
    return Finding(name, "wrong", f"{detail}; waiting crossings and activations: {waiting}", advice)


def _models(txn: BoardTransaction, dead: Collection[str]) -> Iterator[Finding]:
    """Report the provider and model that answer, as the workers have registered them."""
    workers: dict[str, list[str]] = {}
    for row in txn.sql.all(ACTIVATIONS.workers):
        if row.model is not None and row.id not in dead:
            workers.setdefault(row.model, []).append(row.id)
    for model, ids in sorted(workers.items()):
        yield Finding(MODEL, "note", f"{model} (worker {', '.join(ids)})")


def _leases(txn: BoardTransaction) -> Iterator[Finding]:
    """Find the runs whose leases have expired."""
    rows = txn.sql.all(ACTIVATIONS.running)
    expired = [row for row in rows if row.lease_until is not None and row.lease_until <= txn.now]
    ids = ", ".join(str(row.id) for row in expired[:10])
    detail = f"expired for activation {ids}" if expired else f"{len(rows)} running"
    advice = "start a daemon: it recovers them"
    if all(map(is_remote, expired)):
        advice = "a server or a daemon recovers them, and so does the next claim of a worker"
    yield finding_of("leases", detail, advice, is_fine=not expired)
