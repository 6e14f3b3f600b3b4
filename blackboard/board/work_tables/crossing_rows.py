"""Rows of crossings, and the functions that insert them and end them."""

from __future__ import annotations

from typing import TypedDict, Unpack

from blackboard.board import activity_log
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.work_tables.activation_rows import insert_closed_activation
from blackboard.clock import Instant
from blackboard.core.marks.scopes import nullable_scope
from blackboard.core.records.event_kinds import ActivityEvent
from blackboard.core.records.states import ActivationState, CrossingState, check_transition
from blackboard.store.row_types.activation_row_types import ActivationRow
from blackboard.store.row_types.watch_row_types import CrossingKey, CrossingRow
from blackboard.store.statements import CROSSINGS


class OrderColumns(TypedDict):
    """The columns of `crossing` that bound its strength, for its place in the order of the agenda."""

    law: str
    order_key: float | None


class MeasuredColumns(OrderColumns):
    """The columns of `crossing` that follow from the marks behind it, and change with them."""

    event_id: int | None
    marks: int
    urgent: int
    ready_at: Instant | None


class SideColumns(TypedDict):
    """The columns of `crossing` that say which side of its condition was met."""

    value: float
    threshold: float
    measure: str | None


class CrossingColumns(MeasuredColumns, SideColumns):
    """The columns of `crossing` besides its key and its state."""

    crossed_at: Instant
    held_by: str | None
    cause: str | None
    began_at: Instant | None


def insert_crossing(
    txn: BoardTransaction, watch: RegisteredWatch, key: CrossingKey, **columns: Unpack[CrossingColumns]
) -> None:
    """Record a waiting crossing."""
    values = {**key._asdict(), "state": CrossingState.WAITING, "noticed_at": txn.now, **columns}
    values |= {"activation_id": None, "closed_at": None}
    crossing_id = txn.sql.insert(CROSSINGS.insert_crossing, CROSSINGS.last_crossing_id, **values)
    activity_log.record(
        txn,
        ActivityEvent.CROSSING,
        agent=watch.agent_spec.name,
        watch_id=watch.id,
        scope=nullable_scope(key.scope),
        crossing_id=crossing_id,
        mark_id=key.mark_id or None,
    )


def close_crossing(
    txn: BoardTransaction, row: CrossingRow, state: CrossingState, activation: ActivationRow | None = None
) -> None:
    """End a waiting crossing, or give it to an activation that claims it.

    Raises:
        IllegalTransition: The state cannot follow the present one.
    """
    check_transition(row.state, state)
    txn.sql.run(
        CROSSINGS.close_crossing,
        id=row.id,
        state=state,
        activation_id=None if activation is None else activation.id,
        closed_at=None if state == CrossingState.CLAIMED else txn.now,
    )


def skip_crossing(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow, reason: str) -> None:
    """End a waiting crossing without a call of its agent, with an activation that records the reason."""
    row = insert_closed_activation(txn, watch, crossing.scope, ActivationState.SKIPPED, reason, crossing.crossed_at)
    close_crossing(txn, crossing, CrossingState.SKIPPED, row)
