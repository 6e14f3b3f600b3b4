"""Watches as a deployment has them: their conditions, their guards and their settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from blackboard.core.conditions.condition_parser import parse_condition
from blackboard.core.conditions.condition_types import Combination, Comparison, Condition, Not, joined_condition
from blackboard.core.specs.spec_base_class import DeploymentPart
from blackboard.durations import Duration
from blackboard.errors import InvalidCondition

CatchUp = Literal["once", "all", "none"]
"""How a schedule treats instants that it missed."""

DEFAULT_BATCH = 100
"""The largest number of marks in an activation of a watch over subjects if the agent sets no batch."""

OnGuard = Literal["defer", "drop"]
"""How a crossing is treated while the guard is closed: it waits ("defer") or ends as skipped ("drop")."""

Per = Literal["subject", "batch"]
"""What an activation takes: the marks of one subject, or a batch of marks of any subjects."""


class Timing(NamedTuple):
    """The timing of a watch: when it crosses, apart from the instant when its condition begins to hold."""

    held_for: Duration = 0
    """How long the condition must have held."""
    rewake_every: Duration | None = None
    """The time after which the watch crosses again while the condition holds; None for never."""
    clear: float | None = None
    """The number at which an episode ends after a crossing. The value of a rising watch must fall below it. The value
    of a falling watch must reach it. None for the threshold."""


class WatchSettings(DeploymentPart):
    """The settings of a watch that a deployment may override."""

    min_increase: float | None = Field(default=None, gt=0)
    """How much stronger a mark must have become for a deposit on it to be news, above 0. Only for rising watches."""
    catch_up: CatchUp | None = None
    """How a schedule treats missed instants; None for the agent's setting."""
    per: Per | None = None
    """What an activation takes; None for the agent's setting."""
    on_guard: OnGuard | None = None
    """How a crossing is treated while the guard is closed; None for the agent's setting."""
    held_for: Duration | None = None
    """How long the condition must have held; None for the agent's setting."""
    rewake_every: Duration | None = None
    """The time after which the watch wakes the agent again while the condition holds; None for the agent's setting."""
    clear_below: float | None = Field(default=None, gt=0)
    """After a crossing, the value of a rising watch must have been below this number before the watch may cross again;
    None for the agent's setting."""
    clear_above: float | None = Field(default=None, gt=0)
    """After a crossing, the value of a falling watch must have reached this number before the watch may cross again;
    None for the agent's setting."""


class WatchSpec(WatchSettings):
    """A condition that wakes an agent, and its guards."""

    name: str
    """The name of the watch, under which the board stores its state."""
    when: str
    """The text of the condition."""
    only_if: str | None = None
    """The text of a guard that must hold."""
    unless: str | None = None
    """The text of a guard that must not hold."""
    include_own: bool = False
    """Whether the agent's own marks count."""

    _condition: Condition = PrivateAttr()
    _guard: Condition | None = PrivateAttr(default=None)

    @field_validator("when", "only_if", "unless")
    @classmethod
    def _canonical(cls, text: str | None) -> str | None:
        # A condition may have several texts. The canonical text is stored and compared.
        return str(parse_condition(text)) if text else text

    @model_validator(mode="after")
    def _parse(self) -> Self:
        self._condition = check_watch(parse_condition(self.when))
        only_if, unless = (check_guard(parse_condition(text)) if text else None for text in (self.only_if, self.unless))
        self._guard = joined_condition(only_if, None if unless is None else ~unless)
        return self

    @property
    def condition(self) -> Condition:
        """The condition in `when`."""
        return self._condition

    @property
    def guard(self) -> Condition | None:
        """The condition that must hold: `only_if` and not `unless`; None without guards."""
        return self._guard


def conditions_of(watch_spec: WatchSpec) -> Iterator[tuple[str, Condition]]:
    """Yield the conditions of a watch and of its guard, each with the end of its place in the settings."""
    yield "", watch_spec.condition
    for name in ("only_if", "unless"):
        if text := getattr(watch_spec, name):
            yield f".{name}", parse_condition(text)


TIMING_SETTINGS = ("held_for", "rewake_every", "clear_below", "clear_above")
"""The settings of a watch, or of all watches of an agent, that make a `Timing`."""


def timing_misfit(condition: Condition, setting: str) -> str | None:
    """Return why a watch on a condition cannot have a setting over time; None if it can."""
    if condition.is_schedule:
        return f"{condition} is a schedule, which has no {setting}: it waits for no marks"
    if not setting.startswith("clear"):
        return None
    if (setting == "clear_above") != condition.is_falling:
        verb, other = ("falls", "clear_above") if condition.is_falling else ("rises", "clear_below")
        return f"{condition} {verb}: use {other}"
    if not isinstance(condition, Comparison):
        return f"{condition} has several values, and {setting} is about one; give each side a watch of its own"
    return None


def min_increase_problem(condition: Condition) -> str | None:
    """Return why a watch on a condition can have no `min_increase`; None if it can have one."""
    if condition.is_schedule:
        return "a schedule has no min_increase: it waits for no marks"
    if condition.is_falling:
        return "a falling watch has no min_increase: it crosses when the value sinks below the threshold"
    if condition.has_window:
        return "a window has no min_increase: it counts every deposit, news or not"
    return None


def check_watch(condition: Condition) -> Condition:
    """Return the condition after checking that it can wake an agent.

    Raises:
        InvalidCondition: The condition is negated, mixes rising and falling, combines measures over the board, or
            groups by several tags.
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
        InvalidCondition: The condition is a schedule.
    """
    if condition.is_schedule:
        raise InvalidCondition(f"{condition}: a guard measures marks, so it cannot be a schedule")
    return condition


def _is_negated(condition: Condition) -> bool:
    return isinstance(condition, Not) or (
        isinstance(condition, Combination) and any(_is_negated(part) for part in condition.parts)
    )
