"""Deferrals of waiting crossings: the cooldown of the subject, the guard, or the batch window."""

from __future__ import annotations

from typing import NamedTuple

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.waiting_crossings import scheduled_crossings, subject_cooldowns, watch_guards
from blackboard.clock import Instant
from blackboard.core.records.states import HeldBy
from blackboard.store.rows import CrossingRow
from blackboard.store.statements import CROSSINGS


class CrossingDeferral(NamedTuple):
    """The deferral of a crossing."""

    held_by: str | None
    """What holds the crossing: a `HeldBy`, or in words its agent or a budget. None if only its batch window may still
    be open."""
    ready_at: Instant | None
    """The instant at which time alone ends the deferral; None if something else must happen, such as a deposit that
    opens the guard."""


def deferral_of(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> CrossingDeferral:
    """Return the present deferral of a crossing, for claims and explanations. It writes nothing."""
    if crossing.held_by == HeldBy.RETEST:
        return CrossingDeferral(crossing.held_by, None)
    until = subject_cooldowns.end_of(txn, watch.agent, crossing.scope)
    if until is not None:
        return CrossingDeferral(HeldBy.COOLDOWN, until)
    if not watch.drops:  # otherwise the guard decided at the crossing
        is_open, opens_at = watch_guards.find_opening(txn, watch, crossing.scope)
        if not is_open:
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
    """Record the present deferral of a crossing, and return the changed crossing; None if it cannot be in a batch."""
    deferral = deferral_of(txn, watch, crossing)
    if deferral.held_by is None and crossing.held_by is not None:
        deferral = CrossingDeferral(None, max(deferral.ready_at or 0, txn.now))
    if deferral != (crossing.held_by, crossing.ready_at):
        txn.sql.run(CROSSINGS.defer_crossing, id=crossing.id, **deferral._asdict())
        crossing = crossing._replace(**deferral._asdict())
    return None if deferral.held_by is not None else crossing
