"""An overview of the needs that wait for an answer: their number, the needs that are due first, and their agents."""

from __future__ import annotations

from typing import NamedTuple

from blackboard.board import open_needs
from blackboard.board.mark_tables import watch_scopes
from blackboard.board.result_types.row_conversion import optional_datetime
from blackboard.board.result_types.status_results import NeedsOverview, WaitingNeed
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.measurements.absorbed_marks import last_absorbed
from blackboard.board.watches.measurements.stimuli import is_stimulus
from blackboard.clock import Instant
from blackboard.core.built_in_marks import Need
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.store.row_types.mark_row_types import MarkRow, NeedCount
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, MARKS

MAX_LISTED_NEEDS = 5
"""The number of needs that an overview lists."""


def overview(txn: BoardTransaction) -> NeedsOverview:
    """Return the number of needs that wait, and the needs that are due first."""
    counted = count(txn, txn.now)
    return NeedsOverview(counted.number, counted.overdue, waiting_needs(txn, limit=MAX_LISTED_NEEDS))


def count(txn: BoardTransaction, noticed_up_to: Instant) -> NeedCount:
    """Count the waiting needs, the overdue needs, and the overdue needs that no daemon has noticed."""
    return txn.sql.existing(MARKS.count_open_needs, kind=Need.kind, now=txn.now, noticed_up_to=noticed_up_to)


def waiting_needs(txn: BoardTransaction, *, subject: str | None = None, limit: int) -> tuple[WaitingNeed, ...]:
    """Return up to `limit` needs that wait, on the board or on one subject, in the order of their due times."""
    values = {"kind": Need.kind, "now": txn.now, "limit": limit}
    if subject is None:
        rows = txn.sql.all(MARKS.open_needs, **values)
    else:
        rows = txn.sql.all(MARKS.open_needs.using("subject"), subject=subject, **values)
    return tuple(
        WaitingNeed(
            row.id,
            row.subject,
            optional_datetime(row.due_at),
            row.assignee,
            overdue=row.due_at is not None and row.due_at <= txn.now,
            **agents_of_need(txn, row.id, row.answerable_by)._asdict(),
        )
        for row in rows
    )


class NeedAgents(NamedTuple):
    """The agents of a need, by name."""

    answerable_by: tuple[str, ...]
    """The agents that may answer the need."""
    waits_for: tuple[str, ...]
    """The agents among these that were woken for the need, and whose work on it has not ended and is not held."""


NOBODY = NeedAgents((), ())
"""The agents of a need that is for people."""


def agents_of_need(txn: BoardTransaction, need_id: int, answerable_by: str | None) -> NeedAgents:
    """Return the agents of an open need; `answerable_by` is the column of its `OpenNeedRow`."""
    if answerable_by is None:
        return NOBODY
    row = txn.sql.existing(MARKS.get_mark, id=need_id)
    agents = open_needs.answering_agents(txn, row)
    at_work = [agent.name for agent in agents if _is_at_work(txn, agent, row)]
    return NeedAgents(tuple(agent.name for agent in agents), tuple(at_work))


def _is_at_work(txn: BoardTransaction, agent_spec: AgentSpec, need: MarkRow) -> bool:
    """Return whether a need has woken an agent whose work on it has not ended and is not held."""
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
