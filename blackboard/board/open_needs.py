"""Open needs as the board stores them: their due times, their assignees, and the agents that may answer them.

A need is for people unless it names agents in `answerable_by`. An agent in the chain of provenance of a need may never
answer the need, and is not woken for it. An agent that writes decisions is woken only for needs that it may answer. All
other agents observe needs, such as one that sends a message to a person, and are woken as for any mark.

This module is not in the package `need_answers`, because deposits write these rows, and answers are deposits.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from blackboard.board import activity_log, provenance
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.authors import BOARD
from blackboard.core.built_in_marks import Decision, Need, Overdue, due_instant
from blackboard.core.records.event_kinds import ActivityEvent
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow, OpenNeedRow
from blackboard.store.statements import MARKS


def is_need(row: MarkRow) -> bool:
    """Return whether a mark is a need."""
    return row.kind == Need.kind


def is_closed(txn: BoardTransaction, event: EventRow) -> bool:
    """Return whether an event is of a need or an `overdue` mark that has left the board."""
    if event.kind not in (Need.kind, Overdue.kind):
        return False
    mark = txn.sql.one(MARKS.get_mark, id=event.mark_id)
    return mark is None or not mark.is_live(txn.now)


def overdue_mark(txn: BoardTransaction, need: MarkRow) -> MarkRow | None:
    """Return the live `overdue` mark of a need; None if there is none."""
    kept = get(txn, need.id)
    if kept.due_at is None or kept.remind_at is not None:
        return None  # the need is not overdue
    payload_start = f'{{"need":{need.id},%'  # the text of a payload begins with the first field of its class
    marks = txn.sql.all(
        MARKS.marks_of_subject.using("payload"), kind=Overdue.kind, subject=need.subject, payload=payload_start
    )
    return next((mark for mark in marks if mark.author == BOARD and mark.is_live(txn.now)), None)


def record_need(txn: BoardTransaction, row: MarkRow) -> None:
    """Store the due time and the assignee of a need that was deposited, and which agents may answer it.

    A length of time counts from the deposit. A need without any of these has no row.

    Raises:
        InvalidTime: The due time is not a time.
    """
    activity_log.record(
        txn,
        ActivityEvent.NEED,
        agent=None if row.activation_id is None else row.author,
        scope=row.subject,
        activation_id=row.activation_id,
        mark_id=row.id,
        author=row.author,
    )
    payload = json.loads(row.payload)
    due, assignee = payload.get("due"), payload.get("assignee") or ""
    named = named_agents(row)
    if due is None and not assignee and not named:
        txn.sql.run(MARKS.delete_open_need, mark_id=row.id)
        return
    due_at = None if due is None else due_instant(due, row.reinforced_at)
    behind = provenance.agents_behind(txn, row) if named else None
    kept = OpenNeedRow(row.id, due_at, due_at, assignee)
    if behind is not None:
        may_answer = [name for name in dict.fromkeys(named) if behind.isdisjoint(_names(txn, name))]
        kept = kept._replace(
            answerable_by=_list(may_answer) if may_answer else None,
            agents_behind=_list(sorted(behind)),
        )
    put(txn, kept)


def _names(txn: BoardTransaction, name: str) -> set[str]:
    """Return the name of an agent, and its former name if it was renamed."""
    agent_spec = txn.deployment.agents.get(name)
    return {name} if agent_spec is None else agent_spec.names


def _list(names: Sequence[str]) -> str:
    return json.dumps(names, ensure_ascii=False)


def put(txn: BoardTransaction, need: OpenNeedRow) -> None:
    """Store the row of a need."""
    txn.sql.run(MARKS.put_open_need, **need._asdict())


def get(txn: BoardTransaction, mark_id: int) -> OpenNeedRow:
    """Return the row of a need; an empty row if none is stored."""
    return txn.sql.one(MARKS.get_open_need, mark_id=mark_id) or _empty_row(mark_id)


def get_each(txn: BoardTransaction, mark_ids: Sequence[int]) -> list[OpenNeedRow]:
    """Return the rows of many needs, by one statement."""
    kept = {row.mark_id: row for row in txn.sql.all(MARKS.all_open_needs)}
    return [kept.get(mark_id) or _empty_row(mark_id) for mark_id in mark_ids]


def _empty_row(mark_id: int) -> OpenNeedRow:
    return OpenNeedRow(mark_id, None, None, "")


def delete(txn: BoardTransaction, mark_id: int) -> None:
    """Delete the row of a need that leaves the board."""
    txn.sql.run(MARKS.delete_open_need, mark_id=mark_id)


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
        return (
            f"{agent_spec.name} is in the chain of provenance of need {row.id}, so this agent can never answer the need"
        )
    if Decision.kind not in agent_spec.writes:
        return f"{agent_spec.name} does not declare {Decision.kind!r} in writes"
    return None


def rename_agent(txn: BoardTransaction, former: str, name: str) -> None:
    """Replace the former name of a renamed agent in open needs: in `answerable_by` and in their chains."""
    for row in txn.sql.all(MARKS.all_open_needs):
        renamed = row._replace(
            answerable_by=_with_new_name(row.answerable_by, former, name),
            agents_behind=_with_new_name(row.agents_behind, former, name),
        )
        if renamed != row:
            txn.sql.run(MARKS.put_open_need, **renamed._asdict())


def _with_new_name(agents: str | None, former: str, name: str) -> str | None:
    if agents is None or former not in (names := json.loads(agents)):
        return agents
    return json.dumps([name if each == former else each for each in names])
