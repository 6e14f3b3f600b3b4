"""Holds of waiting crossings: the cooldown of the subject, the guard, or the batch window."""

from __future__ import annotations

from typing import NamedTuple

from blackboard.board.transactions.active_deployment import RegisteredWatch
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.selection import subject_cooldowns
from blackboard.board.watches.waiting_crossings import crossing_retests, scheduled_crossings, watch_guards
from blackboard.clock import Instant
from blackboard.store.rows import CrossingRow
from blackboard.store.statements import CROSSINGS


class CrossingHold(NamedTuple):
    """The hold on a crossing.

    Attributes:
        held_by: `guard`, `cooldown`, `rate` or `retest`; None if only its batch window may still be open.
        ready_at: The instant at which time alone ends the hold; None if something else must happen, such as a deposit
            that opens the guard.
    """

    held_by: str | None
    ready_at: Instant | None


def hold_of(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> CrossingHold:
    """Return the present hold on a crossing, for claims and explanations. It writes nothing."""
    if crossing.held_by == crossing_retests.HELD_BY:
        return CrossingHold(crossing.held_by, None)
    until = subject_cooldowns.end_of(txn, watch.agent, crossing.scope)
    if until is not None:
        return CrossingHold("cooldown", until)
    if not watch.drops:  # otherwise the guard decided at the crossing
        is_open, opens_at = watch_guards.find_opening(txn, watch, crossing.scope)
        if not is_open:
            return CrossingHold("guard", opens_at)
    if (watch.is_scheduled or crossing.cause == "rewake") and (
        until := scheduled_crossings.rate_ends_at(txn, watch)
    ) is not None:
        return CrossingHold("rate", until)
    if crossing.held_by is None:
        return CrossingHold(None, crossing.ready_at)
    return CrossingHold(None, watch.batch_window_end(crossing.noticed_at, crossing.marks, urgent=bool(crossing.urgent)))


def release_or_hold(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> CrossingRow | None:
    """Record the present hold on a crossing, and return the changed crossing; None if it cannot be in a batch."""
    hold = hold_of(txn, watch, crossing)
    if hold.held_by is None and crossing.held_by is not None:
        hold = CrossingHold(None, max(hold.ready_at or 0, txn.now))
    if hold != (crossing.held_by, crossing.ready_at):
        txn.sql.run(CROSSINGS.hold_crossing, id=crossing.id, **hold._asdict())
        crossing = crossing._replace(**hold._asdict())
    return None if hold.held_by is not None else crossing
