"""The ways a mark leaves the live board: evaporation and withdrawal. Its history stays."""

from __future__ import annotations

from blackboard.board import open_needs
from blackboard.board.deployment_effects import mark_backfill, watch_reevaluation
from blackboard.board.mark_changes import change_preparation, mark_indexes
from blackboard.board.mark_tables import window_deposits
from blackboard.board.mark_tables.mark_rows import EventDetails, delete_mark, record_event
from blackboard.board.mark_tables.mark_states import fading_state
from blackboard.board.mark_tables.watch_scopes import scopes_of_withdrawn
from blackboard.board.search_index import search_documents
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.crossing_detection import episode_crossings, predicted_crossings, rising_crossings
from blackboard.board.watches.measurements import absorbed_marks, watch_totals, watched_marks, window_totals
from blackboard.board.watches.waiting_crossings import watch_guards
from blackboard.board.watches.waiting_crossings.crossing_inputs import marks_behind
from blackboard.board.work_tables.crossing_rows import close_crossing, skip_crossing
from blackboard.clock import Instant
from blackboard.core.authors import BOARD
from blackboard.core.marks.scopes import Group
from blackboard.core.records.event_kinds import HistoryEvent
from blackboard.core.records.states import CrossingState
from blackboard.store.row_types.mark_row_types import MarkRow
from blackboard.store.row_types.watch_row_types import CrossingRow
from blackboard.store.statements import CROSSINGS, MARKS, WINDOWS


def evaporate_due(txn: BoardTransaction, limit: int) -> int:
    """Fire the predicted crossings that are due. If there are none, move up to `limit` evaporated marks to the history.

    Returns:
        The number of these marks; `limit` if there may be more to do.
    """
    watch_reevaluation.evaluate_before_firing(txn, limit)
    if predicted_crossings.fire_due(txn, limit):
        return limit  # nothing evaporates until all due predicted crossings have fired
    rows = txn.sql.all(MARKS.evaporated_marks, now=txn.now, limit=limit)
    for kind, law in {(row.kind, row.law) for row in rows}:
        watch_totals.remove_evaporated(txn, kind, law)
    for row in rows:
        row = mark_backfill.backfill(txn, row)  # a change of the law or the floor may prolong the life of the mark
        if not row.is_live(txn.now):
            evaporate(txn, row)
    return len(rows)


def evaporate(txn: BoardTransaction, row: MarkRow) -> None:
    """Move a mark that has evaporated to the history. If it is a need, its `overdue` mark is withdrawn too."""
    withdraw_overdue(txn, row, BOARD)
    _record_evaporation(txn, row)
    _remove(txn, row)


def evaporate_at_once(txn: BoardTransaction, old: MarkRow | None, row: MarkRow) -> None:
    """Move to the history a mark that was below its floor or had faded when it was recorded.

    `old` is the live mark before that. No total contains the new mark, which was never live.
    """
    if old is not None:
        withdraw_overdue(txn, old, BOARD)
        rising_crossings.remove_from_totals(txn, old)
    _record_evaporation(txn, row)
    _delete(txn, row)


def withdraw(
    txn: BoardTransaction,
    mark_id: int,
    author: str,
    activation_id: int | None = None,
    if_event: int | None = None,
) -> MarkRow:
    """Withdraw a live mark. No watch crosses, and crossings that depend on the mark are also withdrawn.

    If it is a need, its `overdue` mark is withdrawn too.

    Raises:
        NotFound: There is no live mark with this id.
        Conflict: The mark has changed since the event `if_event`.
    """
    row = change_preparation.live_mark_to_change(txn, mark_id, if_event)
    withdraw_live(txn, row, author, activation_id)
    return row


def withdraw_live(txn: BoardTransaction, row: MarkRow, author: str, activation_id: int | None = None) -> None:
    """Withdraw a mark that `live_mark_to_change` has returned; see `withdraw`."""
    withdraw_overdue(txn, row, author, activation_id)
    details = EventDetails(txn.allocate_event_id(), author, activation_id=activation_id)
    record_event(txn, _faded_mark(txn, row, txn.now), HistoryEvent.WITHDRAWN, details=details)
    _remove(txn, row)
    search_documents.note(txn, row.kind, row.id, None)
    deposited = _remove_from_windows(txn, row)
    predicted_crossings.predict_after_withdrawal(txn, row, deposited)
    for watch in txn.active.measuring.get(row.kind, ()):
        for scope in scopes_of_withdrawn(txn, watch, row, deposited):
            _withdraw_crossings(txn, watch, scope, row)
    txn.sql.run(CROSSINGS.close_gone_of_mark, scope=row.subject, mark_id=row.id, at=txn.now)
    watch_guards.release_after_change(txn, row)


def _remove_from_windows(txn: BoardTransaction, row: MarkRow) -> set[Group]:
    """Remove the deposits of a withdrawn mark from all windows, and return the groups of these deposits."""
    deposited: set[Group] = set()
    for deposit in txn.sql.all(WINDOWS.window_events_of_mark, mark_id=row.id):
        keys = window_deposits.keys_of(txn.sql, deposit.event_id) if row.kind in txn.active.tags_in_windows else {}
        window_totals.add(txn, deposit, keys, sign=-1)
        if keys:
            txn.sql.run(WINDOWS.delete_window_tags_of_deposit, event_id=deposit.event_id)
        deposited.update(group for tag in keys if (group := Group.of(tag, keys)) is not None)
    txn.sql.run(WINDOWS.delete_window_events_of_mark, mark_id=row.id)
    return deposited


def withdraw_overdue(txn: BoardTransaction, row: MarkRow, author: str, activation_id: int | None = None) -> None:
    """Withdraw the `overdue` mark of a need, if the mark is a need and has one."""
    if open_needs.is_need(row) and (overdue := open_needs.overdue_mark(txn, row)) is not None:
        withdraw(txn, overdue.id, author, activation_id)


def _record_evaporation(txn: BoardTransaction, row: MarkRow) -> None:
    """Record that a mark evaporated, at the instant that its law gives."""
    at = txn.now if row.evaporates_at is None else row.evaporates_at
    record_event(txn, _faded_mark(txn, row, at), HistoryEvent.EVAPORATED, occurred_at=at)


def _faded_mark(txn: BoardTransaction, row: MarkRow, at: Instant) -> MarkRow:
    """Return a mark with the intensity that remains at an instant."""
    return row._replace(intensity=fading_state(txn, row).remaining(at), anchored_at=at)


def _remove(txn: BoardTransaction, row: MarkRow) -> None:
    rising_crossings.remove_from_totals(txn, row)
    _delete(txn, row)


def _delete(txn: BoardTransaction, row: MarkRow) -> None:
    delete_mark(txn, row)
    absorbed_marks.release_removed(txn, row.id)
    mark_indexes.delete_keys(txn, row)
    if open_needs.is_need(row):
        open_needs.delete(txn, row.id)


def _withdraw_crossings(txn: BoardTransaction, watch: RegisteredWatch, scope: str, row: MarkRow) -> None:
    """End the waiting crossings of a watch in a scope that depend on a mark.

    A crossing of a rising watch is withdrawn with the mark. A fall has happened, so the crossing of a falling watch is
    skipped, and only if none of its marks is left.
    """
    for crossing in txn.sql.all(CROSSINGS.waiting_of_scope, watch_id=watch.id, scope=scope):
        depends = crossing.mark_id == row.id or (
            not crossing.is_per_mark and not _still_holds(txn, watch, crossing, row)
        )
        if depends and watch.condition.is_falling:
            skip_crossing(txn, watch, crossing, f"{watch.condition}: its marks were withdrawn")
        elif depends:
            close_crossing(txn, crossing, CrossingState.WITHDRAWN)
            episode_crossings.take_back(txn, watch, crossing)


def _still_holds(txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow, row: MarkRow) -> bool:
    """Return whether a crossing still holds without a withdrawn mark.

    For a rising watch, the other marks must meet the condition with their strengths at the crossing. For a falling
    watch, another mark must be left.
    """
    if watch.condition.is_falling or (watch.condition.has_where and not watched_marks.is_counted(txn, watch, row)):
        return bool(marks_behind(txn, watch, crossing).inputs)
    if crossing.cause is not None:
        return episode_crossings.live_marks_hold_at(txn, watch, crossing.scope, crossing.noticed_at)
    return rising_crossings.stimuli_hold_at(txn, watch, crossing.scope, crossing.noticed_at)
