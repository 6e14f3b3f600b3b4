"""Checks of the sums that a board keeps for its watches."""

from __future__ import annotations

import math

import pytest

from blackboard.board.mark_tables.mark_states import mark_strength
from blackboard.board.mark_tables.marks_in_scopes import stored_marks
from blackboard.board.mark_tables.watch_scopes import scopes_of
from blackboard.board.mark_tables.window_deposits import scopes_in_windows
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.measurements import watch_states, watch_totals, window_totals
from blackboard.board.watches.measurements.law_sums import sums_of
from blackboard.board.watches.measurements.stimuli import stimuli_of
from blackboard.core.conditions.fading_forecasts import value_at
from blackboard.core.conditions.measures import Count, Strongest, Total
from blackboard.core.marks.scopes import WHOLE_BOARD
from blackboard.store.row_types.watch_row_types import CrossingKey


def check_sums(txn: BoardTransaction) -> None:
    """Check that the sums of each watch over the board or over groups equal a direct count of its stimuli."""
    keep_live_sums(txn)
    summed = [item for item in txn.active.watches.values() if item.measures_sums and item.absorbs]
    over_live_marks = [item.over_live_marks for item in summed if isinstance(item.comparison.measure, Total)]
    for item, scope in pairs(txn, [*summed, *over_live_marks]):
        kept, marks = watch_totals.update_and_measure(txn, item, scope)
        stimuli = stimuli_of(txn, item, scope)
        strengths = [mark_strength(txn, row) for row in stimuli]
        comparison = next(item.condition.comparisons())
        assert comparison.is_met_at(kept) == comparison.is_met_at(watch_totals.measure_marks(txn, item, scope).value), (
            item.spec.name
        )
        if txn.active.kinds_in_backfill.intersection(item.condition.kinds):
            # During a backfill the sums are upper bounds, and a claim reads the marks.
            assert marks >= len(stimuli), item.spec.name
            continue
        assert marks == len(stimuli), item.spec.name
        if isinstance(comparison.measure, Count):
            assert kept == len(stimuli)
        elif isinstance(comparison.measure, Strongest):
            assert kept == pytest.approx(max(strengths, default=0.0))
        else:
            true = math.fsum(strengths)
            fades_by_bound = any(txn.laws.get(txn.sql, row.law).exact_sums is False for row in stimuli)
            if fades_by_bound and kept < comparison.threshold:
                assert kept >= true - 1e-9
            else:
                assert kept == pytest.approx(true, rel=1e-9, abs=1e-9)


def check_window_sums(txn: BoardTransaction) -> None:
    """Check that the sums of each window over the board or over groups equal its deposits, and decide as these do."""
    windows = [item for item in txn.active.watches.values() if item.keeps_window_sums]
    for item, scope in pairs(txn, windows):
        deposits = watch_states.measured_marks(txn, item, CrossingKey(item.id, scope), whole=True)
        comparison = next(item.condition.comparisons())
        value = value_at(comparison.measure, deposits, txn.now)
        assert window_totals.update_and_compare(txn, item, scope) or not comparison.is_met_at(value), item.spec.name
        kept = sums_of(txn, item, scope).values()
        live = [deposit for deposit in deposits if deposit.is_live(txn.now)]
        assert sum(sums.marks for sums in kept) == len(live), item.spec.name
        true = math.fsum(deposit.state.intensity for deposit in live)
        error = sum(sums.error0 for sums in kept)
        assert sum(sums.sum0 for sums in kept) == pytest.approx(true, abs=error, rel=1e-15), item.spec.name


def keep_live_sums(txn: BoardTransaction) -> None:
    """Let the board keep sums over all live marks, as the first deposit that needs them does."""
    for item in txn.active.watches.values():
        if not (item.measures_sums and item.absorbs and isinstance(item.comparison.measure, Total)):
            continue
        for scope in scopes(txn, item):
            if not watch_totals.keeps_live_sums(txn, item, scope):
                watch_totals.recount(txn, item.over_live_marks, scope)


def scopes(txn: BoardTransaction, item: RegisteredWatch) -> list[str]:
    """Return the board, or the groups that have marks or deposits in windows."""
    if item.condition.by is None:
        return [WHOLE_BOARD]
    windows = scopes_in_windows(txn.sql, item.condition)
    return list(dict.fromkeys([*scopes_of(txn, item, stored_marks(txn, item.condition.kinds, WHOLE_BOARD)), *windows]))


def pairs(txn: BoardTransaction, watches: list[RegisteredWatch]) -> list[tuple[RegisteredWatch, str]]:
    """Return each watch with each of its scopes."""
    return [(item, scope) for item in watches for scope in scopes(txn, item)]
