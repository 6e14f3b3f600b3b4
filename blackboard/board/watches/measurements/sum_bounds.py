"""Totals that follow from running sums, with bounds on their rounding errors."""

from __future__ import annotations

from typing import NamedTuple

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.stored_laws import LawOfKind
from blackboard.board.watches.measurements.running_sums import TERM_ROUNDING, RunningSums, rounding_of
from blackboard.clock import Instant
from blackboard.core.marks.decay import Decay
from blackboard.store.rows import LawChangeRow


class BoundedTotal(NamedTuple):
    """The total strength of marks by their sums, with its error."""

    marks: int = 0
    """The number of marks in the sums."""
    total: float = 0.0
    error: float = 0.0
    """The largest difference between the total and the exact sum of the strengths."""
    is_exact: bool = True
    """Whether this bounds the error in both directions; otherwise the exact sum and the number may be lower."""

    def plus(self, other: BoundedTotal) -> BoundedTotal:
        """Return the total over the marks of both."""
        return BoundedTotal(
            self.marks + other.marks,
            self.total + other.total,
            self.error + other.error,
            self.is_exact and other.is_exact,
        )


NO_MARKS = BoundedTotal()


def bounded_total(txn: BoardTransaction, key: LawOfKind, sums: RunningSums) -> BoundedTotal:
    """Return the total of a kind's marks under one law now, with the weight of the kind."""
    law, change = txn.laws.get(txn.sql, key.law), txn.active.law_changes.get(key)
    weight = txn.kind(key.kind).weight
    total = _total(txn, law, sums, change)
    is_exact = change is None and law.exact_sums
    return BoundedTotal(sums.marks, weight * total, weight * error_of(law, sums, txn.now), is_exact)


def error_of(law: Decay, sums: RunningSums, now: Instant) -> float:
    """Return the largest difference between the total of sums and the exact sum, without the weight of the kind."""
    error = abs(law.total((sums.error0, 0.0), sums.anchor, now))
    if sums.error1:
        error += abs(law.total((0.0, sums.error1), sums.anchor, now))
    return error + (rounding_of(law, now - sums.anchor) + TERM_ROUNDING) * (abs(sums.sum0) + abs(sums.sum1))


def _total(txn: BoardTransaction, law: Decay, sums: RunningSums, change: LawChangeRow | None) -> float:
    """Return the total intensity x share of sums, or an upper bound while their marks follow a change."""
    pair = (sums.sum0, sums.sum1)
    total = law.total(pair, sums.anchor, txn.now)
    if change is None or not law.exact_sums:
        return total
    # Some of the marks fade by the new law from the instant of the change on, others keep the old one.
    share = txn.laws.get(txn.sql, change.new_law).share(txn.now - change.changed_at)
    return total + law.total(pair, sums.anchor, change.changed_at) * share
