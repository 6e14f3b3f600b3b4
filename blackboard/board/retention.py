"""Removes history that is older than it is kept for, in bounded batches. Live marks keep all of theirs."""

from __future__ import annotations

from blackboard.board.board_transaction import BoardTransaction
from blackboard.board.budgets import DAY
from blackboard.store import retention as R

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
    removed = txn.tx.run(R.OLD_COOLDOWNS, now=txn.now, limit=limit).rowcount
    today = txn.now - txn.now % DAY  # what was spent today still counts
    if history is not None:
        oldest = txn.tx.one(R.OLDEST_EVENT)
        if oldest is not None and oldest[0] < txn.now - history:  # else nothing is: a young board is not searched
            removed += txn.tx.run(R.OLD_EVENTS, before=txn.now - history, limit=limit).rowcount
        removed += txn.tx.run(R.OLD_KEYS, before=txn.now - history, limit=limit).rowcount
    if activations is not None:
        before = min(txn.now - activations, today)
        ids = [row[0] for row in txn.tx.all(R.OLD_ACTIVATIONS, before=before, limit=limit)]
        for id_ in ids:
            for statement in (R.DELETE_CROSSINGS, R.DELETE_INPUTS, R.DELETE_CALLS, R.DELETE_ACTIVATION):
                txn.tx.run(statement, id=id_)
        removed += len(ids) + txn.tx.run(R.OLD_CROSSINGS, before=before, limit=limit).rowcount
    if model_calls is not None:
        removed += txn.tx.run(R.OLD_CALLS, before=min(txn.now - model_calls, today), limit=limit).rowcount
    return int(removed)


def unused_laws(txn: BoardTransaction, limit: int) -> tuple[list[str], int]:
    """Laws that marks brought with them and no kept event speaks of any more, and the last event that was looked at."""
    if txn.tx.one(R.COUNT_LAWS)[0] <= FEW_LAWS:
        return [], txn.last_event
    return [row[0] for row in txn.tx.all(R.UNUSED_LAWS, limit=limit)], txn.last_event


def remove_laws(txn: BoardTransaction, laws: list[str], since: int) -> int:
    """Remove those of the laws that nobody took up again since that event; returns how many."""
    removed = 0
    for key in laws:
        txn.tx.run(R.DELETE_SEGMENTS, key=key, since=since)
        removed += txn.tx.run(R.DELETE_LAW, key=key, since=since).rowcount
    return removed
