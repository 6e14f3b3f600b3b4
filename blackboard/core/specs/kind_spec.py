"""Kinds as a deployment has them."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field

from blackboard.core.marks.decay import law_from
from blackboard.core.marks.kinds import (
    DEFAULT_FLOOR,
    DEFAULT_MAX_PAYLOAD_BYTES,
    DEFAULT_ON_REPEAT,
    DEFAULT_WEIGHT,
    Kind,
    OnRepeat,
)
from blackboard.core.specs.spec_base_class import DeploymentPart


class KindSettings(DeploymentPart):
    """The settings of a kind that a deployment may override. `kinds.Kind` says what they mean."""

    weight: float = DEFAULT_WEIGHT
    decay: dict[str, Any] | str = "never"
    floor: float = DEFAULT_FLOOR
    on_repeat: OnRepeat = DEFAULT_ON_REPEAT
    cap: float | None = None
    unique: str | None = None
    tags: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    max_payload: int = Field(default=DEFAULT_MAX_PAYLOAD_BYTES, ge=1)
    max_text: int | None = Field(default=None, ge=1)


class KindSpec(KindSettings):
    """A kind as a board stores it."""

    decay: dict[str, Any] = Field(default_factory=lambda: {"law": "never"})
    class_path: str = ""
    payload_schema: dict[str, Any] | None = None

    @classmethod
    def of(cls, kind: Kind) -> Self:
        """Return a kind as data."""
        values = vars(kind) | {"decay": kind.decay.spec()}
        return cls(**{name: values[name] for name in cls.model_fields})

    def kind(self, name: str) -> Kind:
        """Return the kind of this name and these settings."""
        values = dict(self)
        return Kind(name, law_from(values.pop("decay")), **values)
