"""Cooldowns per subject, during which an agent does not wake for the subjects of an activation that succeeded."""

from __future__ import annotations

from collections.abc import Iterable

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant
from blackboard.core.deployment import AgentSpec
from blackboard.store.statements import ACTIVATIONS


def start(txn: BoardTransaction, agent: AgentSpec, subjects: Iterable[str]) -> None:
    """Begin the cooldown of each subject ("" is the board)."""
    until = txn.now + agent.settings.cooldown
    for subject in subjects:
        txn.sql.run(ACTIVATIONS.set_subject_cooldown, agent=agent.name, subject=subject, until=until)


def end_of(txn: BoardTransaction, agent: AgentSpec, subject: str) -> Instant | None:
    """Return when the cooldown of a subject ends; None if it has none now."""
    if not has_cooldowns(agent):
        return None
    until = txn.sql.one(ACTIVATIONS.get_subject_cooldown, agent=agent.name, subject=subject)
    return until if until is not None and until > txn.now else None


def has_cooldowns(agent: AgentSpec) -> bool:
    """Return whether an agent has cooldowns per subject, of any of its watches."""
    return bool(agent.settings.cooldown) and any(agent.cooldown_per_of(watch) == "subject" for watch in agent.watches)
