"""The evaluation of the conditions of scents: what they measure at an instant, and whether they are met."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, assert_never

from blackboard import Decay
from blackboard.clock import Instant, from_milliseconds
from blackboard.server.sbp.scents.scent_conditions import (
    ANY_NAME,
    Aggregation,
    CompositeCondition,
    PatternCondition,
    RateCondition,
    ScentCondition,
    ThresholdCondition,
    TraceCondition,
)

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}


class Evaluation(NamedTuple):
    """The result of a condition at an instant."""

    met: bool
    value: float
    """The measured value; of a composite condition, the number of its conditions that are met."""
    marks: tuple[int, ...] = ()
    """The marks of the pheromones that were measured."""


@dataclass(frozen=True)
class FadingPheromone:
    """A pheromone with everything that determines its intensity later."""

    id: int
    trail: str
    type: str
    tags: Sequence[str]
    intensity: float
    law: Decay
    fades_from: Instant
    evaporates_at: Instant | None

    def is_live(self, at: Instant) -> bool:
        """Return whether it is on the board at an instant."""
        return self.evaporates_at is None or at < self.evaporates_at

    def at(self, at: Instant) -> float:
        """Return its intensity at an instant when it is live."""
        return self.intensity * self.law.share(max(0, at - self.fades_from))


class EmissionRecord(NamedTuple):
    """An emission in the recent past."""

    at: Instant
    trail: str
    type: str


class TraceValue(NamedTuple):
    """A trace, as conditions see it."""

    trail: str
    key: str
    value: Mapping[str, Any]


@dataclass(frozen=True)
class Observation:
    """The pheromones, the recent emissions (oldest first) and the traces."""

    pheromones: Sequence[FadingPheromone] = ()
    emissions: Sequence[EmissionRecord] = ()
    traces: Sequence[TraceValue] = ()

    def evaluate(self, condition: ScentCondition, at: Instant) -> Evaluation:
        """Return whether a condition is met at an instant, if nothing but time changes until then."""
        match condition:
            case ThresholdCondition():
                return self._threshold(condition, at)
            case CompositeCondition():
                return self._composite(condition, at)
            case RateCondition():
                number = len(self.within(condition.window_ms, at, condition.trail, condition.signal_type))
                value = number / (condition.window_ms / 1000)
                return Evaluation(COMPARISONS[condition.operator](value, condition.value), value)
            case PatternCondition():
                found = _matched_steps(condition, self.within(condition.window_ms, at))
                return Evaluation(found == len(condition.sequence), found / len(condition.sequence))
            case TraceCondition():
                return self._trace(condition)
            case _:
                assert_never(condition)

    def measured_pheromones(self, condition: ThresholdCondition) -> list[FadingPheromone]:
        """Return the pheromones that a threshold measures, live or not."""
        return [
            found
            for found in self.pheromones
            if found.trail == condition.trail
            and condition.signal_type in (ANY_NAME, found.type)
            and condition.tags.passes(found.tags)
        ]

    def within(
        self, window_ms: float, at: Instant, trail: str | None = None, type_: str = ANY_NAME
    ) -> list[EmissionRecord]:
        """Return the emissions in a window that ends at an instant, of a trail and type or of all."""
        start = at - from_milliseconds(window_ms)
        return [
            found
            for found in self.emissions
            if start <= found.at <= at and trail in (None, found.trail) and type_ in (ANY_NAME, found.type)
        ]

    def _threshold(self, condition: ThresholdCondition, at: Instant) -> Evaluation:
        live = [found for found in self.measured_pheromones(condition) if found.is_live(at)]
        value = aggregate_pheromones(condition.aggregation, live, at)
        met = COMPARISONS[condition.operator](value, condition.value)
        return Evaluation(met, value, tuple(found.id for found in live))

    def _composite(self, condition: CompositeCondition, at: Instant) -> Evaluation:
        results = [self.evaluate(inner, at) for inner in condition.conditions]
        number = sum(result.met for result in results)
        met = {"and": number == len(results), "or": number > 0, "not": not number}[condition.operator]
        marks = dict.fromkeys(mark for result in results for mark in result.marks)
        return Evaluation(met, float(number), tuple(marks))

    def _trace(self, condition: TraceCondition) -> Evaluation:
        """Return whether traces meet a condition: they exist, do not exist, or have a value in a field."""
        found = [
            trace for trace in self.traces
            if trace.trail == condition.trail and condition.key in (ANY_NAME, trace.key)
        ]  # fmt: skip
        match condition.operator:
            case "exists":
                return Evaluation(bool(found), float(len(found)))
            case "not_exists":
                return Evaluation(not found, 0.0)
            case "value_eq" | "value_neq":
                if not condition.field or condition.expected is None:
                    return Evaluation(False, 0.0)
                equal = [_field(trace.value, condition.field) == condition.expected for trace in found]
                met = any(equal) if condition.operator == "value_eq" else bool(equal) and not any(equal)
                return Evaluation(met, float(met))
            case _:
                assert_never(condition.operator)


def aggregate_pheromones(aggregation: Aggregation, live: Sequence[FadingPheromone], at: Instant) -> float:
    """Return an aggregate of live pheromones at an instant; 0 if there is none."""
    match aggregation:
        case "count":
            return float(len(live))
        case "any":
            return float(bool(live))
        case "max":
            return max((found.at(at) for found in live), default=0.0)
        case "sum":
            return float(sum(found.at(at) for found in live))
        case "avg":
            return sum(found.at(at) for found in live) / max(1, len(live))
        case _:
            assert_never(aggregation)


def _matched_steps(condition: PatternCondition, emissions: Sequence[EmissionRecord]) -> int:
    """Return how many steps of a pattern are found; if their order counts, up to the first missing step."""
    if condition.ordered:
        left = iter(emissions)
        for number, step in enumerate(condition.sequence):
            if not any((found.trail, found.type) == (step.trail, step.signal_type) for found in left):
                return number
        return len(condition.sequence)
    names = [(found.trail, found.type) for found in emissions]
    number = 0
    for step in condition.sequence:
        if (step.trail, step.signal_type) in names:
            names.remove((step.trail, step.signal_type))
            number += 1
    return number


def _field(value: Any, path: str) -> Any:
    """Return the value at a path of names; None if there is none."""
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
