"""Guards of watches: whether they are open, and the release of the crossings that they defer."""

from __future__ import annotations

from blackboard.board.mark_tables.marks_in_scopes import fading_marks
from blackboard.board.mark_tables.watch_scopes import scopes_of
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.clock import Instant
from blackboard.core.conditions.fading_forecasts import first_true, value_at
from blackboard.store.row_types.mark_row_types import MarkRow
from blackboard.store.statements import CROSSINGS

NEVER_FULL = 2**62
"""A number larger than any batch."""


def find_opening(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> Instant | None:
    """Return when fading alone opens a watch's guard: now if it is open, and None if it will not open."""
    if watch.spec.guard is None:
        return txn.now
    return first_true(watch.spec.guard, fading_marks(txn, watch.spec.guard, scope), txn.now, scope)


def was_open(txn: BoardTransaction, watch: RegisteredWatch, scope: str, at: Instant) -> bool:
    """Return whether a watch's guard held at the instant of a crossing."""
    if watch.spec.guard is None:
        return True
    marks = fading_marks(txn, watch.spec.guard, scope, at)
    return watch.spec.guard.is_met(lambda measure: value_at(measure, marks, at, scope))


def drops(txn: BoardTransaction, watch: RegisteredWatch, scope: str, at: Instant) -> bool:
    """Return whether a watch's guard drops a crossing at an instant."""
    return watch.guard_drops and not was_open(txn, watch, scope, at)


def release_after_change(txn: BoardTransaction, row: MarkRow, old: MarkRow | None = None) -> None:
    """Release the crossings whose guards count marks of the kind of a changed mark. The next claim tests them again.

    `old` is the mark before the change, which may have moved the mark to another group.
    """
    for watch in txn.active.guarded.get(row.kind, ()):
        if measures_board(watch, row.kind):
            release(txn, watch)
        else:
            for scope in scopes_of(txn, watch, [old, row]):
                release(txn, watch, scope)


def release(txn: BoardTransaction, watch: RegisteredWatch, scope: str | None = None) -> None:
    """Release the crossings that a watch's guard defers, in one scope or all. A claim tests these crossings again."""
    values = {
        "watch_id": watch.id,
        "at": txn.now,
        "batch_window": watch.batch_window,
        "full": watch.batch or NEVER_FULL,
    }
    if scope is None:
        txn.sql.run(CROSSINGS.release_watch, **values)
    else:
        txn.sql.run(CROSSINGS.release_scope, scope=scope, **values)


def measures_board(watch: RegisteredWatch, kind: str) -> bool:
    """Return whether a mark of the kind can open or close a watch's guard for every subject."""
    guard = watch.spec.guard
    return guard is not None and any(
        comparison.measure.over == "board" and kind in comparison.measure.kinds for comparison in guard.comparisons()
    )
