"""Totals over the windows of rising watches: no deposit is read while the value is far below the threshold.

For a window over the board or a group, the board keeps the number and the sum of the deposits of each kind, with a
bound on the rounding error, as it does for totals of marks. Deposits that have left the window are subtracted once,
found by a range of an index. A subject has few deposits, and the database adds them each time. The deposits themselves
are read, and decide, only when the value may have reached the threshold.

A sum is computed from the deposits when it is first needed, and again after rare events: an erasure, or a clock in
doubt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from blackboard.board.mark_tables.marks_in_scopes import measure_filter
from blackboard.board.mark_tables.window_deposits import with_filter
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.transactions.stored_laws import LawOfKind
from blackboard.board.watches.measurements.collected_sums import CollectedSums
from blackboard.board.watches.measurements.law_sums import sums_of
from blackboard.board.watches.measurements.running_sums import RunningSums, add_terms
from blackboard.clock import Instant
from blackboard.core.marks.scopes import WHOLE_BOARD, Group, group_of
from blackboard.durations import Duration
from blackboard.store.row_types.mark_row_types import WindowEventRow
from blackboard.store.row_types.watch_row_types import StimulusSums
from blackboard.store.statements import CROSSINGS, WINDOWS
from blackboard.store.watch_total_additions import FLOAT_ROUNDING

WINDOW = "window"
"""Stands for the law in the key of the sums of a window."""


def add(txn: BoardTransaction, deposit: WindowEventRow, keys: Mapping[str, frozenset[str]], sign: int = 1) -> None:
    """Add a recorded deposit to the sums of its kind, or subtract a deposit that will be removed (sign -1).

    `keys` are the keys of its tags.
    """
    for watch in _watches(txn, deposit.kind):
        if deposit.agent and deposit.agent == watch.ignored_in_windows:
            continue
        tags = measure_filter(txn, deposit.kind, watch.comparison.measure)
        if tags is not None and not tags.passes(keys):
            continue
        group = None if watch.condition.by is None else Group.of(watch.condition.by, keys)
        if (scope := WHOLE_BOARD if watch.condition.by is None else group and group.scope) is None:
            continue
        if (sums := sums_of(txn, watch, scope).get(LawOfKind(deposit.kind, WINDOW))) is None:
            _build(txn, watch, deposit.kind, scope)
            if sign > 0:
                continue  # `_build` has counted the deposit, which is recorded already
            sums = sums_of(txn, watch, scope)[LawOfKind(deposit.kind, WINDOW)]
        if deposit.occurred_at + _length(watch) > sums.evaporated_through:
            add_terms(sums, 1, deposit.intensity, 0.0, sign=sign)


def update_and_compare(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> bool:
    """Bring the sums of a window in a scope up to date; return whether its value may have reached the threshold."""
    marks, total, error = 0, 0.0, 0.0
    for kind in watch.condition.kinds:
        sums, weight = _sums_of_kind(txn, watch, kind, scope), txn.kind(kind).weight
        marks, total, error = marks + sums.marks, total + weight * sums.sum0, error + weight * sums.error0
    comparison = watch.comparison
    return comparison.is_met_at(comparison.measure.from_sums(marks, total + error + 4 * FLOAT_ROUNDING * total))


def subtract_past_deposits(txn: BoardTransaction, kind: str, before: Instant) -> None:
    """Subtract the deposits of a kind that have left a window, because retention will remove those before an instant.

    Sums of groups that contain such deposits are deleted instead: nothing was deposited in these groups since, and
    there may be many.
    """
    for watch in _watches(txn, kind):
        if watch.condition.by is not None:
            txn.changes_of(CollectedSums).delete(txn, watch.id, before + _length(watch))
        elif (sums := sums_of(txn, watch).get(LawOfKind(kind, WINDOW))) is not None:
            _subtract_past_deposits(txn, watch, kind, WHOLE_BOARD, sums)


def delete_all(txn: BoardTransaction) -> None:
    """Delete the sums of all windows. They are computed from the deposits when they are needed."""
    txn.sql.run(CROSSINGS.delete_totals_of_law, law=WINDOW)
    watches = txn.active.watches
    txn.changes_of(CollectedSums).drop(
        lambda watch_id, _: watch_id in watches and watches[watch_id].condition.has_window
    )


def _watches(txn: BoardTransaction, kind: str) -> Iterator[RegisteredWatch]:
    return (watch for watch in txn.active.over_time.get(kind, ()) if watch.keeps_window_sums)


def _sums_of_kind(txn: BoardTransaction, watch: RegisteredWatch, kind: str, scope: str) -> RunningSums:
    """Return the sums of a kind now."""
    if not watch.keeps_window_sums:
        sums = RunningSums()
        add_terms(sums, *_sums(txn, watch, kind, scope, since=txn.now), sign=+1)
        return sums
    if LawOfKind(kind, WINDOW) not in sums_of(txn, watch, scope):
        _build(txn, watch, kind, scope)
    sums = sums_of(txn, watch, scope)[LawOfKind(kind, WINDOW)]
    _subtract_past_deposits(txn, watch, kind, scope, sums)
    return sums


def _build(txn: BoardTransaction, watch: RegisteredWatch, kind: str, scope: str) -> None:
    sums = sums_of(txn, watch, scope)[LawOfKind(kind, WINDOW)] = RunningSums(evaporated_through=txn.now, changed=True)
    add_terms(sums, *_sums(txn, watch, kind, scope, since=txn.now), sign=+1)


def _subtract_past_deposits(
    txn: BoardTransaction, watch: RegisteredWatch, kind: str, scope: str, sums: RunningSums
) -> None:
    if txn.now > sums.evaporated_through:
        if sums.marks:
            add_terms(sums, *_sums(txn, watch, kind, scope, since=sums.evaporated_through, until=txn.now), sign=-1)
        sums.evaporated_through, sums.changed = txn.now, True


def _sums(
    txn: BoardTransaction,
    watch: RegisteredWatch,
    kind: str,
    scope: str,
    *,
    since: Instant,
    until: Instant | None = None,
) -> StimulusSums:
    """Return the sums of the deposits that leave the window after `since`, up to `until`; None for no limit."""
    length = _length(watch)
    values: dict[str, object] = {
        "ignored": watch.ignored_in_windows,
        "after": since - length,
        "up_to": txn.now if until is None else until - length,
    }
    statement = WINDOWS.sum_window
    if (group := group_of(scope)) is not None:
        statement = WINDOWS.sum_window_of_group
        values |= {"tag": group.tag, "key": group.key}
    elif scope != WHOLE_BOARD:
        statement = WINDOWS.sum_window_of_subject
        values["subject"] = scope
    statement, filters = with_filter(txn.sql, statement, measure_filter(txn, kind, watch.comparison.measure))
    return txn.sql.existing(statement, kind=kind, **values, **filters)


def _length(watch: RegisteredWatch) -> Duration:
    within = watch.comparison.measure.within
    assert within is not None
    return within
