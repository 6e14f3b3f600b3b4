"""The parameters of each method of the protocol."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue, field_validator

from blackboard.server.sbp.decay_models import DEFAULT_MODEL, DecayModel
from blackboard.server.sbp.sbp_fields import (
    Milliseconds,
    Names,
    RemovalFields,
    SbpFields,
    SbpLimit,
    SbpName,
    SbpTagFilter,
    Share,
)

MAX_SBP_AGENT_CHARACTERS = 200

InspectionPart = Literal["trails", "scents", "stats", "traces"]
"""A part of what an inspection shows."""


class Emission(SbpFields):
    """A pheromone to emit."""

    trail: SbpName
    type: SbpName
    intensity: Share
    decay: DecayModel | None = None
    payload: dict[str, JsonValue] = Field(default_factory=dict)
    tags: Names = Field(default_factory=list)
    merge_strategy: Literal["reinforce", "replace", "max", "add", "new"] = "reinforce"
    source_agent: str | None = Field(default=None, max_length=MAX_SBP_AGENT_CHARACTERS)

    @property
    def model(self) -> DecayModel:
        """Its decay model."""
        return DEFAULT_MODEL if self.decay is None else self.decay


class PheromoneFilter(SbpFields):
    """The pheromones to sniff. An empty list does not restrict them."""

    trails: Names = Field(default_factory=list)
    types: Names = Field(default_factory=list)
    min_intensity: Share = 0
    max_age_ms: Milliseconds | None = None
    tags: SbpTagFilter = SbpTagFilter()
    limit: SbpLimit = 100
    include_evaporated: bool = False
    """Without effect: an evaporated pheromone is no longer on the board, only in its history."""


class EvaporationFilter(RemovalFields):
    """The pheromones to evaporate."""

    trail: str | None = None
    types: Names = Field(default_factory=list)
    older_than_ms: Milliseconds | None = None
    below_intensity: Share | None = None
    tags: SbpTagFilter = SbpTagFilter()


class Inspection(SbpFields):
    """The parts of the board to show."""

    include: list[InspectionPart] = ["trails", "scents", "stats"]  # noqa: RUF012 -- pydantic copies it


class ScentDefinition(SbpFields):
    """A scent to register."""

    scent_id: SbpName
    agent_endpoint: str = Field(default="", max_length=2000)
    condition: dict[str, JsonValue]
    cooldown_ms: Milliseconds = 0
    activation_payload: dict[str, JsonValue] = Field(default_factory=dict)
    trigger_mode: Literal["level", "edge_rising", "edge_falling"] = "level"
    hysteresis: Share = 0
    max_execution_ms: Milliseconds = 30_000
    context_trails: Names = Field(default_factory=list)

    @field_validator("agent_endpoint")
    @classmethod
    def _is_a_stream(cls, endpoint: str) -> str:
        if endpoint.lower().startswith(("http:", "https:")):
            raise ValueError(
                "triggers are sent on event streams only; leave agent_endpoint empty and subscribe, or use a webhook of"
                " [[sinks]]"
            )
        return endpoint


class NamedScent(SbpFields):
    """One scent by its id."""

    scent_id: SbpName


class Inscription(SbpFields):
    """A trace to make or change."""

    trail: SbpName
    key: SbpName
    value: dict[str, JsonValue]
    tags: Names = Field(default_factory=list)
    source_agent: str | None = Field(default=None, max_length=MAX_SBP_AGENT_CHARACTERS)


class TraceFilter(SbpFields):
    """The traces to read. An empty list does not restrict them."""

    trails: Names = Field(default_factory=list)
    keys: Names = Field(default_factory=list)
    prefix: str = ""
    tags: SbpTagFilter = SbpTagFilter()
    limit: SbpLimit = 100


class TraceErasure(RemovalFields):
    """The traces to erase."""

    trail: str | None = None
    keys: Names = Field(default_factory=list)
    tags: SbpTagFilter = SbpTagFilter()
    older_than_ms: Milliseconds | None = None
