"""The base class of the parts of a deployment: they are immutable, and their differences can be shown."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict

from blackboard.core.conditions.number_formats import exact_digits


class DeploymentPart(BaseModel):
    """A part of a deployment: immutable, without unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def changes_from(self, other: Self) -> str:
        """Return the fields that differ, with both values, such as `calls_per_day 5 instead of no limit`."""
        pairs = ((name, getattr(self, name), getattr(other, name)) for name in type(self).model_fields)
        return ", ".join(f"{name} {_shown(new)} instead of {_shown(old)}" for name, new, old in pairs if new != old)

    def differing_fields(self, other: Self) -> str:
        """Return the names of the fields that differ, such as `weight, decay`."""
        return ", ".join(name for name in type(self).model_fields if getattr(self, name) != getattr(other, name))


def _shown(value: object) -> str:
    """Return a limit as people read it."""
    return "no limit" if value is None else exact_digits(value) if isinstance(value, float) else str(value)
