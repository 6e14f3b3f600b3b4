"""Forecasts of conditions: the values of measures at an instant, and when fading alone makes a condition true.

Between events strengths only fall. So each comparison changes its truth at most once, at an instant that follows from
the decay laws. The first of these instants when the whole condition holds is the forecast. All of this is
arithmetic on `FadingMark`s; it uses no board and no clock.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import NamedTuple

from blackboard.clock import Instant
from blackboard.core.conditions.condition_types import Comparison, Condition
from blackboard.core.conditions.measures import Measure
from blackboard.core.marks.fading_marks import FadingMark
from blackboard.core.marks.scopes import WHOLE_BOARD

JUST_BELOW = 1 - 1e-12
"""A factor for a threshold: the product is below the threshold, even if both are shown with 15 digits."""


def value_at(measure: Measure, marks: Sequence[FadingMark], at: Instant, scope: str = WHOLE_BOARD) -> float:
    """Return the value of a measure at an instant, over the marks that it selects.

    If the scope is the whole board, a measure of one subject or group counts all these marks.
    """
    return measure.value([mark.strength(at) for mark in _selected_marks(measure, marks, at, scope)])


class Side(NamedTuple):
    """The side of a condition that was met: its comparison, and the value of its measure."""

    comparison: Comparison
    value: float


def met_side(condition: Condition, marks: Sequence[FadingMark], at: Instant) -> Side | None:
    """Return the first side that makes a condition true at an instant, or None if the condition does not hold."""
    values = {comparison: value_at(comparison.measure, marks, at) for comparison in condition.comparisons()}
    met = condition.deciding_comparisons(lambda comparison: comparison.is_met_at(values[comparison]))
    return next((Side(comparison, values[comparison]) for comparison in met), None)


def fallen_side(condition: Condition, marks: Sequence[FadingMark], since: Instant, at: Instant) -> Side:
    """Return the first side of a falling condition that has made it true at an instant.

    The condition holds at `at`, the instant that `first_true` computed from the same marks as of `since`. Rounding may
    keep the value at `at` from being below the threshold. Then the side has a value just below the threshold.
    """
    instants = {
        comparison: _first_below(comparison, _selected_marks(comparison.measure, marks, since, WHOLE_BOARD), since)
        for comparison in condition.comparisons()
    }
    fallen = condition.deciding_comparisons(lambda one: (instant := instants[one]) is not None and instant <= at)
    comparison = next(fallen, next(condition.comparisons()))
    value = value_at(comparison.measure, marks, at)
    return Side(comparison, min(value, comparison.threshold * JUST_BELOW))


def first_true(
    condition: Condition, marks: Sequence[FadingMark], now: Instant, scope: str = WHOLE_BOARD
) -> Instant | None:
    """Return the first instant from `now` on at which fading alone makes a condition true, or None if there is none.

    The scope has the same meaning as for `value_at`.
    """
    instants = {
        comparison: _first_below(comparison, _selected_marks(comparison.measure, marks, now, scope), now)
        for comparison in condition.comparisons()
    }
    for at in sorted({now, *(instant for instant in instants.values() if instant is not None)}):
        # The computed instants decide. Strengths computed again at an instant may exceed the threshold by rounding.
        below = {comparison for comparison, instant in instants.items() if instant is not None and instant <= at}
        if condition.is_met_if(partial(_holds, below=below)):
            return at
    return None


def _holds(comparison: Comparison, below: Collection[Comparison]) -> bool:
    """Return whether a comparison holds, given the comparisons whose values are below their thresholds."""
    return (comparison in below) == (comparison.operator == "<")


def _selected_marks(measure: Measure, marks: Sequence[FadingMark], at: Instant, scope: str) -> list[FadingMark]:
    takes_all = scope == WHOLE_BOARD or measure.over == "board"
    return [
        mark
        for mark in marks
        if mark.kind in measure.kinds
        and mark.within == measure.within
        and mark.is_live(at)
        and measure.covers(mark.subject)
        and mark.has_tags(measure.where)
        and (takes_all or mark.is_in(scope))
    ]


def _first_below(comparison: Comparison, marks: Sequence[FadingMark], now: Instant) -> Instant | None:
    if comparison.measure.value([mark.strength(now) for mark in marks]) < comparison.threshold:
        return now
    return comparison.measure.first_below(marks, comparison.threshold, now)
