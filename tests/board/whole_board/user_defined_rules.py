"""A user-defined decay law and two user-defined measures, in a module that the program does not know."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from blackboard import Decay, Measure
from blackboard.core.conditions.measures import MEASURES
from blackboard.core.marks.decay import LAWS
from blackboard.durations import DurationLike


@dataclass(frozen=True)
class Stretched(Decay):
    """A stretched exponential law: share = exp(-sqrt(age / scale)).

    Source: Kohlrausch, Annalen der Physik 167 (1854).
    """

    scale: DurationLike
    name: ClassVar[str] = "stretched"
    durations: ClassVar[tuple[str, ...]] = ("scale",)

    def share(self, age: float) -> float:
        return math.exp(-math.sqrt(max(0.0, age) / self.length))

    def age_below(self, share: float) -> int | None:
        if share > 1:
            return 0
        return math.floor(math.log(share) ** 2 * self.length) + 1 if share > 1e-300 else None

    @staticmethod
    def share_sql(law: str, age: str, length: str, shape: str) -> str:
        return f"exp(-sqrt({age} / {length}))"


class SecondStrongest(Measure):
    """The strength of the second strongest mark."""

    name = "second_strongest"

    def value(self, strengths: Sequence[float]) -> float:
        return sorted(strengths)[-2] if len(strengths) > 1 else 0.0


class Percent(Measure):
    """A hundred times the total, with sums that the board stores."""

    name = "percent"

    def value(self, strengths: Sequence[float]) -> float:
        return 100.0 * sum(strengths)

    def from_sums(self, marks: int, strength_sum: float) -> float:
        return max(0.0, 100.0 * strength_sum)


# Other tests in this process must not know these rules; a fixture registers them for its own tests.
OWN_LAWS = {Stretched.name: LAWS.pop(Stretched.name)}
OWN_MEASURES = {measure.name: MEASURES.pop(measure.name) for measure in (SecondStrongest, Percent)}
