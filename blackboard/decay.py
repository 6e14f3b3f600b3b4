"""Decay laws: pure objects that say what share of a mark is left after an age. They know no clock and no database.

Each law answers the same questions: the share left after an age; the first age at which less than a share is left;
the same share as an SQL expression; and, where the law allows it, a key whose order never changes as marks fade and
a pair of sums from which the total of many marks follows at any later instant.

Ages are microseconds and never negative; shares lie in [0, 1], are 1 at age 0 and never rise.
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any, ClassVar

from blackboard.durations import DurationLike, Microseconds, format_duration, parse_duration
from blackboard.errors import InvalidLaw, nearest

__all__ = ["LAWS", "Curve", "Decay", "Exponential", "Linear", "Never", "Power", "Step", "law_from", "share_case"]


def _duration(law: str, name: str, value: DurationLike) -> int:
    length = parse_duration(value)
    if length <= 0:
        raise InvalidLaw(f"{law}: {name} must be longer than 0s")
    return length


LAWS: dict[str, type[Decay]] = {}
"""The known laws by name. A subclass of `Decay` that has a name is added when it is defined."""


def share_case(law: str, name: str, age: str, a: str, b: str) -> str:
    """Return an SQL expression for the share that a mark's law leaves, whichever of the known laws it is.

    Args:
        law: SQL for the key of the law in the table `law`.
        name: SQL for the name of the law.
        age: SQL for the age in microseconds, a float.
        a: SQL for the first of its parameters.
        b: SQL for the second.
    """
    known = " ".join(f"WHEN {name} = '{each.name}' THEN {each.share_sql(law, age, a, b)}" for each in LAWS.values())
    return f"CASE {known} END"


class Decay(ABC):
    """A decay law. Two laws of equal parameters are equal."""

    name: ClassVar[str]
    fixed: bool = False
    """Whether the mark ends at an instant of its own, which a repeat does not move."""

    @abstractmethod
    def share(self, age: float) -> float:
        """The share left after `age` microseconds, in [0, 1]."""

    @abstractmethod
    def age_below(self, share: float) -> int | None:
        """The first whole microsecond of age at which less than `share` is left, or None if that never comes.

        Never is also what lies more than 3000 years ahead: calendars and 64-bit columns end somewhere.

        For a share of 0 or less it is the age at which nothing is left.
        """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "name" in cls.__dict__:
            LAWS[cls.name] = cls

    @property
    def parameters(self) -> tuple[float, float]:
        """The two numbers that the store keeps for `share_sql`."""
        return (0.0, 0.0)

    @property
    def segments(self) -> tuple[tuple[int, float, float], ...]:
        """The straight pieces that the store keeps for `share_sql`: (age at the start, share there, slope)."""
        return ()

    @staticmethod
    @abstractmethod
    def share_sql(law: str, age: str, a: str, b: str) -> str:
        """Return `share` as an SQL expression that SQLite and PostgreSQL both take.

        Args:
            law: SQL for the key of the law in the table `law`.
            age: SQL for the age in microseconds, a float.
            a: SQL for the first number of `parameters`.
            b: SQL for the second.
        """

    def order_key(self, intensity: float, at: int) -> float | None:
        """A number that orders marks of this law by strength at every instant, or None where none exists.

        Source: forward decay, Cormode, Shkapenyuk, Srivastava and Xu, ICDE 2009.
        """
        return None

    exact_sums: ClassVar[bool] = False
    """Whether `total` is exact. Without it, the sum of the intensities is an upper bound."""

    sums_sql: ClassVar[tuple[str, str]] = ("mark.intensity", "CAST(0.0 AS FLOAT)")
    """`sums` of a row of the table `mark`, in SQL over :anchor and :length, the first of `parameters`."""

    def sums(self, intensity: float, at: int, anchor: int) -> tuple[float, float]:
        """Return what one mark adds to the two sums kept at `anchor`."""
        return (intensity, 0.0)

    def total(self, sums: tuple[float, float], anchor: int, now: int) -> float:
        """Return the total at `now` of the marks whose `sums` at `anchor` these are; none of them may have run out."""
        return sums[0]

    def rebase(self, sums: tuple[float, float], anchor: int, now: int) -> tuple[float, float]:
        """Return the sums of the same marks at the anchor `now`, so that they never leave the range of a float."""
        return sums

    def carried(self, age: int) -> Decay:
        """The law to go on with where a mark under it is joined at `age`; only a fixed end differs."""
        return self

    @abstractmethod
    def spec(self) -> dict[str, Any]:
        """The law as a deployment file writes it."""

    def __str__(self) -> str:
        rest = ", ".join(f"{key}={value}" for key, value in self.spec().items() if key != "law")
        return f"{self.name}({rest})" if rest else self.name


@dataclass(frozen=True)
class Exponential(Decay):
    """Half is left after each `half_life`: share = 2 ** (-age / half_life)."""

    half_life: DurationLike
    name: ClassVar[str] = "exponential"
    exact_sums: ClassVar[bool] = True
    sums_sql: ClassVar[tuple[str, str]] = (
        "mark.intensity * power(2.0, CAST(mark.anchored_at - :anchor AS FLOAT) / :length)",
        "CAST(0.0 AS FLOAT)",
    )
    _length: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_length", _duration(self.name, "half_life", self.half_life))
        object.__setattr__(self, "half_life", Microseconds(self._length))

    def share(self, age: float) -> float:
        return math.exp2(-age / self._length) if age > 0 else 1.0

    def age_below(self, share: float) -> int | None:
        if share <= 0:
            return None
        if share > 1:
            return 0
        age = -math.log2(share) * self._length
        return math.floor(age) + 1 if age < _FOREVER else None

    @property
    def parameters(self) -> tuple[float, float]:
        return (float(self._length), 0.0)

    @staticmethod
    def share_sql(law: str, age: str, a: str, b: str) -> str:
        return f"power(2.0, -{age} / {a})"

    def order_key(self, intensity: float, at: int) -> float | None:
        return math.log2(intensity) + at / self._length if intensity > 0 else None

    def sums(self, intensity: float, at: int, anchor: int) -> tuple[float, float]:
        return (intensity * math.exp2((at - anchor) / self._length), 0.0)

    def total(self, sums: tuple[float, float], anchor: int, now: int) -> float:
        return sums[0] * math.exp2((anchor - now) / self._length)

    def rebase(self, sums: tuple[float, float], anchor: int, now: int) -> tuple[float, float]:
        return (self.total(sums, anchor, now), 0.0)

    def spec(self) -> dict[str, Any]:
        return {"law": self.name, "half_life": format_duration(self._length)}


@dataclass(frozen=True)
class Linear(Decay):
    """Fades evenly to nothing over `lifetime`: share = 1 - age / lifetime."""

    lifetime: DurationLike
    name: ClassVar[str] = "linear"
    exact_sums: ClassVar[bool] = True
    sums_sql: ClassVar[tuple[str, str]] = (
        "mark.intensity",
        "mark.intensity * CAST(mark.anchored_at - :anchor AS FLOAT) / :length",
    )
    _length: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_length", _duration(self.name, "lifetime", self.lifetime))
        object.__setattr__(self, "lifetime", Microseconds(self._length))

    def share(self, age: float) -> float:
        return min(1.0, max(0.0, 1.0 - age / self._length))

    def age_below(self, share: float) -> int | None:
        if share > 1:
            return 0
        # Nothing is left at the lifetime itself, so there the mark is gone whatever the share asked for.
        return min(self._length, math.floor((1.0 - max(0.0, share)) * self._length) + 1)

    @property
    def parameters(self) -> tuple[float, float]:
        return (float(self._length), 0.0)

    @staticmethod
    def share_sql(law: str, age: str, a: str, b: str) -> str:
        return f"CASE WHEN {age} >= {a} THEN 0.0 ELSE 1.0 - {age} / {a} END"

    def sums(self, intensity: float, at: int, anchor: int) -> tuple[float, float]:
        return (intensity, intensity * (at - anchor) / self._length)

    def total(self, sums: tuple[float, float], anchor: int, now: int) -> float:
        return sums[0] + sums[1] - sums[0] * (now - anchor) / self._length

    def rebase(self, sums: tuple[float, float], anchor: int, now: int) -> tuple[float, float]:
        return (sums[0], self.total(sums, anchor, now) - sums[0])

    def spec(self) -> dict[str, Any]:
        return {"law": self.name, "lifetime": format_duration(self._length)}


@dataclass(frozen=True)
class Power(Decay):
    """Fades fast, then ever more slowly: share = (1 + age / scale) ** -exponent.

    Source: the power law of forgetting, Wixted and Ebbesen, Psychological Science 2 (1991).
    """

    scale: DurationLike
    exponent: float = 1.0
    name: ClassVar[str] = "power"
    _length: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_length", _duration(self.name, "scale", self.scale))
        object.__setattr__(self, "scale", Microseconds(self._length))
        if not (isinstance(self.exponent, int | float) and 0 < self.exponent <= 100):
            raise InvalidLaw(f"power: exponent must lie above 0 and at most 100, not {self.exponent!r}")
        object.__setattr__(self, "exponent", float(self.exponent))

    def share(self, age: float) -> float:
        return float((1.0 + max(0.0, age) / self._length) ** -self.exponent)

    def age_below(self, share: float) -> int | None:
        if share <= 0:
            return None
        if share > 1:
            return 0
        try:
            age = (share ** (-1.0 / self.exponent) - 1.0) * self._length
        except OverflowError:
            return None
        return math.floor(age) + 1 if age < _FOREVER else None

    @property
    def parameters(self) -> tuple[float, float]:
        return (float(self._length), self.exponent)

    @staticmethod
    def share_sql(law: str, age: str, a: str, b: str) -> str:
        return f"power(1.0 + {age} / {a}, -{b})"

    def spec(self) -> dict[str, Any]:
        return {"law": self.name, "scale": format_duration(self._length), "exponent": self.exponent}


@dataclass(frozen=True)
class Step(Decay):
    """Full for `lasting`, then gone. With `fixed`, a repeat of the mark does not move that end."""

    lasting: DurationLike
    fixed: bool = False
    name: ClassVar[str] = "step"
    exact_sums: ClassVar[bool] = True
    _length: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_length", _duration(self.name, "lasting", self.lasting))
        object.__setattr__(self, "lasting", Microseconds(self._length))
        if not isinstance(self.fixed, bool):
            raise InvalidLaw(f"step: fixed is true or false, not {self.fixed!r}")

    def share(self, age: float) -> float:
        return 1.0 if age < self._length else 0.0

    def age_below(self, share: float) -> int | None:
        return 0 if share > 1 else self._length

    @property
    def parameters(self) -> tuple[float, float]:
        return (float(self._length), 0.0)

    @staticmethod
    def share_sql(law: str, age: str, a: str, b: str) -> str:
        return f"CASE WHEN {age} < {a} THEN 1.0 ELSE 0.0 END"

    def order_key(self, intensity: float, at: int) -> float | None:
        return math.log2(intensity) if intensity > 0 else None

    def carried(self, age: int) -> Decay:
        return Step(Microseconds(max(1, self._length - age)), fixed=True) if self.fixed else self

    def spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = {"law": self.name, "lasting": format_duration(self._length)}
        return {**spec, "fixed": True} if self.fixed else spec


@dataclass(frozen=True)
class Curve(Decay):
    """Straight lines between `points` of (age, share); after the last point its share stays."""

    points: Sequence[tuple[DurationLike, float]]
    name: ClassVar[str] = "curve"
    _ages: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _shares: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            pairs = [(Microseconds(parse_duration(age)), float(share)) for age, share in self.points]
        except (TypeError, ValueError) as error:
            raise InvalidLaw(f"curve: points are pairs of a duration and a share: {error}") from None
        if not pairs or pairs[0][0] != 0:
            pairs.insert(0, (Microseconds(0), 1.0))
        ages, shares = tuple(age for age, _ in pairs), tuple(share for _, share in pairs)
        if len(pairs) < 2 or len(pairs) > 1000:
            raise InvalidLaw("curve: give between 1 and 1000 points after age 0s")
        if shares[0] != 1.0 or any(not 0 <= share <= 1 for share in shares):
            raise InvalidLaw("curve: shares start at 1 and lie between 0 and 1")
        if any(later <= earlier for earlier, later in pairwise(ages)):
            raise InvalidLaw("curve: ages must rise from point to point")
        if any(later > earlier for earlier, later in pairwise(shares)):
            raise InvalidLaw("curve: a share never rises with age")
        object.__setattr__(self, "points", tuple(pairs))
        object.__setattr__(self, "_ages", ages)
        object.__setattr__(self, "_shares", shares)

    def share(self, age: float) -> float:
        if age <= 0:
            return 1.0
        i = bisect_right(self._ages, age) - 1
        if i + 1 == len(self._ages):
            return self._shares[-1]
        a0, a1, s0, s1 = self._ages[i], self._ages[i + 1], self._shares[i], self._shares[i + 1]
        return s0 + (s1 - s0) * (age - a0) / (a1 - a0)

    def age_below(self, share: float) -> int | None:
        if share > 1:
            return 0
        for (a0, s0), (a1, s1) in pairwise(zip(self._ages, self._shares, strict=True)):
            if share <= 0 and s1 == 0:
                return a1
            if s1 < share:
                return min(a1, math.floor(a0 + (s0 - share) / (s0 - s1) * (a1 - a0)) + 1)
        return None

    @staticmethod
    def share_sql(law: str, age: str, a: str, b: str) -> str:
        # A curve's straight pieces are rows of law_segment.
        return (
            f"(SELECT segment.share + segment.slope * ({age} - segment.age) FROM law_segment AS segment"
            f" WHERE segment.law = {law} AND segment.age <= {age} ORDER BY segment.age DESC LIMIT 1)"
        )

    @property
    def segments(self) -> tuple[tuple[int, float, float], ...]:
        """(age at the start, share there, change of share per microsecond) for each straight piece."""
        pieces = [
            (a0, s0, (s1 - s0) / (a1 - a0))
            for (a0, s0), (a1, s1) in pairwise(zip(self._ages, self._shares, strict=True))
        ]
        return (*pieces, (self._ages[-1], self._shares[-1], 0.0))

    def spec(self) -> dict[str, Any]:
        return {
            "law": self.name,
            "points": [[format_duration(a), s] for a, s in zip(self._ages, self._shares, strict=True)],
        }


@dataclass(frozen=True)
class Never(Decay):
    """Does not fade: a decision, a need, a fact."""

    name: ClassVar[str] = "never"
    exact_sums: ClassVar[bool] = True

    def share(self, age: float) -> float:
        return 1.0

    def age_below(self, share: float) -> int | None:
        return 0 if share > 1 else None

    @staticmethod
    def share_sql(law: str, age: str, a: str, b: str) -> str:
        return "1.0"

    def order_key(self, intensity: float, at: int) -> float | None:
        return math.log2(intensity) if intensity > 0 else None

    def spec(self) -> dict[str, Any]:
        return {"law": self.name}


_FOREVER = 3000 * 365 * 86_400e6


def law_from(spec: Mapping[str, Any] | str | Decay) -> Decay:
    """The law that a deployment file or the store describes, such as `{law = "exponential", half_life = "3d"}`.

    Raises:
        InvalidLaw: no such law, or parameters that it does not take.
        InvalidDuration: a duration that cannot be read.
    """
    if isinstance(spec, Decay):
        return spec
    if isinstance(spec, str):
        try:
            spec = json.loads(spec) if spec.startswith("{") else {"law": spec}
        except ValueError as error:
            raise InvalidLaw(f"the decay law is broken JSON: {error}") from None
    if not isinstance(spec, Mapping):
        raise InvalidLaw(f'a decay law is written like {{law = "exponential", half_life = "3d"}}, not {spec!r}')
    parameters = dict(spec)
    name = parameters.pop("law", None)
    if not isinstance(name, str) or name not in LAWS:
        raise InvalidLaw(f"there is no decay law {name!r}{nearest(str(name), LAWS)}")
    try:
        return LAWS[name](**parameters)
    except TypeError:
        wanted = ", ".join(item.name for item in fields(LAWS[name]) if item.init) or "nothing"  # type: ignore[arg-type]
        raise InvalidLaw(f"{name} takes {wanted}, not {', '.join(map(str, parameters)) or 'nothing'}") from None
