"""Running sums. They give the totals of watches over the board or over groups without a scan."""

from __future__ import annotations

from dataclasses import dataclass

from blackboard.clock import Instant


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

    def clear(self) -> None:
        """Set the sums to 0, as without marks."""
        self.marks, self.sum0, self.sum1, self.error0, self.error1 = 0, 0.0, 0.0, 0.0, 0.0
        self.changed = True
