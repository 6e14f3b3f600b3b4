"""Checks of conditions: whether one can wake an agent or guard it."""

from __future__ import annotations

from blackboard.core.conditions.condition_types import Combination, Condition, Not
from blackboard.errors import InvalidCondition


def check_watch(condition: Condition) -> Condition:
    """Return the condition after checking that it can wake an agent.

    Raises:
        InvalidCondition: It is negated, mixes rising and falling, combines measures over the board, or groups by
            several tags.
    """
    if not isinstance(condition, Condition):
        raise InvalidCondition(f"an agent watches a condition such as strength(Smoke) >= 0.7, not {condition!r}")
    if len({comparison.measure.by for comparison in condition.comparisons()}) > 1:
        raise InvalidCondition(
            f"{condition}: & and | combine measures of one subject, or of groups by one tag; give each its own watch"
        )
    if _is_negated(condition):
        raise InvalidCondition(
            f"{condition}: a watch cannot be negated; use >= or < here, or ~ in a guard (only_if, unless)"
        )
    if len({comparison.operator for comparison in condition.comparisons()}) > 1:
        raise InvalidCondition(f"{condition}: a watch rises (>=) or falls (<), not both; use a guard for the other")
    if isinstance(condition, Combination) and condition.is_over_board:
        raise InvalidCondition(
            f"{condition}: & and | combine measures of one subject; a watch over the board can have only one comparison"
        )
    return condition


def check_guard(condition: Condition) -> Condition:
    """Return the condition after checking that it can be a guard.

    Raises:
        InvalidCondition: It is a schedule.
    """
    if condition.is_schedule:
        raise InvalidCondition(f"{condition}: a guard measures marks, so it cannot be a schedule")
    return condition


def _is_negated(condition: Condition) -> bool:
    return isinstance(condition, Not) or (
        isinstance(condition, Combination) and any(_is_negated(part) for part in condition.parts)
    )
