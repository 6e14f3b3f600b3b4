"""Decay laws: the share of a mark that remains after an age.

A law is one class. It gives the share in Python and as an SQL expression, and the first age at which less than a given
share remains. Some laws also give an order of marks that never changes, and sums from which the total of many marks
follows at any instant. A law uses no clock and no database.

Ages are whole microseconds, at least 0. Shares are between 0 and 1. The share is 1 at age 0 and never rises.
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

from pydantic import JsonValue

from blackboard.clock import Instant
from blackboard.core.subclass_registry import register_by_name
from blackboard.durations import DAY, Duration, DurationLike, Microseconds, format_duration, parse_duration
from blackboard.errors import InvalidLaw, nearest

LAWS: dict[str, type[Decay]] = {}
"""The known laws by name. A subclass of `Decay` that sets `name` is added when it is defined."""

_MAX_AGE: Duration = 3000 * 365 * DAY
"""A longer age counts as never, because dates and 64-bit columns have limits."""


class LawSegment(NamedTuple):
    """A straight piece of a law, until the next piece begins."""

    age: Duration
    """The age at which it begins."""
    share: float
    """The share at this age."""
    slope: float
    """The change of the share in a microsecond."""


class Decay(ABC):
    """A decay law, and the base class for laws of your own.

    A subclass is a frozen dataclass. Its fields are the parameters in a deployment file. It sets `name`, which
    deployment files and the database use, and defines `share`, `age_below` and `share_sql`. Define the class before you
    open a board that has marks under the law; `blackboard init` or `run` then adds the law to the views. Two laws with
    equal fields are equal.

        @dataclass(frozen=True)
        class Stretched(Decay):
            scale: str
            name = "stretched"
            durations = ("scale",)

            def share(self, age):
                return math.exp(-math.sqrt(age / self.length))

            def age_below(self, share):
                if share > 1:
                    return 0
                return math.floor(math.log(share) ** 2 * self.length) + 1 if share > 0 else None

            @staticmethod
            def share_sql(law, age, length, shape):
                return f"exp(-sqrt({age} / {length}))"
    """

    name: ClassVar[str]
    durations: ClassVar[tuple[str, ...]] = ()
    """The fields that are durations. They take text or a timedelta and are stored as `Microseconds`."""
    exact_sums: ClassVar[bool] = False
    """Whether `total` is exact. If not, it is an upper bound."""
    adds_in_any_order: ClassVar[bool] = False
    """Whether added marks have the same sum in any order: share(a + b) is share(a) x share(b)."""
    sums_sql: ClassVar[tuple[str, str]] = ("mark.intensity", "CAST(0.0 AS FLOAT)")
    """SQL for the `sums` of a row of `mark`, with the parameters :anchor and :length (the first of `parameters`)."""

    length: Duration
    """The first of `durations`, in microseconds."""

    @property
    def ends_fixed(self) -> bool:
        """Whether the mark ends at a fixed instant, which a repeated deposit does not move."""
        return False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        register_by_name(LAWS, cls, InvalidLaw, "decay law")

    def __post_init__(self) -> None:
        for parameter in self.durations:
            length = parse_duration(getattr(self, parameter))
            if length <= 0:
                raise InvalidLaw(f"{self.name}: {parameter} must be longer than 0s")
            object.__setattr__(self, parameter, Microseconds(length))
        if self.durations:
            object.__setattr__(self, "length", int(getattr(self, self.durations[0])))

    @abstractmethod
    def share(self, age: float) -> float:
        """Return the share after `age` microseconds, between 0 and 1: 1 at age 0, and never rising.

        Args:
            age: Whole microseconds since the intensity was set, at least 0.
        """

    @abstractmethod
    def age_below(self, share: float) -> Duration | None:
        """Return the first whole microsecond of age at which less than `share` remains.

        There may be none within 3000 years: then return None. If `share` is 0 or less, return the age at which nothing
        remains.

        Args:
            share: A share, of any size.
        """

    @staticmethod
    @abstractmethod
    def share_sql(law: str, age: str, length: str, shape: str) -> str:
        """Return `share` as an SQL expression that is valid in SQLite and PostgreSQL.

        Args:
            law: SQL for the key of the law in the table `law`.
            age: SQL for the age in microseconds, a float.
            length: SQL for the first of `parameters`.
            shape: SQL for the second.
        """

    @property
    def parameters(self) -> tuple[float, float]:
        """The length and the shape that the store keeps for `share_sql`: by default `length` and 0."""
        return (float(self.length), 0.0) if self.durations else (0.0, 0.0)

    @property
    def segments(self) -> tuple[LawSegment, ...]:
        """The straight pieces that the store keeps for `share_sql`; none for most laws."""
        return ()

    def order_key(self, intensity: float, at: Instant) -> float | None:
        """Return a number that orders marks of this law by strength at every instant, or None if there is none.

        Equal steps of the key are equal factors of strength: it is log2 of the strength at a common instant.
        Source: forward decay; Cormode, Shkapenyuk, Srivastava and Xu, ICDE 2009.

        Args:
            intensity: The intensity at `at`, at least 0.
            at: Microseconds since the epoch.
        """
        return None

    def sums(self, intensity: float, at: Instant, anchor: Instant) -> tuple[float, float]:
        """Return the two numbers that one mark adds to the running sums of a board.

        Args:
            intensity: The intensity at `at`.
            at: Microseconds since the epoch.
            anchor: The instant to which the running sums belong.
        """
        return (intensity, 0.0)

    def total(self, sums: tuple[float, float], anchor: Instant, now: Instant) -> float:
        """Return the total strength (intensity x share) at `now` of marks with these sums.

        No mark may have evaporated.

        Args:
            sums: The two totals of what the method `sums` returns for each mark.
            anchor: The instant of the sums, in microseconds since the epoch.
            now: Microseconds since the epoch, at or after each mark.
        """
        return sums[0]

    def rebase(self, sums: tuple[float, float], anchor: Instant, now: Instant) -> tuple[float, float]:
        """Return the sums of the same marks for the instant `now`, so that they stay in the range of a float.

        Args:
            sums: The sums for `anchor`.
            anchor: The instant of the sums, in microseconds since the epoch.
            now: The new instant of the sums, in microseconds since the epoch.
        """
        return sums

    @staticmethod
    def rebased_sql(sum0: str, sum1: str, age: str, length: str) -> tuple[str, str]:
        """Return `rebase` as SQL expressions for PostgreSQL, which also hold for an instant before the anchor.

        The two sums together must be `total` at the new instant.

        Args:
            sum0: SQL for the first sum.
            sum1: SQL for the second.
            age: SQL for the microseconds from the anchor to the new instant, a float.
            length: SQL for the first of `parameters`, a float.
        """
        return sum0, sum1

    def continued(self, age: Duration) -> Decay:
        """Return the law that a mark has after a reinforcement at `age`; only a law with a fixed end changes.

        Args:
            age: Whole microseconds since the intensity was set, at least 0.
        """
        return self

    def spec(self) -> dict[str, JsonValue]:
        """Return the law as a deployment file writes it, such as `{"law": "exponential", "half_life": "3d"}`."""
        values = {item.name: getattr(self, item.name) for item in _parameters(type(self))}
        texts = {name: format_duration(value) if name in self.durations else value for name, value in values.items()}
        # A flag that is off is left out, as in files. A comparison with `!=` would also leave out the number 0.
        return {"law": self.name, **{name: value for name, value in texts.items() if value is not False}}

    def __str__(self) -> str:
        parameters = ", ".join(f"{key}={value}" for key, value in self.spec().items() if key != "law")
        return f"{self.name}({parameters})" if parameters else self.name


@dataclass(frozen=True)
class Exponential(Decay):
    """A law that leaves half after each half-life: share = 2 ** (-age / half_life).

    Source of the sums: forward decay; Cormode, Shkapenyuk, Srivastava and Xu, ICDE 2009.
    """

    half_life: DurationLike
    """Longer than 0s, such as `3d`."""
    name: ClassVar[str] = "exponential"
    durations: ClassVar[tuple[str, ...]] = ("half_life",)
    exact_sums: ClassVar[bool] = True
    adds_in_any_order: ClassVar[bool] = True
    sums_sql: ClassVar[tuple[str, str]] = (
        "mark.intensity * {power(2.0, CAST(mark.anchored_at - :anchor AS FLOAT) / :length)}",
        "CAST(0.0 AS FLOAT)",
    )

    def share(self, age: float) -> float:
        """Return 2 ** (-age / half_life)."""
        return math.exp2(-age / self.length) if age > 0 else 1.0

    def age_below(self, share: float) -> Duration | None:
        """Return the age after -log2(share) half-lives."""
        if share <= 0:
            return None
        if share > 1:
            return 0
        age = -math.log2(share) * self.length
        return math.floor(age) + 1 if age < _MAX_AGE else None

    @staticmethod
    def share_sql(law: str, age: str, length: str, shape: str) -> str:
        """Return the formula in SQL."""
        return f"power(2.0, -{age} / {length})"

    def order_key(self, intensity: float, at: Instant) -> float | None:
        """Return log2 of the intensity that the mark would have had at the epoch."""
        return math.log2(intensity) + at / self.length if intensity > 0 else None

    def sums(self, intensity: float, at: Instant, anchor: Instant) -> tuple[float, float]:
        """Return the intensity at the anchor."""
        return (intensity * math.exp2((at - anchor) / self.length), 0.0)

    def total(self, sums: tuple[float, float], anchor: Instant, now: Instant) -> float:
        """Return the sum, faded from the anchor to `now`."""
        return sums[0] * math.exp2((anchor - now) / self.length)

    def rebase(self, sums: tuple[float, float], anchor: Instant, now: Instant) -> tuple[float, float]:
        """Return the total at `now`."""
        return (self.total(sums, anchor, now), 0.0)

    @staticmethod
    def rebased_sql(sum0: str, sum1: str, age: str, length: str) -> tuple[str, str]:
        """Return the formula in SQL."""
        return f"({sum0}) * power(2.0, -{age} / {length})", "0.0"


@dataclass(frozen=True)
class Linear(Decay):
    """A law that fades evenly to nothing: share = max(0, 1 - age / lifetime)."""

    lifetime: DurationLike
    """Longer than 0s; nothing remains from this age on."""
    name: ClassVar[str] = "linear"
    durations: ClassVar[tuple[str, ...]] = ("lifetime",)
    exact_sums: ClassVar[bool] = True
    sums_sql: ClassVar[tuple[str, str]] = (
        "mark.intensity",
        "mark.intensity * CAST(mark.anchored_at - :anchor AS FLOAT) / :length",
    )

    def share(self, age: float) -> float:
        """Return 1 - age / lifetime, at least 0."""
        return min(1.0, max(0.0, 1.0 - age / self.length))

    def age_below(self, share: float) -> Duration | None:
        """Return the age after 1 - share lifetimes."""
        if share > 1:
            return 0
        # Nothing remains at the lifetime itself, so the mark is gone there for every share.
        return min(self.length, math.floor((1.0 - max(0.0, share)) * self.length) + 1)

    @staticmethod
    def share_sql(law: str, age: str, length: str, shape: str) -> str:
        """Return the formula in SQL."""
        return f"CASE WHEN {age} >= {length} THEN 0.0 ELSE 1.0 - {age} / {length} END"

    def sums(self, intensity: float, at: Instant, anchor: Instant) -> tuple[float, float]:
        """Return the intensity, and the intensity times the lifetimes from the anchor to `at`."""
        return (intensity, intensity * (at - anchor) / self.length)

    def total(self, sums: tuple[float, float], anchor: Instant, now: Instant) -> float:
        """Return the sum of intensity * (1 - (now - at) / lifetime), which is linear in both sums."""
        return sums[0] + sums[1] - sums[0] * (now - anchor) / self.length

    def rebase(self, sums: tuple[float, float], anchor: Instant, now: Instant) -> tuple[float, float]:
        """Return the first sum, and the second for the anchor `now`."""
        return (sums[0], self.total(sums, anchor, now) - sums[0])

    @staticmethod
    def rebased_sql(sum0: str, sum1: str, age: str, length: str) -> tuple[str, str]:
        """Return the formula in SQL."""
        return sum0, f"({sum1}) - ({sum0}) * {age} / {length}"


@dataclass(frozen=True)
class Power(Decay):
    """A law that fades fast, then ever more slowly: share = (1 + age / scale) ** -exponent.

    Source: the power law of forgetting; Wixted and Ebbesen, Psychological Science 2 (1991).
    """

    scale: DurationLike
    """Longer than 0s; with exponent 1, half remains at this age."""
    exponent: float = 1.0
    """Above 0, at most 100."""
    name: ClassVar[str] = "power"
    durations: ClassVar[tuple[str, ...]] = ("scale",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (isinstance(self.exponent, int | float) and 0 < self.exponent <= 100):
            raise InvalidLaw(f"power: exponent must be above 0 and at most 100, not {self.exponent!r}")
        object.__setattr__(self, "exponent", float(self.exponent))

    def share(self, age: float) -> float:
        """Return (1 + age / scale) ** -exponent."""
        return float((1.0 + max(0.0, age) / self.length) ** -self.exponent)

    def age_below(self, share: float) -> Duration | None:
        """Return the age at which the share is reached: (share ** (-1 / exponent) - 1) times the scale."""
        if share <= 0:
            return None
        if share > 1:
            return 0
        try:
            age = (share ** (-1.0 / self.exponent) - 1.0) * self.length
        except OverflowError:
            return None
        return math.floor(age) + 1 if age < _MAX_AGE else None

    @property
    def parameters(self) -> tuple[float, float]:
        """The scale in microseconds, and the exponent."""
        return (float(self.length), self.exponent)

    @staticmethod
    def share_sql(law: str, age: str, length: str, shape: str) -> str:
        """Return the formula in SQL."""
        return f"power(1.0 + {age} / {length}, -{shape})"


@dataclass(frozen=True)
class Step(Decay):
    """A law that stays at full strength and then ends: share = 1 if age < lasting else 0."""

    lasting: DurationLike
    """Longer than 0s."""
    fixed: bool = False
    """Whether a repeated deposit leaves the end of the mark unchanged."""
    name: ClassVar[str] = "step"
    durations: ClassVar[tuple[str, ...]] = ("lasting",)
    exact_sums: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.fixed, bool):
            raise InvalidLaw(f"step: fixed is true or false, not {self.fixed!r}")

    @property
    def ends_fixed(self) -> bool:
        """Whether a repeated deposit leaves the end of the mark unchanged."""
        return self.fixed

    def share(self, age: float) -> float:
        """Return 1 before the end, 0 from then on."""
        return 1.0 if age < self.length else 0.0

    def age_below(self, share: float) -> Duration | None:
        """Return the end."""
        return 0 if share > 1 else self.length

    @staticmethod
    def share_sql(law: str, age: str, length: str, shape: str) -> str:
        """Return the formula in SQL."""
        return f"CASE WHEN {age} < {length} THEN 1.0 ELSE 0.0 END"

    def order_key(self, intensity: float, at: Instant) -> float | None:
        """Return log2 of the intensity, which does not fade before the end."""
        return math.log2(intensity) if intensity > 0 else None

    def continued(self, age: Duration) -> Decay:
        """Return a step with the same fixed end, or the law itself."""
        return Step(Microseconds(max(1, self.length - age)), fixed=True) if self.fixed else self


@dataclass(frozen=True)
class Curve(Decay):
    """A law of straight lines between points. After the last point, its share remains."""

    points: Sequence[tuple[DurationLike, float]]
    """1 to 1000 pairs of an age above 0s and a share from 0 to 1. Ages rise from point to point, and shares do not. A
    curve begins at (0s, 1), which can be given as a further first point."""
    name: ClassVar[str] = "curve"
    _ages: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _shares: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            pairs = [(Microseconds(parse_duration(age)), float(share)) for age, share in self.points]
        except (TypeError, ValueError):
            given = repr(self.points)[:80]
            raise InvalidLaw(
                f'curve: points are pairs of an age and a share, such as ("1h", 0.5), not {given}'
            ) from None
        if not pairs or pairs[0][0] != 0:
            pairs.insert(0, (Microseconds(0), 1.0))
        ages, shares = tuple(age for age, _ in pairs), tuple(share for _, share in pairs)
        if not 1 <= (later_points := len(pairs) - 1) <= 1000:
            raise InvalidLaw(f"curve: give between 1 and 1000 points after age 0s, not {later_points:,}")
        if shares[0] != 1.0:
            raise InvalidLaw(f"curve: the share at age 0s must be 1, not {shares[0]}")
        if wrong := [share for share in shares if not 0 <= share <= 1]:
            raise InvalidLaw(f"curve: a share must be between 0 and 1, not {wrong[0]}")
        if fall := next(((earlier, later) for earlier, later in pairwise(ages) if later <= earlier), None):
            earlier, later = map(format_duration, fall)
            raise InvalidLaw(f"curve: ages must rise from point to point: {later} comes after {earlier}")
        if rise := next(((earlier, later) for earlier, later in pairwise(shares) if later > earlier), None):
            raise InvalidLaw(f"curve: a share must not be higher than the share before it: {rise[1]} after {rise[0]}")
        object.__setattr__(self, "points", tuple(pairs))
        object.__setattr__(self, "_ages", ages)
        object.__setattr__(self, "_shares", shares)

    def share(self, age: float) -> float:
        """Return the share on the line between the two points around `age`."""
        if age <= 0:
            return 1.0
        after = bisect_right(self._ages, age)
        if after == len(self._ages):
            return self._shares[-1]
        start, end = self._ages[after - 1], self._ages[after]
        share, last = self._shares[after - 1], self._shares[after]
        return share + (last - share) * (age - start) / (end - start)

    def age_below(self, share: float) -> Duration | None:
        """Return the age at which the curve first goes below `share`."""
        if share > 1:
            return 0
        for (start, first), (end, last) in pairwise(zip(self._ages, self._shares, strict=True)):
            if share <= 0 and last == 0:
                return end
            if last < share:
                return min(end, math.floor(start + (first - share) / (first - last) * (end - start)) + 1)
        return None

    @staticmethod
    def share_sql(law: str, age: str, length: str, shape: str) -> str:
        """Return a query for the segment that `age` is in."""
        return (
            f"(SELECT segment.share + segment.slope * ({age} - segment.age) FROM law_segment AS segment"
            f" WHERE segment.law = {law} AND segment.age <= {age} ORDER BY segment.age DESC LIMIT 1)"
        )

    @property
    def segments(self) -> tuple[LawSegment, ...]:
        """The line after each point; the last line is level."""
        pieces = [
            LawSegment(start, first, (last - first) / (end - start))
            for (start, first), (end, last) in pairwise(zip(self._ages, self._shares, strict=True))
        ]
        return (*pieces, LawSegment(self._ages[-1], self._shares[-1], 0.0))

    def spec(self) -> dict[str, JsonValue]:
        """Return the law with its points as texts and numbers."""
        points: list[JsonValue] = [
            [format_duration(age), share] for age, share in zip(self._ages, self._shares, strict=True)
        ]
        return {"law": self.name, "points": points}


@dataclass(frozen=True)
class Never(Decay):
    """A law that does not fade: share = 1. It is for decisions, needs and facts."""

    name: ClassVar[str] = "never"
    exact_sums: ClassVar[bool] = True
    adds_in_any_order: ClassVar[bool] = True

    def share(self, age: float) -> float:
        """Return 1."""
        return 1.0

    def age_below(self, share: float) -> Duration | None:
        """Return None, or 0 for a share above 1."""
        return 0 if share > 1 else None

    @staticmethod
    def share_sql(law: str, age: str, length: str, shape: str) -> str:
        """Return 1."""
        return "1.0"

    def order_key(self, intensity: float, at: Instant) -> float | None:
        """Return log2 of the intensity."""
        return math.log2(intensity) if intensity > 0 else None


def law_from(spec: Mapping[str, Any] | str | Decay) -> Decay:
    """Return the law that a deployment file or the store describes.

    Args:
        spec: A mapping such as `{"law": "exponential", "half_life": "3d"}`, the same as JSON, the name of a law
            without parameters, or a law.

    Raises:
        InvalidLaw: There is no such law, or it does not take these parameters.
        InvalidDuration: A duration is not valid.
    """
    if isinstance(spec, Decay):
        return spec
    described = _description_in(spec) if isinstance(spec, str) else spec
    if not isinstance(described, Mapping):
        raise InvalidLaw(f'a decay law is written like {{law = "exponential", half_life = "3d"}}, not {described!r}')
    parameters = dict(described)
    name = parameters.pop("law", None)
    if not isinstance(name, str) or name not in LAWS:
        raise InvalidLaw(f"there is no decay law {name!r}{nearest(str(name), LAWS)}")
    try:
        return LAWS[name](**parameters)
    except TypeError:
        names = ", ".join(item.name for item in _parameters(LAWS[name])) or "no parameters"
        given = ", ".join(map(str, parameters)) or "none"
        raise InvalidLaw(f"{name} takes {names}; the parameters given are: {given}") from None


def _parameters(law: type[Decay]) -> list[Field[Any]]:
    return [item for item in fields(law) if item.init]  # type: ignore[arg-type]


def _description_in(text: str) -> Any:
    """Return the description of a law from its JSON, or of a law without parameters from its name."""
    try:
        return json.loads(text) if text.startswith("{") else {"law": text}
    except ValueError as error:
        raise InvalidLaw(f"the decay law is not valid JSON: {error}") from None
