"""The effects of a deposit: needs open, messages are written, watches cross, guards open, and windows count it."""

from __future__ import annotations

from collections.abc import Sequence

from blackboard.board import open_needs
from blackboard.board.mark_changes import mark_removals
from blackboard.board.mark_changes.joined_marks import MarkAfterDeposit, NewDeposit
from blackboard.board.mark_tables import window_deposits
from blackboard.board.mark_tables.mark_states import tags_of
from blackboard.board.outbox import announcements
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.crossing_detection import episode_crossings, predicted_crossings, rising_crossings
from blackboard.board.watches.measurements import window_totals
from blackboard.board.watches.waiting_crossings import watch_guards
from blackboard.store.row_types.mark_row_types import MarkRow, WindowEventRow


def open_need(txn: BoardTransaction, new_deposit: NewDeposit, old: MarkRow | None, row: MarkRow) -> None:
    """Open a need that was deposited. If the need was open before, withdraw its `overdue` mark."""
    if old is not None:
        mark_removals.withdraw_overdue(txn, old, new_deposit.request.author, new_deposit.request.activation_id)
    open_needs.record_need(txn, row)


def queue_message(txn: BoardTransaction, joined: MarkAfterDeposit, row: MarkRow) -> None:
    """Write the message about a live mark if people do not know its payload yet. A need is asked again each time."""
    is_new = joined.old is None or (joined.shown is None and row.payload != joined.old.payload)
    if row.is_live(txn.now) and (is_new or open_needs.is_need(row)):
        announcements.announce_mark(txn, row)


def apply_effects(txn: BoardTransaction, old: MarkRow | None, row: MarkRow) -> Sequence[RegisteredWatch]:
    """Apply the effects of a mark that was written, and return the watches that crossed."""
    live = row.is_live(txn.now)
    crossed = rising_crossings.evaluate_deposit(txn, old, row) if live else []
    predicted_crossings.predict_after_deposit(txn, old, row)
    if not live:
        mark_removals.evaporate_at_once(txn, old, row)
    if row.kind in txn.active.over_time:
        crossed = [*crossed, *episode_crossings.update_after_deposit(txn, old, row)]
    watch_guards.release_after_change(txn, row, old)
    return crossed


def evaluate_unchanged_mark(txn: BoardTransaction, live: MarkRow, author: str) -> Sequence[RegisteredWatch]:
    """Test the watches after a deposit that changes nothing, and return the watches that crossed.

    A watch crosses then only if its guard dropped an earlier crossing of the mark.
    """
    crossed = rising_crossings.evaluate_unchanged(txn, live, author)
    if any(watch.guard_drops for watch in txn.active.over_time.get(live.kind, ())):
        crossed = [*crossed, *episode_crossings.update_after_deposit(txn, live, live)]
    return crossed


def count_in_windows(txn: BoardTransaction, new_deposit: NewDeposit, mark_id: int, event_id: int) -> bool:
    """Record a deposit for the windows that count its kind; return whether the deposit is in a window."""
    request, occurred_at = new_deposit.request, new_deposit.state.at
    longest = txn.active.longest_windows.get(request.kind)
    if longest is None or occurred_at <= txn.now - longest:
        return False
    row = WindowEventRow(
        kind=request.kind,
        subject=request.subject,
        occurred_at=occurred_at,
        event_id=event_id,
        mark_id=mark_id,
        intensity=new_deposit.state.intensity,
        agent="" if request.activation_id is None else request.author,
    )
    keys: dict[str, frozenset[str]] = {}
    if (names := txn.active.tags_in_windows.get(request.kind)) is not None:
        tags = tags_of(txn, request.kind, new_deposit.payload)
        keys = {} if tags is None else {name: tag_keys for name, tag_keys in tags.keys.items() if name in names}
    window_deposits.record(txn.sql, row, keys)
    window_totals.add(txn, row, keys)
    return True


def evaluate_windows(txn: BoardTransaction, mark: MarkRow) -> Sequence[RegisteredWatch]:
    """Test the watches after a deposit that only windows count, and return the watches that crossed.

    If windows find deposits by tags, `mark` must have the payload of the deposit.
    """
    crossed = episode_crossings.update_after_deposit(txn, mark, mark)
    predicted_crossings.predict_after_window_deposit(txn, mark)
    watch_guards.release_after_change(txn, mark)
    return crossed


def agents_of(crossed: Sequence[RegisteredWatch]) -> tuple[str, ...]:
    """Return the names of the agents of watches, each once."""
    return tuple(dict.fromkeys(watch.agent_spec.name for watch in crossed)) if crossed else ()
