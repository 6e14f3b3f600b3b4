"""Removes history that is older than it is kept for, in bounded batches. Live marks keep all of theirs."""

from __future__ import annotations

from blackboard.board.board_transaction import BoardTransaction
from blackboard.board.budgets import DAY
from blackboard.store.statements import RETENTION

__all__ = ["remove", "remove_laws", "unused_laws"]

FEW_LAWS = 200
"""Laws that a board may have without anybody looking which of them are still in use."""


def remove(
    txn: BoardTransaction, *, history: int | None, activations: int | None, model_calls: int | None, limit: int
) -> int:
    """Remove up to `limit` rows of each sort that are older than it is kept (microseconds; None: for ever).

    Returns:
        How many rows were removed; fewer than `limit` of each sort means that nothing older is left.
    """
    removed = txn.tx.run(RETENTION.delete_old_cooldowns, now=txn.now, limit=limit).rowcount
    today = txn.now - txn.now % DAY  # what was spent today still counts
    if history is not None:
        oldest = txn.tx.one(RETENTION.oldest_event)
        if oldest is not None and oldest[0] < txn.now - history:  # else nothing is: a young board is not searched
            removed += txn.tx.run(RETENTION.delete_old_events, before=txn.now - history, limit=limit).rowcount
        removed += txn.tx.run(RETENTION.delete_old_keys, before=txn.now - history, limit=limit).rowcount
    if activations is not None:
        before = min(txn.now - activations, today)
        ids = [row[0] for row in txn.tx.all(RETENTION.old_activations, before=before, limit=limit)]
        for statement in (
            RETENTION.delete_crossings,
            RETENTION.delete_inputs,
            RETENTION.delete_calls,
            RETENTION.delete_activations,
        ):
            txn.tx.run(statement, ids=txn.tx.list_of(ids))
        removed += len(ids) + txn.tx.run(RETENTION.delete_old_crossings, before=before, limit=limit).rowcount
    if model_calls is not None:
        removed += txn.tx.run(
            RETENTION.delete_old_calls, before=min(txn.now - model_calls, today), limit=limit
        ).rowcount
    return int(removed)


def unused_laws(txn: BoardTransaction, limit: int) -> tuple[list[str], int]:
    """Laws that marks brought with them and no kept event speaks of any more, and the last event that was looked at."""
    if txn.tx.one(RETENTION.count_laws)[0] <= FEW_LAWS:
        return [], txn.last_event
    return [row[0] for row in txn.tx.all(RETENTION.unused_laws, limit=limit)], txn.last_event


def remove_laws(txn: BoardTransaction, laws: list[str], since: int) -> int:
    """Remove those of the laws that nobody took up again since that event; returns how many."""
    removed = 0
    for key in laws:
        txn.tx.run(RETENTION.delete_law_segments, law=key, since=since)
        removed += txn.tx.run(RETENTION.delete_law, law=key, since=since).rowcount
    return removed
