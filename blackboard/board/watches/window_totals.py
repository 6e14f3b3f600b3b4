"""Sums over the windows of rising watches, so that a value that is far below reads no deposits.

As for totals of marks, the number and the sum of the deposits in a window over the board are kept for each kind, with a
bound on their rounding error. Deposits that have left the window are subtracted once, found by a range of an index. A
subject has few deposits, and the database adds them each time. Only when the value may have reached the threshold, the
deposits themselves decide.

A sum is computed from the deposits when it is first needed, and again after rare events: an erasure, or a clock in
doubt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from blackboard.board.transactions.active_deployment import RegisteredWatch
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.running_sums import RunningSums
from blackboard.board.transactions.window_events import with_filter
from blackboard.board.watches.board_totals import ROUNDING, add_terms, groups_of
from blackboard.clock import Instant
from blackboard.store.query_rows import StimulusSums
from blackboard.store.rows import WindowEventRow
from blackboard.store.statement_file import Statement
from blackboard.store.statements import CROSSINGS, WINDOWS

WINDOW = "window"
"""The value for the law in the key of the sums."""


def add(txn: BoardTransaction, deposit: WindowEventRow, keys: Mapping[str, frozenset[str]], sign: int = 1) -> None:
    """Add a deposit that was recorded to the sums of its kind, or subtract a deposit (sign -1) that will be removed."""
    for watch in _watches(txn, deposit.kind):
        if deposit.agent and deposit.agent == watch.ignored_in_windows:
            continue
        tags = txn.filter_of(deposit.kind, watch.comparison.measure)
        if tags is not None and not tags.passes(keys):
            continue
        if (group := groups_of(txn, watch).get((deposit.kind, WINDOW))) is None:
            _build(txn, watch, deposit.kind)
            if sign > 0:
                continue  # it was recorded already
            group = groups_of(txn, watch)[deposit.kind, WINDOW]
        if deposit.occurred_at + _length(watch) > group.evaporated_through:
            add_terms(group, 1, deposit.intensity, 0.0, sign=sign)


def is_below(txn: BoardTransaction, watch: RegisteredWatch, subject: str) -> bool:
    """Return whether the value of a window over a subject ("" is the board) is certainly below its threshold."""
    marks, total, error = 0, 0.0, 0.0
    for kind in watch.kinds:
        group, weight = _group(txn, watch, kind, subject), txn.kind(kind).weight
        marks, total, error = marks + group.marks, total + weight * group.sum0, error + weight * group.error0
    comparison = watch.comparison
    return not comparison.holds_at(comparison.measure.from_sums(marks, total + error + 4 * ROUNDING * total))


def subtract_left(txn: BoardTransaction, kind: str) -> None:
    """Subtract the deposits of a kind that have left a window, before they are removed."""
    for watch in _watches(txn, kind):
        if (group := groups_of(txn, watch).get((kind, WINDOW))) is not None:
            _subtract_left(txn, watch, kind, group)


def reset(txn: BoardTransaction) -> None:
    """Delete the sums of all windows. They are computed from the deposits when they are needed."""
    txn.sql.run(CROSSINGS.delete_totals_of_law, law=WINDOW)
    for watch_id, watch in txn.active.watches.items():
        if watch.has_window:
            txn.totals.pop(watch_id, None)


def _watches(txn: BoardTransaction, kind: str) -> Iterator[RegisteredWatch]:
    return (watch for watch in txn.active.over_time.get(kind, ()) if watch.keeps_window_sums)


def _group(txn: BoardTransaction, watch: RegisteredWatch, kind: str, subject: str) -> RunningSums:
    """Return the sums of a kind now."""
    if subject:
        span = {"after": txn.now - _length(watch), "up_to": txn.now, "ignored": watch.ignored_in_windows}
        group = RunningSums()
        add_terms(group, *_sum(txn, watch, WINDOWS.sum_window_of_subject, kind=kind, subject=subject, **span), sign=+1)
        return group
    if (kind, WINDOW) not in groups_of(txn, watch):
        _build(txn, watch, kind)
    group = groups_of(txn, watch)[kind, WINDOW]
    _subtract_left(txn, watch, kind, group)
    return group


def _build(txn: BoardTransaction, watch: RegisteredWatch, kind: str) -> None:
    group = groups_of(txn, watch)[kind, WINDOW] = RunningSums(evaporated_through=txn.now, changed=True)
    add_terms(group, *_sums(txn, watch, kind, txn.now, None), sign=+1)


def _subtract_left(txn: BoardTransaction, watch: RegisteredWatch, kind: str, group: RunningSums) -> None:
    if txn.now > group.evaporated_through:
        if group.marks:
            add_terms(group, *_sums(txn, watch, kind, group.evaporated_through, txn.now), sign=-1)
        group.evaporated_through, group.changed = txn.now, True


def _sums(
    txn: BoardTransaction, watch: RegisteredWatch, kind: str, since: Instant, until: Instant | None
) -> StimulusSums:
    """Return the sums of the deposits that leave the window after an instant, up to another (None: no limit)."""
    length = _length(watch)
    span = {"after": since - length, "up_to": txn.now if until is None else until - length}
    return _sum(txn, watch, WINDOWS.sum_window, kind=kind, ignored=watch.ignored_in_windows, **span)


def _sum(
    txn: BoardTransaction, watch: RegisteredWatch, statement: Statement[StimulusSums], *, kind: str, **values: object
) -> StimulusSums:
    """Return the sums of the deposits of a kind that have the tags of a watch."""
    statement, filters = with_filter(txn.sql, statement, txn.filter_of(kind, watch.comparison.measure))
    return txn.sql.existing(statement, kind=kind, **values, **filters)


def _length(watch: RegisteredWatch) -> int:
    within = watch.comparison.measure.within
    assert within is not None
    return within
