"""Readiness of agents: pauses, cooldowns, concurrency, budgets, and the crossings that can be claimed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from blackboard.board.activations.call_records import budgets
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.work_tables import agent_states
from blackboard.clock import Instant
from blackboard.core.records.states import HeldBy
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.store.row_types.activation_row_types import AgentLoad
from blackboard.store.row_types.watch_row_types import CrossingRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS


class AgentDeferral(NamedTuple):
    """The reason that keeps an agent or a watch from waking."""

    reason: str
    """A text for people."""
    until: Instant | None
    """The instant when the reason ends; None if only a person can end it."""


def has_capacity(txn: BoardTransaction, agent_spec: AgentSpec) -> bool:
    """Return whether nothing defers an agent, and it runs fewer activations than its concurrency allows."""
    if agent_deferral(txn, agent_spec.name) is not None:
        return False
    load = txn.sql.existing(ACTIVATIONS.agent_load, agent=agent_spec.name, now=txn.now)
    return is_below_concurrency(load, agent_spec)


def is_below_concurrency(load: AgentLoad, agent_spec: AgentSpec) -> bool:
    """Return whether an agent runs fewer activations than its concurrency allows."""
    return load.running < agent_spec.settings.concurrency


def ready_instants(txn: BoardTransaction) -> dict[str, list[Instant]]:
    """Return the instants when time alone makes work ready, for each agent with waiting work.

    The list of an agent is empty if time alone makes none of its work ready. A deferral of the agent is not considered;
    see `next_ready`. A quiet board of 1,000 agents needs two queries.
    """
    work: dict[str, list[Instant]] = {}
    deferred, watches = txn.sql.results(
        (ACTIVATIONS.deferred_work, {"now": txn.now}), (CROSSINGS.waiting_watches, {"now": txn.now})
    )
    for row in deferred:
        work.setdefault(row.agent, []).extend(() if row.next_retry is None else (row.next_retry,))
    for waiting in watches:
        if (watch := txn.active.watches.get(waiting.watch_id)) is not None:
            instants = work.setdefault(watch.agent_spec.name, [])
            instants += () if waiting.next_ready is None else (waiting.next_ready,)
    return work


def agents_with_suspects(txn: BoardTransaction) -> set[str]:
    """Return the agents that could now run an activation which its worker must run alone."""
    names = {*txn.sql.all(ACTIVATIONS.agents_with_suspects, now=txn.now)}
    return {name for name in names & txn.deployment.agents.keys() if has_capacity(txn, txn.deployment.agents[name])}


def agent_deferral(txn: BoardTransaction, agent: str) -> AgentDeferral | None:
    """Return why an agent may not wake at all; None if it may wake."""
    if txn.pause is not None:
        return AgentDeferral(f"the board is paused{_because(txn.pause.reason)}", None)
    state = agent_states.get(txn, agent)
    if state.paused:
        return AgentDeferral(f"it is paused{_because(state.paused_because)}", None)
    if state.cooldown_until is not None and state.cooldown_until > txn.now:
        return AgentDeferral("it is in cooldown", state.cooldown_until)
    spec = txn.deployment.agents.get(agent)
    if spec is not None and spec.remote and (exhausted := budgets.find_exhausted(txn, spec)) is not None:
        return AgentDeferral(exhausted.reason, exhausted.until)
    return None


def budget_deferral(txn: BoardTransaction, watch: RegisteredWatch) -> AgentDeferral | None:
    """Return why a budget or a paused model defers the crossings of a watch; None if neither does.

    While an activation of the watch waits for the next window of a budget, or for its model, no other activation is
    started. Crossings of that time wait on the agenda and are claimed in full batches afterwards.
    """
    row = txn.sql.one(ACTIVATIONS.held_of_watch, agent=watch.agent_spec.name, watch_id=watch.id, now=txn.now)
    return None if row is None else AgentDeferral(row.error or "held", row.retry_at)


def held_by_or_window(txn: BoardTransaction, crossing: CrossingRow) -> HeldBy | None:
    """Return what holds a waiting crossing: what its row names, or else its batch window; None if nothing does."""
    if crossing.held_by is None and crossing.ready_at is not None and crossing.ready_at > txn.now:
        return HeldBy.BATCH_WINDOW
    return None if crossing.held_by is None else HeldBy(crossing.held_by)


def next_ready(txn: BoardTransaction, agent: str, work: Mapping[str, Sequence[Instant]]) -> Instant | None:
    """Return the next instant when time alone makes work of an agent ready; None if there is none.

    `work` is the result of `ready_instants`.
    """
    deferral = agent_deferral(txn, agent)
    return min(work.get(agent, ()), default=None) if deferral is None else deferral.until


def _because(reason: str | None) -> str:
    return f": {reason}" if reason else ""
