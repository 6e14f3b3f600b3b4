"""Access of agents to needs: which agents a need wakes, and which agents may answer it.

A need is for people unless it names agents in `answerable_by`. An agent in its chain of provenance may never answer it,
and is not woken for it. An agent that writes decisions is woken only for needs that it may answer. All other agents
observe needs, such as one that sends a message to a person, and are woken as for any mark.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from blackboard.board.mark_sets import watch_scopes
from blackboard.board.transactions.active_deployment import RegisteredWatch
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.built_in_marks import Decision, Need
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.store.rows import MarkRow
from blackboard.store.statements import MARKS


def counts(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow) -> bool:
    """Return whether a watch measures a mark and the mark may wake the agent of the watch.

    The watch covers its subject and its tags, and the mark has a group if the watch measures groups.
    """
    if watch.condition.has_where and not _passes(txn, watch, row):
        return False
    if watch.condition.by is not None and watch_scopes.scope_of(txn, watch, row) is None:
        return False
    return may_wake(txn, watch, row)


def may_wake(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow) -> bool:
    """Return whether a watch covers the subject of a mark and the mark may wake its agent, whatever its tags are."""
    return watch.condition.covers(row.subject) and (row.kind != Need.kind or _wakes(txn, watch.agent, row))


def as_counted(
    txn: BoardTransaction, watch: RegisteredWatch, old: MarkRow | None, new: MarkRow
) -> tuple[MarkRow | None, MarkRow | None]:
    """Return a mark before and after a change as a watch sees it: None where it does not count.

    A mark that gets other tags may begin to count, as a new mark does, or end.
    """
    if old is not None and watch.condition.depends_on_tags and not counts(txn, watch, old):
        old = None
    if counts(txn, watch, new):
        return old, new
    return old if watch.condition.depends_on_tags else None, None


def left_group(txn: BoardTransaction, watch: RegisteredWatch, old: MarkRow | None, new: MarkRow | None) -> str | None:
    """Return the group that a mark leaves by a change; None if it leaves none. `as_counted` returns the rows."""
    if watch.condition.by is None or old is None:
        return None
    scope = watch_scopes.scope_of(txn, watch, old)
    return None if new is not None and watch_scopes.scope_of(txn, watch, new) == scope else scope


def named_agents(row: MarkRow) -> list[str]:
    """Return the agents that a need names in `answerable_by`. An application's own class of needs may name none."""
    named = json.loads(row.payload).get("answerable_by")
    return list(map(str, named)) if isinstance(named, list) else []


def may_answer(txn: BoardTransaction, agent: AgentSpec, row: MarkRow) -> bool:
    """Return whether an agent may answer a need."""
    return why_not(txn, agent, row) is None


def answering_agents(txn: BoardTransaction, row: MarkRow) -> list[AgentSpec]:
    """Return the agents of the active deployment that may answer a need; none if it is for people."""
    if not named_agents(row):
        return []
    return [agent for agent in txn.deployment.agents.values() if may_answer(txn, agent, row)]


def why_not(txn: BoardTransaction, agent: AgentSpec, row: MarkRow) -> str | None:
    """Return why an agent may not answer a need; None if it may."""
    named = named_agents(row)
    if not named:
        return f"need {row.id} is for people: it names no agent in answerable_by"
    stored = txn.sql.one(MARKS.get_open_need, mark_id=row.id)
    if stored is None or stored.agents_behind is None:
        return f"the chain of provenance of need {row.id} is not known to its end, so it is for people"
    if agent.names.isdisjoint([*named, *json.loads(stored.answerable_by or "[]")]):
        return f"need {row.id} may be answered by {' or '.join(named)}, and not by {agent.name}"
    if not agent.names.isdisjoint(json.loads(stored.agents_behind)):
        return f"{agent.name} is in the chain of provenance of need {row.id}, so it can never answer it"
    if Decision.kind not in agent.writes:
        return f"{agent.name} does not declare {Decision.kind!r} in writes"
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


def _passes(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow) -> bool:
    """Return whether any comparison counts a mark with its tags. Windows have the tags of their deposits instead."""
    tags = txn.tags(row.kind, row.payload)
    return any(
        row.kind in comparison.measure.kinds
        if comparison.measure.within is not None
        else comparison.measure.counts(row.kind, row.subject, tags)
        for comparison in watch.condition.comparisons()
    )


def _renamed(agents: str | None, former: str, name: str) -> str | None:
    if agents is None or former not in (names := json.loads(agents)):
        return agents
    return json.dumps([name if comparison == former else comparison for comparison in names])


def _wakes(txn: BoardTransaction, agent: AgentSpec, row: MarkRow) -> bool:
    if Decision.kind in agent.writes:
        return may_answer(txn, agent, row)
    if not named_agents(row):
        return True
    stored = txn.sql.one(MARKS.get_open_need, mark_id=row.id)
    behind: Sequence[str] = json.loads((stored and stored.agents_behind) or "[]")
    return agent.names.isdisjoint(behind)
