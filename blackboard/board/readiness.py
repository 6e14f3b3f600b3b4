"""When an agent may wake: pauses, rests, budgets that are used up, and what of its agenda is ready."""

from __future__ import annotations

from blackboard.board.board_transaction import BoardTransaction, Watch
from blackboard.deployment import AgentSpec
from blackboard.store.statements import ACTIVATIONS, CROSSINGS

__all__ = ["agents_with_work", "blocked", "held_back", "may_claim", "next_ready", "ready"]


def may_claim(txn: BoardTransaction, name: str) -> bool:
    """Whether a claim for the agent could succeed: a cheap look before a transaction is begun for it."""
    agent = txn.deployment.agents.get(name)
    if agent is None or blocked(txn, name) is not None:
        return False
    if txn.tx.one(ACTIVATIONS.count_running, agent=name)[0] >= agent.settings.concurrency:
        return False
    return txn.tx.one(ACTIVATIONS.next_due, agent=name, now=txn.now) is not None or bool(ready(txn, agent))


def agents_with_work(txn: BoardTransaction) -> set[str]:
    """The agents for which anything waits, ready or not. On a quiet board of a thousand agents it is two questions."""
    agents = {row[0] for row in txn.tx.all(ACTIVATIONS.agents_with_retries)}
    after = 0
    while (found := txn.tx.one(CROSSINGS.next_watch_waiting, after=after)[0]) is not None:
        after = found
        if (watch := txn.active.watches.get(after)) is not None:
            agents.add(watch.agent.name)
    return agents


def blocked(txn: BoardTransaction, agent: str) -> tuple[str, int | None] | None:
    """Why an agent wakes for nothing now, and until when (None: until a person resumes it); None if it may."""
    board = txn.tx.one(ACTIVATIONS.board)
    if board[5]:
        return f"the board is paused{_because(board[6])}", None
    state = txn.tx.one(ACTIVATIONS.get_agent_state, agent=agent)
    if state is None:
        return None
    _, paused, because, cooldown_until, _failures = state
    if paused:
        return f"it is paused{_because(because)}", None
    if cooldown_until is not None and cooldown_until > txn.now:
        return "it rests", cooldown_until
    return None


def held_back(txn: BoardTransaction, watch: Watch) -> tuple[str, int | None] | None:
    """Why a budget holds a watch back, and until when; None if none does.

    While one of its activations waits for a window to turn, no other is begun: what crosses meanwhile waits on the
    agenda, and goes in full batches afterwards.
    """
    values = txn.tx.one(ACTIVATIONS.held_of_watch, agent=watch.agent.name, watch_id=watch.id, now=txn.now)
    return None if values is None else (values[0] or "held", values[1])


def next_ready(txn: BoardTransaction, agent: AgentSpec) -> int | None:
    """The next instant at which something of the agent's will be ready by itself; None if nothing will."""
    block = blocked(txn, agent.name)
    if block is not None:
        return block[1]
    instants = [txn.tx.one(ACTIVATIONS.next_retry, agent=agent.name, now=txn.now)[0]]
    instants += [
        txn.tx.one(CROSSINGS.next_ready, watch_id=watch.id, now=txn.now)[0]
        for watch in txn.active.of_agent.get(agent.name, ())
    ]
    return min((at for at in instants if at is not None), default=None)


def _because(reason: str | None) -> str:
    return f": {reason}" if reason else ""


def ready(txn: BoardTransaction, agent: AgentSpec) -> list[Watch]:
    """The agent's watches with something to do now: first the one that has been ready longest, so none starves."""
    ready: list[tuple[int, int, Watch]] = []
    for watch in txn.active.of_agent.get(agent.name, ()):
        since = txn.tx.one(CROSSINGS.first_ready, watch_id=watch.id, now=txn.now)[0]
        if since is None and _full(txn, watch):
            since = txn.now
        if since is not None and held_back(txn, watch) is None:
            ready.append((since, watch.id, watch))
    return [watch for _, _, watch in sorted(ready, key=lambda entry: entry[:2])]


def _full(txn: BoardTransaction, watch: Watch) -> bool:
    batch = watch.agent.settings.batch
    if batch is None or not watch.agent.settings.batch_window:
        return False
    return txn.tx.one(CROSSINGS.count_waiting_marks, watch_id=watch.id, limit=batch)[0] >= batch  # type: ignore[no-any-return]
