"""The agents that may answer a need, and the agents that were woken for it."""

from __future__ import annotations

from typing import NamedTuple

from blackboard.board.mark_tables import watch_scopes
from blackboard.board.open_needs import need_access
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.measurements.stimuli import is_stimulus, last_absorbed
from blackboard.core.built_in_marks import Need
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.store.rows import MarkRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, MARKS


class NeedAgents(NamedTuple):
    """The agents of a need, by name."""

    answerable_by: tuple[str, ...]
    """The agents that may answer it."""
    waits_for: tuple[str, ...]
    """The agents among these that were woken for it and have not ended their work."""


NOBODY = NeedAgents((), ())
"""The agents of a need that is for people."""


def find(txn: BoardTransaction, need_id: int, answerable_by: str | None) -> NeedAgents:
    """Return the agents of an open need; `answerable_by` is the column of its `OpenNeedRow`."""
    if answerable_by is None:
        return NOBODY
    row = txn.sql.existing(MARKS.get_mark, id=need_id)
    agents = need_access.answering_agents(txn, row)
    at_work = [agent.name for agent in agents if _is_at_work(txn, agent, row)]
    return NeedAgents(tuple(agent.name for agent in agents), tuple(at_work))


def _is_at_work(txn: BoardTransaction, agent_spec: AgentSpec, need: MarkRow) -> bool:
    """Return whether a need has woken an agent that has not ended its work."""
    if not agent_spec.names.isdisjoint(txn.sql.all(ACTIVATIONS.agents_at_work, mark_id=need.id)):
        return True
    return any(
        _waits(txn, watch, need)
        for watch in txn.active.watches_by_agent.get(agent_spec.name, ())
        if Need.kind in watch.condition.kinds
    )


def _waits(txn: BoardTransaction, watch: RegisteredWatch, need: MarkRow) -> bool:
    """Return whether a crossing of a watch waits with a need behind it."""
    scope = watch_scopes.scope_of(txn, watch, need)
    crossings = [] if scope is None else txn.sql.all(CROSSINGS.waiting_of_scope, watch_id=watch.id, scope=scope)
    if not any(crossing.mark_id in (0, need.id) for crossing in crossings):
        return False
    return not watch.absorbs or is_stimulus(txn, watch, need, last_absorbed(txn, watch, need.id))
