"""Deferrals of waiting crossings: the cooldown of the subject, the guard, or the batch window.

A cooldown per subject or group begins after a success: the agent does not wake for the same subject for a while.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.waiting_crossings import scheduled_crossings, watch_guards
from blackboard.clock import Instant
from blackboard.core.records.states import HeldBy
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.store.row_types.watch_row_types import CrossingRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS


class CrossingDeferral(NamedTuple):
    """The deferral of a crossing."""

    held_by: str | None
    """What holds the crossing: a `HeldBy`, or a text about its agent or a budget. None if nothing holds it, or only its
    batch window.
    """
    ready_at: Instant | None
    """The instant at which time alone ends the deferral; None if something else must happen, such as a deposit that
    opens the guard."""


def deferral_of(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> CrossingDeferral:
    """Return the present deferral of a crossing, for claims and explanations. It writes nothing."""
    if crossing.held_by == HeldBy.RETEST:
        return CrossingDeferral(crossing.held_by, None)
    until = end_of_cooldown(txn, watch.agent_spec, crossing.scope)
    if until is not None:
        return CrossingDeferral(HeldBy.COOLDOWN, until)
    if not watch.guard_drops:  # a guard that drops has decided at the crossing
        opens_at = watch_guards.find_opening(txn, watch, crossing.scope)
        if opens_at != txn.now:
            return CrossingDeferral(HeldBy.GUARD, opens_at)
    if (watch.condition.is_schedule or crossing.cause == "rewake") and (
        until := scheduled_crossings.rate_ends_at(txn, watch)
    ) is not None:
        return CrossingDeferral(HeldBy.RATE, until)
    if crossing.held_by is None:
        return CrossingDeferral(None, crossing.ready_at)
    return CrossingDeferral(
        None, watch.batch_window_end(crossing.noticed_at, crossing.marks, urgent=bool(crossing.urgent))
    )


def release_or_defer(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> CrossingRow | None:
    """Record the present deferral of a crossing, and return the crossing with it; None if it cannot be in a batch."""
    deferral = deferral_of(txn, watch, crossing)
    if deferral.held_by is None and crossing.held_by is not None:
        deferral = CrossingDeferral(None, max(deferral.ready_at or 0, txn.now))
    if deferral != (crossing.held_by, crossing.ready_at):
        txn.sql.run(CROSSINGS.defer_crossing, id=crossing.id, **deferral._asdict())
        crossing = crossing._replace(**deferral._asdict())
    return None if deferral.held_by is not None else crossing


def start_cooldowns(txn: BoardTransaction, agent_spec: AgentSpec, scopes: Iterable[str]) -> None:
    """Begin the cooldown of each scope: a subject, a group, or the board."""
    until = txn.now + agent_spec.settings.cooldown
    for scope in scopes:
        txn.sql.run(ACTIVATIONS.set_subject_cooldown, agent=agent_spec.name, scope=scope, until=until)


def end_of_cooldown(txn: BoardTransaction, agent_spec: AgentSpec, scope: str) -> Instant | None:
    """Return when the cooldown of a scope ends; None if it has none now."""
    if not has_cooldowns(agent_spec):
        return None
    until = txn.sql.one(ACTIVATIONS.get_subject_cooldown, agent=agent_spec.name, scope=scope)
    return until if until is not None and until > txn.now else None


def has_cooldowns(agent_spec: AgentSpec) -> bool:
    """Return whether any watch of an agent has cooldowns per subject."""
    return bool(agent_spec.settings.cooldown) and any(
        agent_spec.cooldown_per_of(watch) == "subject" for watch in agent_spec.watches
    )
