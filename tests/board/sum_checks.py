"""Checks of the sums that a board keeps for its watches."""

from __future__ import annotations

import math

import pytest

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches import board_totals, watch_states, window_totals
from blackboard.board.watches.stimuli import stimuli_of
from blackboard.board.watches.watch_states import StateKey
from blackboard.core.conditions import Count, Strongest, Total
from blackboard.core.strength_forecast import value_at


def check_sums(txn: BoardTransaction) -> None:
    """Check that the sums of each watch over the board equal a direct count of its stimuli."""
    keep_live_sums(txn)
    over_board = [item for item in txn.active.watches.values() if item.is_over_board and item.absorbs]
    over_live_marks = [item.over_live_marks for item in over_board if isinstance(item.comparison.measure, Total)]
    for item in (*over_board, *over_live_marks):
        kept, marks = board_totals.update_and_measure(txn, item)
        stimuli = stimuli_of(txn, item)
        strengths = [txn.strength(row) for row in stimuli]
        comparison = next(item.condition.comparisons())
        assert comparison.holds_at(kept) == comparison.holds_at(board_totals.measure_marks(txn, item)[0]), (
            item.spec.name
        )
        if txn.active.migrating.intersection(item.condition.kinds):
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
    """Check that the sums of each window over the board equal its deposits, and decide as these do."""
    for item in txn.active.watches.values():
        if not item.keeps_window_sums:
            continue
        deposits = watch_states.marks_behind(txn, item, StateKey(item.id, "", 0), whole=True)
        comparison = next(item.condition.comparisons())
        value = value_at(comparison.measure, deposits, txn.now)
        assert not (window_totals.is_below(txn, item, "") and comparison.holds_at(value)), item.spec.name
        groups = board_totals.groups_of(txn, item).values()
        live = [deposit for deposit in deposits if deposit.is_live(txn.now)]
        assert sum(group.marks for group in groups) == len(live), item.spec.name
        true = math.fsum(deposit.state.intensity for deposit in live)
        error = sum(group.error0 for group in groups)
        assert sum(group.sum0 for group in groups) == pytest.approx(true, abs=error, rel=1e-15), item.spec.name


def keep_live_sums(txn: BoardTransaction) -> None:
    """Let the board keep sums over all live marks, as the first deposit that needs them does."""
    for item in txn.active.watches.values():
        is_total = item.is_over_board and item.absorbs and isinstance(item.comparison.measure, Total)
        if is_total and not board_totals.keeps_live_sums(txn, item):
            board_totals._recount(txn, item.over_live_marks)
