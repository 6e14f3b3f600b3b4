"""When an agent may wake: pauses, rests, budgets that are used up, and what of its agenda is ready."""

from __future__ import annotations

from blackboard.board.board_transaction import BoardTransaction, Watch
from blackboard.deployment import AgentSpec
from blackboard.store import activations as A
from blackboard.store import watching as W

__all__ = ["blocked", "held_back", "may_claim", "next_ready", "ready", "stirring"]


def may_claim(m: BoardTransaction, name: str) -> bool:
    """Whether a claim for the agent could succeed: a cheap look before a transaction is begun for it."""
    agent = m.deployment.agents.get(name)
    if agent is None or blocked(m, name) is not None:
        return False
    if m.tx.one(A.RUNNING_OF, agent=name)[0] >= agent.settings.concurrency:
        return False
    return m.tx.one(A.READY_TO_RETRY, agent=name, now=m.now) is not None or bool(ready(m, agent))


def stirring(m: BoardTransaction) -> set[str]:
    """The agents for which anything waits, ready or not. On a quiet board of a thousand agents it is two questions."""
    agents = {row[0] for row in m.tx.all(A.AGENTS_WAITING)}
    after = 0
    while (found := m.tx.one(W.NEXT_WATCH_WAITING, after=after)[0]) is not None:
        after = found
        if (watch := m.active.watches.get(after)) is not None:
            agents.add(watch.agent.name)
    return agents


def blocked(m: BoardTransaction, agent: str) -> tuple[str, int | None] | None:
    """Why an agent wakes for nothing now, and until when (None: until a person resumes it); None if it may."""
    board = m.tx.one(A.BOARD)
    if board[5]:
        return f"the board is paused{_because(board[6])}", None
    state = m.tx.one(A.AGENT_STATE, agent=agent)
    if state is None:
        return None
    _, paused, because, cooldown_until, _failures = state
    if paused:
        return f"it is paused{_because(because)}", None
    if cooldown_until is not None and cooldown_until > m.now:
        return "it rests", cooldown_until
    return None


def held_back(m: BoardTransaction, watch: Watch) -> tuple[str, int | None] | None:
    """Why a budget holds a watch back, and until when; None if none does.

    While one of its activations waits for a window to turn, no other is begun: what crosses meanwhile waits on the
    agenda, and goes in full batches afterwards.
    """
    found = m.tx.one(A.HELD_OF_WATCH, agent=watch.agent.name, watch_id=watch.id, now=m.now)
    return None if found is None else (found[0] or "held", found[1])


def next_ready(m: BoardTransaction, agent: AgentSpec) -> int | None:
    """The next instant at which something of the agent's will be ready by itself; None if nothing will."""
    block = blocked(m, agent.name)
    if block is not None:
        return block[1]
    instants = [m.tx.one(A.NEXT_RETRY, agent=agent.name, now=m.now)[0]]
    instants += [
        m.tx.one(W.NEXT_READY, watch_id=watch.id, now=m.now)[0] for watch in m.active.of_agent.get(agent.name, ())
    ]
    return min((at for at in instants if at is not None), default=None)


def _because(reason: str | None) -> str:
    return f": {reason}" if reason else ""


def ready(m: BoardTransaction, agent: AgentSpec) -> list[Watch]:
    """The agent's watches with something to do now: first the one that has been ready longest, so none starves."""
    ready: list[tuple[int, int, Watch]] = []
    for watch in m.active.of_agent.get(agent.name, ()):
        since = m.tx.one(W.READY, watch_id=watch.id, now=m.now)[0]
        if since is None and _full(m, watch):
            since = m.now
        if since is not None and held_back(m, watch) is None:
            ready.append((since, watch.id, watch))
    return [watch for _, _, watch in sorted(ready, key=lambda entry: entry[:2])]


def _full(m: BoardTransaction, watch: Watch) -> bool:
    batch = watch.agent.settings.batch
    if batch is None or not watch.agent.settings.batch_window:
        return False
    return m.tx.one(W.COUNT_BATCH, watch_id=watch.id, limit=batch)[0] >= batch  # type: ignore[no-any-return]
