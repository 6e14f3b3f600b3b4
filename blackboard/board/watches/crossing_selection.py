"""Selection of crossings for an activation: the strongest that nothing defers, with the marks that caused them."""

from __future__ import annotations

from dataclasses import dataclass, field

from blackboard.board.transactions.activation_rows import close_crossing, insert_closed_activation, skip_crossing
from blackboard.board.transactions.active_deployment import DEFAULT_BATCH, RegisteredWatch
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches import crossing_holds, crossings, scheduled_crossings
from blackboard.board.watches.crossing_inputs import MarksBehind, fit
from blackboard.board.watches.crossing_order import strongest_first
from blackboard.states import ActivationState, CrossingState
from blackboard.store.rows import CrossingRow, EventRow
from blackboard.store.statements import MARKS


@dataclass
class Selection:
    """The crossings of a new activation, and the marks that caused them."""

    crossings: list[CrossingRow] = field(default_factory=list)
    inputs: dict[int, tuple[EventRow, float]] = field(default_factory=dict)
    """The event and the strength of each mark, by the mark's id."""

    chain_length: int = 1
    """The length of the chain of activations that ends with one on these marks; 1 if it begins the chain."""

    @property
    def events(self) -> list[EventRow]:
        """The events of the marks."""
        return [event for event, _ in self.inputs.values()]


def select(txn: BoardTransaction, watch: RegisteredWatch) -> Selection:
    """Select the strongest crossings that nothing defers, up to the batch size.

    Nothing is selected before the batch window ends: with the first of these crossings that is ready or urgent, or with
    a full batch. On the way the selection releases, holds and closes crossings, as their guards, cooldowns and marks
    now decide.
    """
    if watch.is_scheduled:
        return _select_scheduled(txn, watch)
    selection, batch = Selection(), watch.batch
    is_ready = is_full = False
    waiting = strongest_first(
        txn, watch, lambda crossing: crossing_holds.release_or_hold(txn, watch, crossing), batch or DEFAULT_BATCH
    )
    for crossing, behind in waiting:
        if _close_if_over(txn, watch, crossing, behind):
            continue
        room = len(behind.inputs) if batch is None else batch - len(selection.inputs)
        if selection.inputs and len(behind.inputs) > room and not watch.is_over_board:
            is_full = True
            continue  # the marks of one subject stay together
        selection.crossings.append(crossing)
        selection.inputs.update({event.mark_id: (event, strength) for event, strength in fit(watch, behind, room)})
        is_ready = is_ready or (crossing.ready_at is not None and crossing.ready_at <= txn.now)
        if batch is not None and len(selection.inputs) >= batch:
            is_full = True
            break
    return selection if is_ready or is_full else Selection()


def _select_scheduled(txn: BoardTransaction, watch: RegisteredWatch) -> Selection:
    """Select the crossing of a schedule. It has no marks, and there is at most one."""
    crossing = scheduled_crossings.waiting(txn, watch)
    if crossing is not None and (crossing := crossing_holds.release_or_hold(txn, watch, crossing)) is not None:
        crossing = scheduled_crossings.bring_up_to_date(txn, watch, crossing)
    return Selection() if crossing is None else Selection([crossing])


def _close_if_over(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow, behind: MarksBehind) -> bool:
    """Close a crossing that can no longer wake its agent, and return whether it was closed.

    Either none of its marks is left, or all have faded and the agent says `when_faded = "drop"`.
    """
    if not behind.inputs:
        skip_crossing(txn, watch, crossing, f"{watch.condition}: none of its marks is left")
        return True
    if watch.falling or watch.agent.settings.when_faded != "drop" or _measure_and_compare(txn, watch, crossing):
        return False
    reason = f"{crossings.reason_of(watch, crossing)} at the crossing, has faded"
    row = insert_closed_activation(txn, watch, crossing.subject, ActivationState.FADED, reason, crossing.crossed_at)
    close_crossing(txn, crossing, CrossingState.FADED, row)
    return True


def _measure_and_compare(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow) -> bool:
    """Measure what a crossing waits for again, and return whether the condition of its watch holds."""
    if not crossing.is_per_mark:
        return crossings.measure_and_compare(txn, watch, crossing.subject)
    live = txn.live(txn.sql.all(MARKS.get_mark, id=crossing.mark_id))
    return any(watch.comparison.holds_at(txn.strength(row)) for row in live)
