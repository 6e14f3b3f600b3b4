"""Removes history that is older than it is kept for, in bounded batches. Live marks keep all of theirs."""

from __future__ import annotations

from blackboard.board.budgets import DAY
from blackboard.board.moment import Moment
from blackboard.store import retention as R

__all__ = ["remove"]


def remove(m: Moment, *, history: int | None, activations: int | None, model_calls: int | None, limit: int) -> int:
    """Remove up to `limit` rows of each sort that are older than it is kept (microseconds; None: for ever).

    Returns:
        How many rows were removed; fewer than `limit` of each sort means that nothing older is left.
    """
    removed = 0
    today = m.now - m.now % DAY  # what was spent today still counts
    if history is not None:
        removed += m.tx.run(R.OLD_EVENTS, before=m.now - history, limit=limit).rowcount
        removed += m.tx.run(R.OLD_KEYS, before=m.now - history, limit=limit).rowcount
    if activations is not None:
        before = min(m.now - activations, today)
        ids = [row[0] for row in m.tx.all(R.OLD_ACTIVATIONS, before=before, limit=limit)]
        for id_ in ids:
            for statement in (R.DELETE_CROSSINGS, R.DELETE_GIVEN, R.DELETE_CALLS, R.DELETE_ACTIVATION):
                m.tx.run(statement, id=id_)
        removed += len(ids) + m.tx.run(R.OLD_CROSSINGS, before=before, limit=limit).rowcount
    if model_calls is not None:
        removed += m.tx.run(R.OLD_CALLS, before=min(m.now - model_calls, today), limit=limit).rowcount
    return removed
