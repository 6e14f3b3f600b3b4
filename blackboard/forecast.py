"""When a condition becomes true by fading alone: pure arithmetic over states of marks. It reads no board and no clock.

Between events strengths only fall, so each comparison of a condition changes its truth at most once, at an instant
that follows from the laws. The instants of all its comparisons, tried in order, give the first at which the whole
condition holds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from blackboard.conditions import Condition, Measure
from blackboard.reinforcement import State

__all__ = ["FadingMark", "first_true", "value_at"]


@dataclass(frozen=True)
class FadingMark:
    """A mark as far as fading goes."""

    kind: str
    subject: str
    weight: float
    state: State
    evaporates_at: int | None

    def strength(self, at: int) -> float:
        """Weight x intensity x share at an instant; 0 from its evaporation on. A stored instant decides."""
        if self.evaporates_at is not None and at >= self.evaporates_at:
            return 0.0
        return self.weight * self.state.remaining(at)

    def live(self, at: int) -> bool:
        """Whether it is live at an instant."""
        return self.evaporates_at is None or at < self.evaporates_at

    def below(self, threshold: float, now: int) -> int | None:
        """The first instant from `now` on at which its strength is below a threshold above 0."""
        full = self.weight * self.state.intensity
        if full < threshold or not self.live(now):
            return now
        age = self.state.law.age_below(threshold / full)
        fades = None if age is None else max(now, self.state.at + age)
        if fades is None or self.evaporates_at is None:
            return self.evaporates_at if fades is None else fades
        return min(fades, self.evaporates_at)


def value_at(measure: Measure, marks: Sequence[FadingMark], at: int, subject: str | None = None) -> float:
    """The value of a measure over marks at an instant; a measure over one subject is taken over `subject`.

    Absent means 0. Without a subject, all the marks are taken to be of the one that is meant.
    """
    counted = _counted(measure, marks, at, subject)
    if measure.function == "count":
        return float(len(counted))
    strengths = [mark.strength(at) for mark in counted]
    return sum(strengths) if measure.function == "total" else max(strengths, default=0.0)


def first_true(condition: Condition, marks: Sequence[FadingMark], now: int, subject: str | None = None) -> int | None:
    """The first instant from `now` on at which the condition holds if nothing but fading happens; None for never."""
    below = {
        leaf: _below(leaf.measure, leaf.threshold, _counted(leaf.measure, marks, now, subject), now)
        for leaf in condition.leaves()
    }
    for at in sorted({now, *(end for end in below.values() if end is not None)}):
        # The instant decides, not a second look at the strengths there: rounding leaves some of them a hair above.
        fallen = {leaf for leaf, end in below.items() if end is not None and end <= at}
        if condition.truth(lambda leaf, fallen=fallen: (leaf in fallen) == (leaf.operator == "<")):  # type: ignore[misc]
            return at
    return None


def _counted(measure: Measure, marks: Sequence[FadingMark], at: int, subject: str | None) -> list[FadingMark]:
    anyone = subject is None or measure.over == "board"
    return [
        mark
        for mark in marks
        if mark.kind in measure.kinds
        and mark.live(at)
        and measure.covers(mark.subject)
        and (anyone or mark.subject == subject)
    ]


def _below(measure: Measure, threshold: float, counted: Sequence[FadingMark], now: int) -> int | None:
    """The first instant from `now` on at which a measure is below a threshold above 0."""
    if value_at(measure, counted, now) < threshold:
        return now
    if measure.function in ("strength", "strongest"):
        ends = [mark.below(threshold, now) for mark in counted]
        return None if any(end is None for end in ends) else max(end for end in ends if end is not None)
    if measure.function == "count":
        # It sinks below the threshold when so many have gone that one fewer than needed is left.
        last = sorted(math.inf if mark.evaporates_at is None else mark.evaporates_at for mark in counted)
        end = last[len(last) - math.ceil(threshold)]
        return None if end == math.inf else int(end)
    return _total_below(counted, threshold, now)


def _total_below(marks: Sequence[FadingMark], threshold: float, now: int) -> int | None:
    """Bisection: a sum of strengths never rises, so the instant at which it is first below a threshold is unique."""

    def below(at: int) -> bool:
        return sum(mark.strength(at) for mark in marks) < threshold

    step, low = 1_000_000, now
    high = now + step
    while not below(high):
        low, step = high, step * 2
        high = low + step
        if step > 1 << 60:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if below(middle) else (middle, high)
    return high
