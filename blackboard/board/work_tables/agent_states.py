"""The state of agents: pauses, cooldowns and failures in a row. Only this module writes the table `agent_state`."""

from __future__ import annotations

from collections.abc import Sequence, Set

from blackboard.board.transactions.board_transaction import BoardPause, BoardTransaction
from blackboard.clock import Instant
from blackboard.store.row_types.activation_row_types import AgentStateRow
from blackboard.store.statements import ACTIVATIONS
from blackboard.store.transaction import SqlRead


class _AgentStates(dict[str, AgentStateRow]):
    """The states of agents that a transaction has read, as they are now."""


def _fresh(agent: str) -> AgentStateRow:
    """Return the state of an agent that has none stored: not paused, without a cooldown or failures."""
    return AgentStateRow(agent, paused=0, paused_because=None, cooldown_until=None, failures=0)


def get(txn: BoardTransaction, agent: str) -> AgentStateRow:
    """Return the state of an agent, or a fresh state if none was written.

    A transaction reads the state once, and again after it has changed the state.
    """
    if (row := txn.cache_of(_AgentStates).get(agent)) is None:
        row = txn.sql.one(ACTIVATIONS.get_agent_state, agent=agent) or _fresh(agent)
        txn.cache_of(_AgentStates)[agent] = row
    return row


def reads(txn: BoardTransaction, agent: str) -> list[SqlRead]:
    """Return the read of the state of an agent, to be sent with other reads; none if the transaction has the state."""
    return [] if agent in txn.cache_of(_AgentStates) else [(ACTIVATIONS.get_agent_state, {"agent": agent})]


def keep(txn: BoardTransaction, agent: str, rows: Sequence[AgentStateRow]) -> None:
    """Keep the rows of `reads`."""
    txn.cache_of(_AgentStates)[agent] = rows[0] if rows else _fresh(agent)


def read_all(txn: BoardTransaction, agents: Set[str]) -> None:
    """Read the states of some agents in one statement, if there are several."""
    if len(agents) > 1:
        stored = {state.agent: state for state in txn.sql.all(ACTIVATIONS.agent_states)}
        for agent in agents:
            txn.cache_of(_AgentStates)[agent] = stored.get(agent) or _fresh(agent)


def set_pause(txn: BoardTransaction, agent: str, *, is_paused: bool, reason: str | None = None) -> None:
    """Pause or resume an agent.

    Raises:
        UnknownName: There is no such agent.
    """
    txn.deployment.agent(agent)
    txn.sql.run(ACTIVATIONS.set_pause, agent=agent, paused=int(is_paused), paused_because=reason)
    txn.cache_of(_AgentStates).pop(agent, None)


def paused_agents(txn: BoardTransaction) -> dict[str, str | None]:
    """Return the agents of the deployment that are paused, with the reason if one was given."""
    states = [state for state in txn.sql.all(ACTIVATIONS.agent_states) if state.paused]
    return {state.agent: state.paused_because for state in states if state.agent in txn.deployment.agents}


def end_failures(txn: BoardTransaction, agent: str) -> None:
    """End the cooldown of an agent after failures in a row, and count its failures from 0."""
    if get(txn, agent).failures:
        set_cooldown(txn, agent, None, 0)


def set_board_pause(txn: BoardTransaction, *, is_paused: bool, reason: str | None = None) -> None:
    """Pause or resume all agents."""
    txn.sql.run(ACTIVATIONS.pause_board, paused=int(is_paused), paused_because=reason)
    txn.note_pause(BoardPause(reason) if is_paused else None)


def set_cooldown(txn: BoardTransaction, agent: str, cooldown_until: Instant | None, failures: int) -> None:
    """Set when the cooldown of an agent ends, and its failures in a row."""
    state = get(txn, agent)
    if (state.cooldown_until, state.failures) != (cooldown_until, failures):
        txn.sql.run(ACTIVATIONS.set_cooldown, agent=agent, cooldown_until=cooldown_until, failures=failures)
        txn.cache_of(_AgentStates).pop(agent, None)


def set_served_at(txn: BoardTransaction, agent: str, served_at: Instant) -> None:
    """Record when a worker that served an agent was last seen. An earlier instant than the recorded one is ignored."""
    txn.sql.run(ACTIVATIONS.set_served_at, agent=agent, served_at=served_at)
    txn.cache_of(_AgentStates).pop(agent, None)


def rename(txn: BoardTransaction, former: str, agent: str) -> None:
    """Give a renamed agent the state of its former name, unless it has a state of its own."""
    if txn.sql.one(ACTIVATIONS.get_agent_state, agent=agent) is None:
        txn.sql.run(ACTIVATIONS.rename_agent_state, former=former, agent=agent)
        txn.cache_of(_AgentStates).clear()
