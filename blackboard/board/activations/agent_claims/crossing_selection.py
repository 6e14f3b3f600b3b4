"""Selection of crossings for an activation: the strongest that nothing defers, with the marks that caused them."""

from __future__ import annotations

from dataclasses import dataclass, field

from blackboard.board.mark_tables.mark_states import live_rows, mark_strength
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.crossing_detection import episode_crossings, rising_crossings
from blackboard.board.watches.measurements import watched_marks
from blackboard.board.watches.waiting_crossings import (
    crossing_deferrals,
    crossing_order,
    measured_crossings,
    scheduled_crossings,
)
from blackboard.board.watches.waiting_crossings.crossing_inputs import MarksBehind, marks_behind, select_inputs
from blackboard.board.watches.waiting_crossings.crossing_order import FirstCrossings, strongest_first
from blackboard.board.watches.waiting_crossings.departed_marks import InputMark
from blackboard.board.work_tables.activation_rows import insert_closed_activation
from blackboard.board.work_tables.crossing_rows import close_crossing, skip_crossing
from blackboard.core.records.states import ActivationState, CrossingState
from blackboard.core.specs.watch_spec import DEFAULT_BATCH
from blackboard.store.row_types.mark_row_types import EventRow
from blackboard.store.row_types.watch_row_types import CrossingRow
from blackboard.store.statements import CROSSINGS, MARKS
from blackboard.store.transaction import SqlRead

MAX_READ_TOGETHER = 50
"""The largest number of crossings that are read together for several claims of an agent."""


@dataclass
class Selection:
    """The crossings of a new activation, and the marks that caused them."""

    crossings: list[CrossingRow] = field(default_factory=list)
    inputs: dict[int, InputMark] = field(default_factory=dict)
    """The marks, by their ids."""
    chain_length: int = 1
    """The length of the chain that ends with an activation on these marks; 1 if this activation begins the chain."""

    @property
    def events(self) -> list[EventRow]:
        """The events of the marks."""
        return [item.event for item in self.inputs.values()]

    def add(self, watch: RegisteredWatch, crossing: CrossingRow, behind: MarksBehind, room: int) -> None:
        """Add a crossing with as many of its marks as there is room for."""
        self.crossings.append(crossing)
        self.inputs.update({item.event.mark_id: item for item in select_inputs(watch, behind, room)})


def first_read_of_claims(txn: BoardTransaction, watch: RegisteredWatch, claim_count: int) -> SqlRead | None:
    """Return the read of the crossings that `update_and_select` needs first; None for the one crossing of a schedule.

    For several claims, it has as many crossings as they will probably take.
    """
    if watch.condition.is_schedule:
        return None
    batch = 1 if watch.is_per_subject else watch.batch or DEFAULT_BATCH
    several = max(1, min(claim_count, MAX_READ_TOGETHER // batch))
    return crossing_order.first_read(txn, watch, batch * several, only_ready=watch.is_per_subject)


def update_and_select(
    txn: BoardTransaction, watch: RegisteredWatch, first_crossings: FirstCrossings | None = None
) -> Selection:
    """Release, defer or close waiting crossings, and select the strongest that nothing defers, up to the batch size.

    The present guard, cooldown and marks of a crossing decide whether it is released, deferred or closed. If the watch
    wakes its agent per subject, the selected crossings are all of one subject. Nothing is selected before the batch
    window ends. The window ends when one of these crossings is ready or urgent, or when the batch is full.
    `first_crossings` has the result of `first_read_of_claims`, if the caller has it.
    """
    if watch.condition.is_schedule:
        return _select_scheduled(txn, watch)
    if watch.is_per_subject:
        return _select_subject(txn, watch, first_crossings)
    selection, batch = Selection(), watch.batch
    is_ready = is_full = False
    waiting = strongest_first(
        txn,
        watch,
        lambda crossing: crossing_deferrals.release_or_defer(txn, watch, crossing),
        batch or DEFAULT_BATCH,
        first_crossings=first_crossings,
    )
    for crossing, behind in waiting:
        if _close_if_over(txn, watch, crossing, behind):
            continue
        room = len(behind.inputs) if batch is None else batch - len(selection.inputs)
        if selection.inputs and len(behind.inputs) > room and not watch.condition.is_over_board:
            is_full = True
            continue  # the marks of one subject stay together
        selection.add(watch, crossing, behind, room)
        is_ready = is_ready or (crossing.ready_at is not None and crossing.ready_at <= txn.now)
        if batch is not None and len(selection.inputs) >= batch:
            is_full = True
            break
    return selection if is_ready or is_full else Selection()


def _select_subject(txn: BoardTransaction, watch: RegisteredWatch, first_crossings: FirstCrossings | None) -> Selection:
    """Select the crossings of one subject: of the strongest crossing that is ready, or of a subject with a full batch.

    Each subject has a batch window of its own.
    """
    ready = strongest_first(
        txn,
        watch,
        lambda crossing: crossing_deferrals.release_or_defer(txn, watch, crossing),
        1,
        only_ready=True,
        first_crossings=first_crossings,
    )
    for crossing, behind in ready:
        if crossing.ready_at is None or crossing.ready_at > txn.now or _close_if_over(txn, watch, crossing, behind):
            continue  # a crossing that a guard deferred may have a batch window again
        return _select_in_scope(txn, watch, crossing.scope)
    while (scope := full_scope(txn, watch)) is not None:
        selection = _select_in_scope(txn, watch, scope)
        if len(selection.inputs) == watch.batch:  # if not, some crossings of the scope are deferred or closed now
            return selection
    return Selection()


def full_scope(txn: BoardTransaction, watch: RegisteredWatch) -> str | None:
    """Return a scope whose crossings fill a whole batch; None if there is none.

    Only a watch of single marks with a batch window can have such a scope.
    """
    if not watch.condition.is_per_mark or not watch.batch_window:
        return None
    return txn.sql.one(CROSSINGS.full_scope, watch_id=watch.id, full=watch.batch)


def _select_in_scope(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> Selection:
    """Select the crossings of one scope that nothing defers, strongest first, up to the batch size."""
    selection, batch = Selection(), watch.batch or DEFAULT_BATCH
    rows = txn.sql.all(CROSSINGS.waiting_of_scope, watch_id=watch.id, scope=scope)
    waiting = [
        (crossing, marks_behind(txn, watch, crossing))
        for row in rows
        if (crossing := crossing_deferrals.release_or_defer(txn, watch, row)) is not None
    ]
    for crossing, behind in sorted(waiting, key=lambda pair: (-pair[1].strength, pair[0].id)):
        if (room := batch - len(selection.inputs)) < 1:
            break
        if not _close_if_over(txn, watch, crossing, behind):
            selection.add(watch, crossing, behind, room)
    return selection


def _select_scheduled(txn: BoardTransaction, watch: RegisteredWatch) -> Selection:
    """Select the crossing of a schedule. It has no marks, and there is at most one."""
    crossing = scheduled_crossings.waiting_crossing(txn, watch)
    if crossing is not None and (crossing := crossing_deferrals.release_or_defer(txn, watch, crossing)) is not None:
        crossing = scheduled_crossings.bring_up_to_date(txn, watch, crossing)
    return Selection() if crossing is None else Selection([crossing])


def _close_if_over(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow, behind: MarksBehind) -> bool:
    """Close a crossing that can no longer wake its agent, and return whether it was closed.

    Either none of its marks is left, or all have faded and the agent's setting is `when_faded = "drop"`.
    """
    if not behind.inputs:
        skip_crossing(txn, watch, crossing, f"{watch.condition}: none of its marks is left")
        episode_crossings.end_rewakes(txn, watch, crossing)
        return True
    if (
        watch.condition.is_falling
        or watch.agent_spec.settings.when_faded != "drop"
        or _measure_and_compare(txn, watch, crossing)
    ):
        return False
    reason = f"{measured_crossings.reason_of(watch, crossing)} at the crossing; it has faded since"
    row = insert_closed_activation(txn, watch, crossing.scope, ActivationState.FADED, reason, crossing.crossed_at)
    close_crossing(txn, crossing, CrossingState.FADED, row)
    return True


def _measure_and_compare(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> bool:
    """Measure the watch of a waiting crossing again, and return whether its condition holds."""
    if crossing.cause is not None and not crossing.is_per_mark:
        return episode_crossings.live_marks_hold_at(txn, watch, crossing.scope, txn.now)
    if not crossing.is_per_mark:
        return rising_crossings.measure_and_compare(txn, watch, crossing.scope)
    live = live_rows(txn, txn.sql.all(MARKS.get_mark, id=crossing.mark_id))
    return any(
        watched_marks.is_counted(txn, watch, row) and watch.comparison.is_met_at(mark_strength(txn, row))
        for row in live
    )
