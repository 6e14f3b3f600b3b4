"""The measures of conditions: the strength of one mark, or the total, the strongest or the number of several marks.

A comparison of a measure with a threshold, such as `strength(Smoke) >= 0.7`, makes a condition.
"""

from __future__ import annotations

import json
import math
import re
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, ClassVar, Literal, NoReturn

from blackboard.clock import Instant
from blackboard.core.conditions import threshold_search
from blackboard.core.conditions.condition_types import Comparison
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
            the window, even if the marks are gone: `count` their number, `total` the sum of weight x deposited
            intensity.

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
    """Whether `from_sums` is defined. For a watch over the board, sums are then kept, so its marks need not be read."""

    def __init__(
        self,
        *kinds: KindLike,
        over: Over = "subject",
        by: str | None = None,
        subject: str | None = None,
        where: Where | None = None,
        within: DurationLike | None = None,
    ) -> None:
        names = self._names(kinds)
        if over not in ("subject", "board"):
            raise InvalidCondition(f'{self.name}: over is "subject" or "board", not {over!r}')
        if self.is_per_mark and (len(kinds) != 1 or over != "subject" or by is not None):
            raise InvalidCondition(
                f"{self.name} measures one mark of one kind; use strongest, total or count for several marks"
            )
        if not isinstance(subject, str | None):
            raise InvalidCondition(f"{self.name}: subject is a pattern such as 'lead/vip-*', not {subject!r}")
        values = {
            "kinds": names,
            "over": over,
            "by": None if by is None else self._tag(by, kinds, over),
            "subject": None if subject is None else normalize_subject(subject),
            "where": self._clause(where) if where else None,
            "within": None if within is None else self._window(within),
            "mark_classes": tuple(dict.fromkeys(kind for kind in kinds if not isinstance(kind, str))),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        register_by_name(MEASURES, cls, InvalidCondition, "measure")
        cls.keeps_sums = cls.from_sums is not Measure.from_sums

    def _names(self, kinds: Sequence[KindLike]) -> tuple[str, ...]:
        """Return the names of the kinds, each once."""
        if not kinds:
            raise InvalidCondition(f'{self.name}() needs a kind; write it like {self.name}("lead")')
        names = [kind if isinstance(kind, str) else getattr(kind, "kind", "") for kind in kinds]
        for kind, name in zip(kinds, names, strict=True):
            if not (isinstance(name, str) and name.isascii() and name.isidentifier()):
                raise InvalidCondition(f"{self.name}: {kind!r} is not a kind of mark")
        return tuple(dict.fromkeys(names))

    def _tag(self, by: str, kinds: Sequence[KindLike], over: Over) -> str:
        """Return the name of a tag if the kinds may have it; kinds in text are checked with the deployment."""
        if not isinstance(by, str) or not by or SEPARATOR in by:
            raise InvalidCondition(f'{self.name}: by names a tag, such as "service", not {by!r}')
        if over == "board":
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
            strength_sum: The sum of their strengths, or its upper bound.
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

    def with_options(self, **options: Any) -> Measure:
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
            # A JSON string is also a valid Python literal.
            arguments.append(f"subject={json.dumps(self.subject, ensure_ascii=False)}")
        if self.where is not None:
            arguments.append(f"where={self.where}")
        if self.within is not None:
            arguments.append(f'within="{format_duration(self.within)}"')
        return f"{self.name}({', '.join(arguments)})"


class Strongest(Measure):
    """The largest strength."""

    name = "strongest"
    is_maximum = True
    is_proportional = True

    def value(self, strengths: Sequence[float]) -> float:
        """Return the largest strength, or 0."""
        return max(strengths, default=0.0)

    def first_below(self, marks: Sequence[FadingMark], threshold: float, now: Instant) -> Instant | None:
        """Return the instant when the last mark falls below the threshold."""
        instants = [mark.first_below(threshold, now) for mark in marks]
        return None if None in instants else max(instant for instant in instants if instant is not None)


class Strength(Strongest):
    """The strength of one mark: weight x intensity x share."""

    name = "strength"
    is_per_mark = True

    @property
    def over_board(self) -> type[Measure]:
        """The measure of the strongest mark of the board."""
        return Strongest


class Total(Measure):
    """The sum of the strengths, or of weight x deposited intensity in a window."""

    name = "total"
    is_proportional = True
    takes_window = True

    def value(self, strengths: Sequence[float]) -> float:
        """Return the exact sum, rounded once: 10 strengths of 0.1 make 1.0."""
        return math.fsum(strengths)

    def from_sums(self, marks: int, strength_sum: float) -> float:
        """Return the sum, at least 0: rounding may bring a kept sum below 0."""
        return max(0.0, strength_sum)

    def first_below(self, marks: Sequence[FadingMark], threshold: float, now: Instant) -> Instant | None:
        """Return the first instant below the threshold.

        A window loses its deposits one by one. At this instant, the rest is below the threshold for the first time.
        """
        if self.within is None:
            return super().first_below(marks, threshold, now)
        newest_first = sorted(marks, key=lambda mark: -(mark.evaporates_at or 0))
        strengths = [mark.strength(now) for mark in newest_first]
        needed = bisect_left(range(len(marks)), True, key=lambda last: self.value(strengths[: last + 1]) >= threshold)
        return newest_first[needed].evaporates_at


class Count(Measure):
    """The number of live marks, or of the deposits in a window."""

    name = "count"
    takes_window = True

    def value(self, strengths: Sequence[float]) -> float:
        """Return the number."""
        return float(len(strengths))

    def from_sums(self, marks: int, strength_sum: float) -> float:
        """Return the number; the sum does not matter."""
        return float(marks)

    def first_below(self, marks: Sequence[FadingMark], threshold: float, now: Instant) -> Instant | None:
        """Return the instant when enough marks have evaporated that fewer than the threshold are live."""
        ends = sorted(math.inf if mark.evaporates_at is None else mark.evaporates_at for mark in marks)
        end = ends[len(ends) - math.ceil(threshold)]
        return None if end == math.inf else int(end)


def strength(kind: KindLike, *, subject: str | None = None, where: Where | None = None) -> Strength:
    """Return the strength of one mark of a kind: weight x intensity x share.

    Args:
        kind: A mark class, or the name of a kind.
        subject: A pattern of subjects, as in `Measure`.
        where: The values that tags of the marks must have, as in `Measure`.
    """
    return Strength(kind, subject=subject, where=where)


def total(
    *kinds: KindLike,
    over: Over = "subject",
    by: str | None = None,
    subject: str | None = None,
    where: Where | None = None,
    within: DurationLike | None = None,
) -> Total:
    """Return the sum of the strengths of the marks of one subject, of one value of a tag, or of the whole board.

    With `within`, the sum of weight x intensity over the deposits that occurred in that window, as in
    `total(Cost, within="24h")`.

    Args:
        *kinds: Mark classes, or the names of kinds.
        over: "subject" for the marks of one subject, "board" for all marks of the board.
        by: A tag whose values make groups, as in `Measure`.
        subject: A pattern of subjects, as in `Measure`.
        where: The values that tags of the marks must have, as in `Measure`.
        within: The length of a window, such as "10m"; None to measure live marks.
    """
    return Total(*kinds, over=over, by=by, subject=subject, where=where, within=within)


def strongest(
    *kinds: KindLike,
    over: Over = "subject",
    by: str | None = None,
    subject: str | None = None,
    where: Where | None = None,
) -> Strongest:
    """Return the strength of the strongest mark of one subject, of one value of a tag, or of the whole board.

    Args:
        *kinds: Mark classes, or the names of kinds.
        over: "subject" for the marks of one subject, "board" for all marks of the board.
        by: A tag whose values make groups, as in `Measure`.
        subject: A pattern of subjects, as in `Measure`.
        where: The values that tags of the marks must have, as in `Measure`.
    """
    return Strongest(*kinds, over=over, by=by, subject=subject, where=where)


def count(
    *kinds: KindLike,
    over: Over = "subject",
    by: str | None = None,
    subject: str | None = None,
    where: Where | None = None,
    within: DurationLike | None = None,
) -> Count:
    """Return the number of live marks of one subject, of one value of a tag, or of the whole board.

    With `within`, the number of deposits that occurred in that window, as in `count(Error, within="10m")`.

    Args:
        *kinds: Mark classes, or the names of kinds.
        over: "subject" for the marks of one subject, "board" for all marks of the board.
        by: A tag whose values make groups, as in `Measure`.
        subject: A pattern of subjects, as in `Measure`.
        where: The values that tags of the marks must have, as in `Measure`.
        within: The length of a window, such as "10m"; None to measure live marks.
    """
    return Count(*kinds, over=over, by=by, subject=subject, where=where, within=within)
