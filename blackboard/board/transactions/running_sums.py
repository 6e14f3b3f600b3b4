"""Running sums, from which the totals of watches over the board are computed without a scan."""

from __future__ import annotations

from dataclasses import dataclass

from blackboard.clock import Instant


@dataclass
class RunningSums:
    """Sums over what a watch over the board counts of one kind: marks under one law, or deposits in a window."""

    marks: int = 0
    sum0: float = 0.0
    """The first of the two sums of `Decay.sums`, for the anchor."""
    sum1: float = 0.0
    """The second of the two sums, for the anchor."""
    anchor: Instant = 0
    evaporated_through: Instant = 0
    error0: float = 0.0
    """By how much the first sum may be wrong because of rounding."""
    error1: float = 0.0
    """By how much the second sum may be wrong because of rounding."""
    changed: bool = False

    def clear(self) -> None:
        """Set the sums to those of no marks."""
        self.marks, self.sum0, self.sum1, self.error0, self.error1 = 0, 0.0, 0.0, 0.0, 0.0
        self.changed = True
