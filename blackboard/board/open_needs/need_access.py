"""Access of agents to needs: which agents a need wakes, and which agents may answer it.

A need is for people unless it names agents in `answerable_by`. An agent in its chain of provenance may never answer it,
and is not woken for it. An agent that writes decisions is woken only for needs that it may answer. All other agents
observe needs, such as one that sends a message to a person, and are woken as for any mark.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.built_in_marks import Decision
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.store.rows import MarkRow
from blackboard.store.statements import MARKS


def named_agents(row: MarkRow) -> list[str]:
    """Return the agents that a need names in `answerable_by`. An application's own class of needs may name none."""
    named = json.loads(row.payload).get("answerable_by")
    return list(map(str, named)) if isinstance(named, list) else []


def may_wake(txn: BoardTransaction, agent_spec: AgentSpec, row: MarkRow) -> bool:
    """Return whether a need may wake an agent whose watches count it."""
    if Decision.kind in agent_spec.writes:
        return may_answer(txn, agent_spec, row)
    if not named_agents(row):
        return True
    stored = txn.sql.one(MARKS.get_open_need, mark_id=row.id)
    behind: Sequence[str] = json.loads((stored and stored.agents_behind) or "[]")
    return agent_spec.names.isdisjoint(behind)


def may_answer(txn: BoardTransaction, agent_spec: AgentSpec, row: MarkRow) -> bool:
    """Return whether an agent may answer a need."""
    return refusal_of(txn, agent_spec, row) is None


def answering_agents(txn: BoardTransaction, row: MarkRow) -> list[AgentSpec]:
    """Return the agents of the active deployment that may answer a need; none if it is for people."""
    if not named_agents(row):
        return []
    return [agent_spec for agent_spec in txn.deployment.agents.values() if may_answer(txn, agent_spec, row)]


def refusal_of(txn: BoardTransaction, agent_spec: AgentSpec, row: MarkRow) -> str | None:
    """Return why an agent may not answer a need; None if it may."""
    named = named_agents(row)
    if not named:
        return f"need {row.id} is for people: it names no agent in answerable_by"
    stored = txn.sql.one(MARKS.get_open_need, mark_id=row.id)
    if stored is None or stored.agents_behind is None:
        return f"the chain of provenance of need {row.id} is not known to its end, so it is for people"
    if agent_spec.names.isdisjoint([*named, *json.loads(stored.answerable_by or "[]")]):
        return f"need {row.id} may be answered by {' or '.join(named)}, and not by {agent_spec.name}"
    if not agent_spec.names.isdisjoint(json.loads(stored.agents_behind)):
        return f"{agent_spec.name} is in the chain of provenance of need {row.id}, so it can never answer it"
    if Decision.kind not in agent_spec.writes:
        return f"{agent_spec.name} does not declare {Decision.kind!r} in writes"
    return None


def rename_agent(txn: BoardTransaction, former: str, name: str) -> None:
    """Replace the former name of a renamed agent in open needs: in `answerable_by` and in their chains."""
    for row in txn.sql.all(MARKS.all_open_needs):
        renamed = row._replace(
            answerable_by=_renamed(row.answerable_by, former, name),
            agents_behind=_renamed(row.agents_behind, former, name),
        )
        if renamed != row:
            txn.sql.run(MARKS.put_open_need, **renamed._asdict())


def _renamed(agents: str | None, former: str, name: str) -> str | None:
    if agents is None or former not in (names := json.loads(agents)):
        return agents
    return json.dumps([name if comparison == former else comparison for comparison in names])
