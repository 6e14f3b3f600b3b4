"""Conditions over the strengths of marks: what wakes an agent, what holds it back. Pure expressions that refuse to be
used as a truth value: `if strength(Smoke) >= 0.7` raises.

    strength(Smoke) >= 0.7                              one mark
    (total(Smoke) >= 2) & (count(Fire) >= 1)            the marks of one subject
    count(Qualified, Rejected, over="board") >= 20      the whole board
    strength(Lead, subject="lead/vip-*") >= 0.3         narrowed by a pattern
    strength(Qualified) < 0.3                           falling: it went cold

The text of a condition, `str(condition)`, is one canonical form: an expression of Python, with kinds in quotes, that
deployment files and the database hold too. `parsing.parse` reads it back.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal, NoReturn

from blackboard.errors import InvalidCondition
from blackboard.marks import Mark

__all__ = ["Comparison", "Condition", "Measure", "both", "count", "measure_of", "strength", "strongest", "total"]

Scope = Literal["subject", "board"]
FUNCTIONS = ("strength", "total", "strongest", "count")
KindLike = type[Mark] | str


class Condition(ABC):
    """An expression that is true or false of the marks at an instant. Combine with `&`, `|`, and `~` in guards."""

    def __and__(self, other: Condition) -> Condition:
        return _combine("&", self, other)

    def __or__(self, other: Condition) -> Condition:
        return _combine("|", self, other)

    def __invert__(self) -> Condition:
        return Not(self)

    def __bool__(self) -> NoReturn:
        raise InvalidCondition(
            f"the condition {self} has no truth value of its own; combine conditions with & and |, not with and, or"
        )

    @abstractmethod
    def leaves(self) -> Iterator[Comparison]:
        """Every comparison in it, left to right."""

    @abstractmethod
    def truth(self, decide: Callable[[Comparison], bool]) -> bool:
        """Whether it is true, given the truth of each comparison."""

    def holds(self, value: Callable[[Measure], float]) -> bool:
        """Whether it is true, given the value of each measure."""
        return self.truth(lambda leaf: leaf.met(value(leaf.measure)))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that it speaks of, each once."""
        return tuple(dict.fromkeys(kind for leaf in self.leaves() for kind in leaf.measure.kinds))

    @property
    def models(self) -> tuple[type[Mark], ...]:
        """The mark classes that it was written with; none where it was parsed from text."""
        return tuple(dict.fromkeys(model for leaf in self.leaves() for model in leaf.measure.models))

    @property
    def scope(self) -> Scope:
        """ "board" if any part of it is taken over the whole board."""
        return "board" if any(leaf.measure.over == "board" for leaf in self.leaves()) else "subject"

    @property
    def falling(self) -> bool:
        """Whether it waits for something to fall, as a watch."""
        return all(leaf.operator == "<" for leaf in self.leaves())

    @property
    def per_mark(self) -> bool:
        """Whether it looks at one mark alone, so that each mark of a `separate` kind crosses by itself."""
        return isinstance(self, Comparison) and self.measure.function == "strength"


@dataclass(frozen=True)
class Measure:
    """A number taken over marks: the strength of a mark, or a total, strongest or count over a subject or the board."""

    function: str
    kinds: tuple[str, ...]
    over: Scope = "subject"
    subject: str | None = None
    models: tuple[type[Mark], ...] = field(default=(), compare=False, repr=False)

    def __ge__(self, threshold: float) -> Comparison:
        return Comparison(self, ">=", threshold)

    def __lt__(self, threshold: float) -> Comparison:
        return Comparison(self, "<", threshold)

    def __gt__(self, threshold: float) -> NoReturn:
        raise InvalidCondition(f"write {self} >= {threshold}: a threshold counts as met when it is reached")

    def __le__(self, threshold: float) -> NoReturn:
        raise InvalidCondition(f"write {self} < {threshold}: something has gone cold when it is below its threshold")

    def covers(self, subject: str) -> bool:
        """Whether marks of that subject count."""
        return self.subject is None or fnmatchcase(subject, self.subject)

    def __str__(self) -> str:
        arguments = [f'"{kind}"' for kind in self.kinds]
        if self.over == "board":
            arguments.append('over="board"')
        if self.subject is not None:
            # What JSON writes for a text is a literal of Python too.
            arguments.append(f"subject={json.dumps(self.subject, ensure_ascii=False)}")
        return f"{self.function}({', '.join(arguments)})"


@dataclass(frozen=True)
class Comparison(Condition):
    """A measure against a threshold: `>=` is met when it is reached, `<` when it has been left."""

    measure: Measure
    operator: Literal[">=", "<"]
    threshold: float

    def __post_init__(self) -> None:
        number = self.threshold
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number <= 1e12:
            raise InvalidCondition(f"{self.measure}: a threshold is a number above 0, not {number!r}")
        object.__setattr__(self, "threshold", float(number))

    def leaves(self) -> Iterator[Comparison]:
        yield self

    def truth(self, decide: Callable[[Comparison], bool]) -> bool:
        return decide(self)

    def met(self, value: float) -> bool:
        """Whether it is true of a value of its measure."""
        return (value >= self.threshold) == (self.operator == ">=")

    def __str__(self) -> str:
        short = f"{self.threshold:.12g}"
        # The text is what the board stores, so it must read back as the same number.
        return f"{self.measure} {self.operator} {short if float(short) == self.threshold else repr(self.threshold)}"


@dataclass(frozen=True)
class Combination(Condition):
    """Two or more conditions that must all hold (`&`), or of which one must (`|`)."""

    operator: Literal["&", "|"]
    parts: tuple[Condition, ...]

    def leaves(self) -> Iterator[Comparison]:
        for part in self.parts:
            yield from part.leaves()

    def truth(self, decide: Callable[[Comparison], bool]) -> bool:
        return (all if self.operator == "&" else any)(part.truth(decide) for part in self.parts)

    def __str__(self) -> str:
        # In Python & and | bind closer than a comparison, so each part has parentheses; ~ brings its own.
        texts = [str(part) if isinstance(part, Not) else f"({part})" for part in self.parts]
        return f" {self.operator} ".join(texts)


@dataclass(frozen=True)
class Not(Condition):
    """The opposite of a condition; for guards only."""

    part: Condition

    def leaves(self) -> Iterator[Comparison]:
        yield from self.part.leaves()

    def truth(self, decide: Callable[[Comparison], bool]) -> bool:
        return not self.part.truth(decide)

    def __str__(self) -> str:
        return f"~({self.part})"


def strength(kind: KindLike, *, subject: str | None = None) -> Measure:
    """The strength of one mark of a kind: weight x intensity x share."""
    return measure_of("strength", (kind,), "subject", subject)


def total(*kinds: KindLike, over: Scope = "subject", subject: str | None = None) -> Measure:
    """The sum of the strengths of the marks of one subject, or of the whole board."""
    return measure_of("total", kinds, over, subject)


def strongest(*kinds: KindLike, over: Scope = "subject", subject: str | None = None) -> Measure:
    """The strength of the strongest mark of one subject, or of the whole board."""
    return measure_of("strongest", kinds, over, subject)


def count(*kinds: KindLike, over: Scope = "subject", subject: str | None = None) -> Measure:
    """The number of marks of one subject, or of the whole board."""
    return measure_of("count", kinds, over, subject)


def both(one: Condition | None, other: Condition | None) -> Condition | None:
    """Both conditions, where either may be missing."""
    if one is None or other is None:
        return one if other is None else other
    return one & other


def check_watch(condition: Condition) -> Condition:
    """The condition, if it can wake an agent.

    Raises:
        InvalidCondition: negated, mixing rising and falling, or combining over more than one subject.
    """
    if not isinstance(condition, Condition):
        raise InvalidCondition(f"an agent watches a condition such as strength(Smoke) >= 0.7, not {condition!r}")
    if _negated(condition):
        raise InvalidCondition(f"{condition}: negation is for guards (only_if, unless); a watch rises or falls")
    if len({leaf.operator for leaf in condition.leaves()}) > 1:
        raise InvalidCondition(f"{condition}: a watch rises (>=) or falls (<), not both; use a guard for the other")
    if isinstance(condition, Combination) and condition.scope == "board":
        raise InvalidCondition(f"{condition}: & and | join conditions over one subject; watch the board by itself")
    return condition


def measure_of(function: str, kinds: tuple[KindLike, ...], over: Scope, subject: str | None) -> Measure:
    """A measure from its parts.

    Raises:
        InvalidCondition: no kind, something that is not one, or an unknown scope.
    """
    if not kinds:
        raise InvalidCondition(f"{function}() needs a kind")
    if over not in ("subject", "board"):
        raise InvalidCondition(f'{function}: over is "subject" or "board", not {over!r}')
    names = []
    for kind in kinds:
        name = kind if isinstance(kind, str) else getattr(kind, "kind", "")
        if not (isinstance(name, str) and name.isascii() and name.isidentifier()):
            raise InvalidCondition(f"{function}: {kind!r} is not a kind of mark")
        names.append(name)
    if not isinstance(subject, str | None):
        raise InvalidCondition(f"{function}: subject is a pattern such as 'lead/vip-*', not {subject!r}")
    models = tuple(dict.fromkeys(kind for kind in kinds if not isinstance(kind, str)))
    return Measure(function, tuple(dict.fromkeys(names)), over, subject, models)


def _combine(operator: Literal["&", "|"], one: Condition, other: Any) -> Condition:
    if not isinstance(other, Condition):
        raise InvalidCondition(f"{operator} joins two conditions, not a condition and {other!r}")
    parts: list[Condition] = []
    for part in (one, other):
        parts.extend(part.parts if isinstance(part, Combination) and part.operator == operator else (part,))
    return Combination(operator, tuple(parts))


def _negated(condition: Condition) -> bool:
    return isinstance(condition, Not) or (
        isinstance(condition, Combination) and any(_negated(part) for part in condition.parts)
    )
