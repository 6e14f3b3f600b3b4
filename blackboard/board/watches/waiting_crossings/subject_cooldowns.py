"""Cooldowns per subject or group: after a success, the agent does not wake for the same subject for a while."""

from __future__ import annotations

from collections.abc import Iterable

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.store.statements import ACTIVATIONS


def start(txn: BoardTransaction, agent_spec: AgentSpec, scopes: Iterable[str]) -> None:
    """Begin the cooldown of each scope: a subject, a group, or the board."""
    until = txn.now + agent_spec.settings.cooldown
    for scope in scopes:
        txn.sql.run(ACTIVATIONS.set_subject_cooldown, agent=agent_spec.name, scope=scope, until=until)


def end_of(txn: BoardTransaction, agent_spec: AgentSpec, scope: str) -> Instant | None:
    """Return when the cooldown of a scope ends; None if it has none now."""
    if not has_cooldowns(agent_spec):
        return None
    until = txn.sql.one(ACTIVATIONS.get_subject_cooldown, agent=agent_spec.name, scope=scope)
    return until if until is not None and until > txn.now else None


def has_cooldowns(agent_spec: AgentSpec) -> bool:
    """Return whether an agent has cooldowns per subject, of any of its watches."""
    return bool(agent_spec.settings.cooldown) and any(
        agent_spec.cooldown_per_of(watch) == "subject" for watch in agent_spec.watches
    )
