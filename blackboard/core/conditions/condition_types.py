"""Conditions over the strengths of marks, which wake an agent or guard it.

    strength(Smoke) >= 0.7                              one mark
    (total(Smoke) >= 2) & (count(Fire) >= 1)            the marks of one subject
    count(Qualified, Rejected, over="board") >= 20      the whole board
    total(Alert, by="service") >= 3                     the marks of all subjects with one value of a tag
    strength(Lead, subject="lead/vip-*") >= 0.3         only subjects that match a pattern
    count(Alert, where={"severity": "high"}) >= 3       only marks with these tags
    strength(Qualified) < 0.3                           falling: it has gone cold
    count(Error, within="10m") >= 5                     the deposits of the last ten minutes

A condition is a pure expression. It has no truth value of its own, so `if strength(Smoke) >= 0.7` raises.

The text of a condition, `str(condition)`, has one canonical form. It is a Python expression with quoted kinds, and
deployment files and the database hold the same form. `condition_parser.parse_condition` reads it back. Compare parsed
conditions, not texts.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, ClassVar, Literal, NoReturn

from blackboard.clock import Instant
from blackboard.core.conditions import threshold_search
from blackboard.core.conditions.number_formats import digits_beside, exact_digits
from blackboard.core.marks.fading_marks import FadingMark
from blackboard.core.marks.mark_checks import normalize_subject
from blackboard.core.marks.mark_model import Mark
from blackboard.core.marks.scopes import SEPARATOR
from blackboard.core.marks.tags import Tags, Where, WhereClause
from blackboard.core.subclass_registry import register_by_name
from blackboard.durations import Duration, DurationLike, Microseconds, format_duration, parse_duration
from blackboard.errors import InvalidCondition, InvalidDuration, UsageError

Over = Literal["subject", "board"]
KindLike = type[Mark] | str


class Condition(ABC):
    """An expression that is true or false at an instant.

    Combine conditions with `&` and `|`; in guards also with `~`.
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

    def deciding(self, decide: Callable[[Comparison], bool]) -> Iterator[Comparison]:
        """Yield the comparisons that make the condition hold; none if it does not hold."""
        if self.is_met_if(decide):
            yield from self.comparisons()

    @property
    def is_joint(self) -> bool:
        """Whether it needs marks of several sides at once: it contains an `&`."""
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
        """Whether it measures each mark alone, so that each mark of a `separate` kind crosses alone."""
        return isinstance(self, Comparison) and self.measure.is_per_mark


def exactly(text: str) -> str:
    """Return a pattern of subjects where each character of a text means itself, also `*`, `?` and `[`.

    The subjects below `server[3]/`, for example, are `exactly("server[3]/") + "*"`.
    """
    return re.sub(r"[*?[]", r"[\g<0>]", text)


MEASURES: dict[str, type[Measure]] = {}
"""The known measures by name. A subclass of `Measure` that sets `name` is added when it is defined."""


@dataclass(frozen=True, init=False)
class Measure(ABC):
    """A number computed from the strengths of marks, and the base class for measures of your own.

    A subclass sets `name` and defines `value`. Conditions then use it in Python and, by its name, in text. Two rules
    make watches correct. The value never rises while marks fade or evaporate. It never falls when a mark is added or
    gets stronger. So a sum and a maximum are measures; a mean is not.

        class SecondStrongest(Measure):
            name = "second_strongest"

            def value(self, strengths):
                return sorted(strengths)[-2] if len(strengths) > 1 else 0.0

        SecondStrongest(Smoke, over="board") >= 0.5

    Args:
        kinds: Mark classes or the names of kinds.
        over: "subject" measures the marks of each subject by themselves, "board" all marks together.
        by: A tag of the kinds. The marks with the same value of the tag are measured together, whatever their subjects.
        subject: A pattern such as `lead/vip-*`. Only marks of matching subjects count. `*` stands for any characters,
            `?` for one character, `[abc]` and `[a-c]` for one of these, `[!abc]` for one other character. `exactly`
            returns the pattern that matches only a given text.
        where: The values that tags of the kinds must have, such as `{"severity": "high"}`. Only marks with all of them
            count. A list stands for any of its values.
        within: Only for `count` and `total`: the length of a window. They then measure the deposits that occurred in
            it, even if their marks are gone: `count` their number, `total` the sum of weight x deposited intensity.

    Raises:
        InvalidCondition: A kind, scope, pattern, tag or window is not valid.
    """

    kinds: tuple[str, ...]
    over: Over
    by: str | None
    subject: str | None
    where: WhereClause | None
    within: Duration | None
    """The length of the window; None if it measures live marks."""
    mark_classes: tuple[type[Mark], ...] = field(compare=False, repr=False)

    name: ClassVar[str]
    """The function in the text of a condition."""
    is_per_mark: ClassVar[bool] = False
    """Whether it measures one mark of one kind, never several."""
    is_maximum: ClassVar[bool] = False
    """Whether the value is the largest strength. A deposit then compares only the new mark with the threshold."""
    is_proportional: ClassVar[bool] = False
    """Whether the value grows and fades with the strengths by the same factor."""
    takes_window: ClassVar[bool] = False
    """Whether it can measure the deposits of a window."""
    keeps_sums: ClassVar[bool]
    """Whether `from_sums` is defined. The board then keeps sums for watches over the board and does not read marks."""

    def __init__(
        self,
        *kinds: KindLike,
        over: Over = "subject",
        by: str | None = None,
        subject: str | None = None,
        where: Where | None = None,
        within: DurationLike | None = None,
    ) -> None:
        if not kinds:
            raise InvalidCondition(f"{self.name}() needs a kind")
        if over not in ("subject", "board"):
            raise InvalidCondition(f'{self.name}: over is "subject" or "board", not {over!r}')
        if self.is_per_mark and (len(kinds) != 1 or over != "subject" or by is not None):
            raise InvalidCondition(
                f"{self.name} measures one mark of one kind; use strongest, total or count for several marks"
            )
        names = [kind if isinstance(kind, str) else getattr(kind, "kind", "") for kind in kinds]
        for kind, name in zip(kinds, names, strict=True):
            if not (isinstance(name, str) and name.isascii() and name.isidentifier()):
                raise InvalidCondition(f"{self.name}: {kind!r} is not a kind of mark")
        if not isinstance(subject, str | None):
            raise InvalidCondition(f"{self.name}: subject is a pattern such as 'lead/vip-*', not {subject!r}")
        object.__setattr__(self, "kinds", tuple(dict.fromkeys(names)))
        object.__setattr__(self, "over", over)
        object.__setattr__(self, "by", None if by is None else self._tag(by, kinds))
        object.__setattr__(self, "subject", None if subject is None else normalize_subject(subject))
        object.__setattr__(self, "where", self._clause(where) if where else None)
        object.__setattr__(self, "within", None if within is None else self._window(within))
        object.__setattr__(
            self, "mark_classes", tuple(dict.fromkeys(kind for kind in kinds if not isinstance(kind, str)))
        )

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        register_by_name(MEASURES, cls, InvalidCondition, "measure")
        cls.keeps_sums = cls.from_sums is not Measure.from_sums

    def _tag(self, by: str, kinds: Sequence[KindLike]) -> str:
        """Return the name of a tag if the kinds may have it; kinds in text are checked with the deployment."""
        if not isinstance(by, str) or not by or SEPARATOR in by:
            raise InvalidCondition(f'{self.name}: by names a tag, such as "service", not {by!r}')
        if self.over == "board":
            raise InvalidCondition(
                f'{self.name}: by="{by}" covers all subjects already, in groups; leave out over="board"'
            )
        for kind in kinds:
            if not isinstance(kind, str) and (problem := kind.defaults.tag_schema.group_problem(by)) is not None:
                raise InvalidCondition(f"{self.name}: by: {problem}")
        return by

    def _clause(self, where: Where) -> WhereClause:
        """Return the values that tags must have. Whether the kinds have such tags is checked with the deployment."""
        try:
            return WhereClause.of(where)
        except UsageError as error:
            raise InvalidCondition(f"{self.name}: where: {error}") from None

    def _window(self, within: DurationLike) -> Duration:
        if not self.takes_window:
            able = " and ".join(name for name, measure in MEASURES.items() if measure.takes_window)
            raise InvalidCondition(f"{self.name} measures live marks, so it has no within; only {able} take one")
        try:
            length = parse_duration(within)
        except InvalidDuration as error:
            raise InvalidCondition(f"{self.name}: within: {error}") from None
        if length == 0:
            raise InvalidCondition(f"{self.name}: within must be longer than 0s")
        return length

    @abstractmethod
    def value(self, strengths: Sequence[float]) -> float:
        """Return the value for the strengths of live marks, in any order; 0 if there are none.

        Args:
            strengths: The strengths of the live marks, each at least 0, in any order.
        """

    def from_sums(self, marks: int, strength_sum: float) -> float:
        """Return the value for `marks` live marks whose strengths add up to `strength_sum`.

        The sum may be too large, but never too small. A larger sum must not give a smaller value.

        Args:
            marks: The number of live marks.
            strength_sum: The sum of their strengths, or an upper bound of it.
        """
        raise NotImplementedError(f"{self.name} keeps no sums")

    def first_below(self, marks: Sequence[FadingMark], threshold: float, now: Instant) -> Instant | None:
        """Return the first instant from `now` on at which the value is below `threshold`, or None if there is none.

        The value is at least `threshold` at `now`, and fading never raises it.

        Args:
            marks: The marks to measure; all are live at `now`.
            threshold: Above 0.
            now: Microseconds since the epoch.
        """
        return threshold_search.first_below(
            lambda at: self.value([mark.strength(at) for mark in marks if mark.is_live(at)]), threshold, now
        )

    def changed(self, **options: Any) -> Measure:
        """Return the measure with other options."""
        own = {
            "over": self.over,
            "by": None if options.get("over") == "board" else self.by,
            "subject": self.subject,
            "where": None if self.where is None else self.where.values,
            "within": None if self.within is None else Microseconds(self.within),
        }
        measure = self.over_board if options.get("over") == "board" else type(self)
        return measure(*self.kinds, **(own | options))

    @property
    def over_board(self) -> type[Measure]:
        """The measure that replaces this measure over the whole board."""
        return type(self)

    @property
    def tags(self) -> frozenset[str]:
        """The names of the tags that decide which marks count, and in which group."""
        where = frozenset() if self.where is None else frozenset(self.where.values)
        return where if self.by is None else where | {self.by}

    def covers(self, subject: str) -> bool:
        """Return whether marks of a subject count."""
        return self.subject is None or fnmatchcase(subject, self.subject)

    def includes(self, kind: str, subject: str, tags: Tags | None) -> bool:
        """Return whether marks of a kind and subject with these tags count."""
        if kind not in self.kinds or not self.covers(subject):
            return False
        return self.where is None or (tags is not None and tags.match(self.where))

    def __ge__(self, threshold: float) -> Comparison:
        return Comparison(self, ">=", threshold)

    def __lt__(self, threshold: float) -> Comparison:
        return Comparison(self, "<", threshold)

    def __gt__(self, threshold: float) -> NoReturn:
        raise InvalidCondition(f"write {self} >= {threshold}; a value that equals its threshold has reached it")

    def __le__(self, threshold: float) -> NoReturn:
        raise InvalidCondition(f"write {self} < {threshold}; a falling condition is met below its threshold")

    def __str__(self) -> str:
        arguments = [f'"{kind}"' for kind in self.kinds]
        if self.over == "board":
            arguments.append('over="board"')
        if self.by is not None:
            arguments.append(f"by={json.dumps(self.by, ensure_ascii=False)}")
        if self.subject is not None:
            # A JSON string is a valid Python literal, too.
            arguments.append(f"subject={json.dumps(self.subject, ensure_ascii=False)}")
        if self.where is not None:
            arguments.append(f"where={self.where}")
        if self.within is not None:
            arguments.append(f'within="{format_duration(self.within)}"')
        return f"{self.name}({', '.join(arguments)})"


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

    def deciding(self, decide: Callable[[Comparison], bool]) -> Iterator[Comparison]:
        """Yield the comparisons of the parts that hold; none if the combination does not hold."""
        if self.is_met_if(decide):
            for part in self.parts:
                yield from part.deciding(decide)

    @property
    def is_joint(self) -> bool:
        """Whether it contains an `&`."""
        return self.operator == "&" or any(part.is_joint for part in self.parts)

    def is_met_if(self, decide: Callable[[Comparison], bool]) -> bool:
        """Return whether all parts hold (`&`), or at least one (`|`)."""
        return (all if self.operator == "&" else any)(part.is_met_if(decide) for part in self.parts)

    def __str__(self) -> str:
        # In Python, & and | bind closer than a comparison, so parts need parentheses. A Not has its own.
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
    return replace(comparison, measure=comparison.measure.changed(within=Microseconds(within)))


def over_board(condition: Condition) -> Condition:
    """Return a condition with all its measures over the whole board."""
    if isinstance(condition, Comparison):
        return replace(condition, measure=condition.measure.changed(over="board"))
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
