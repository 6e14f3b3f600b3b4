"""Conditions over the strengths of marks, which wake an agent or guard it.

    strength(Smoke) >= 0.7                              one mark
    (total(Smoke) >= 2) & (count(Fire) >= 1)            the marks of one subject
    count(Qualified, Rejected, over="board") >= 20      the whole board
    total(Alert, by="service") >= 3                     the marks of all subjects with one value of a tag
    strength(Lead, subject="lead/vip-*") >= 0.3         only subjects that match a pattern
    count(Alert, where={"severity": "high"}) >= 3       only marks with these tags
    strength(Qualified) < 0.3                           falling: it has gone cold
    count(Error, within="10m") >= 5                     the deposits of the last 10 minutes

A condition is a pure expression. It has no truth value of its own, so `if strength(Smoke) >= 0.7` raises.

The text of a condition, `str(condition)`, has one canonical form. It is a Python expression with quoted kinds, and
deployment files and the database hold the same form. `condition_parser.parse_condition` reads it back. Compare parsed
conditions, not texts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from blackboard.core.conditions.number_formats import digits_beside, exact_digits
from blackboard.core.marks.mark_model import Mark
from blackboard.durations import Duration, Microseconds
from blackboard.errors import InvalidCondition

if TYPE_CHECKING:
    from blackboard.core.conditions.measures import Measure  # which makes comparisons


class Condition(ABC):
    """An expression that is true or false at an instant.

    Combine conditions with `&` and `|`. In a guard, `~` is allowed as well.
    """

    def __and__(self, other: Condition) -> Condition:
        return _combine("&", self, other)

    def __or__(self, other: Condition) -> Condition:
        return _combine("|", self, other)

    def __invert__(self) -> Condition:
        return Not(self)

    def __bool__(self) -> NoReturn:
        raise InvalidCondition(
            f"the condition {self} has no truth value; combine conditions with & and |, not with 'and' and 'or'"
        )

    @abstractmethod
    def comparisons(self) -> Iterator[Comparison]:
        """Yield its comparisons, left to right."""

    @abstractmethod
    def is_met_if(self, decide: Callable[[Comparison], bool]) -> bool:
        """Return whether the condition holds; `decide` returns whether a comparison holds."""

    def is_met(self, value: Callable[[Measure], float]) -> bool:
        """Return whether the condition holds; `value` returns the value of a measure."""
        return self.is_met_if(lambda comparison: comparison.is_met_at(value(comparison.measure)))

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that it measures, without repetition."""
        return tuple(dict.fromkeys(kind for comparison in self.comparisons() for kind in comparison.measure.kinds))

    @property
    def mark_classes(self) -> tuple[type[Mark], ...]:
        """The mark classes in it; none if it was parsed from text."""
        return tuple(
            dict.fromkeys(
                mark_class for comparison in self.comparisons() for mark_class in comparison.measure.mark_classes
            )
        )

    @cached_property
    def is_over_board(self) -> bool:
        """Whether it measures the board, at least in part, not only one subject or group."""
        return any(comparison.measure.over == "board" for comparison in self.comparisons())

    @cached_property
    def by(self) -> str | None:
        """The tag whose values make its groups; None if it measures subjects or the board."""
        return next(
            (comparison.measure.by for comparison in self.comparisons() if comparison.measure.by is not None), None
        )

    @cached_property
    def is_falling(self) -> bool:
        """Whether it waits for values to fall below thresholds."""
        return all(comparison.operator == "<" for comparison in self.comparisons())

    def deciding_comparisons(self, decide: Callable[[Comparison], bool]) -> Iterator[Comparison]:
        """Yield the comparisons that make the condition hold; none if it does not hold."""
        if self.is_met_if(decide):
            yield from self.comparisons()

    @property
    def is_joint(self) -> bool:
        """Whether it needs marks of several sides together: it contains an `&`."""
        return False

    @property
    def windows(self) -> tuple[Measure, ...]:
        """Its measures that count the deposits of a window of time."""
        return tuple(comparison.measure for comparison in self.comparisons() if comparison.measure.within is not None)

    @cached_property
    def has_window(self) -> bool:
        """Whether it counts the deposits of a window of time."""
        return bool(self.windows)

    @property
    def kinds_in_windows(self) -> tuple[str, ...]:
        """The kinds whose deposits it counts in windows, without repetition."""
        return tuple(dict.fromkeys(kind for measure in self.windows for kind in measure.kinds))

    @cached_property
    def kinds_of_marks(self) -> tuple[str, ...]:
        """The kinds whose live marks it measures, without repetition."""
        measures = (comparison.measure for comparison in self.comparisons())
        return tuple(dict.fromkeys(kind for measure in measures if measure.within is None for kind in measure.kinds))

    @cached_property
    def has_where(self) -> bool:
        """Whether it counts only marks with some tags, at least in part."""
        return any(comparison.measure.where is not None for comparison in self.comparisons())

    @cached_property
    def spans_subjects(self) -> bool:
        """Whether it measures the marks of many subjects together: of a group, or of the board."""
        return self.is_over_board or self.by is not None

    @cached_property
    def depends_on_tags(self) -> bool:
        """Whether the tags of a mark decide if it counts, or in which group."""
        return self.has_where or self.by is not None

    @cached_property
    def selects_marks(self) -> bool:
        """Whether it counts only some marks of its kinds: of a pattern of subjects, or with some tags."""
        return self.has_where or any(comparison.measure.subject is not None for comparison in self.comparisons())

    @cached_property
    def covers_all_subjects(self) -> bool:
        """Whether any comparison counts marks of all subjects."""
        return any(comparison.measure.subject is None for comparison in self.comparisons())

    def covers(self, subject: str) -> bool:
        """Return whether any comparison counts marks of a subject."""
        return self.covers_all_subjects or any(comparison.measure.covers(subject) for comparison in self.comparisons())

    @property
    def is_schedule(self) -> bool:
        """Whether it names instants instead of measuring marks: see `schedules`."""
        return False

    @cached_property
    def is_per_mark(self) -> bool:
        """Whether it measures each mark alone, so each mark of a `separate` kind crosses alone."""
        return isinstance(self, Comparison) and self.measure.is_per_mark


@dataclass(frozen=True)
class Comparison(Condition):
    """A measure and its threshold: `>=` is met at or above it, `<` below it."""

    measure: Measure
    operator: Literal[">=", "<"]
    threshold: float

    def __post_init__(self) -> None:
        number = self.threshold
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number <= 1e12:
            raise InvalidCondition(
                f"{self.measure}: a threshold is a number above 0 and at most 1e12, not {repr(number)[:40]}"
            )
        object.__setattr__(self, "threshold", float(number))

    def comparisons(self) -> Iterator[Comparison]:
        """Yield the comparison itself."""
        yield self

    def is_met_if(self, decide: Callable[[Comparison], bool]) -> bool:
        """Return the result of `decide` for this comparison."""
        return decide(self)

    def is_met_at(self, value: float) -> bool:
        """Return whether a value of its measure meets it."""
        return (value >= self.threshold) == (self.operator == ">=")

    def text_of(self, value: float) -> str:
        """Return a value of its measure beside its threshold, such as `0.8 >= 0.5`."""
        return f"{self.digits_of(value)} {self.operator} {exact_digits(self.threshold)}"

    def digits_of(self, value: float) -> str:
        """Return a value with as many digits as are needed to distinguish it from the threshold."""
        return digits_beside(value, self.threshold)

    def __str__(self) -> str:
        return f"{self.measure} {self.operator} {exact_digits(self.threshold)}"


@dataclass(frozen=True)
class Combination(Condition):
    """Two or more conditions: with `&` all must hold, with `|` one is enough."""

    operator: Literal["&", "|"]
    parts: tuple[Condition, ...]

    def comparisons(self) -> Iterator[Comparison]:
        """Yield the comparisons of its parts."""
        for part in self.parts:
            yield from part.comparisons()

    def deciding_comparisons(self, decide: Callable[[Comparison], bool]) -> Iterator[Comparison]:
        """Yield the comparisons of the parts that hold; none if the combination does not hold."""
        if self.is_met_if(decide):
            for part in self.parts:
                yield from part.deciding_comparisons(decide)

    @property
    def is_joint(self) -> bool:
        """Whether it contains an `&`."""
        return self.operator == "&" or any(part.is_joint for part in self.parts)

    def is_met_if(self, decide: Callable[[Comparison], bool]) -> bool:
        """Return whether all parts hold (`&`), or at least one (`|`)."""
        return (all if self.operator == "&" else any)(part.is_met_if(decide) for part in self.parts)

    def __str__(self) -> str:
        # In Python, & and | bind closer than a comparison, so parts need parentheses. The text of a `Not` has its own.
        texts = [str(part) if isinstance(part, Not) else f"({part})" for part in self.parts]
        return f" {self.operator} ".join(texts)


@dataclass(frozen=True)
class Not(Condition):
    """The negation of a condition; only for guards."""

    part: Condition

    def comparisons(self) -> Iterator[Comparison]:
        """Yield the comparisons of its part."""
        yield from self.part.comparisons()

    def is_met_if(self, decide: Callable[[Comparison], bool]) -> bool:
        """Return the opposite of its part."""
        return not self.part.is_met_if(decide)

    def __str__(self) -> str:
        return f"~({self.part})"


def joined_condition(first: Condition | None, second: Condition | None) -> Condition | None:
    """Return the conjunction of two conditions, or the only condition that is not None."""
    if first is None or second is None:
        return second if first is None else first
    return first & second


def with_window(comparison: Comparison, within: Duration) -> Comparison:
    """Return a comparison whose window has another length.

    Raises:
        InvalidCondition: The length is not valid, or the measure takes no window.
    """
    return replace(comparison, measure=comparison.measure.with_options(within=Microseconds(within)))


def over_board(condition: Condition) -> Condition:
    """Return a condition with all its measures over the whole board."""
    if isinstance(condition, Comparison):
        return replace(condition, measure=condition.measure.with_options(over="board"))
    if isinstance(condition, Not):
        return Not(over_board(condition.part))
    if isinstance(condition, Combination):
        return Combination(condition.operator, tuple(map(over_board, condition.parts)))
    return condition


def _combine(operator: Literal["&", "|"], first: Condition, second: Any) -> Condition:
    if not isinstance(second, Condition):
        raise InvalidCondition(f"{operator} combines two conditions, not a condition and {second!r}")
    if first.is_schedule or second.is_schedule:
        raise InvalidCondition(
            f"({first}) {operator} ({second}): a schedule cannot be combined; give it a watch of its own, as in"
            ' watches={"morning": daily_at("09:00"), "flood": ...}, or a guard'
        )
    parts: list[Condition] = []
    for part in (first, second):
        parts.extend(part.parts if isinstance(part, Combination) and part.operator == operator else (part,))
    return Combination(operator, tuple(parts))
