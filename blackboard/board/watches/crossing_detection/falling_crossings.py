"""Crossings of falling watches: a value has fallen below the threshold.

If the guard of the watch is closed at the instant of the fall, the crossing ends as skipped.
"""

from __future__ import annotations

from dataclasses import dataclass

from blackboard.board.mark_tables.mark_states import fading_state, mark_strength
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.transactions.stored_laws import law_key
from blackboard.board.watches.waiting_crossings import measured_crossings, watch_guards
from blackboard.board.watches.waiting_crossings.measured_crossings import CrossingCause, Measurement
from blackboard.board.work_tables.activation_rows import insert_closed_activation
from blackboard.board.work_tables.crossing_rows import close_crossing
from blackboard.clock import Instant
from blackboard.core.conditions.fading_forecasts import Side
from blackboard.core.marks.fading_marks import FadingMark
from blackboard.core.records.states import ActivationState, CrossingState
from blackboard.store.row_types.mark_row_types import MarkRow
from blackboard.store.row_types.watch_row_types import CrossingKey
from blackboard.store.statements import CROSSINGS


@dataclass(frozen=True, slots=True)
class Fall:
    """A fall below the threshold of a falling watch."""

    key: CrossingKey
    marks: list[FadingMark]
    side: Side
    """The side of the condition that was met."""
    at: Instant
    """When the watch crosses: at the fall, or later if it is a watch over time."""
    cause: CrossingCause


def record(txn: BoardTransaction, watch: RegisteredWatch, fall: Fall) -> bool:
    """Record a crossing, and return whether a new crossing waits. If the guard was closed, the crossing is skipped."""
    if watch_guards.was_open(txn, watch, fall.key.scope, fall.at):
        return _cross(txn, watch, fall)
    skip(txn, watch, fall, "the guard was not met")
    return False


def skip(txn: BoardTransaction, watch: RegisteredWatch, fall: Fall, why: str) -> None:
    """Record that a watch crossed and wakes no agent. A crossing that waits stays as it is."""
    reason = f"{watch.condition} ({fall.side.comparison.digits_of(fall.side.value)}); {why}"
    activation = insert_closed_activation(txn, watch, fall.key.scope, ActivationState.SKIPPED, reason, fall.at)
    key = fall.key._asdict()
    if txn.sql.one(CROSSINGS.waiting_crossing, **key) is None:
        _cross(txn, watch, fall)
        close_crossing(txn, txn.sql.existing(CROSSINGS.waiting_crossing, **key), CrossingState.SKIPPED, activation)


def may_be_weaker(txn: BoardTransaction, old: MarkRow | None, new: MarkRow) -> bool:
    """Return whether a reinforced mark may later be weaker than if it had not been reinforced."""
    if old is None:
        return False
    if new.law != old.law or mark_strength(txn, new) < mark_strength(txn, old):
        return True
    # The power law and curves fade fastest at first, so a mark that starts again may fall below its old course.
    return not fading_state(txn, new).law.exact_sums


def _cross(txn: BoardTransaction, watch: RegisteredWatch, fall: Fall) -> bool:
    laws = {law_key(mark.state.law) for mark in fall.marks}
    measured = Measurement(fall.side.value, len(fall.marks), laws=laws, comparison=fall.side.comparison)
    return measured_crossings.cross(txn, watch, fall.key, measured, fall.at, fall.cause)
