"""Circular wakes, where agents keep waking each other: chains too long, loops without new facts, a rate too high.

Crossings that would continue a loop are quarantined, and a person decides about them. If no agent deposited
the marks, the check costs no query, unless the agent sets max_activations_per_hour.
"""

from __future__ import annotations

from collections.abc import Iterable

from blackboard.board.activations.agent_claims.additional_reads import record_reads
from blackboard.board.activations.agent_claims.crossing_selection import Selection
from blackboard.board.activations.agent_claims.new_activations import claimed_inputs, insert_claimed
from blackboard.board.activations.agent_claims.searches_in_reads import MarksBySearch
from blackboard.board.activations.run_ends import run_end_steps
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.waiting_crossings.departed_marks import InputMark
from blackboard.board.work_tables.activation_inputs import absorbed_events
from blackboard.board.work_tables.activation_rows import get_activation
from blackboard.core.marks.scopes import is_group, scope_name, subject_of
from blackboard.core.records.states import ActivationState
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.durations import HOUR
from blackboard.store.row_types.activation_row_types import ActivationRow
from blackboard.store.row_types.mark_row_types import EventRow
from blackboard.store.row_types.watch_row_types import CrossingRow
from blackboard.store.statements import ACTIVATIONS

MIN_LOOP_RUNS = 4
"""The number of activations in the shortest loop between two agents.

After A, B, A, B the next activation is quarantined. The fourth still runs, because it often gives up and asks a person,
as the coordinator of the lead desk does.
"""


def quarantine_loops(
    txn: BoardTransaction, watch: RegisteredWatch, selection: Selection, marks_by_search: MarksBySearch
) -> Selection:
    """Quarantine the crossings that would continue a loop, ask a person, and return the other crossings."""
    agent_spec = watch.agent_spec
    measured = _measured(txn, selection.crossings, selection.inputs)
    if (reason := _rate_problem(txn, agent_spec)) is not None:
        _quarantine(txn, watch, measured, f"agent/{agent_spec.name}", reason, marks_by_search)
        return Selection()
    if not _may_loop(agent_spec, measured.chain_length):
        return measured
    accepted = Selection()
    for crossing in measured.crossings:
        inputs = {key: item for key, item in measured.inputs.items() if _is_behind(item.event, crossing)}
        part = _measured(txn, [crossing], inputs)
        reason = loop_problem(txn, agent_spec, crossing.scope, part.events, part.chain_length)
        if reason is None:
            accepted.crossings.append(crossing)
            accepted.inputs.update(inputs)
            accepted.chain_length = max(accepted.chain_length, part.chain_length)
        else:
            _quarantine(
                txn, watch, part, subject_of(crossing.scope) or f"agent/{agent_spec.name}", reason, marks_by_search
            )
    return accepted


def _is_behind(event: EventRow, crossing: CrossingRow) -> bool:
    if crossing.is_per_mark:
        return event.mark_id == crossing.mark_id
    # An activation about a group has no other crossing.
    return crossing.is_over_board or is_group(crossing.scope) or event.subject == crossing.scope


def _quarantine(
    txn: BoardTransaction,
    watch: RegisteredWatch,
    selection: Selection,
    subject: str,
    reason: str,
    marks_by_search: MarksBySearch,
) -> None:
    row = insert_claimed(txn, watch, selection, ActivationState.QUARANTINED, finished_at=txn.now, error=reason)
    record_reads(txn, watch.agent_spec, row.id, claimed_inputs(txn, selection), marks_by_search)
    run_end_steps.ask_about_quarantine(txn, subject, reason)


def _measured(txn: BoardTransaction, crossings: list[CrossingRow], inputs: dict[int, InputMark]) -> Selection:
    """Return a selection with its chain length: one more than the longest chain that led to its marks."""
    selection = Selection(crossings, inputs)
    selection.chain_length = 1 + max((row.chain_length for row in _predecessors(txn, selection.events)), default=0)
    return selection


def _may_loop(agent_spec: AgentSpec, length: int) -> bool:
    """Return whether a chain that ends with an activation of the agent is long enough for a loop.

    Further rows are read only for such a chain.
    """
    return length > min(agent_spec.settings.max_chain, MIN_LOOP_RUNS)


def _rate_problem(txn: BoardTransaction, agent_spec: AgentSpec) -> str | None:
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
        absorbed = (event for row in predecessors for event in absorbed_events(txn, row.id))
        events = [event for event in absorbed if subject in (None, event.subject)]
    last, other = chain[:2]
    if last == other or any(name != (last, other)[place % 2] for place, name in enumerate(chain)):
        return None
    return f"{other} and {last} wake each other over {scope_name(scope)} without new facts"


def _predecessors(txn: BoardTransaction, events: Iterable[EventRow]) -> list[ActivationRow]:
    """Return the activations that deposited the marks."""
    ids = dict.fromkeys(event.activation_id for event in events if event.activation_id is not None)
    return [row for id_ in ids if (row := get_activation(txn, id_)) is not None]
