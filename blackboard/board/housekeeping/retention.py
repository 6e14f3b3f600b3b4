"""Retention: the removal, in bounded batches, of history past its retention time.

Live marks keep all of their history, and so do marks with a deposit in a window. On a board with partitions, old events
are deleted here only where `history_partitions` does not remove the whole partition.
"""

from __future__ import annotations

from collections.abc import Mapping

from blackboard.board.search_index import search_documents
from blackboard.board.search_index.search_documents import IndexedText
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.measurements import window_totals
from blackboard.clock import Instant
from blackboard.durations import DAY, Duration
from blackboard.store.row_types.mark_row_types import EventRow
from blackboard.store.statement_file import Statement
from blackboard.store.statements import CROSSINGS, OUTBOX, RETENTION, WINDOWS

MAX_UNSEARCHED_LAWS = 200
"""A board with at most this many laws is not searched for unused laws."""


def remove(
    txn: BoardTransaction,
    *,
    history: Duration | None,
    activations: Duration | None,
    model_calls: Duration | None,
    activity: Duration | None = None,
    messages: Duration | None = None,
    limit: int,
) -> int:
    """Remove rows past their retention time, at most `limit` of each category, and return their number.

    Each time is in microseconds; None keeps the rows forever. If the result is smaller than `limit`, no such rows are
    left.
    """
    removed: int = txn.sql.run_and_count(RETENTION.delete_old_cooldowns, now=txn.now, limit=limit)
    removed += txn.sql.run_and_count(RETENTION.delete_absorbed_of_gone, limit=limit)
    removed += remove_window_deposits(txn, limit)
    today = txn.now - txn.now % DAY  # the cost of today still counts towards budgets
    if history is not None:
        removed += _remove_history(txn, txn.now - history, limit)
    if activations is not None:
        removed += _remove_activations(txn, min(txn.now - activations, today), limit)
    if model_calls is not None:
        before = min(txn.now - model_calls, today)
        removed += txn.sql.run_and_count(RETENTION.delete_old_calls, before=before, limit=limit)
    if activity is not None:
        removed += txn.sql.run_and_count(RETENTION.delete_old_activity, before=txn.now - activity, limit=limit)
    if messages is not None:
        removed += txn.sql.run_and_count(OUTBOX.delete_old_messages, before=txn.now - messages, limit=limit)
    return removed


def _remove_history(txn: BoardTransaction, before: Instant, limit: int) -> int:
    """Remove events and keys from before an instant, and return their number."""
    removed: int = txn.sql.run_and_count(RETENTION.delete_old_keys, before=before, limit=limit)
    oldest = txn.sql.one(RETENTION.oldest_event)
    if oldest is not None and oldest < before:  # so a young board is not searched
        removed += _remove_events(txn, before, limit)
    return removed


def _remove_events(txn: BoardTransaction, before: Instant, limit: int) -> int:
    """Remove the next old events, with their texts in the full-text index, and return their number."""
    if (partitions := txn.sql.partitions) is not None:
        values = {"before": before, "limit": limit, "end": partitions.deleted_to()}
        _remove_texts(txn, RETENTION.old_events_of_kinds_below, values)
        return txn.sql.run_and_count(RETENTION.delete_old_events_below, **values)
    values = {"before": before, "limit": limit}
    _remove_texts(txn, RETENTION.old_events_of_kinds, values)
    return txn.sql.run_and_count(RETENTION.delete_old_events, **values)


def _remove_activations(txn: BoardTransaction, before: Instant, limit: int) -> int:
    """Remove activations that ended before an instant, with all that belongs to them, and return their number."""
    ids = txn.sql.all(RETENTION.old_activations, before=before, limit=limit)
    for statement in (
        RETENTION.delete_crossings,
        RETENTION.delete_inputs,
        RETENTION.delete_calls,
        RETENTION.delete_activations,
    ):
        txn.sql.run(statement, ids=txn.sql.list_of(ids))
    crossings: int = txn.sql.run_and_count(RETENTION.delete_old_crossings, before=before, limit=limit)
    return len(ids) + crossings


def _remove_texts(txn: BoardTransaction, old_events: Statement[EventRow], values: Mapping[str, int]) -> None:
    """Remove the texts of the next old events from the full-text index, while the events still have them."""
    if kinds := search_documents.kinds(txn.sql):
        events = txn.sql.all(old_events, kinds=txn.sql.list_of(sorted(kinds)), **values)
        search_documents.erase(txn, [IndexedText(event.kind, event.mark_id, event.id) for event in events])


def remove_window_deposits(txn: BoardTransaction, limit: int) -> int:
    """Remove the next deposits that have left every window, and return their number.

    A crossing that waits, or is due and not yet recorded, keeps the deposits that were in its window.
    """
    due_at = txn.sql.value(CROSSINGS.next_predicted)
    with_window = [watch.id for watch in txn.active.watches.values() if watch.condition.has_window]
    waiting = [txn.sql.value(CROSSINGS.first_waiting, watch_id=watch_id) for watch_id in with_window]
    needed_at = min(at for at in (txn.now, due_at, *waiting) if at is not None)
    removed = 0
    for kind in txn.sql.each(WINDOWS.next_kind_in_windows, after=""):
        longest = txn.active.longest_windows.get(kind)
        before = txn.now + 1 if longest is None else needed_at - longest
        if longest is not None and kind in txn.active.tags_in_windows:
            before -= longest  # so that the sums of a group in use have been brought up to date since
        window_totals.subtract_past_deposits(txn, kind, before)
        remaining = max(0, limit - removed)
        if txn.sql.one(WINDOWS.has_tags, kind=kind) is not None:
            for event_id in txn.sql.all(WINDOWS.left_deposits, kind=kind, before=before, limit=remaining):
                txn.sql.run(WINDOWS.delete_window_tags_of_deposit, event_id=event_id)
        removed += txn.sql.run_and_count(WINDOWS.delete_left, kind=kind, before=before, limit=remaining)
    return removed


def unused_laws(txn: BoardTransaction, limit: int) -> tuple[list[str], int]:
    """Return laws that no mark, event or crossing refers to, and the last event that was considered."""
    if txn.sql.value(RETENTION.count_laws) <= MAX_UNSEARCHED_LAWS:
        return [], txn.last_event_id
    return txn.sql.all(RETENTION.unused_laws, limit=limit), txn.last_event_id


def remove_laws(txn: BoardTransaction, laws: list[str], since: int) -> int:
    """Remove the laws that no event after `since` uses, and return how many."""
    removed = 0
    for key in laws:
        txn.sql.run(RETENTION.delete_law_segments, law=key, since=since)
        removed += txn.sql.run_and_count(RETENTION.delete_law, law=key, since=since)
    return removed
