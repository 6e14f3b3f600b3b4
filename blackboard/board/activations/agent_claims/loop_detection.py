"""Detection of activations that keep waking each other: chains too long, loops without new facts, a rate too high.

Nothing is quarantined here. An ordinary claim costs no extra query.
"""

from __future__ import annotations

from collections.abc import Iterable

from blackboard.board.activation_tables.activation_inputs import InputRole
from blackboard.board.activation_tables.activation_rows import get_activation
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.marks.scopes import scope_name, subject_of
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.durations import HOUR
from blackboard.store.row_types.activation_row_types import ActivationRow
from blackboard.store.row_types.mark_row_types import EventRow
from blackboard.store.statements import ACTIVATIONS

MIN_LOOP_RUNS = 4
"""The number of activations in the shortest loop between two agents.

After A, B, A, B the next activation is quarantined.

The fourth activation still runs, because it often gives up and asks a person, as the Coordinator of the lead desk does.
"""


def chain_length(txn: BoardTransaction, events: Iterable[EventRow]) -> int:
    """Return the chain length of an activation on these marks: one more than its predecessors' longest chain."""
    return 1 + max((row.chain_length for row in _predecessors(txn, events)), default=0)


def may_loop(agent_spec: AgentSpec, length: int) -> bool:
    """Return whether a chain that ends with an activation of the agent is long enough for a loop.

    Further rows are read only if it is.
    """
    return length > min(agent_spec.settings.max_chain, MIN_LOOP_RUNS - 1)


def rate_problem(txn: BoardTransaction, agent_spec: AgentSpec) -> str | None:
    """Return the reason if an agent has used up its activations of the last hour, else None."""
    limit = agent_spec.settings.max_activations_per_hour
    if limit is None or txn.sql.value(ACTIVATIONS.count_since, agent=agent_spec.name, since=txn.now - HOUR) < limit:
        return None
    return f"{agent_spec.name} was woken {limit} times within an hour (max_activations_per_hour = {limit})"


def loop_problem(
    txn: BoardTransaction, agent_spec: AgentSpec, scope: str, events: list[EventRow], length: int
) -> str | None:
    """Return the reason if an activation on these marks would continue a loop or a chain that is too long, else None.

    For a subject, one path back through its marks decides. Over the board or a group there is a loop only if all marks,
    and all marks behind them, came through the same agents.

    Args:
        txn: The transaction that is about to begin the activation.
        agent_spec: The agent that the marks wake.
        scope: The subject or the group; `WHOLE_BOARD` for the board.
        events: The events that the activation would absorb.
        length: The number of activations in the chain, including this activation.
    """
    if length > (limit := agent_spec.settings.max_chain):
        return f"the chain that wakes {agent_spec.name} is {length} activations long (max_chain = {limit})"
    if length <= MIN_LOOP_RUNS:
        return None
    chain, subject = [agent_spec.name], subject_of(scope)
    while len(chain) <= MIN_LOOP_RUNS:
        predecessors = _predecessors(txn, events)
        # A mark that no activation deposited is a fact from outside. It begins a new chain.
        if not predecessors or any(event.activation_id is None for event in events):
            return None
        if subject:
            predecessors = [max(predecessors, key=lambda row: row.id)]
        elif len({row.agent for row in predecessors}) > 1:
            return None
        chain.append(predecessors[0].agent)
        events = [event for row in predecessors for event in _absorbed(txn, row.id, subject)]
    last, other = chain[:2]
    if last == other or any(name != (last, other)[place % 2] for place, name in enumerate(chain)):
        return None
    return f"{other} and {last} wake each other over {scope_name(scope)} without new facts"


def _predecessors(txn: BoardTransaction, events: Iterable[EventRow]) -> list[ActivationRow]:
    """Return the activations that deposited the marks."""
    ids = dict.fromkeys(event.activation_id for event in events if event.activation_id is not None)
    return [row for id_ in ids if (row := get_activation(txn, id_)) is not None]


def _absorbed(txn: BoardTransaction, activation_id: int, subject: str | None) -> list[EventRow]:
    """Return the events of the marks that an activation absorbed: of one subject, or of all if it is None."""
    return [
        row.event
        for row in txn.sql.all(ACTIVATIONS.inputs, activation_id=activation_id)
        if row.role == InputRole.ABSORBED and row.event is not None and subject in (None, row.event.subject)
    ]
