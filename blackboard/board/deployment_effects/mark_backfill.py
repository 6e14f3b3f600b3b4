"""The backfill of one mark: the mark follows a new law or floor of its kind, as of the instant of the change."""

from __future__ import annotations

from collections.abc import Sequence

from blackboard.board.mark_tables import watch_scopes
from blackboard.board.mark_tables.mark_rows import rebase_mark, record_event
from blackboard.board.mark_tables.mark_states import backfilled_row
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.crossing_detection import predicted_crossings
from blackboard.board.watches.measurements import absorbed_marks, watch_states, watch_totals
from blackboard.board.watches.measurements.absorbed_marks import last_absorbed
from blackboard.board.watches.measurements.stimuli import is_stimulus
from blackboard.core.records.event_kinds import HistoryEvent
from blackboard.store.row_types.mark_row_types import MarkRow
from blackboard.store.row_types.watch_row_types import CrossingKey


def backfill(txn: BoardTransaction, row: MarkRow) -> MarkRow:
    """Write and return a mark under the present law and floor of its kind; most marks have them already.

    If a mark evaporates at the instant of the change, the falling watches over its subject or its group cross at that
    instant.
    """
    backfilled = backfilled_row(txn, row)
    if backfilled == row:
        return row
    kept = [
        (watch, scope)
        for watch, scope in watch_totals.sums_with(txn, row)
        if is_stimulus(txn, watch, row, last_absorbed(txn, watch, row.id))
    ]
    for watch, scope in kept:
        watch_totals.add(txn, watch, scope, row, -1)
    rebase_mark(txn, backfilled)
    if backfilled.law != row.law:
        record_event(txn, backfilled, HistoryEvent.LAW_CHANGED, recorded_at=backfilled.anchored_at)
    for watch, scope in kept:
        watch_totals.add(txn, watch, scope, backfilled, +1)
    change = txn.active.law_changes[row.kind, row.law]
    if not backfilled.is_live(change.changed_at):
        for watch in txn.active.falling.get(row.kind, ()):
            if (
                watch.condition.covers(row.subject)
                and not watch.condition.is_over_board
                and _begin_test_of_group(txn, watch, backfilled)
            ):
                predicted_crossings.predict_watch(txn, watch, backfilled, since=change.changed_at)
    return backfilled


def read_together(txn: BoardTransaction, rows: Sequence[MarkRow]) -> None:
    """Read together, if that saves anything, what `backfill` will ask about the marks of a kind."""
    if txn.sql.reads_together:
        changing = [row for row in rows if backfilled_row(txn, row) != row]
        watches = [watch for row in changing for watch, _ in watch_totals.sums_with(txn, row)]
        absorbed_marks.read_absorbed(txn, watches, changing)


def _begin_test_of_group(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow) -> bool:
    """Return whether the group of a mark has yet to be tested at the change, and record that it is tested now.

    Each test reads the whole group. A watch that measures no groups tests each mark.
    """
    if watch.condition.by is None:
        return True
    scope = watch_scopes.scope_of(txn, watch, row)
    return scope is not None and watch_states.begin_test(txn, CrossingKey(watch.id, scope))
