"""Running sums. They give the totals of watches over the board or over groups without a scan."""

from __future__ import annotations

from dataclasses import dataclass

from blackboard.clock import Instant
from blackboard.core.marks.decay import Decay
from blackboard.durations import Duration
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
    """Whether the sums began anew since they were read, so that they are not the former sums with some terms more."""

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
