"""Dropped crossings: a closed guard drops the crossing of a rising watch, under `on_guard = "drop"`.

Such a crossing ends as skipped. Its marks are absorbed, but do not count as given. Once the guard is open, the first
deposit on one of these marks makes all of them stimuli again, whatever the payload of the deposit is.
"""

from __future__ import annotations

from blackboard.board.mark_tables.mark_rows import with_shown_payload
from blackboard.board.mark_tables.watch_scopes import is_in_group, scope_of
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.measurements import watch_totals
from blackboard.board.watches.measurements.absorbed_marks import DROPPED, read_watermark, record_dropped, release_mark
from blackboard.board.watches.measurements.stimuli import is_stimulus, stimuli_of
from blackboard.board.watches.waiting_crossings import watch_guards
from blackboard.board.work_tables.activation_rows import insert_closed_activation
from blackboard.board.work_tables.crossing_rows import close_crossing
from blackboard.core.marks.scopes import group_of
from blackboard.core.records.states import ActivationState, CrossingState
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow
from blackboard.store.row_types.watch_row_types import CrossingRow
from blackboard.store.statements import CROSSINGS, MARKS


def drop(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow, reason: str) -> None:
    """End a crossing as skipped. Absorb the marks that caused it, unless its watch is over time."""
    row = insert_closed_activation(txn, watch, crossing.scope, ActivationState.SKIPPED, reason, crossing.crossed_at)
    close_crossing(txn, crossing, CrossingState.SKIPPED, row)
    if crossing.cause is not None:
        return  # the state of the watch records the drop
    if crossing.is_per_mark:
        rows = txn.sql.all(MARKS.get_mark, id=crossing.mark_id)
    else:
        rows = stimuli_of(txn, watch, crossing.scope)
    for mark in rows:
        record_dropped(txn, watch, mark)
    if watch.condition.spans_subjects:
        watch_totals.reset(txn, watch, crossing.scope)


def last_dropped(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow) -> EventRow | None:
    """Return the event of the state in which the guard of a watch dropped a mark; None if it did not."""
    record = txn.sql.one(CROSSINGS.get_absorbed, watch_id=watch.id, mark_id=row.id)
    if record is None or record.activation_id != DROPPED or record.given_event_id is None:
        return None
    event = txn.sql.one(MARKS.get_event, id=record.given_event_id)
    return None if event is None else with_shown_payload(txn, event)


def dropped_marks(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> list[MarkRow]:
    """Return the stored marks of a scope whose crossings the guard of a watch dropped."""
    if not watch.absorbs or not watch.guard_drops:
        return []
    values = {"watch_id": watch.id, "dropped": DROPPED}
    if watch.condition.is_over_board:
        return txn.sql.all(CROSSINGS.dropped_marks, **values)
    if (group := group_of(scope)) is not None:
        rows = txn.sql.all(CROSSINGS.dropped_marks.using("group"), tag=group.tag, key=group.key, **values)
        return [row for row in rows if is_in_group(txn, row, group)]
    return txn.sql.all(CROSSINGS.dropped_marks.using("subject"), subject=scope, **values)


def bring_back(txn: BoardTransaction, watch: RegisteredWatch, old: MarkRow) -> bool:
    """Make the marks of dropped crossings stimuli again if the guard is open now.

    Call it before the deposit on one of these marks is counted.

    Args:
        txn: The transaction of the deposit, after the mark was written.
        watch: The watch, whose guard drops.
        old: The mark before the deposit.

    Returns:
        Whether there were such marks.
    """
    record = txn.sql.one(CROSSINGS.get_absorbed, watch_id=watch.id, mark_id=old.id)
    if record is None or record.activation_id != DROPPED:
        return False
    scope = scope_of(txn, watch, old)
    if scope is None or watch_guards.drops(txn, watch, scope, txn.now):
        return False
    rows = [old] if watch.condition.is_per_mark else dropped_marks(txn, watch, scope)
    absorbed = read_watermark(txn, watch) if watch.condition.is_over_board else 0
    for row in rows:
        mark = old if row.id == old.id else row
        if is_stimulus(txn, watch, mark, absorbed):
            release_mark(txn, watch, mark.id)
            if watch.keeps_sums and not watch_totals.is_evaporated(txn, watch, scope, mark):
                watch_totals.add(txn, watch, scope, mark, +1)
    return True
