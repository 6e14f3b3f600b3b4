"""Measured crossings, as they are recorded: the measured value, the place in the order, and the reason."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from blackboard.board.mark_tables.mark_states import backfilled_row, mark_strength
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.waiting_crossings import dropped_crossings, scheduled_crossings, watch_guards
from blackboard.board.watches.waiting_crossings.crossing_order import order_columns
from blackboard.board.work_tables.crossing_rows import MeasuredColumns, SideColumns, insert_crossing
from blackboard.clock import Instant
from blackboard.core.conditions.condition_types import Comparison
from blackboard.durations import format_duration
from blackboard.store.row_types.mark_row_types import MarkRow
from blackboard.store.row_types.watch_row_types import CrossingKey, CrossingRow
from blackboard.store.statements import CROSSINGS


@dataclass(frozen=True, slots=True)
class Measurement:
    """The value of a watch at its crossing, with the marks behind it."""

    value: float
    mark_count: int
    """The number of marks behind the value."""
    rows: Sequence[MarkRow] = ()
    """The marks behind the value, if they were read."""
    strongest: float | None = None
    """The strength of the strongest mark, if the marks were not read; None stands for the value."""
    laws: Collection[str] = ()
    """The laws of the marks, if the marks are not given."""
    comparison: Comparison | None = None
    """The side of the condition that was met, with this value; None stands for the first side."""


@dataclass(frozen=True, slots=True)
class CrossingCause:
    """The cause of a crossing, in addition to the marks that were measured."""

    reason: str | None = None
    """Why a watch over time crosses; None for any other watch."""
    began_at: Instant | None = None
    """When the condition of a watch over time began to hold."""
    event_id: int | None = None
    """The event that made the watch cross; None for the event of the marks, or for the last event."""


def cross(
    txn: BoardTransaction,
    watch: RegisteredWatch,
    key: CrossingKey,
    measured: Measurement,
    crossed_at: Instant,
    cause: CrossingCause | None = None,
) -> bool:
    """Record a crossing, or update the crossing that waits; return whether the crossing is new.

    If the guard of a rising watch drops the crossing, it is recorded as skipped. The guard of a falling watch has
    decided before this call. A crossing that is noticed late has an earlier `crossed_at`.
    """
    cause = cause or CrossingCause()
    values = columns(txn, watch, measured, crossed_at, noticed_at=txn.now, event_id=cause.event_id)
    if txn.sql.run_and_count(CROSSINGS.renew_crossing, **key._asdict(), cause=cause.reason, **values):
        return False
    insert_crossing(
        txn,
        watch,
        key,
        crossed_at=crossed_at,
        **side_columns(watch, measured),
        held_by=None,
        cause=cause.reason,
        began_at=cause.began_at,
        **values,
    )
    if not watch.condition.is_falling and watch_guards.drops(txn, watch, key.scope, crossed_at):
        row = txn.sql.existing(CROSSINGS.waiting_crossing, **key._asdict())
        dropped_crossings.drop(txn, watch, row, f"{reason_of(watch, row)}; the guard was not met")
        return False
    return True


def side_columns(watch: RegisteredWatch, measured: Measurement) -> SideColumns:
    """Return the columns of a crossing that say which side of its condition was met."""
    comparison = watch.comparison if measured.comparison is None else measured.comparison
    is_single = isinstance(watch.condition, Comparison)
    return {
        "value": measured.value,
        "threshold": comparison.threshold,
        "measure": None if is_single else str(comparison.measure),
    }


def reason_of(watch: RegisteredWatch, crossing: CrossingRow) -> str:
    """Return the reason of a crossing: the condition, and the side that was met with its value and threshold."""
    if watch.condition.is_schedule:
        return scheduled_crossings.reason_of_schedule(watch, crossing)
    sides = [side for side in watch.condition.comparisons() if crossing.measure in (None, str(side.measure))]
    side = next((side for side in sides if side.threshold == crossing.threshold), None)
    if side is None:  # the watch has changed since
        side = replace(watch.comparison, threshold=crossing.threshold)
    name = "" if crossing.measure is None else f"{crossing.measure} = "
    return f"{watch.condition}: {name}{side.text_of(crossing.value)}{_reason_over_time(watch, crossing)}"


def _reason_over_time(watch: RegisteredWatch, crossing: CrossingRow) -> str:
    timing = watch.timing
    if timing is None or crossing.cause is None:
        return ""
    if crossing.cause == "rewake" and timing.rewake_every is not None:
        return f"; again after {format_duration(timing.rewake_every)}"
    return f"; held for {format_duration(timing.held_for)}" if timing.held_for else ""


def columns(
    txn: BoardTransaction,
    watch: RegisteredWatch,
    measured: Measurement,
    crossed_at: Instant,
    *,
    noticed_at: Instant,
    event_id: int | None = None,
) -> MeasuredColumns:
    """Return the columns of a crossing that follow from the measured value."""
    value, rows, strongest = measured.value, measured.rows, measured.strongest
    if strongest is None:
        strongest = max((mark_strength(txn, row) for row in rows), default=value)
    urgent_above = watch.agent_spec.settings.urgent_above
    is_urgent = urgent_above is not None and strongest >= urgent_above
    if event_id is None:
        event_id = rows[0].event_id if rows else txn.last_event_id
    laws = measured.laws or laws_of(txn, rows)
    strength = value if isinstance(watch.condition, Comparison) or watch.condition.has_window else strongest
    return MeasuredColumns(
        **order_columns(txn, watch, strength, laws, crossed_at),
        event_id=event_id,
        marks=measured.mark_count,
        urgent=int(is_urgent),
        ready_at=watch.batch_window_end(noticed_at, measured.mark_count, urgent=is_urgent),
    )


def laws_of(txn: BoardTransaction, rows: Iterable[MarkRow]) -> list[str]:
    """Return the decay law of each mark."""
    return [backfilled_row(txn, row).law for row in rows]
