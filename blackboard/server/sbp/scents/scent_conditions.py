"""The conditions of scents, as a client writes them. Their parts are checked, so that each can be measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError, field_validator, model_validator

from blackboard.server.sbp.sbp_errors import INVALID_CONDITION, SbpError, error_of_fields
from blackboard.server.sbp.sbp_fields import SbpFields, SbpName, SbpTagFilter

ANY_NAME = "*"
MAX_CONDITION_PARTS = 100
"""How many parts a condition may have. Each is measured whenever a pheromone changes."""
MAX_WINDOW_MS = 3_600_000

WindowMilliseconds = Annotated[float, Field(gt=0, le=MAX_WINDOW_MS)]
CountOperator = Literal[">=", ">", "<=", "<"]
ValueOperator = Literal[">=", ">", "<=", "<", "==", "!="]
Aggregation = Literal["sum", "max", "avg", "count", "any"]


class ThresholdCondition(SbpFields):
    """An aggregate of the pheromones of a trail and type is compared with a value."""

    type: Literal["threshold"]
    trail: SbpName
    signal_type: SbpName
    tags: SbpTagFilter = SbpTagFilter()
    aggregation: Aggregation = "max"
    operator: ValueOperator = ">="
    value: float

    def __str__(self) -> str:
        return f"{self.trail}/{self.signal_type} {self.aggregation} {self.operator} {self.value:g}"


class CompositeCondition(SbpFields):
    """All conditions of a list are met, or at least one of them; or a single condition is not met."""

    type: Literal["composite"]
    operator: Literal["and", "or", "not"]
    conditions: list[ScentCondition] = Field(min_length=1, max_length=MAX_CONDITION_PARTS)

    @model_validator(mode="after")
    def _negates_one(self) -> CompositeCondition:
        if self.operator == "not" and len(self.conditions) != 1:
            raise ValueError("'not' takes exactly one condition")
        return self


class RateCondition(SbpFields):
    """The number of emissions per second, in a window that ends now, is compared with a value."""

    type: Literal["rate"]
    trail: SbpName
    signal_type: SbpName
    metric: Literal["emissions_per_second", "intensity_delta"]
    window_ms: WindowMilliseconds
    operator: CountOperator = ">="
    value: float

    @field_validator("metric")
    @classmethod
    def _is_defined(cls, metric: str) -> str:
        if metric == "intensity_delta":
            raise ValueError("no version of the protocol defines what intensity_delta measures")
        return metric

    def __str__(self) -> str:
        return f"{self.trail}/{self.signal_type} {self.metric} {self.operator} {self.value:g}"


class PatternStep(SbpFields):
    """One emission of a pattern."""

    trail: SbpName
    signal_type: SbpName


class PatternCondition(SbpFields):
    """Emissions came within a window that ends now, in this order or in any order. SBP 0.2 has no such condition."""

    type: Literal["pattern"]
    sequence: list[PatternStep] = Field(min_length=1, max_length=MAX_CONDITION_PARTS)
    window_ms: WindowMilliseconds
    ordered: bool = True

    def __str__(self) -> str:
        return "pattern " + ", ".join(f"{step.trail}/{step.signal_type}" for step in self.sequence)


class TraceCondition(SbpFields):
    """A trace is there or not, or a field of its value is or is not equal to a given value."""

    type: Literal["trace"]
    trail: SbpName
    key: SbpName
    operator: Literal["exists", "not_exists", "value_eq", "value_neq"]
    field: str | None = None
    expected: Any = None

    def __str__(self) -> str:
        compared = "" if self.field is None else f" {self.field} {self.expected!r}"
        return f"{self.trail}/{self.key} {self.operator}{compared}"


MeasuredCondition = ThresholdCondition | RateCondition | PatternCondition | TraceCondition
"""A condition that measures something by itself."""
ScentCondition = Annotated[
    ThresholdCondition | CompositeCondition | RateCondition | PatternCondition | TraceCondition,
    Field(discriminator="type"),
]

CompositeCondition.model_rebuild()
_CONDITIONS: TypeAdapter[ScentCondition] = TypeAdapter(ScentCondition)


def condition_of(value: Any) -> ScentCondition:
    """Return a condition as a program describes it.

    Raises:
        SbpError: The condition is not valid, or has too many parts.
    """
    try:
        condition = _CONDITIONS.validate_python(value)
    except ValidationError as error:
        raise error_of_fields(error, INVALID_CONDITION, "the condition is not valid") from None
    if sum(1 for _ in parts_of(condition)) > MAX_CONDITION_PARTS:
        raise SbpError(INVALID_CONDITION, f"a condition has at most {MAX_CONDITION_PARTS} parts")
    return condition


def parts_of(condition: ScentCondition) -> Iterator[MeasuredCondition]:
    """Yield the parts of a condition that measure something."""
    if isinstance(condition, CompositeCondition):
        for inner in condition.conditions:
            yield from parts_of(inner)
    else:
        yield condition
