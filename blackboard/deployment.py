"""What is in force on a board, as data: kinds, agents, watches, trust; registered, versioned, immutable.

It holds no functions and reads no files: whoever deposits, from any process, needs no more than this to know which
thresholds to test.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator

from blackboard.conditions import Condition, both, check_watch
from blackboard.decay import law_from
from blackboard.durations import Duration, Microseconds
from blackboard.errors import UnknownName
from blackboard.marks import Kind, OnRepeat
from blackboard.parsing import parse

__all__ = ["AgentSettings", "AgentSpec", "Budget", "Deployment", "KindSpec", "ModelChoice", "ReadSpec", "WatchSpec"]


class Data(BaseModel):
    """Immutable data that refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def differs(self, other: Self) -> str:
        """The names of the fields in which two differ, such as `weight, decay`."""
        return ", ".join(name for name in type(self).model_fields if getattr(self, name) != getattr(other, name))


class KindSpec(Data):
    """A kind as it is registered."""

    weight: float = 1.0
    decay: dict[str, Any] = Field(default_factory=lambda: {"law": "never"})
    floor: float = 0.01
    on_repeat: OnRepeat = "max"
    cap: float | None = None
    unique: str | None = None
    model: str = ""
    payload: dict[str, Any] | None = None

    @classmethod
    def of(cls, kind: Kind) -> Self:
        return cls(
            weight=kind.weight,
            decay=kind.decay.spec(),
            floor=kind.floor,
            on_repeat=kind.on_repeat,
            cap=kind.cap,
            unique=kind.unique,
            model=kind.model,
            payload=kind.schema,
        )

    def kind(self, name: str) -> Kind:
        return Kind(
            name,
            law_from(self.decay),
            self.weight,
            self.floor,
            self.on_repeat,
            self.cap,
            self.unique,
            self.model,
            self.payload,
        )


class WatchSpec(Data):
    """One condition that wakes an agent, with its own guards. The name is what the board remembers it by."""

    name: str
    when: str
    only_if: str | None = None
    unless: str | None = None
    min_increase: float | None = Field(default=None, gt=0)
    include_own: bool = False

    _condition: Condition = PrivateAttr()
    _guard: Condition | None = PrivateAttr(default=None)

    @field_validator("when", "only_if", "unless")
    @classmethod
    def _canonical(cls, text: str | None) -> str | None:
        # Two texts of one condition are one: what is stored and compared is its canonical form.
        return str(parse(text)) if text else text

    @model_validator(mode="after")
    def _parsed(self) -> Self:
        self._condition = check_watch(parse(self.when))
        self._guard = both(parse(self.only_if) if self.only_if else None, ~parse(self.unless) if self.unless else None)
        return self

    @property
    def condition(self) -> Condition:
        return self._condition

    @property
    def guard(self) -> Condition | None:
        """What must hold, with `unless` turned into its opposite."""
        return self._guard


class ReadSpec(Data):
    """Marks that an agent is shown besides those that woke it: the strongest few of a kind, or those of the subject."""

    kind: str
    limit: int = Field(default=5, ge=1, le=1000)
    same_subject: bool = False


class ModelChoice(Data):
    """A model, for activations whose strongest mark is below a strength (or for all)."""

    model: str
    below: float | None = Field(default=None, gt=0)


class Budget(Data):
    """Limits in US dollars and in calls; what would go over waits until the window turns."""

    mode: Literal["hold", "watch"] = "hold"
    usd_per_activation: float | None = Field(default=None, gt=0)
    usd_per_hour: float | None = Field(default=None, gt=0)
    usd_per_day: float | None = Field(default=None, gt=0)
    calls_per_activation: int | None = Field(default=None, ge=1)
    calls_per_hour: int | None = Field(default=None, ge=1)
    calls_per_day: int | None = Field(default=None, ge=1)


class AgentSettings(Data):
    """How an agent responds, each of which a deployment file may override."""

    batch: int | None = Field(default=None, ge=1, le=10_000)
    batch_window: Duration = Microseconds(0)
    urgent_above: float | None = Field(default=None, gt=0)
    cooldown: Duration = Microseconds(0)
    cooldown_per: Literal["agent", "subject"] = "agent"
    concurrency: int = Field(default=1, ge=1, le=64)
    timeout: Duration = Microseconds(600_000_000)
    max_attempts: int = Field(default=3, ge=1, le=100)
    retry_after: Duration = Microseconds(10_000_000)
    when_faded: Literal["keep", "drop"] = "keep"
    max_marks: int = Field(default=1000, ge=0)
    max_payload: int = Field(default=256 * 1024, ge=1)
    max_total: int = Field(default=4 * 1024 * 1024, ge=1)
    max_chain: int = Field(default=25, ge=1)
    max_activations_per_hour: int | None = Field(default=None, ge=1)
    cooldown_after_failures: int = Field(default=5, ge=1)
    model: str | None = None
    models: tuple[ModelChoice, ...] = ()
    max_tokens: int | None = Field(default=None, ge=1)
    use_batch_api: bool = False
    batch_api_below: float | None = Field(default=None, gt=0)
    on_unknown: Literal["retry", "hold"] = "retry"
    give_up_after: Duration | None = None
    budget: Budget = Budget()


class AgentSpec(Data):
    """An agent as it is registered: everything but its function."""

    name: str
    watches: tuple[WatchSpec, ...]
    reads: tuple[ReadSpec, ...] = ()
    writes: tuple[str, ...] = ()
    settings: AgentSettings = AgentSettings()
    renamed_from: str | None = None

    @property
    def kinds(self) -> set[str]:
        """Every kind that it speaks of."""
        kinds = {read.kind for read in self.reads} | set(self.writes)
        for watch in self.watches:
            kinds.update(watch.condition.kinds)
            if watch.guard is not None:
                kinds.update(watch.guard.kinds)
        return kinds


class Deployment(Data):
    """Everything that is in force. `version` counts the changes; 0 is a board on which nothing was registered yet."""

    version: int = 0
    kinds: dict[str, KindSpec] = Field(default_factory=dict)
    agents: dict[str, AgentSpec] = Field(default_factory=dict)
    trust: dict[str, float] = Field(default_factory=dict)
    budget: Budget = Budget()

    # Copies of a deployment share this, so what it remembers is only good for the very spec it was made from.
    _kinds: dict[str, tuple[KindSpec, Kind]] = PrivateAttr(default_factory=dict)

    def kind(self, name: str) -> Kind:
        """The kind of that name.

        Raises:
            UnknownName: nothing of that name is registered.
        """
        if (spec := self.kinds.get(name)) is None:
            raise UnknownName("kind", name, self.kinds)
        made = self._kinds.get(name)
        if made is None or made[0] is not spec:
            made = self._kinds[name] = (spec, spec.kind(name))
        return made[1]

    def agent(self, name: str) -> AgentSpec:
        """The agent of that name.

        Raises:
            UnknownName: nothing of that name is registered.
        """
        if name not in self.agents:
            raise UnknownName("agent", name, self.agents)
        return self.agents[name]

    def content(self) -> str:
        """The deployment without its version, as canonical JSON: equal text means nothing changed."""
        return json.dumps(self.model_dump(mode="json", exclude={"version"}), sort_keys=True, ensure_ascii=False)

    def with_kinds(self, kinds: Mapping[str, Kind]) -> Deployment:
        """A copy that also knows `kinds`; what is registered already stays as it is."""
        added = {name: KindSpec.of(kind) for name, kind in kinds.items() if name not in self.kinds}
        return self.model_copy(update={"kinds": {**self.kinds, **added}})
