"""Erasure of what watches keep about a subject or a group."""

from __future__ import annotations

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.measurements import window_totals
from blackboard.board.watches.measurements.collected_sums import CollectedSums
from blackboard.store.statements import ERASURE, WINDOWS


def erase_scope(txn: BoardTransaction, scope: str, new_scope: str) -> None:
    """Withdraw and rename the crossings of a subject or a group, and delete what watches keep about it."""
    for statement in (
        ERASURE.delete_cooldowns,
        ERASURE.delete_predicted,
        ERASURE.delete_watch_states,
        ERASURE.delete_followed_watches,
        ERASURE.delete_totals,
    ):
        txn.sql.run(statement, scope=scope)
    txn.sql.run(ERASURE.close_crossings, scope=scope, at=txn.now)
    txn.sql.run(ERASURE.rename_crossings, scope=scope, new_scope=new_scope)
    txn.collected(CollectedSums).drop(lambda _, its_scope: its_scope == scope)


def erase_windows(txn: BoardTransaction, subject: str) -> None:
    """Delete the deposits of a subject from the windows of conditions."""
    txn.sql.run(WINDOWS.delete_window_tags_of_subject, subject=subject)
    txn.sql.run(WINDOWS.delete_window_events_of_subject, subject=subject)
    window_totals.delete_all(txn)
