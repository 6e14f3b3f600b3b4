"""The decay models of the protocol, and the decay laws that are equal to them.

A law of the board gives a share of the intensity. Two of the four models give absolute intensities: a linear model
falls at an absolute rate, and a stepped model has absolute steps. So the law of such a model holds for one intensity
only, and an emission that changes the intensity makes a new law.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from blackboard import Curve, Decay, Exponential, Linear, Never
from blackboard.clock import from_milliseconds
from blackboard.durations import Microseconds
from blackboard.server.sbp.sbp_fields import SbpFields

MAX_STEPS = 400
MAX_MILLISECONDS = 1e14
"""About 3,000 years. The columns of the board have no room for a longer time."""
MAX_RATE = 1000.0
"""At this rate, an intensity of 1 is gone after the shortest time that the board distinguishes."""

Intensity = Annotated[float, Field(ge=0, le=1)]
Offset = Annotated[float, Field(ge=0, le=MAX_MILLISECONDS)]


class ExponentialModel(SbpFields):
    """Half remains after each half-life."""

    type: Literal["exponential"]
    half_life_ms: float = Field(ge=0.001, le=MAX_MILLISECONDS)

    def law(self, intensity: float) -> tuple[Decay, float]:
        """Return the law for a pheromone of an intensity, and the intensity with which the mark begins."""
        return Exponential(_microseconds(self.half_life_ms)), intensity


class LinearModel(SbpFields):
    """The intensity falls by the same amount in each millisecond."""

    type: Literal["linear"]
    rate_per_ms: float = Field(ge=1e-14, le=MAX_RATE)

    def law(self, intensity: float) -> tuple[Decay, float]:
        """Return the law for a pheromone of an intensity, and the intensity with which the mark begins."""
        return Linear(_microseconds(intensity / self.rate_per_ms)), intensity


class StepPoint(SbpFields):
    """The intensity from an offset on."""

    at_ms: Offset
    intensity: float = Field(ge=0)


class StepModel(SbpFields):
    """The intensity changes at offsets, and stays between them. It never exceeds the intensity of the emission."""

    type: Literal["step"]
    steps: list[StepPoint] = Field(min_length=1, max_length=MAX_STEPS)

    @model_validator(mode="after")
    def _falls(self) -> StepModel:
        for before, after in pairwise(self.steps):
            if _microseconds(after.at_ms) <= _microseconds(before.at_ms):
                raise ValueError("the steps must be in the order of at_ms, a microsecond apart or more")
            if after.intensity > before.intensity:
                raise ValueError("a mark never gets stronger by itself, so the steps must fall")
        return self

    def law(self, intensity: float) -> tuple[Decay, float]:
        """Return the law for a pheromone of an intensity, and the intensity with which the mark begins.

        The curve falls from one step to the next within a microsecond. Ages are whole microseconds, so at every age the
        curve has the intensity of a step.
        """
        levels = [(_offset(step), min(step.intensity, intensity)) for step in self.steps]
        if levels[0][0] == 0:
            (_, intensity), *levels = levels
        points: list[tuple[Microseconds, float]] = []
        before = 1.0
        for offset, level in levels:
            share = level / intensity if intensity > 0 else 0.0
            if share < before:
                if offset > 1:
                    points.append((Microseconds(offset - 1), before))
                points.append((Microseconds(offset), share))
                before = share
        return (Curve(points) if points else Never()), intensity


class ImmortalModel(SbpFields):
    """The intensity stays."""

    type: Literal["immortal"]

    def law(self, intensity: float) -> tuple[Decay, float]:
        """Return the law for a pheromone of an intensity, and the intensity with which the mark begins."""
        return Never(), intensity


DecayModel = Annotated[ExponentialModel | LinearModel | StepModel | ImmortalModel, Field(discriminator="type")]
DEFAULT_MODEL = ExponentialModel(type="exponential", half_life_ms=300_000)


def _microseconds(milliseconds: float) -> Microseconds:
    return Microseconds(max(1, from_milliseconds(milliseconds)))


def _offset(step: StepPoint) -> int:
    return from_milliseconds(step.at_ms)
