"""The explanation of why an agent has or has not woken."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from blackboard.board import open_needs, worker_registry
from blackboard.board.activations.agent_claims.agent_readiness import agent_deferral
from blackboard.board.explanations.watch_explanations import MAX_LISTED_CROSSINGS, explain_watch
from blackboard.board.need_answers import needs_overview
from blackboard.board.result_types.explanation_results import (
    DeferredActivation,
    Explanation,
    LastActivation,
    RunningActivation,
)
from blackboard.board.result_types.row_conversion import optional_datetime, result_of
from blackboard.board.result_types.status_results import WaitingNeed
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import to_datetime
from blackboard.core.built_in_marks import Decision
from blackboard.core.marks.tags import TagChoice
from blackboard.core.records.states import ActivationState
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.errors import UsageError
from blackboard.store.statements import ACTIVATIONS, MARKS

MAX_SEARCHED_ACTIVATIONS = 200
"""The number of activations that are searched for the newest activation of a subject."""


def explain(
    txn: BoardTransaction,
    agent: str,
    subject: str | None,
    dead: Collection[str] = frozenset(),
    group: TagChoice | None = None,
) -> Explanation:
    """Return all that decides whether an agent wakes now, for a subject, for a group, or for all waiting crossings.

    `dead` are registered workers that are known to be dead.

    Raises:
        UnknownName: There is no such agent.
        UsageError: A group is given, and the agent has no watch over groups, or the group cannot be the value of a tag.
    """
    agent_spec = txn.deployment.agent(agent)
    watches = txn.active.watches_by_agent.get(agent, [])
    if group is not None and all(watch.condition.by is None for watch in watches):
        raise UsageError(f'agent {agent!r} has no watch over groups, such as total(Alert, by="service") >= 3')
    deferral, unserved = agent_deferral(txn, agent), worker_registry.unserved_agent(txn, agent, dead)
    return Explanation(
        agent=agent,
        subject=subject,
        as_of=to_datetime(txn.now),
        held_by=deferral.reason if deferral else unserved.reason if unserved else None,
        until=optional_datetime(deferral.until) if deferral else None,
        unserved=unserved.reason if unserved else None,
        unserved_since=optional_datetime(unserved.since) if unserved else None,
        running=tuple(
            result_of(RunningActivation, row) for row in txn.sql.all(ACTIVATIONS.running) if row.agent == agent
        ),
        concurrency=agent_spec.settings.concurrency,
        deferred=_deferred_activations(txn, agent, subject),
        watches=tuple(
            explanation for watch in watches for explanation in explain_watch(txn, watch, subject, group, dead)
        ),
        last=_last(txn, agent, subject),
        needs=() if subject is None else tuple(_needs(txn, agent_spec, subject)),
    )


def _needs(txn: BoardTransaction, agent_spec: AgentSpec, subject: str) -> Iterator[WaitingNeed]:
    """Yield the needs of a subject. If the agent writes decisions, `why_not` says why it may not answer the need."""
    for need in needs_overview.waiting_needs(txn, subject=subject, limit=MAX_LISTED_CROSSINGS):
        if Decision.kind in agent_spec.writes:
            row = txn.sql.existing(MARKS.get_mark, id=need.id)
            yield replace(need, why_not=open_needs.refusal_of(txn, agent_spec, row))
        else:
            yield need


def _deferred_activations(txn: BoardTransaction, agent: str, subject: str | None) -> tuple[DeferredActivation, ...]:
    """Return the activations that wait for their next attempt or for a person."""
    return tuple(
        result_of(DeferredActivation, row)
        for state in (ActivationState.READY, ActivationState.HELD)
        for row in txn.sql.all(ACTIVATIONS.unfinished_in_state, state=state)
        if row.agent == agent and (subject is None or row.scope == subject or _has_input(txn, row.id, subject))
    )


def _last(txn: BoardTransaction, agent: str, subject: str | None) -> LastActivation | None:
    for row in txn.sql.all(ACTIVATIONS.newest.using("agent"), agent=agent, limit=MAX_SEARCHED_ACTIVATIONS):
        if subject is None or row.scope == subject or (row.scope is None and _has_input(txn, row.id, subject)):
            at = to_datetime(row.finished_at or row.started_at or row.created_at)
            return result_of(LastActivation, row, at=at)
    return None


def _has_input(txn: BoardTransaction, activation_id: int, subject: str) -> bool:
    return any(
        row.event is not None and row.event.subject == subject
        for row in txn.sql.all(ACTIVATIONS.inputs, activation_id=activation_id)
    )
