"""Running sums, and the totals that follow from them without a scan, with bounds on their rounding errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.stored_laws import LawOfKind
from blackboard.clock import Instant
from blackboard.core.marks.decay import Decay
from blackboard.durations import Duration
from blackboard.store.row_types.deployment_row_types import LawChangeRow
from blackboard.store.watch_total_additions import FLOAT_ROUNDING

TERM_ROUNDING = 2.0**-42
"""More than the relative error of the strength of one mark under any law."""


@dataclass
class RunningSums:
    """The sums of a watch in a scope for one kind: over marks under one law, or over deposits in a window."""

    marks: int = 0
    sum0: float = 0.0
    """The first of the two sums of `Decay.sums`, for the anchor."""
    sum1: float = 0.0
    """The second of the two sums, for the anchor."""
    anchor: Instant = 0
    evaporated_through: Instant = 0
    error0: float = 0.0
    """The largest rounding error of the first sum."""
    error1: float = 0.0
    """The largest rounding error of the second sum."""
    changed: bool = False
    was_cleared: bool = False
    """Whether the sums began anew since they were read, instead of only gaining terms."""

    def clear(self) -> None:
        """Set the sums to 0, as without marks."""
        self.was_cleared = True
        self.marks, self.sum0, self.sum1, self.error0, self.error1 = 0, 0.0, 0.0, 0.0, 0.0
        self.changed = True


def add_terms(sums: RunningSums, marks: int, sum0: float, sum1: float, *, sign: int) -> None:
    """Add the sums of some marks to running sums (sign +1), or subtract them (sign -1), with the rounding error."""
    sums.marks += sign * marks
    sums.sum0 += sign * sum0
    sums.sum1 += sign * sum1
    rounding = TERM_ROUNDING + marks * FLOAT_ROUNDING  # the database may have rounded once for each mark
    sums.error0 += rounding * abs(sum0) + FLOAT_ROUNDING * abs(sums.sum0)
    sums.error1 += rounding * abs(sum1) + FLOAT_ROUNDING * abs(sums.sum1)
    if sums.marks <= 0:  # rounding errors must not remain when the marks are gone
        sums.clear()
    sums.changed = True


def rebase_sums(law: Decay, sums: RunningSums, now: Instant) -> None:
    """Move the anchor of sums to an instant, so that they stay in the range of a float."""
    if sums.anchor == now:
        return
    pair = (sums.sum0, sums.sum1)
    rebased = law.rebase(pair, sums.anchor, now)
    if rebased != pair:
        # The new sums are linear in the old sums, so each old error is carried over alone.
        first = law.rebase((sums.error0, 0.0), sums.anchor, now)
        second = law.rebase((0.0, sums.error1), sums.anchor, now)
        rounding = rounding_of(law, now - sums.anchor) * (abs(pair[0]) + abs(pair[1]))
        sums.error0 = abs(first[0]) + abs(second[0]) + rounding
        sums.error1 = abs(first[1]) + abs(second[1]) + rounding
        sums.sum0, sums.sum1 = rebased
    sums.anchor = now


def rounding_of(law: Decay, gap: Duration) -> float:
    """Return a bound on the relative rounding error of a law's formulas over a gap between two instants."""
    length = law.parameters[0]
    return 4 * FLOAT_ROUNDING * (2 + (gap / length if length else 0.0))


class BoundedTotal(NamedTuple):
    """The total strength of marks by their sums, with its error."""

    marks: int = 0
    """The number of marks in the sums."""
    total: float = 0.0
    error: float = 0.0
    """The largest difference between the total and the exact sum of the strengths."""
    is_exact: bool = True
    """Whether `error` bounds both directions. If not, the exact sum and the number of marks may be lower."""

    def plus(self, other: BoundedTotal) -> BoundedTotal:
        """Return the total over the marks of both totals."""
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
    # Some of the marks fade by the new law from the instant of the change on, and others still by the old law.
    share = txn.laws.get(txn.sql, change.new_law).share(txn.now - change.changed_at)
    return total + law.total(pair, sums.anchor, change.changed_at) * share
